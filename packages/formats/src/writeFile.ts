/** Files appear whole or not at all: written beside their place under another name, then renamed. */
import { unlinkSync } from "node:fs";
import { type FileHandle, lstat, open, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ArgumentError, writeFault } from "@phew/core";

export interface WriteOptions {
  /** Replaces a file that is there; without it that is an error. */
  readonly force?: boolean;
}

/** Pieces shorter than this are joined before they are written. */
const JOIN_BYTES = 2 ** 20;
/** Longest piece given to one call of the operating system. */
const WRITE_BYTES = 2 ** 28;

/** Files half written now; removed should the process end on the way. */
const unfinished = new Set<string>();
let fileCount = 0;

export interface WholeFile {
  readonly path: string;
  readonly chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/**
 * Writes `chunks` one after the other to `path`, through a temporary file in the same folder that is flushed to disk
 * and renamed. Where anything fails, nothing is left behind.
 * @throws ArgumentError where the file exists (without `force`), is a folder, or its folder is missing or read-only
 */
export async function writeWhole(
  path: string,
  chunks: WholeFile["chunks"],
  options: WriteOptions = {},
): Promise<void> {
  await writeTogether([{ path, chunks }], options);
}

/**
 * Writes files that belong together: all are written before the first appears under its name, in the order given.
 * @throws ArgumentError as {@link writeWhole}
 */
export async function writeTogether(files: readonly WholeFile[], options: WriteOptions = {}): Promise<void> {
  for (const { path } of files) await requireWritable(path, options);
  const temporaries: string[] = [];
  let current = files[0]?.path ?? "";
  try {
    for (const { path, chunks } of files) {
      current = path;
      temporaries.push(await writeTemporary(path, chunks));
    }
    // the writing may have taken a while: look again
    for (const { path } of files) await requireWritable(path, options);
    for (const [k, { path }] of files.entries()) {
      current = path;
      await rename(temporaries[k]!, path);
    }
  } catch (error) {
    for (const temporary of temporaries) await unlink(temporary).catch(() => undefined);
    throw writeFault(current, error);
  } finally {
    forget(temporaries);
  }
}

/** @returns the name of a file beside `path` that holds all chunks, on disk */
async function writeTemporary(path: string, chunks: WholeFile["chunks"]): Promise<string> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.${fileCount++}.partial`);
  if (unfinished.size === 0) process.once("exit", removeUnfinished);
  unfinished.add(temporary);
  let handle: FileHandle | undefined;
  try {
    handle = await open(temporary, "wx");
    for await (const piece of joined(chunks)) await writePiece(handle, piece);
    await handle.sync();
    await handle.close();
    return temporary;
  } catch (error) {
    await handle?.close().catch(() => undefined);
    await unlink(temporary).catch(() => undefined);
    forget([temporary]);
    throw error;
  }
}

function forget(temporaries: readonly string[]): void {
  for (const temporary of temporaries) unfinished.delete(temporary);
  if (unfinished.size === 0) process.off("exit", removeUnfinished);
}

/**
 * Fails early, before long work, where {@link writeWhole} would fail at the end.
 * @throws ArgumentError as {@link writeWhole}, but for a folder that is read-only
 */
export async function requireWritable(path: string, options: WriteOptions = {}): Promise<void> {
  const present = await stat(path).catch(() => lstat(path).catch(() => undefined));
  if (present !== undefined && !present.isFile()) {
    throw new ArgumentError(path, {
      given: present.isDirectory() ? "a folder" : "no regular file",
      expected: "the name of a file to write",
      ...(present.isDirectory() ? { remedy: "Name a file inside it." } : {}),
    });
  }
  if (present !== undefined && options.force !== true) {
    throw new ArgumentError(path, {
      given: "a file that exists",
      expected: "a new file",
      remedy: "Choose another name, or overwrite it with --force.",
    });
  }
  const folder = await stat(dirname(path)).catch(() => undefined);
  if (folder === undefined || !folder.isDirectory()) {
    throw new ArgumentError(path, {
      given: `the folder ${dirname(path)}, which ${folder === undefined ? "does not exist" : "is a file"}`,
      expected: "a folder that exists",
      remedy: "Create it first, or choose another.",
    });
  }
}

async function* joined(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>) {
  let waiting: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    if (length + chunk.length > JOIN_BYTES && length > 0) {
      yield Buffer.concat(waiting);
      [waiting, length] = [[], 0];
    }
    if (chunk.length >= JOIN_BYTES) {
      yield chunk;
    } else {
      waiting.push(chunk);
      length += chunk.length;
    }
  }
  if (length > 0) yield Buffer.concat(waiting);
}

async function writePiece(handle: FileHandle, piece: Uint8Array): Promise<void> {
  for (let done = 0; done < piece.length; ) {
    const { bytesWritten } = await handle.write(piece, done, Math.min(WRITE_BYTES, piece.length - done));
    done += bytesWritten;
  }
}

function removeUnfinished(): void {
  for (const path of unfinished) {
    try {
      unlinkSync(path);
    } catch {
      // not there yet, or already renamed
    }
  }
}
