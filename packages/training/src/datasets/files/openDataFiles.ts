/** Opens the files of a data set: in a folder, in an archive, or in an archive in a folder. */
import { createReadStream } from "node:fs";
import { open, readdir, readFile, stat } from "node:fs/promises";
import { join, posix } from "node:path";
import { gunzipSync } from "node:zlib";
import { ArgumentError } from "@phew/core";
import type { ImageFile } from "../dataset.ts";
import { type DataFiles, damagedFile, MOST_BYTES, requireDownloaded, tooLarge } from "./dataFiles.ts";

export interface OpenOptions {
  /** Archives that a folder may hold instead of the files themselves. */
  readonly archives?: readonly string[];
  /** Files that are wanted; others of a packed stream are not kept. */
  readonly wanted?: (name: string) => boolean;
}

/**
 * @param path a folder, a `.zip`, a `.tar`, a `.tar.gz`
 * @throws ArgumentError for others, and for an archive that is damaged or has paths outside its folder
 */
export async function openDataFiles(path: string, options: OpenOptions = {}): Promise<DataFiles> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) {
    throw new ArgumentError("data folder", {
      given: `"${path}", which does not exist`,
      expected: "the folder that holds the data set's files, or their archive",
    });
  }
  if (!found.isDirectory() && !found.isFile()) throw notRegular(path);
  if (!found.isDirectory()) return openArchive(path, options);
  for (const name of options.archives ?? []) {
    const archive = join(path, name);
    if ((await stat(archive).catch(() => undefined))?.isFile()) return openArchive(archive, options);
  }
  return new FolderFiles(path);
}

/**
 * Reads the first of `names` that exists; `.gz` is decompressed.
 * @throws ArgumentError if none exists, with the names tried, or if the file is damaged
 */
export async function readFirst(
  files: DataFiles,
  names: readonly string[],
): Promise<{ readonly path: string; readonly bytes: Uint8Array }> {
  for (const name of names) {
    if (!(await files.has(name))) continue;
    const path = join(files.path, name);
    const bytes = await files.read(name);
    return { path, bytes: name.endsWith(".gz") ? unpacked(bytes, path) : bytes };
  }
  throw new ArgumentError("data folder", {
    given: `"${files.path}" without ${names[0]}`,
    expected: `one of the files ${names.join(", ")} in it`,
  });
}

/** Pipes and devices: reading them may wait for ever. */
function notRegular(path: string): ArgumentError {
  return new ArgumentError(path, {
    given: "a pipe or a device, not a regular file",
    expected: "a file on disk",
    remedy: "Write what it gives to a file first and name that.",
  });
}

async function openArchive(path: string, options: OpenOptions): Promise<DataFiles> {
  const start = await beginning(path);
  requireDownloaded(path, start);
  if (start[0] === 0x50 && start[1] === 0x4b) {
    const { openZip } = await import("./zipFiles.ts");
    return openZip(path);
  }
  const isGzip = start[0] === 0x1f && start[1] === 0x8b;
  if (isGzip || String.fromCharCode(...start.subarray(257, 262)) === "ustar") {
    const { readTar } = await import("./tarFiles.ts");
    return readTar(path, createReadStream(path), isGzip, options.wanted ?? (() => true));
  }
  throw new ArgumentError(path, {
    given: "a file that is no archive",
    expected: "a folder, or a .zip, .tar or .tar.gz",
    remedy: "Name the folder that holds the data set's files.",
  });
}

async function beginning(path: string): Promise<Uint8Array> {
  const handle = await open(path, "r").catch((error: Error) => {
    throw unreadable(path, error);
  });
  try {
    const bytes = new Uint8Array(512);
    const { bytesRead } = await handle.read(bytes, 0, 512, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

class FolderFiles implements DataFiles {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  async names(): Promise<readonly string[]> {
    const names: string[] = [];
    const visit = async (below: string, depth: number): Promise<void> => {
      const entries = await readdir(join(this.path, below), { withFileTypes: true });
      for (const entry of entries) {
        const name = posix.join(below, entry.name);
        if (entry.name.startsWith(".")) continue;
        const target = entry.isSymbolicLink()
          ? await stat(join(this.path, name)).catch(() => undefined)
          : entry;
        // links may lead in a circle
        if (target?.isDirectory() && depth < 8) await visit(name, depth + 1);
        else if (target?.isFile()) names.push(name);
      }
    };
    await visit("", 0);
    return names.sort();
  }

  async has(name: string): Promise<boolean> {
    const found = await stat(join(this.path, name)).catch(() => undefined);
    if (found?.isDirectory())
      throw new ArgumentError(join(this.path, name), { given: "a folder", expected: "a file" });
    return found !== undefined;
  }

  async read(name: string): Promise<Uint8Array> {
    const path = join(this.path, name);
    const found = await stat(path);
    if (!found.isFile()) throw notRegular(path);
    if (found.size > MOST_BYTES) throw tooLarge(path);
    const bytes = await readFile(path).catch((error: Error) => {
      throw unreadable(path, error);
    });
    requireDownloaded(path, bytes);
    return bytes;
  }

  locate(name: string): ImageFile {
    const path = join(this.path, name);
    return { name: path, path };
  }
}

function unreadable(path: string, error: Error): ArgumentError {
  return new ArgumentError(path, {
    given: `a file that cannot be read (${error.message})`,
    expected: "a readable file",
  });
}

function unpacked(bytes: Uint8Array, path: string): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: MOST_BYTES });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(path);
    throw damagedFile(path, `a gzip file that does not unpack (${(error as Error).message})`);
  }
}
