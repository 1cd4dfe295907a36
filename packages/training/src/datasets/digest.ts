/**
 * Digests of a data set: a run that is resumed, or counts as finished, must have been trained on the same data. The
 * digest is of the contents, so it does not depend on paths and packing. The stamp is of the files' metadata; if it
 * has not changed, they need not be read again.
 */
import { createHash, type Hash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Dataset, Examples } from "./dataset.ts";

/** SHA-256 over classes and inputs of all parts, if they are in memory; else undefined. */
export function digestOfExamples({ train, validation, test }: Dataset): string | undefined {
  const hash = createHash("sha256");
  for (const part of [train, validation, test])
    if (part !== undefined && !addExamples(hash, part)) return undefined;
  return digestText(hash);
}

/** One file after the other, as they are read. */
export class FileDigest {
  readonly #hash = createHash("sha256");

  /** @param part its place: which part of the set, and which class */
  add(part: string, bytes: Uint8Array): void {
    this.#hash.update(JSON.stringify([part, bytes.length]));
    this.#hash.update(bytes);
  }

  get text(): string {
    return digestText(this.#hash);
  }
}

/**
 * SHA-256 over the names, sizes, times and inode numbers of a file, or of all files below a folder: reads none of
 * them. The change time (ctime) is included, which programs cannot reset.
 * @returns undefined if there is nothing
 */
export async function dataStamp(path: string): Promise<string | undefined> {
  const top = await stat(path).catch(() => undefined);
  if (top === undefined) return undefined;
  const hash = createHash("sha256");
  const add = async (name: string, depth: number): Promise<void> => {
    const own = join(path, name);
    const found = await stat(own).catch(() => undefined);
    if (found?.isDirectory() && depth < 9) {
      for (const inner of (await readdir(own)).sort()) await add(join(name, inner), depth + 1);
    } else if (found?.isFile()) {
      const { size, mtimeMs, ctimeMs, ino, dev } = found;
      hash.update(JSON.stringify([name, size, mtimeMs, ctimeMs, ino, dev]));
    }
  };
  await add("", 0);
  return digestText(hash);
}

function addExamples(hash: Hash, { classes, source }: Examples): boolean {
  if (source === undefined || source.store.kind === "imageFiles") return false;
  const values = source.store.kind === "bytes" ? source.store.pixels : source.store.values;
  hash.update(JSON.stringify([classes.length, source.store.frame.stored]));
  hash.update(Uint32Array.from(classes));
  hash.update(values);
  return true;
}

const digestText = (hash: Hash): string => `sha256:${hash.copy().digest("hex")}`;
