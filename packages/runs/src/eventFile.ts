/** The lines of `events.jsonl`: appended whole, cut back to a place that a checkpoint remembers. */

import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  writeSync,
} from "node:fs";
import type { TimedRunEvent } from "@phew/core";
import { writeFault } from "@phew/core";
import { writeEventLine } from "./eventLine.ts";
import { replaceFile } from "./replaceFile.ts";

export class EventFile {
  readonly #path: string;
  readonly #descriptor: number;
  #open = true;

  /** Goes on behind the last whole line. @throws ArgumentError where the file cannot be written */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#descriptor = openSync(path, "a+");
      cutHalfLine(this.#descriptor);
    } catch (error) {
      throw writeFault(path, error);
    }
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Appends all of the line, or nothing. @throws ArgumentError where the disk is full */
  append(event: TimedRunEvent): void {
    const bytes = Buffer.from(writeEventLine(event));
    const { size } = fstatSync(this.#descriptor);
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#descriptor, bytes, done);
    } catch (error) {
      shorten(this.#descriptor, size);
      throw writeFault(this.#path, error);
    }
  }

  /** What has been appended is on the disk when this returns. @returns the file's length in bytes */
  flush(): number {
    try {
      fsyncSync(this.#descriptor);
      return fstatSync(this.#descriptor).size;
    } catch (error) {
      throw writeFault(this.#path, error);
    }
  }

  close(): void {
    if (this.#open) closeSync(this.#descriptor);
    this.#open = false;
  }
}

/**
 * Takes away what stands behind `length` bytes. The file is replaced, not cut: who is reading it sees another file
 * instead of other lines at a place it has passed.
 */
export function keepStart(path: string, length: number): void {
  const bytes = readFileSync(path);
  if (bytes.length > length) replaceFile(path, bytes.subarray(0, length), { durable: true });
}

/** Length of a file in bytes; 0 where there is none. */
export function fileLength(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Takes away the half line that a killed process left at the end. */
function cutHalfLine(descriptor: number): void {
  const chunk = Buffer.alloc(65_536);
  const { size } = fstatSync(descriptor);
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - chunk.length);
    const count = readSync(descriptor, chunk, 0, end - start, start);
    const lineBreak = chunk.subarray(0, count).lastIndexOf(0x0a);
    if (lineBreak >= 0 || start === 0) {
      if (start + lineBreak + 1 < size) ftruncateSync(descriptor, start + lineBreak + 1);
      return;
    }
    end = start;
  }
}

function shorten(descriptor: number, size: number): void {
  try {
    ftruncateSync(descriptor, size);
  } catch {
    // readers skip the half line
  }
}
