/**
 * The kept weights of a layer, twice: in the order of the parameter, which is the order of the way forward, and by
 * input unit for the way back. Both are lists of {bytes from a place in a tensor, weight}. Kept weights that no
 * gradient reaches, because their input unit is silent, stand apart: weight decay is all that ever changes them.
 */
import { countKept, type Network, type Parameter } from "@phew/core";
import { Region } from "./draft.ts";
import { type ClassShape, KernelTaps, type WeightedOperation } from "./kernelTaps.ts";
import type { Border, PlannedTensor } from "./tensor.ts";

/** Inputs of one unit that meet their weights at the same places. */
export interface PlaceClass extends ClassShape {
  /** Index of the unit among those that are stored. */
  readonly unit: number;
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
  /** Of each kept weight: its place among the stored input units, and its tap. */
  readonly #unit: Uint32Array;
  readonly #tap: Uint16Array;
  readonly #taps: KernelTaps;
  readonly #lanes: number;
  readonly #inputs: PlannedTensor[] = [];
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
    const [inCount, height = 1, width = 1] = network.nodes[inputs[0]!]!.shape as [number, number?, number?];
    this.name = name;
    this.op = op;
    this.parameter = parameter;
    this.#lanes = lanes;
    this.#taps = new KernelTaps(op, height, width);
    const keptWeights = keepWeights(op, parameter, mask, outUnits, placesAmong(inUnits, inCount));
    const { kept, rowStart, orphans } = keptWeights;
    this.kept = kept;
    this.orphans = orphans;
    this.rowStart = rowStart;
    this.#unit = keptWeights.unit;
    this.#tap = keptWeights.tap;
    const { order, classes } = this.#wayBack(inUnits.length);
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
  get inputBorder(): Border {
    return this.#taps.inputBorder;
  }

  /** Zeros that the way back reads around the gradient of the output. */
  gradientBorder(outHeight: number, outWidth: number): Border {
    return this.#taps.gradientBorder(outHeight, outWidth);
  }

  /** The tensor that the way forward reads; the tensors of all programs must have one geometry. */
  readFrom(input: PlannedTensor): void {
    this.#inputs.push(input);
  }

  /** The tensors that the way back passes over. */
  passBack(x: PlannedTensor, dx: PlannedTensor | undefined, dy: PlannedTensor): void {
    this.#gradients = { x, dx, dy };
  }

  /** Weights by input unit and remainder of their place by the stride, within these in the order of the parameter. */
  #wayBack(unitCount: number): { order: Uint32Array; classes: readonly PlaceClass[] } {
    const { classOf, classShapes } = this.#taps;
    const classCount = classShapes.length;
    const bucketOf = (k: number): number => this.#unit[k]! * classCount + classOf[this.#tap[k]!]!;
    const start = new Uint32Array(unitCount * classCount + 1);
    for (let k = 0; k < this.kept.length; k++) start[bucketOf(k) + 1]!++;
    const entryCounts = start.slice(1);
    for (let bucket = 0; bucket < entryCounts.length; bucket++) start[bucket + 1]! += start[bucket]!;
    const order = new Uint32Array(this.kept.length);
    for (let k = 0; k < this.kept.length; k++) order[start[bucketOf(k)]!++] = k;
    const classes = Array.from(entryCounts, (entryCount, bucket) => ({
      unit: Math.floor(bucket / classCount),
      entryCount,
      ...classShapes[bucket % classCount]!,
    }));
    return { order, classes };
  }

  #forwardOffsets(): Uint32Array {
    const [geometry, ...others] = this.#inputs.map((input) => input.geometry(this.#lanes));
    if (others.some((other) => JSON.stringify(other) !== JSON.stringify(geometry)))
      throw new Error(`${this.name}: programs disagree on its input`);
    const { unitBytes, rowBytes, pixelBytes } = geometry!;
    const { rowShift, columnShift } = this.#taps;
    const tapBytes = rowShift.map((row, tap) => row * rowBytes + columnShift[tap]! * pixelBytes);
    const entries = new Uint32Array(2 * this.kept.length);
    for (let k = 0; k < this.kept.length; k++)
      entries[2 * k] = this.#unit[k]! * unitBytes + tapBytes[this.#tap[k]!]!;
    return entries;
  }

  /** From the first place of a class, the output that the weight carries it to. */
  #backwardOffsets(): Uint32Array {
    const entries = new Uint32Array(2 * this.kept.length);
    if (this.#gradients === undefined) return entries;
    const { unitBytes, rowBytes, pixelBytes } = this.#gradients.dy.geometry(this.#lanes);
    const { outRow, outColumn } = this.#taps;
    const tapBytes = outRow.map((row, tap) => row * rowBytes + outColumn[tap]! * pixelBytes);
    const outOf = new Uint32Array(this.kept.length);
    for (let o = 0; o + 1 < this.rowStart.length; o++) outOf.fill(o, this.rowStart[o], this.rowStart[o + 1]);
    for (let b = 0; b < this.order.length; b++) {
      const k = this.order[b]!;
      entries[2 * b] = outOf[k]! * unitBytes + tapBytes[this.#tap[k]!]!;
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

/** The kept weights of stored output units; those of silent input units apart. */
function keepWeights(
  op: WeightedOperation,
  { shape }: Parameter,
  mask: Uint8Array | undefined,
  outUnits: Uint32Array,
  inPlace: Int32Array,
) {
  const [outCount, inPerGroup] = shape as [number, number];
  const tapCount = shape.slice(2).reduce((product, n) => product * n, 1);
  const outPerGroup = outCount / (op.kind === "conv2d" ? op.groups : 1);
  const rowLength = inPerGroup * tapCount;
  const room = mask === undefined ? outUnits.length * rowLength : countKept(mask);
  const kept = new Uint32Array(room);
  const unit = new Uint32Array(room);
  const tap = new Uint16Array(room);
  const orphans: number[] = [];
  const rowStart = new Uint32Array(outUnits.length + 1);
  let length = 0;
  for (const [o, output] of outUnits.entries()) {
    const firstInput = Math.floor(output / outPerGroup) * inPerGroup;
    let weight = output * rowLength;
    for (let input = firstInput; input < firstInput + inPerGroup; input++) {
      const place = inPlace[input]!;
      for (let t = 0; t < tapCount; t++, weight++) {
        if (mask !== undefined && mask[weight] === 0) continue;
        if (place < 0) {
          orphans.push(weight);
          continue;
        }
        kept[length] = weight;
        unit[length] = place;
        tap[length++] = t;
      }
    }
    rowStart[o + 1] = length;
  }
  return {
    kept: kept.slice(0, length),
    unit: unit.slice(0, length),
    tap: tap.slice(0, length),
    orphans: Uint32Array.from(orphans),
    rowStart,
  };
}

function starts(unitCount: number, classes: readonly PlaceClass[]): Uint32Array {
  const start = new Uint32Array(unitCount + 1);
  for (const { unit, entryCount } of classes) start[unit + 1]! += entryCount;
  for (let u = 0; u < unitCount; u++) start[u + 1]! += start[u]!;
  return start;
}

/** Place of each unit among the stored ones, −1 where it is not. */
function placesAmong(units: Uint32Array, count: number): Int32Array {
  const place = new Int32Array(count).fill(-1);
  for (const [index, unit] of units.entries()) place[unit] = index;
  return place;
}
