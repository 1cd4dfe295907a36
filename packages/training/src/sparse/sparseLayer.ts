/**
 * The kept weights of a layer, twice: in the order of the parameter, which is the order of the way forward, and by
 * input unit for the way back. Both are lists of {bytes from a place in a tensor, weight}. Kept weights that no
 * gradient reaches, because their input unit is silent, stand apart: weight decay is all that ever changes them.
 */
import type { Network, Operation, Parameter } from "@phew/core";
import { Region } from "./draft.ts";
import type { PlannedTensor } from "./tensor.ts";

export type WeightedOperation = Extract<Operation, { kind: "conv2d" | "dense" }>;

/** Inputs of one unit that meet their weights at the same places: of one remainder by the stride. */
export interface PlaceClass {
  /** Index of the unit among those that are stored. */
  readonly unit: number;
  /** First row and column of the class in the input, and how many of each. */
  readonly firstRow: number;
  readonly firstColumn: number;
  readonly rows: number;
  readonly columns: number;
  readonly entryCount: number;
}

export class SparseLayer {
  readonly name: string;
  readonly op: WeightedOperation;
  readonly parameter: Parameter;
  /** Index into the parameter of each weight that is computed with, ascending. */
  readonly kept: Uint32Array;
  /** Index into the parameter of each kept weight that meets only zeros. */
  readonly orphans: Uint32Array;
  /** Where the weights of each stored output unit start in `kept`; length units + 1. */
  readonly rowStart: Uint32Array;
  /** Index into `kept` of each weight in the order of the way back. */
  readonly order: Uint32Array;
  readonly classes: readonly PlaceClass[];
  /** {bytes, weight} of the way forward and back. */
  readonly forwardEntries: Region;
  readonly backwardEntries: Region;
  readonly orderRegion: Region;
  readonly rowStartRegion: Region;
  readonly classRegion: Region;
  /** Where the rows of the way back start: for dense layers, by stored input unit. */
  readonly backwardStartRegion: Region;
  readonly momentum: Region;
  readonly orphanWeights: Region;
  readonly orphanMomentum: Region;
  readonly #taps: Taps;
  readonly #lanes: number;
  readonly #mapSize: { readonly height: number; readonly width: number };
  #input: PlannedTensor | undefined;
  #gradients: { x: PlannedTensor; dx: PlannedTensor | undefined; dy: PlannedTensor } | undefined;

