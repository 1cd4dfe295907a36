/** Lines and raw numbers out of one stream of bytes, in the order in which they were sent. */
import { counted } from "@phew/core";
export class TaskReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array();

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** The next line without its end; undefined at the end of the stream. */
  async line(): Promise<string | undefined> {
    const parts: Uint8Array[] = [];
    for (;;) {
      const end = this.#chunk.indexOf(NEWLINE);
      if (end >= 0) {
        parts.push(this.#chunk.subarray(0, end));
        this.#chunk = this.#chunk.subarray(end + 1);
        return Buffer.concat(parts).toString("utf8");
      }
      parts.push(this.#chunk);
      if (!(await this.#next())) return undefined;
    }
  }

  /** Fills an array with the following bytes. @throws Error if the stream ends before */
  async readInto({ buffer, byteOffset, byteLength }: ArrayBufferView): Promise<void> {
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    let done = 0;
    while (done < bytes.length) {
      if (this.#chunk.length === 0 && !(await this.#next()))
        throw new Error(`the task ended ${counted(bytes.length - done, "byte")} early`);
      const part = this.#chunk.subarray(0, bytes.length - done);
      bytes.set(part, done);
      this.#chunk = this.#chunk.subarray(part.length);
      done += part.length;
    }
  }

  async #next(): Promise<boolean> {
    const { done, value } = await this.#chunks.next();
    this.#chunk = done ? new Uint8Array() : value;
    return !done;
  }
}

const NEWLINE = 10;
