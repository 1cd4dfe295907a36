/**
 * Path sums of an input of ones differ near the borders alone: away from them whole rows and columns are equal, and a
 * convolution of the plane without their repetitions gives everything that differs.
 *   output positions first … first + removed of an axis are all equal; of the input removed · stride positions go.
 */
import type { Shape } from "./definition.ts";
import type { Window } from "./spatial.ts";

/** What is left out of the rows, or of the columns. */
export interface Repeats {
  /** First of the equal output positions. */
  readonly first: number;
  /** How many of the output's positions are left out: those after the first. */
  readonly removed: number;
  /** The input positions start … start + removed · stride − 1 are left out. */
  readonly start: number;
  readonly stride: number;
}

export interface Compression {
  /** Vertical, horizontal. */
  readonly axes: readonly [Repeats, Repeats];
  readonly inputShape: Shape;
  readonly outputShape: Shape;
}

// less than this share of the work saved is not worth the copies
const LEAST_SAVING = 0.2;

/** @returns undefined where too little of the input repeats */
export function repeatsOf(
  input: Float64Array,
  inputShape: Shape,
  outputShape: Shape,
  window: Window,
): Compression | undefined {
  const [channels, height, width] = inputShape as [number, number, number];
  const [outChannels, outHeight, outWidth] = outputShape as [number, number, number];
  const rows = repeatsAlong(equalRows(input, height, width), 0, outHeight, window);
  const columns = repeatsAlong(equalColumns(input, width), 1, outWidth, window);
  const [left, across] = [outHeight - rows.removed, outWidth - columns.removed];
  if (left * across > (1 - LEAST_SAVING) * outHeight * outWidth) return undefined;
  return {
    axes: [rows, columns],
    inputShape: [channels, height - rows.removed * rows.stride, width - columns.removed * columns.stride],
    outputShape: [outChannels, left, across],
  };
}

/** Equal positions of an axis: from … to − 1. */
type Run = readonly [from: number, to: number];

/** The rows around the middle that are equal in every channel. */
function equalRows(input: Float64Array, height: number, width: number): Run {
  let [from, to] = [0, height];
  const plane = height * width;
  const middle = height >> 1;
  for (let start = 0; start < input.length; start += plane) {
    const row = start + middle * width;
    for (let y = middle - 1; y >= from; y--) if (!sameRow(input, start + y * width, row, width)) from = y + 1;
    for (let y = middle + 1; y < to; y++) if (!sameRow(input, start + y * width, row, width)) to = y;
  }
  return [from, to];
}

function sameRow(input: Float64Array, a: number, b: number, width: number): boolean {
  for (let x = 0; x < width; x++) if (input[a + x] !== input[b + x]) return false;
  return true;
}

/** The columns around the middle that are equal in every row of every channel. */
function equalColumns(input: Float64Array, width: number): Run {
  let [from, to] = [0, width];
  const middle = width >> 1;
  for (let row = 0, count = input.length / width; row < count && to - from > 1; row++) {
    const start = row * width;
    const value = input[start + middle]!;
    for (let x = middle - 1; x >= from; x--) if (input[start + x] !== value) from = x + 1;
    for (let x = middle + 1; x < to; x++) if (input[start + x] !== value) to = x;
  }
  return [from, to];
}

function repeatsAlong([from, to]: Run, axis: 0 | 1, outLength: number, window: Window): Repeats {
  const stride = window.stride[axis];
  const reach = (window.kernel[axis] - 1) * window.dilation[axis];
  // output p reads p · stride − padding … + reach: the first that reads nothing but equal ones, and how many do
  const first = Math.ceil((from + window.padding[axis]) / stride);
  const last = Math.min(outLength - 1, Math.floor((to - 1 - reach + window.padding[axis]) / stride));
  return last > first ? { first, removed: last - first, start: from, stride } : { ...NOTHING, stride };
}

const NOTHING = { first: 0, removed: 0, start: 0 };

/** The input without what repeats. @param shape as it is, `[channels, height, width]` */
export function compressed(
  input: Float64Array,
  shape: Shape,
  { axes, inputShape }: Compression,
): Float64Array {
  const [channels, height, width] = shape as [number, number, number];
  const [rows, columns] = axes;
  const result = new Float64Array(channels * inputShape[1]! * inputShape[2]!);
  const [rowEnd, columnEnd] = [endOf(rows), endOf(columns)];
  let at = 0;
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      if (y === rows.start) y = rowEnd;
      const start = (c * height + y) * width;
      for (let x = 0; x < columns.start; x++) result[at++] = input[start + x]!;
      for (let x = columnEnd; x < width; x++) result[at++] = input[start + x]!;
    }
  }
  return result;
}

const endOf = ({ start, removed, stride }: Repeats): number => start + removed * stride;

/** The output with what repeats. @param shape of what is wanted, `[channels, height, width]` */
export function expanded(
  output: Float64Array,
  shape: Shape,
  { axes, outputShape }: Compression,
): Float64Array {
  const [channels, height, width] = shape as [number, number, number];
  const [rows, columns] = axes;
  const [fewRows, fewColumns] = [outputShape[1]!, outputShape[2]!];
  const result = new Float64Array(channels * height * width);
  let at = 0;
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      const above = at - width;
      if (y > rows.first && y <= rows.first + rows.removed) {
        for (let x = 0; x < width; x++) result[at++] = result[above + x]!;
        continue;
      }
      const start =
        (c * fewRows + (y < rows.first ? y : y - (y > rows.first ? rows.removed : 0))) * fewColumns;
      const repeated = columns.first + columns.removed;
      for (let x = 0; x < columns.first; x++) result[at++] = output[start + x]!;
      const value = output[start + columns.first]!;
      for (let x = columns.first; x <= repeated && x < width; x++) result[at++] = value;
      for (let x = repeated + 1; x < width; x++) result[at++] = output[start + x - columns.removed]!;
    }
  }
  return result;
}

/** The transpose of {@link expanded}: gradients of equal outputs in one sum. */
export function gathered(
  gradient: Float64Array,
  shape: Shape,
  { axes, outputShape }: Compression,
): Float64Array {
  const [channels, height, width] = shape as [number, number, number];
  const [rows, columns] = axes;
  const [fewRows, fewColumns] = [outputShape[1]!, outputShape[2]!];
  const result = new Float64Array(channels * fewRows * fewColumns);
  const repeated = columns.first + columns.removed;
  let at = 0;
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      const row = y <= rows.first ? y : Math.max(rows.first, y - rows.removed);
      const start = (c * fewRows + row) * fewColumns;
      const end = at + width;
      let to = start;
      for (let x = 0; x < columns.first; x++) result[to++]! += gradient[at++]!;
      let sum = 0;
      for (let x = columns.first; x <= repeated && x < width; x++) sum += gradient[at++]!;
      if (to < start + fewColumns) result[to++]! += sum;
      while (at < end) result[to++]! += gradient[at++]!;
    }
  }
  return result;
}
