/**
 * A layer computed by its kept weights alone. They stand in memory twice: in the order of the parameter, which is the
 * order of the way forward, and by input unit for the way back, both as lists of {bytes from a place in a tensor, weight}.
 */
import type { Network } from "@phew/core";
import { Region } from "./draft.ts";
import type { EntryList, KeptWeights, LayerWeights } from "./keptWeights.ts";
import { type ClassShape, KernelTaps } from "./kernelTaps.ts";
import type { Border, PlannedTensor } from "./tensor.ts";

/** Inputs of one unit that meet their weights at the same places. */
export interface PlaceClass extends ClassShape {
  /** Index of the unit among those that are stored. */
  readonly unit: number;
  readonly entryCount: number;
}

export class SparseLayer implements LayerWeights {
  readonly kernel = "sparse";
  readonly name: string;
  readonly weights: KeptWeights;
  readonly entryLists: readonly EntryList[];
  /** Of the way back: index into the kept weights of each entry, by class. */
  readonly order: Uint32Array;
  readonly classes: readonly PlaceClass[];
  readonly forwardEntries: Region;
  readonly backwardEntries: Region;
  readonly orderRegion: Region;
  readonly classRegion: Region;
  /** Where the rows of the way back start: for dense layers, by stored input unit. */
  readonly backwardStartRegion: Region;
  readonly #taps: KernelTaps;
  readonly #lanes: number;
  readonly #inputs: PlannedTensor[] = [];
  #gradients: { x: PlannedTensor; dx: PlannedTensor | undefined; dy: PlannedTensor } | undefined;

  constructor(network: Network, node: number, weights: KeptWeights, lanes: number) {
    const { name, inputs } = network.nodes[node]!;
    const [, height = 1, width = 1] = network.nodes[inputs[0]!]!.shape;
    this.name = name;
    this.weights = weights;
    this.#lanes = lanes;
    this.#taps = new KernelTaps(weights.op, height, width);
    const { order, classes } = this.#wayBack();
    this.order = order;
    this.classes = classes;
    const { count, inUnits } = weights;
    this.forwardEntries = new Region("weights", 8 * count, { initial: () => this.#forwardOffsets() });
    this.backwardEntries = new Region("weights", 8 * count, { initial: () => this.#backwardOffsets() });
    this.entryLists = [
      { entries: this.forwardEntries, order: undefined },
      { entries: this.backwardEntries, order },
    ];
    this.orderRegion = new Region("weights", 4 * count, { initial: () => order });
    this.classRegion = new Region("weights", 20 * classes.length, { initial: () => this.#classRecords() });
    this.backwardStartRegion = new Region("weights", 4 * (inUnits + 1), {
      initial: () => starts(inUnits, classes),
    });
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
  #wayBack(): { order: Uint32Array; classes: readonly PlaceClass[] } {
    const { classOf, classShapes } = this.#taps;
    const { unit, tap, count, inUnits } = this.weights;
    const classCount = classShapes.length;
    const bucketOf = (k: number): number => unit[k]! * classCount + classOf[tap[k]!]!;
    const start = new Uint32Array(inUnits * classCount + 1);
    for (let k = 0; k < count; k++) start[bucketOf(k) + 1]!++;
    const entryCounts = start.slice(1);
    for (let bucket = 0; bucket < entryCounts.length; bucket++) start[bucket + 1]! += start[bucket]!;
    const order = new Uint32Array(count);
    for (let k = 0; k < count; k++) order[start[bucketOf(k)]!++] = k;
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
    const { unit, tap, count } = this.weights;
    const entries = new Uint32Array(2 * count);
    for (let k = 0; k < count; k++) entries[2 * k] = unit[k]! * unitBytes + tapBytes[tap[k]!]!;
    return entries;
  }

  /** From the first place of a class, the output that the weight carries it to. */
  #backwardOffsets(): Uint32Array {
    const entries = new Uint32Array(2 * this.weights.count);
    if (this.#gradients === undefined) return entries;
    const { unitBytes, rowBytes, pixelBytes } = this.#gradients.dy.geometry(this.#lanes);
    const { outRow, outColumn } = this.#taps;
    const tapBytes = outRow.map((row, tap) => row * rowBytes + outColumn[tap]! * pixelBytes);
    const { tap } = this.weights;
    const outOf = this.weights.outPlaces();
    for (let b = 0; b < this.order.length; b++) {
      const k = this.order[b]!;
      entries[2 * b] = outOf[k]! * unitBytes + tapBytes[tap[k]!]!;
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

function starts(unitCount: number, classes: readonly PlaceClass[]): Uint32Array {
  const start = new Uint32Array(unitCount + 1);
  for (const { unit, entryCount } of classes) start[unit + 1]! += entryCount;
  for (let u = 0; u < unitCount; u++) start[u + 1]! += start[u]!;
  return start;
}
