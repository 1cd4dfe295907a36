/**
 * Continues a file from a position as a new file: its beginning is copied, and the copy gets its name. So processes
 * that have the old one open cannot write to it, and a link in its place is not followed.
 */
import { closeSync, constants, fsyncSync, openSync, readSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { openRegular } from "./regularFile.ts";
import { flushFolder, temporaryName, writeFault } from "./replaceFile.ts";

const CHUNK_BYTES = 2 ** 20;
const { O_APPEND, O_CREAT, O_EXCL, O_RDWR } = constants;

/**
 * @param length bytes to keep; 0 for an empty file
 * @returns a descriptor open for reading and appending; the file is on the disk
 * @throws ArgumentError if it cannot be written
 */
export function startOfFile(path: string, length: number): number {
  const temporary = temporaryName(path);
  let descriptor: number | undefined;
  try {
    descriptor = openSync(temporary, O_APPEND | O_CREAT | O_EXCL | O_RDWR, 0o666);
    if (length > 0) copyStart(path, descriptor, length);
    fsyncSync(descriptor);
    renameSync(temporary, path);
    flushFolder(dirname(path));
    return descriptor;
  } catch (error) {
    if (descriptor !== undefined) closeSync(descriptor);
    rmSync(temporary, { force: true });
    throw writeFault(path, error);
  }
}

function copyStart(path: string, to: number, length: number): void {
  const from = openRegular(path);
  try {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, length));
    for (let at = 0; at < length; ) {
      const count = readSync(from, chunk, 0, Math.min(chunk.length, length - at), at);
      if (count === 0) return;
      for (let done = 0; done < count; ) done += writeSync(to, chunk, done, count - done);
      at += count;
    }
  } finally {
    closeSync(from);
  }
}
