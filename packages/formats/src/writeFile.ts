/** Files appear whole or not at all: written beside their place under another name, then moved there. */
import { access, constants, link, lstat, open, rename, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ArgumentError, errorCode, writeFault } from "@phew/core/messages";
import { type Chunks, forget, remember, removeStale, writeTemporary } from "./temporaryFile.ts";

export type { Chunks } from "./temporaryFile.ts";

export interface WriteOptions {
  /** Replaces a file that is there; without it that is an error. */
  readonly force?: boolean | undefined;
}

/** A file that names others beside it: they are of use together or not at all. */
export interface Bundle {
  readonly path: string;
  /** Contents of the parts, one file each. */
  readonly parts: readonly Chunks[];
  /** Names of the parts at the k-th attempt, 0, 1, …: none is taken that bears the name of a file. */
  partNames(attempt: number): readonly string[];
  /** The file itself, which names its parts. */
  chunks(partNames: readonly string[]): Chunks;
  /**
   * Of the names that the file now at `path` gives its parts, those that could come from `partNames`: what goes when
   * the file is replaced.
   */
  ownParts(): Promise<readonly string[]> | readonly string[];
}

/**
 * Writes `chunks` one after the other to `path`, through a temporary file in the same folder that is flushed to disk
 * and renamed. On failure nothing is left behind. Without `force` nothing is replaced, not even a file that appears
 * meanwhile.
 * @throws ArgumentError if the file exists (without `force`), is a folder, or its folder is missing or read-only
 */
export async function writeWhole(path: string, chunks: Chunks, options: WriteOptions = {}): Promise<void> {
  const bundle = { path, parts: [], partNames: () => [], chunks: () => chunks, ownParts: () => [] };
  await writeBundle(bundle, options);
}

/**
 * Writes a file and the parts that it names. Two files cannot be replaced atomically, so the parts are new files with
 * new names, the file that names them is renamed last, and then the parts of the replaced file are deleted. Readers
 * of `path`, also after a crash at any moment, find the old file with its parts or the new one with its own.
 * @throws ArgumentError as {@link writeWhole}
 */
export async function writeBundle(bundle: Bundle, options: WriteOptions = {}): Promise<void> {
  const { path } = bundle;
  const folder = dirname(path);
  await requireWritable(path, options);
  // once for all parts
  await removeStale(folder);
  const made: string[] = [];
  try {
    for (const part of bundle.parts) made.push(await writeTemporary(path, part));
    const names = await placeParts(bundle, made);
    const temporary = await writeTemporary(path, bundle.chunks(names));
    made.push(temporary);
    // the parts' names reach the disk before the name of the file that needs them
    if (names.length > 0) await flushFolder(folder);
    const replaced = options.force ? await bundle.ownParts() : [];
    // a folder or device may have taken the place while the file was written
    await requireWritable(path, options);
    if (options.force) await rename(temporary, path);
    else await claim(temporary, path);
    forget(made.splice(0));
    for (const name of replaced)
      if (!names.includes(name)) await unlink(join(folder, name)).catch(() => undefined);
  } catch (error) {
    for (const file of made) await unlink(file).catch(() => undefined);
    throw error instanceof NameTaken ? existing(path) : writeFault(path, error);
  } finally {
    forget(made);
  }
}

/** Moves parts to the first names that are all free. @param made their temporary files; holds the parts afterwards */
async function placeParts({ path, partNames }: Bundle, made: string[]): Promise<readonly string[]> {
  if (made.length === 0) return [];
  for (let attempt = 0; ; attempt++) {
    const names = partNames(attempt);
    const targets = names.map((name) => join(dirname(path), name));
    const isTaken = await Promise.all(targets.map(isPresent));
    if (isTaken.includes(true)) continue;
    const temporaries = [...made];
    try {
      for (const [k, target] of targets.entries()) {
        await claim(temporaries[k]!, target);
        made[k] = target;
        remember(target);
      }
      forget(temporaries);
      return names;
    } catch (error) {
      if (!(error instanceof NameTaken)) throw error;
      // another process took one of the names just now: restore the former state
      for (const [k, target] of targets.entries()) {
        if (made[k] !== target) continue;
        await rename(target, temporaries[k]!);
        made[k] = temporaries[k]!;
        forget([target]);
      }
    }
  }
}

/** A name that shall be new is another file's. */
class NameTaken extends Error {}

/** Gives a file a new name. @throws NameTaken if a file has it */
async function claim(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path);
  } catch (error) {
    const code = errorCode(error);
    if (code === "EEXIST") throw new NameTaken(path);
    // file systems without hard links (exFAT, some mounts of other machines): an empty file holds the name
    if (!NO_LINKS.has(code ?? "")) throw error;
    await reserve(path);
    await rename(temporary, path);
    return;
  }
  // a second name of the same bytes does no harm
  await unlink(temporary).catch(() => undefined);
}

const NO_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

async function reserve(path: string): Promise<void> {
  try {
    await (await open(path, "wx")).close();
  } catch (error) {
    throw errorCode(error) === "EEXIST" ? new NameTaken(path) : error;
  }
}

const isPresent = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

/** Flushes a folder's names to disk, if the system can. */
async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close().catch(() => undefined);
}

/**
 * Fails early, before long work, where {@link writeWhole} would fail at the end.
 * @throws ArgumentError as {@link writeWhole}
 */
export async function requireWritable(path: string, options: WriteOptions = {}): Promise<void> {
  const present = await stat(path).catch(() => lstat(path).catch(() => undefined));
  if (present !== undefined && !present.isFile()) {
    throw new ArgumentError(path, {
      given: present.isDirectory() ? "a folder" : "no regular file",
      expected: "the name of a file to write",
      remedy: present.isDirectory() ? "Name a file inside it." : undefined,
    });
  }
  if (present !== undefined && options.force !== true) throw existing(path);
  const folder = await stat(dirname(path)).catch(() => undefined);
  if (folder === undefined || !folder.isDirectory()) {
    throw new ArgumentError(path, {
      given: `the folder ${dirname(path)}, which ${folder === undefined ? "does not exist" : "is a file"}`,
      expected: "a folder that exists",
      remedy: "Create it first, or choose another.",
    });
  }
  await access(dirname(path), constants.W_OK).catch((error) => {
    throw writeFault(path, error);
  });
}

function existing(path: string): ArgumentError {
  return new ArgumentError(path, {
    given: "a file that exists",
    expected: "a new file",
    remedy: "Choose another name, or overwrite it with --force.",
  });
}
