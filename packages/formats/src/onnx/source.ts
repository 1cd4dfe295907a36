/** Source of a model's bytes: memory, or a file read in parts. */
import { readSync } from "node:fs";
import { ArgumentError, counted } from "@phew/core";
import { plainBytes, withFileSync } from "../readFile.ts";

export interface ByteSource {
  /** As the user named it. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /**
   * `length` bytes from `offset` on: a view of memory, or a copy.
   * @throws ArgumentError if the source ends before
   */
  bytes(offset: number, length: number): Uint8Array;
}

export function memorySource(given: Uint8Array, name: string): ByteSource {
  const bytes = plainBytes(given);
  return {
    name,
    size: bytes.length,
    bytes(offset, length) {
      requireInside(name, bytes.length, offset, length);
      return bytes.subarray(offset, offset + length);
    },
  };
}

/** Shorter reads use a cached block, so that a graph of small parts costs few reads. */
const BLOCK_BYTES = 2 ** 16;

/** A file, opened for each read: nothing stays open between an import and an export. */
export function fileSource(path: string): ByteSource {
  const size = withFileSync(path, (_, length) => length);
  let block: Uint8Array = new Uint8Array();
  let blockStart = 0;
  return {
    name: path,
    size,
    bytes(offset, length) {
      requireInside(path, size, offset, length);
      if (length >= BLOCK_BYTES) return readPart(path, offset, length);
      if (offset < blockStart || offset + length > blockStart + block.length) {
        block = readPart(path, offset, Math.min(BLOCK_BYTES, size - offset));
        blockStart = offset;
      }
      return block.slice(offset - blockStart, offset - blockStart + length);
    },
  };
}

function requireInside(name: string, size: number, offset: number, length: number): void {
  if (offset >= 0 && length >= 0 && offset + length <= size) return;
  throw new ArgumentError(name, {
    given: counted(size, "byte"),
    expected: `at least ${offset + length}: a part of ${counted(length, "byte")} starts at byte ${offset}`,
    remedy: "The file is cut short or damaged: export or copy it again.",
  });
}

/** One call of the operating system reads at most 2 GiB. */
const READ_BYTES = 2 ** 28;

function readPart(path: string, offset: number, length: number): Uint8Array {
  return withFileSync(path, (descriptor) => {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const count = readSync(descriptor, bytes, done, Math.min(READ_BYTES, length - done), offset + done);
      if (count === 0) requireInside(path, offset + done, offset, length);
      done += count;
    }
    return bytes;
  });
}
