/** Windows over images and volumes, and tables of positions: which positions of the input an output position reads. */
import { sizeOf } from "./shapes.ts";

/** Vertical, horizontal. */
export type Pair = readonly [number, number];

export interface Window {
  readonly kernel: Pair;
  readonly stride: Pair;
  /** Top, left, bottom, right. */
  readonly padding: readonly [number, number, number, number];
  readonly dilation: Pair;
}

type Triple = readonly [number, number, number];

export interface VolumeWindow {
  readonly kernel: Triple;
  readonly stride: Triple;
  /** Before each axis, then after each. */
  readonly padding: readonly [number, number, number, number, number, number];
  readonly dilation: Triple;
}

/** By axis: which positions of the input each position of the output is made of, with their factors. */
export type PlaceTerms = readonly {
  readonly from: number;
  readonly places: readonly (readonly (readonly [at: number, factor: number])[])[];
}[];

/** Counts the windows along height and width: shifts one until it no longer fits. */
export function windowCounts(window: Window, input: readonly number[], ceil: boolean): Pair {
  const along = (axis: 0 | 1): number => {
    const before = window.padding[axis];
    const after = window.padding[axis + 2]!;
    const length = input[axis + 1]!;
    const reach = window.dilation[axis] * (window.kernel[axis] - 1) + 1;
    let count = 0;
    let start = -before;
    while (start + reach <= length + after) {
      count++;
      start += window.stride[axis];
    }
    // rounding up adds a window that reaches beyond the end, if it starts inside the input or the padding before it
    const hangsOver = ceil && start - window.stride[axis] + reach < length + after;
    return hangsOver && start < length ? count + 1 : count;
  };
  return [along(0), along(1)];
}

export function volumeCounts(op: VolumeWindow, input: readonly number[]): number[] {
  return [0, 1, 2].map((axis) => {
    const reach = op.dilation[axis]! * (op.kernel[axis]! - 1) + 1;
    let count = 0;
    for (let start = -op.padding[axis]!; start + reach <= input[axis + 1]! + op.padding[axis + 3]!; ) {
      count++;
      start += op.stride[axis]!;
    }
    return count;
  });
}

/** The positions (row · width + column) of one plane that an output element's window covers, with the tap of each. */
export function windowOf(
  op: Window,
  inputShape: readonly number[],
  shape: readonly number[],
  element: number,
): { tap: number; position: number }[] {
  const [, height, width] = inputShape as [number, number, number];
  const [, outHeight, outWidth] = shape as [number, number, number];
  const p = Math.floor(element / outWidth) % outHeight;
  const q = element % outWidth;
  const covered: { tap: number; position: number }[] = [];
  for (let r = 0; r < op.kernel[0]; r++) {
    for (let s = 0; s < op.kernel[1]; s++) {
      const row = p * op.stride[0] - op.padding[0] + r * op.dilation[0];
      const column = q * op.stride[1] - op.padding[1] + s * op.dilation[1];
      if (row < 0 || row >= height || column < 0 || column >= width) continue;
      covered.push({ tap: r * op.kernel[1] + s, position: row * width + column });
    }
  }
  return covered;
}

export function withPadding(op: Window, shape: readonly number[]): number[] {
  return [shape[0]!, shape[1]! + op.padding[0] + op.padding[2], shape[2]! + op.padding[1] + op.padding[3]];
}

/** The taps of a 3-d kernel that are inside the volume at an output position: their numbers, and the positions. */
export function volumeTaps(
  { kernel, stride, padding, dilation }: VolumeWindow,
  lengths: readonly number[],
  outLengths: readonly number[],
  place: number,
): { tap: number; position: number }[] {
  const digits = (k: number, [, b, c]: readonly number[]) => [
    Math.floor(k / (b! * c!)),
    Math.floor(k / c!) % b!,
    k % c!,
  ];
  const out = digits(place, outLengths);
  const found: { tap: number; position: number }[] = [];
  for (let tap = 0; tap < sizeOf(kernel); tap++) {
    const at = digits(tap, kernel).map(
      (t, axis) => out[axis]! * stride[axis]! - padding[axis]! + t * dilation[axis]!,
    );
    if (at.some((own, axis) => own < 0 || own >= lengths[axis]!)) continue;
    found.push({ tap, position: (at[0]! * lengths[1]! + at[1]!) * lengths[2]! + at[2]! });
  }
  return found;
}

/** The positions that a resampled position is made of, row-major, with their factors. */
export function termsOf(
  axes: PlaceTerms,
  lengths: readonly number[],
  outLengths: readonly number[],
  place: number,
): { position: number; factor: number }[] {
  let terms = [{ position: 0, factor: 1 }];
  for (const [axis, { places }] of axes.entries()) {
    const own = Math.floor(place / sizeOf(outLengths.slice(axis + 1))) % outLengths[axis]!;
    const step = sizeOf(lengths.slice(axis + 1));
    terms = terms.flatMap(({ position, factor }) =>
      places[own]!.map(([at, share]) => ({ position: position + at * step, factor: factor * share })),
    );
  }
  return terms;
}
