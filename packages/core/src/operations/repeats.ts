/**
 * For an input of ones, path sums differ only near the borders: away from them whole rows and columns are equal, and
 * one of them is computed for all. Which are equal follows from the windows, not from numbers.
 *   Output positions whose windows read only equal input are equal: of the output `removed` positions are left out,
 *   of the input removed · stride.
 * The gradient of a computed position is the sum over all positions that it represents.
 */
import type { Shape } from "./shape.ts";
import type { Window } from "./spatial.ts";

/** Positions of an axis that equal position `start`: the `removed` ones after it are left out. */
export interface Repeats {
  readonly start: number;
  readonly removed: number;
}

/** For rows and for columns; the same in all channels. */
export type PlaneRepeats = readonly [rows: Repeats, columns: Repeats];

const NONE: Repeats = { start: 0, removed: 0 };
export const NO_REPEATS: PlaneRepeats = [NONE, NONE];
/** Of an axis of length 1, which stands for all positions of another value. */
const EVERYWHERE: Repeats = { start: 0, removed: Number.POSITIVE_INFINITY };

/** What an operation reads of its inputs, and what it gives. */
export interface RepeatsThrough {
  readonly inputs: readonly PlaneRepeats[];
  readonly output: PlaneRepeats;
}

/** For a value that is constant within each channel; of volumes all is computed. */
export function allRepeated([, height, width, further]: Shape): PlaneRepeats {
  if (further !== undefined) return NO_REPEATS;
  const whole = (length: number | undefined) => ({ start: 0, removed: (length ?? 1) - 1 });
  return [whole(height), whole(width)];
}

/** @param output shape of the output */
export function throughWindow(window: Window, input: PlaneRepeats, output: Shape): RepeatsThrough {
  const axes = input.map(({ start, removed }, axis) => {
    const stride = window.stride[axis]!;
    const padding = window.padding[axis]!;
    const reach = (window.kernel[axis]! - 1) * window.dilation[axis]!;
    // output p reads p · stride − padding … + reach: the first and the last that read only equal ones
    const first = Math.ceil((start + padding) / stride);
    const last = Math.min(output[axis + 1]! - 1, Math.floor((start + removed - reach + padding) / stride));
    if (last <= first) return { read: NONE, given: NONE };
    return {
      read: { start, removed: (last - first) * stride },
      given: { start: first, removed: last - first },
    };
  });
  const [rows, columns] = axes as [(typeof axes)[0], (typeof axes)[0]];
  return { inputs: [[rows.read, columns.read]], output: [rows.given, columns.given] };
}

/** For values combined elementwise: positions that are equal in all of them. */
export function throughMeeting(inputs: readonly PlaneRepeats[]): RepeatsThrough {
  const along = (axis: 0 | 1): Repeats => {
    // a loop, since Math.max has a limit on arguments and a file may exceed it
    let start = Number.NEGATIVE_INFINITY;
    let last = Number.POSITIVE_INFINITY;
    for (const planes of inputs) {
      start = Math.max(start, planes[axis].start);
      last = Math.min(last, planes[axis].start + planes[axis].removed);
    }
    return last > start ? { start, removed: last - start } : NONE;
  };
  const output: PlaneRepeats = [along(0), along(1)];
  return { inputs: inputs.map(() => output), output };
}

/**
 * For values combined elementwise of which some have length 1 along an axis: they do not limit what repeats there.
 * @param shapes of the inputs
 */
export function throughBroadcast(inputs: readonly PlaneRepeats[], shapes: readonly Shape[]): RepeatsThrough {
  const whole: PlaneRepeats = [EVERYWHERE, EVERYWHERE];
  const limits = inputs.map((planes, k) =>
    whole.map((free, axis) => ((shapes[k]![axis + 1] ?? 1) === 1 ? free : planes[axis as 0 | 1])),
  ) as unknown as PlaneRepeats[];
  const { output: met } = throughMeeting(limits);
  const output = met.map((own, axis) => (limits.every((limit) => limit[axis] === EVERYWHERE) ? NONE : own));
  const read = limits.map((limit) => output.map((own, axis) => (limit[axis] === EVERYWHERE ? NONE : own)));
  return { inputs: read as unknown as PlaneRepeats[], output: output as unknown as PlaneRepeats };
}

/** The shape of a value without its left-out rows and columns. */
export function withoutRepeats(shape: Shape, [rows, columns]: PlaneRepeats): Shape {
  if (shape.length !== 3) return shape;
  return [shape[0]!, shape[1]! - rows.removed, shape[2]! - columns.removed];
}

/** A computed row or column: its position, and how many copies follow it. */
interface Copies {
  readonly place: number;
  readonly count: number;
}

const copiesOf = (from: PlaneRepeats, to: PlaneRepeats) =>
  [0, 1].map((axis) => ({
    place: from[axis as 0 | 1].start,
    count: from[axis as 0 | 1].removed - to[axis as 0 | 1].removed,
  })) as [Copies, Copies];

/**
 * The same values with fewer positions left out.
 * @param shape of the complete value
 * @param from what is left out of `values` @param to what is left out of the result: a subset
 * @returns `values` themselves if both are the same
 */
export function refined(
  values: Float64Array,
  shape: Shape,
  from: PlaneRepeats,
  to: PlaneRepeats,
): Float64Array {
  const [rows, columns] = copiesOf(from, to);
  if (rows.count === 0 && columns.count === 0) return values;
  const [channels, height, width] = withoutRepeats(shape, from) as [number, number, number];
  const longer = width + columns.count;
  const result = new Float64Array(channels * (height + rows.count) * longer);
  let [at, k] = [0, 0];
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      const start = at;
      for (let x = 0; x <= columns.place; x++) result[at++] = values[k++]!;
      const value = values[k - 1]!;
      for (let copy = 0; copy < columns.count; copy++) result[at++] = value;
      for (let x = columns.place + 1; x < width; x++) result[at++] = values[k++]!;
      if (y !== rows.place) continue;
      for (const end = at + rows.count * longer; at < end; at += longer)
        result.copyWithin(at, start, start + longer);
    }
  }
  return result;
}

/**
 * The transpose of {@link refined}: adds the gradients of left-out positions to the position that represents them.
 */
export function coarsened(
  gradient: Float64Array,
  shape: Shape,
  from: PlaneRepeats,
  to: PlaneRepeats,
): Float64Array {
  const [rows, columns] = copiesOf(from, to);
  if (rows.count === 0 && columns.count === 0) return gradient;
  const [channels, height, width] = withoutRepeats(shape, from) as [number, number, number];
  const result = new Float64Array(channels * height * width);
  let at = 0;
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      const start = (c * height + y) * width;
      for (let copy = y === rows.place ? rows.count : 0; copy >= 0; copy--) {
        let k = start;
        for (let x = 0; x < columns.place; x++) result[k++]! += gradient[at++]!;
        let sum = 0;
        for (let x = 0; x <= columns.count; x++) sum += gradient[at++]!;
        result[k++]! += sum;
        for (const end = start + width; k < end; k++) result[k]! += gradient[at++]!;
      }
    }
  }
  return result;
}
