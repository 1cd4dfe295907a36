/** Files on their way: written under a name of their own beside their place, and removed should the process end. */
import { createHash } from "node:crypto";
import { unlinkSync } from "node:fs";
import { type FileHandle, open, readdir, stat, unlink } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { errorCode } from "@phew/core/messages";
import { processLives } from "./processes.ts";

export type Chunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** Pieces shorter than this are joined before they are written. */
const JOIN_BYTES = 2 ** 20;
/** Longest piece given to one call of the operating system. */
const WRITE_BYTES = 2 ** 28;

/** Distinguishes this computer from others that share a folder: process numbers are local. */
const MACHINE = createHash("sha256").update(hostname()).digest("hex").slice(0, 8);
const TEMPORARY = new RegExp(`^\\.phew\\.${MACHINE}\\.(\\d+)\\.\\d+\\.partial$`);
/** A file on its way is written to all the time. */
const STALE_MS = 60_000;

/** Files that are not in their place yet; removed should the process end on the way. */
const unfinished = new Set<string>();
let fileCount = 0;

/** @returns the name of a new file in the folder of `path` that holds all chunks, on disk */
export async function writeTemporary(path: string, chunks: Chunks): Promise<string> {
  const { temporary, handle } = await openTemporary(dirname(path));
  try {
    for await (const piece of joined(chunks)) await writePiece(handle, piece);
    await handle.sync();
    await handle.close();
    return temporary;
  } catch (error) {
    await handle.close().catch(() => undefined);
    await unlink(temporary).catch(() => undefined);
    forget([temporary]);
    throw error;
  }
}

/** Removes from a folder what processes of this machine that were killed left half written. */
export async function removeStale(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    const [, pid] = TEMPORARY.exec(name) ?? [];
    if (pid === undefined || processLives(Number(pid))) continue;
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile() && Date.now() - found.mtimeMs > STALE_MS) await unlink(path).catch(() => undefined);
  }
}

/** Process ids repeat on other machines that share the folder: the first name that is free. */
async function openTemporary(folder: string): Promise<{ temporary: string; handle: FileHandle }> {
  for (;;) {
    const temporary = join(folder, `.phew.${MACHINE}.${process.pid}.${fileCount++}.partial`);
    remember(temporary);
    try {
      return { temporary, handle: await open(temporary, "wx") };
    } catch (error) {
      forget([temporary]);
      if (errorCode(error) !== "EEXIST") throw error;
    }
  }
}

/** The file goes should the process end before {@link forget}. */
export function remember(path: string): void {
  if (unfinished.size === 0) process.once("exit", removeUnfinished);
  unfinished.add(path);
}

export function forget(paths: readonly string[]): void {
  for (const path of paths) unfinished.delete(path);
  if (unfinished.size === 0) process.off("exit", removeUnfinished);
}

async function* joined(chunks: Chunks) {
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