  /**
   * @param mask absent: all weights are kept
   * @param outUnits unit numbers that are stored @param inUnits the same of the input
   */
  constructor(
    network: Network,
    node: number,
    parameter: Parameter,
    mask: Uint8Array | undefined,
    outUnits: Uint32Array,
    inUnits: Uint32Array,
    lanes: number,
  ) {
    const { name, op, inputs } = network.nodes[node]!;
    if (op.kind !== "conv2d" && op.kind !== "dense") throw new Error(`${name} has no weights`);
    const [, height = 1, width = 1] = network.nodes[inputs[0]!]!.shape;
    this.name = name;
    this.op = op;
    this.parameter = parameter;
    this.#lanes = lanes;
    this.#mapSize = { height, width };
    this.#taps = new Taps(op, parameter.shape, outUnits, inUnits);
    const { kept, orphans, rowStart } = keptWeights(parameter, mask, outUnits, this.#taps);
    this.kept = kept;
    this.orphans = orphans;
    this.rowStart = rowStart;
    const { order, classes } = this.#wayBack();
    this.order = order;
    this.classes = classes;
    const count = kept.length;
    this.forwardEntries = new Region("weights", 8 * count, { initial: () => this.#forwardOffsets() });
    this.backwardEntries = new Region("weights", 8 * count, { initial: () => this.#backwardOffsets() });
    this.orderRegion = new Region("weights", 4 * count, { initial: () => order });
    this.rowStartRegion = new Region("weights", 4 * rowStart.length, { initial: () => rowStart });
    this.classRegion = new Region("weights", 20 * classes.length, { initial: () => this.#classRecords() });
    this.backwardStartRegion = new Region("weights", 4 * (inUnits.length + 1), {
      initial: () => starts(inUnits.length, classes),
    });
    this.momentum = new Region("optimiser", 4 * count);
    this.orphanWeights = new Region("weights", 4 * orphans.length);
    this.orphanMomentum = new Region("optimiser", 4 * orphans.length);
  }

  /** Zeros that the way forward reads around the input. */
  get inputBorder() {
    return this.#taps.inputBorder(this.#mapSize.height, this.#mapSize.width);
  }

  /** Zeros that the way back reads around the gradient of the output. */
  gradientBorder(outHeight: number, outWidth: number) {
    return this.#taps.gradientBorder(this.#mapSize, outHeight, outWidth, this.classes);
  }

  /** The tensor that the way forward reads; all programs must read tensors of one geometry. */
  readFrom(input: PlannedTensor): void {
    const known = this.#input;
    if (known !== undefined && known !== input) {
      const later = input;
      this.#checks.push(() => {
        const [a, b] = [known.geometry(this.#lanes), later.geometry(this.#lanes)];
        if (JSON.stringify(a) !== JSON.stringify(b))
          throw new Error(`${this.name}: programs disagree on its input`);
      });
    }
    this.#input = input;
  }
  readonly #checks: (() => void)[] = [];

  /** The tensors that the way back passes over. */
  passBack(x: PlannedTensor, dx: PlannedTensor | undefined, dy: PlannedTensor): void {
    this.#gradients = { x, dx, dy };
  }

  #wayBack(): { order: Uint32Array; classes: readonly PlaceClass[] } {
    const { kept, rowStart } = this;
    const taps = this.#taps;
    const { height, width } = this.#mapSize;
    const [strideY, strideX] = taps.stride;
    const classCount = strideY * strideX;
    const bucketCount = taps.inUnitCount * classCount;
    const bucketOf = new Uint32Array(kept.length);
    const count = new Uint32Array(bucketCount + 1);
    for (let k = 0; k < kept.length; k++) {
      const { unit, row, column } = taps.of(kept[k]!);
      const classIndex = mod(row, strideY) * strideX + mod(column, strideX);
      bucketOf[k] = unit * classCount + classIndex;
      count[bucketOf[k]! + 1]!++;
    }
    for (let b = 0; b < bucketCount; b++) count[b + 1]! += count[b]!;
    const next = count.slice();
    const order = new Uint32Array(kept.length);
    for (let o = 0; o + 1 < rowStart.length; o++)
      for (let k = rowStart[o]!; k < rowStart[o + 1]!; k++) order[next[bucketOf[k]!]!++] = k;
    const classes = Array.from({ length: bucketCount }, (_, bucket): PlaceClass => {
      const classIndex = bucket % classCount;
      const firstRow = Math.floor(classIndex / strideX);
      const firstColumn = classIndex % strideX;
      return {
        unit: Math.floor(bucket / classCount),
        firstRow,
        firstColumn,
        rows: Math.max(0, Math.ceil((height - firstRow) / strideY)),
        columns: Math.max(0, Math.ceil((width - firstColumn) / strideX)),
        entryCount: count[bucket + 1]! - count[bucket]!,
      };
    });
    return { order, classes };
  }

  #forwardOffsets(): Uint32Array {
    for (const check of this.#checks) check();
    const { unitBytes, rowBytes, pixelBytes } = this.#input!.geometry(this.#lanes);
    const entries = new Uint32Array(2 * this.kept.length);
    for (let k = 0; k < this.kept.length; k++) {
      const { unit, row, column } = this.#taps.of(this.kept[k]!);
      entries[2 * k] = unit * unitBytes + row * rowBytes + column * pixelBytes;
    }
    return entries;
  }

  /** From row and column 0 of a class, the output that the weight carries its first input to. */
  #backwardOffsets(): Uint32Array {
    const entries = new Uint32Array(2 * this.kept.length);
    if (this.#gradients === undefined) return entries;
    const { unitBytes, rowBytes, pixelBytes } = this.#gradients.dy.geometry(this.#lanes);
    const [strideY, strideX] = this.#taps.stride;
    let k = 0;
    for (const { firstRow, firstColumn, entryCount } of this.classes) {
      for (const end = k + entryCount; k < end; k++) {
        const { out, row, column } = this.#taps.of(this.kept[this.order[k]!]!);
        const p = (firstRow - row) / strideY;
        const q = (firstColumn - column) / strideX;
        entries[2 * k] = out * unitBytes + p * rowBytes + q * pixelBytes;
      }
    }
    return entries;
  }

  #classRecords(): Uint32Array {
    if (this.#gradients === undefined) return new Uint32Array(5 * this.classes.length);
    const x = this.#gradients.x.geometry(this.#lanes);
    const dx = (this.#gradients.dx ?? this.#gradients.x).geometry(this.#lanes);
    return Uint32Array.from(
      this.classes.flatMap(({ unit, firstRow, firstColumn, rows, columns, entryCount }) => [
        entryCount,
        // without columns there is nothing to walk, and no place to start from
        columns === 0 ? 0 : rows,
        columns,
        unit * x.unitBytes + firstRow * x.rowBytes + firstColumn * x.pixelBytes,
        unit * dx.unitBytes + firstRow * dx.rowBytes + firstColumn * dx.pixelBytes,
      ]),
    );
  }
}

/** Where a weight reads: its output and input units among those stored, and its tap's shift from the output's place. */
interface Tap {
  readonly out: number;
  readonly unit: number;
  readonly row: number;
  readonly column: number;
}

/** Geometry of a layer's weights; dense layers are kernels of one tap on planes of one pixel. */
class Taps {
  readonly stride: readonly [number, number];
  readonly inUnitCount: number;
  readonly #padding: readonly [number, number, number, number];
  readonly #dilation: readonly [number, number];
  readonly #kernel: readonly [number, number];
  readonly #inPerGroup: number;
  readonly #outPerGroup: number;
  /** Place among stored units of every unit, or −1. */
  readonly #outPlace: Int32Array;
  readonly #inPlace: Int32Array;
  /** Written anew by every call of {@link of}: no garbage for millions of weights. */
  readonly #tap = { out: 0, unit: 0, row: 0, column: 0 };

  constructor(op: WeightedOperation, shape: readonly number[], outUnits: Uint32Array, inUnits: Uint32Array) {
    const conv = op.kind === "conv2d" ? op : undefined;
    const groups = conv?.groups ?? 1;
    this.stride = conv?.stride ?? [1, 1];
    this.#padding = conv?.padding ?? [0, 0, 0, 0];
    this.#dilation = conv?.dilation ?? [1, 1];
    this.#kernel = conv?.kernel ?? [1, 1];
    this.#inPerGroup = shape[1]!;
    this.#outPerGroup = shape[0]! / groups;
    this.inUnitCount = inUnits.length;
    this.#outPlace = places(outUnits, shape[0]!);
    this.#inPlace = places(inUnits, shape[1]! * groups);
  }

  /** @param weight index into the parameter @returns one object for all calls */
  of(weight: number): Tap {
    const [kh, kw] = this.#kernel;
    const kernelSize = kh * kw;
    const place = weight % kernelSize;
    const kernel = (weight - place) / kernelSize;
    const input = kernel % this.#inPerGroup;
    const output = (kernel - input) / this.#inPerGroup;
    const group = Math.floor(output / this.#outPerGroup);
    const column = place % kw;
    const tap = this.#tap;
    tap.out = this.#outPlace[output]!;
    tap.unit = this.#inPlace[group * this.#inPerGroup + input]!;
    tap.row = ((place - column) / kw) * this.#dilation[0] - this.#padding[0];
    tap.column = column * this.#dilation[1] - this.#padding[1];
    return tap;
  }

  inputBorder(height: number, width: number) {
    const [kh, kw] = this.#kernel;
    const [top, left, bottom, right] = this.#padding;
    const reach = (
      length: number,
      kernel: number,
      stride: number,
      dilation: number,
      before: number,
      after: number,
    ) => {
      const extent = dilation * (kernel - 1) + 1;
      const count = Math.floor((length + before + after - extent) / stride) + 1;
      return Math.max(0, (count - 1) * stride - before + extent - length);
    };
    return {
      top,
      left,
      bottom: reach(height, kh, this.stride[0], this.#dilation[0], top, bottom),
      right: reach(width, kw, this.stride[1], this.#dilation[1], left, right),
    };
  }

  /** How far beyond the output's edges the inputs of all classes are carried by all taps. */
  gradientBorder(
    { height, width }: { readonly height: number; readonly width: number },
    outHeight: number,
    outWidth: number,
    classes: readonly PlaceClass[],
  ) {
    const axis = (
      length: number,
      outLength: number,
      kernel: number,
      stride: number,
      dilation: number,
      before: number,
    ) => {
      let first = 0;
      let last = outLength - 1;
      for (let tap = 0; tap < kernel; tap++) {
        const shift = tap * dilation - before;
        const remainder = mod(shift, stride);
        if (remainder >= length) continue;
        const greatest = remainder + Math.floor((length - 1 - remainder) / stride) * stride;
        first = Math.min(first, (remainder - shift) / stride);
        last = Math.max(last, (greatest - shift) / stride);
      }
      return [-first, last - outLength + 1] as const;
    };
    if (classes.length === 0) return { top: 0, left: 0, bottom: 0, right: 0 };
    const [top, bottom] = axis(
      height,
      outHeight,
      this.#kernel[0],
      this.stride[0],
      this.#dilation[0],
      this.#padding[0],
    );
    const [left, right] = axis(
      width,
      outWidth,
      this.#kernel[1],
      this.stride[1],
      this.#dilation[1],
      this.#padding[1],
    );
    return { top, left, bottom, right };
  }
}

function keptWeights(parameter: Parameter, mask: Uint8Array | undefined, outUnits: Uint32Array, taps: Taps) {
  const rowLength = parameter.shape.slice(1).reduce((product, n) => product * n, 1);
  const isKept = (weight: number): boolean => mask === undefined || mask[weight] === 1;
  let keptCount = 0;
  for (const unit of outUnits)
    for (let weight = unit * rowLength, end = weight + rowLength; weight < end; weight++)
      if (isKept(weight)) keptCount++;
  const kept = new Uint32Array(keptCount);
  const orphans: number[] = [];
  const rowStart = new Uint32Array(outUnits.length + 1);
  let length = 0;
  for (const [o, unit] of outUnits.entries()) {
    for (let weight = unit * rowLength, end = weight + rowLength; weight < end; weight++) {
      if (!isKept(weight)) continue;
      if (taps.of(weight).unit >= 0) kept[length++] = weight;
      else orphans.push(weight);
    }
    rowStart[o + 1] = length;
  }
  return { kept: kept.slice(0, length), orphans: Uint32Array.from(orphans), rowStart };
}

function starts(unitCount: number, classes: readonly PlaceClass[]): Uint32Array {
  const start = new Uint32Array(unitCount + 1);
  for (const { unit, entryCount } of classes) start[unit + 1]! += entryCount;
  for (let u = 0; u < unitCount; u++) start[u + 1]! += start[u]!;
  return start;
}

/** Place of each unit among the stored ones, −1 where it is not. */
function places(units: Uint32Array, count: number): Int32Array {
  const place = new Int32Array(count).fill(-1);
  for (const [index, unit] of units.entries()) place[unit] = index;
  return place;
}

const mod = (a: number, b: number): number => ((a % b) + b) % b;
