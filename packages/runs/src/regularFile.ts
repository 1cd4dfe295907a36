/**
 * Opens files of a run folder only if they are regular files. Opening a pipe would block the process, and a device
 * has no end; either may be in a folder, directly or behind a link. So the type is checked before and after opening.
 */
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from "node:fs";
import { ArgumentError, counted } from "@phew/core/messages";

/** Not on every system. */
const { O_NONBLOCK = 0, O_NOCTTY = 0, O_RDONLY } = constants;

/** @throws the system's error if there is none, ArgumentError if it is not a regular file */
export function openRegular(path: string): number {
  if (!statSync(path).isFile()) throw noFile(path);
  // it may be another by now
  const descriptor = openSync(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (fstatSync(descriptor).isFile()) return descriptor;
  closeSync(descriptor);
  throw noFile(path);
}

/**
 * The content of a file of at most `limit` bytes.
 * @throws as {@link openRegular}; ArgumentError if it is longer
 */
export function readBounded(path: string, limit: number): Buffer {
  const descriptor = openRegular(path);
  try {
    const { size } = fstatSync(descriptor);
    if (size > limit) {
      throw new ArgumentError(path, {
        given: `a file of ${counted(size, "byte")}`,
        expected: `at most ${limit}`,
      });
    }
    // of the pool: a memory of its own for each of thousands of small files is slow to give back
    const bytes = Buffer.allocUnsafe(size);
    let length = 0;
    for (let count = -1; count !== 0 && length < size; length += count)
      count = readSync(descriptor, bytes, length, size - length, length);
    return bytes.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
}

/** Modification time of a regular file, in milliseconds since the epoch; undefined if there is none. */
export function modifiedT(path: string): number | undefined {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    return found?.isFile() ? found.mtimeMs : undefined;
  } catch {
    return undefined;
  }
}

function noFile(path: string): ArgumentError {
  return new ArgumentError(path, {
    given: "no regular file, but a folder, pipe or device",
    expected: "a file",
    remedy: "Take it away, or move it elsewhere.",
  });
}
