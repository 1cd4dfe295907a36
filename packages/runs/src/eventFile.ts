/** The lines of `events.jsonl`: appended whole, from a place on that a checkpoint remembers. */

import { closeSync, fstatSync, fsyncSync, ftruncateSync, statSync, writeSync } from "node:fs";
import type { TimedRunEvent } from "@phew/core/messages";
import { writeEventLine } from "./eventLine.ts";
import { writeFault } from "./replaceFile.ts";
import { startOfFile } from "./startOfFile.ts";

export class EventFile {
  readonly #path: string;
  readonly #descriptor: number;
  #open = true;

  /**
   * Starts a file, or continues after the first `length` bytes of the existing one. Either way it is a new file:
   * processes that had the old one open, such as one presumed dead, do not write to it.
   * @throws ArgumentError if the file cannot be written
   */
  static begin(path: string, length = 0): EventFile {
    return new EventFile(path, startOfFile(path, length));
  }

  /** @param descriptor open for appending */
  constructor(path: string, descriptor: number) {
    this.#path = path;
    this.#descriptor = descriptor;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Appends the whole line, or nothing. @throws ArgumentError if the disk is full */
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

  /** Flushes appended lines to the disk. @returns the file's length in bytes */
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

/** Length of a file in bytes; 0 if it does not exist. */
export function fileLength(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function shorten(descriptor: number, size: number): void {
  try {
    ftruncateSync(descriptor, size);
  } catch {
    // readers skip the half line
  }
}
