/**
 * Positions that the taps of a kernel read and write. Tap (r, c) carries input (u, v) to output (p, q) with
 *   u = p·stride + r·dilation − padding,   v likewise.
 * Inputs with equal (u mod stride, v mod stride) have the same taps with equal shifts: they form a class. A dense
 * layer is a kernel of one tap; without places, on a plane of one pixel.
 */
import type { Operation, WindowAxis } from "@phew/core";

/** Pixels of zeros beyond each edge. */
export interface Border {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

/** Every operation with prunable weights. */
export type WeightedOperation = Extract<Operation, { weight: string }>;

/** The inputs of one remainder by the stride. */
export interface ClassShape {
  /** First row and column in the input, and how many of each. */
  readonly firstRow: number;
  readonly firstColumn: number;
  readonly rows: number;
  readonly columns: number;
}

/** What a layer needs to know of its taps. */
export interface Taps {
  readonly rowShift: readonly number[];
  readonly columnShift: readonly number[];
  readonly outRow: readonly number[];
  readonly outColumn: readonly number[];
  readonly classOf: readonly number[];
  readonly classShapes: readonly ClassShape[];
  readonly placeByClass: readonly number[];
  readonly stride: readonly [number, number];
  readonly inputBorder: Border;
  gradientBorder(outHeight: number, outWidth: number): Border;
}

type Flat = Exclude<WeightedOperation, { kind: "conv3d" }>;

export class KernelTaps implements Taps {
  /** By tap: from an output's own place p·stride to the input it reads. */
  readonly rowShift: readonly number[];
  readonly columnShift: readonly number[];
  /** By tap: the output that the first input of the tap's class is carried to, may be beyond the edge. */
  readonly outRow: readonly number[];
  readonly outColumn: readonly number[];
  /** By tap: the class of inputs that meet it. */
  readonly classOf: readonly number[];
  readonly classShapes: readonly ClassShape[];
  /** By tap: its number where taps are ordered by class, within it as in the kernel. */
  readonly placeByClass: readonly number[];
  readonly kernelWidth: number;
  /** Vertical, horizontal. */
  readonly stride: readonly [number, number];
  readonly #vertical: WindowAxis;
  readonly #horizontal: WindowAxis;

  /** @param height of the input @param width of the input */
  constructor(op: Flat, height: number, width: number) {
    const [vertical, horizontal] = axesOf(op, height, width);
    this.#vertical = vertical;
    this.#horizontal = horizontal;
    const rows = shifts(vertical);
    const columns = shifts(horizontal);
    const taps = rows.flatMap((row) => columns.map((column) => ({ row, column })));
    this.rowShift = taps.map(({ row }) => row);
    this.columnShift = taps.map(({ column }) => column);
    this.outRow = taps.map(({ row }) => (mod(row, vertical.stride) - row) / vertical.stride);
    this.outColumn = taps.map(({ column }) => (mod(column, horizontal.stride) - column) / horizontal.stride);
    this.classOf = taps.map(
      ({ row, column }) => mod(row, vertical.stride) * horizontal.stride + mod(column, horizontal.stride),
    );
    this.placeByClass = placesByClass(this.classOf);
    this.kernelWidth = horizontal.kernel;
    this.stride = [vertical.stride, horizontal.stride];
    this.classShapes = Array.from({ length: vertical.stride * horizontal.stride }, (_, index) => {
      const firstColumn = index % horizontal.stride;
      const firstRow = (index - firstColumn) / horizontal.stride;
      return {
        firstRow,
        firstColumn,
        rows: countFrom(vertical, firstRow),
        columns: countFrom(horizontal, firstColumn),
      };
    });
    Object.freeze(this);
  }

  /** Zeros around the input that the forward pass reads. */
  get inputBorder(): Border {
    const [top, bottom] = readBeyond(this.#vertical);
    const [left, right] = readBeyond(this.#horizontal);
    return { top, left, bottom, right };
  }

  /** Zeros that are read around the gradient of the output, where inputs of a class are carried beyond its edges. */
  gradientBorder(outHeight: number, outWidth: number): Border {
    const [top, bottom] = carriedBeyond(this.#vertical, outHeight);
    const [left, right] = carriedBeyond(this.#horizontal, outWidth);
    return { top, left, bottom, right };
  }
}

function axesOf(op: Flat, height: number, width: number): [WindowAxis, WindowAxis] {
  if (op.kind === "dense") {
    const pixel = { kernel: 1, stride: 1, dilation: 1, before: 0, after: 0 };
    return [
      { length: height, ...pixel },
      { length: width, ...pixel },
    ];
  }
  const axis = (index: 0 | 1, length: number): WindowAxis => ({
    length,
    kernel: op.kernel[index],
    stride: op.stride[index],
    dilation: op.dilation[index],
    before: op.padding[index],
    after: op.padding[index + 2]!,
  });
  return [axis(0, height), axis(1, width)];
}

const shifts = ({ kernel, dilation, before }: WindowAxis): number[] =>
  Array.from({ length: kernel }, (_, tap) => tap * dilation - before);

/** How many places first, first + stride, … the axis has. */
const countFrom = ({ length, stride }: WindowAxis, first: number): number =>
  Math.max(0, Math.ceil((length - first) / stride));

/** Places before the first and behind the last input that windows reach. */
function readBeyond({ length, kernel, stride, dilation, before, after }: WindowAxis): [number, number] {
  const extent = dilation * (kernel - 1) + 1;
  const last = Math.floor((length + before + after - extent) / stride) * stride;
  return [before, Math.max(0, last - before + extent - length)];
}

function carriedBeyond(axis: WindowAxis, outLength: number): [number, number] {
  let first = 0;
  let last = outLength - 1;
  for (const shift of shifts(axis)) {
    const remainder = mod(shift, axis.stride);
    const count = countFrom(axis, remainder);
    if (count === 0) continue;
    const out = (remainder - shift) / axis.stride;
    first = Math.min(first, out);
    last = Math.max(last, out + count - 1);
  }
  return [-first, last - outLength + 1];
}

/** Of each tap its number where taps are ordered by class, within it as in the kernel. */
export function placesByClass(classOf: readonly number[]): number[] {
  const order = classOf.map((_, tap) => tap).sort((a, b) => classOf[a]! - classOf[b]! || a - b);
  return classOf.map((_, tap) => order.indexOf(tap));
}

export const mod = (a: number, b: number): number => ((a % b) + b) % b;
