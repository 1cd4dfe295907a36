/** Damaged files: seeded mutations of good ones, and the check that a reader takes each in its stride. */
import { ArgumentError } from "@phew/core";

/** mulberry32: uniform in [0, 1). */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Numbers that break careless arithmetic, little-endian in their usual widths. */
const HUGE = [0x7fffffffn, 0xffffffffn, 0x80000000n, 2n ** 40n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 64n - 1n];
const NASTY_TEXT = [
  "[",
  "{",
  "]",
  "}",
  '"',
  ":",
  ",",
  "-",
  "9",
  "1e9",
  "null",
  "(",
  ")",
  "\\",
  "\u0000",
  "true",
  "[",
];

/** One to four mutations of a file: flipped bits, cuts, repeats, huge lengths, brackets, copies of other parts. */
function mutate(base: Uint8Array, next: () => number): Uint8Array {
  let bytes = Buffer.from(base);
  const below = (n: number) => Math.floor(next() * n);
  for (let round = 1 + below(4); round > 0 && bytes.length > 0; round--) {
    // most of what a format says stands at one of its ends
    const at = Math.min(
      bytes.length - 1,
      next() < 0.5 ? below(bytes.length) : below(Math.min(256, bytes.length)),
    );
    switch (below(9)) {
      case 0:
        bytes[at]! ^= 1 << below(8);
        break;
      case 1:
        bytes[at] = below(256);
        break;
      case 2:
        bytes = bytes.subarray(0, below(bytes.length + 1));
        break;
      case 3: {
        const huge = HUGE[below(HUGE.length)]!;
        const width = next() < 0.5 ? 4 : 8;
        for (let k = 0; k < width && at + k < bytes.length; k++)
          bytes[at + k] = Number((huge >> BigInt(8 * k)) & 255n);
        break;
      }
      case 4: {
        const text = Buffer.from(NASTY_TEXT[below(NASTY_TEXT.length)]!.repeat(1 + below(3)));
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          text,
          bytes.subarray(at + (next() < 0.5 ? text.length : 0)),
        ]);
        break;
      }
      case 5: {
        const end = at + below(Math.min(64, bytes.length - at) + 1);
        bytes = Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
        break;
      }
      case 6: {
        const end = at + below(Math.min(16, bytes.length - at) + 1);
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
        break;
      }
      case 7: {
        const from = below(bytes.length);
        bytes.copy(bytes, at, from, from + 1 + below(16));
        break;
      }
      case 8: {
        // a digit in a text becomes another, or many
        const digit = bytes.findIndex((byte, k) => k >= at && byte >= 0x30 && byte <= 0x39);
        if (digit < 0) break;
        const digits = Buffer.from(next() < 0.5 ? `${below(10)}` : "9".repeat(1 + below(20)));
        bytes = Buffer.concat([bytes.subarray(0, digit), digits, bytes.subarray(digit + 1)]);
      }
    }
  }
  return new Uint8Array(bytes);
}

export interface FuzzReport {
  readonly refusedCount: number;
  readonly acceptedCount: number;
  /** Largest array asked for, in bytes. */
  readonly largestAllocation: number;
}

/**
 * Gives `count` mutants to a reader.
 * @throws the first error that is not an ArgumentError, with the seed that makes the mutant again
 */
export async function fuzz(
  bases: readonly Uint8Array[],
  count: number,
  seed: number,
  read: (bytes: Uint8Array) => unknown,
): Promise<FuzzReport> {
  let refusedCount = 0;
  const watch = watchAllocations();
  try {
    for (let k = 0; k < count; k++) {
      const mutant = mutate(bases[k % bases.length]!, uniform(seed + k));
      const started = performance.now();
      try {
        await read(mutant);
      } catch (error) {
        if (!(error instanceof ArgumentError)) {
          throw new Error(`mutant ${k} of base ${k % bases.length}, seed ${seed + k}`, { cause: error });
        }
        refusedCount++;
      }
      // a reader that hangs, on however slow a machine
      const elapsedMs = performance.now() - started;
      if (elapsedMs > 60_000) throw new Error(`mutant ${k}, seed ${seed + k}, took ${elapsedMs} ms`);
    }
  } finally {
    watch.stop();
  }
  return { refusedCount, acceptedCount: count - refusedCount, largestAllocation: watch.largest() };
}

/** Notes the size of every array made by its length while it runs. */
function watchAllocations() {
  let largest = 0;
  const scope = globalThis as unknown as Record<string, unknown>;
  const names = ["ArrayBuffer", "Uint8Array", "Uint16Array", "Int32Array", "Float32Array", "Float64Array"];
  const originals = names.map((name) => scope[name] as { new (...args: unknown[]): object });
  const note = (bytes: number) => {
    largest = Math.max(largest, bytes);
    if (bytes > 2 ** 30) throw new Error(`an array of ${bytes} bytes was asked for`);
  };
  names.forEach((name, k) => {
    const original = originals[k]!;
    const width = (original as unknown as { BYTES_PER_ELEMENT?: number }).BYTES_PER_ELEMENT ?? 1;
    scope[name] = new Proxy(original, {
      construct(target, args, newTarget) {
        if (typeof args[0] === "number") note(args[0] * width);
        return Reflect.construct(target, args, newTarget === scope[name] ? target : newTarget);
      },
    });
  });
  const { allocUnsafeSlow, alloc, allocUnsafe } = Buffer;
  Buffer.allocUnsafeSlow = (size) => {
    note(size);
    return allocUnsafeSlow(size);
  };
  Buffer.alloc = (size: number, ...rest: [never?, never?]) => {
    note(size);
    return alloc(size, ...rest);
  };
  Buffer.allocUnsafe = (size) => {
    note(size);
    return allocUnsafe(size);
  };
  const stop = () => {
    names.forEach((name, k) => {
      scope[name] = originals[k];
    });
    Object.assign(Buffer, { allocUnsafeSlow, alloc, allocUnsafe });
  };
  return { stop, largest: () => largest };
}
