/**
 * Files of a run folder, opened where they are files. A pipe would stop the process that opens it, a device has no end, and
 * what stands in a folder may be either, itself or behind a link; so it is looked at before, and again once it is open.
 */
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from "node:fs";
import { ArgumentError, counted } from "@phew/core/messages";

/** Not on every system. */
const { O_NONBLOCK = 0, O_NOCTTY = 0, O_RDONLY } = constants;

/** @throws the system's error where there is none, ArgumentError where it is no regular file */
export function openRegular(path: string): number {
  if (!statSync(path).isFile()) throw noFile(path);
  // it may be another by now
  const descriptor = openSync(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (fstatSync(descriptor).isFile()) return descriptor;
  closeSync(descriptor);
  throw noFile(path);
}

/**
 * All of a file that is no longer than `limit` bytes.
 * @throws as {@link openRegular}; ArgumentError where it is longer
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
    const bytes = Buffer.alloc(size);
    let length = 0;
    for (let count = -1; count !== 0 && length < size; length += count)
      count = readSync(descriptor, bytes, length, size - length, length);
    return bytes.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
}

/** When a regular file was written, in milliseconds since the epoch; undefined where there is none. */
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
