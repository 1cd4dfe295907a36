/** The kept weights of a layer: for each its index in the parameter, its units and its tap. */
import { definitionOf, keptIndices, type Network, type Parameter } from "@phew/core";
import type { Fixed } from "./fixed.ts";
import type { WeightedOperation } from "./kernelTaps.ts";

export class KeptWeights {
  /** Name of the layer. */
  readonly layer: string;
  readonly op: WeightedOperation;
  readonly parameter: Parameter;
  /** Index into the parameter of each weight that is computed with, ascending. */
  readonly kept: Fixed<Uint32Array>;
  /** Its place among the stored input units, and its tap. */
  readonly unit: Fixed<Uint32Array>;
  readonly tap: Fixed<Uint16Array>;
  /** Start of the weights of each stored output unit; length outUnits + 1. */
  readonly rowStart: Fixed<Uint32Array>;
  /**
   * Index into the parameter of each kept weight that meets only zeros, because its input unit is silent: weight decay
   * is all that ever changes it.
   */
  readonly orphans: Fixed<Uint32Array>;
  /** Numbers of units that are stored. */
  readonly inUnits: number;
  readonly outUnits: number;

  /**
   * @param mask absent: all weights are kept
   * @param outUnits unit numbers that are stored @param inUnits the same of the input
   */
  constructor(
    network: Network,
    node: number,
    mask: Uint8Array | undefined,
    outUnits: Fixed<Uint32Array>,
    inUnits: Fixed<Uint32Array>,
  ) {
    const { name, op, inputs, shape } = network.nodes[node]!;
    const inputShape = network.nodes[inputs[0]!]!.shape;
    const units = definitionOf(op).units(op, [inputShape], shape);
    if (!("weight" in op && "weight" in units)) throw new Error(`${name} has no weights`);
    this.layer = name;
    this.op = op;
    this.parameter = network.prunable.find((parameter) => parameter.node === node)!;
    this.inUnits = inUnits.length;
    this.outUnits = outUnits.length;
    const inPlace = placesAmong(inUnits, inputShape[0]!);
    const { kept, unit, tap, orphans, rowStart } = keepWeights(
      units.groups,
      this.parameter,
      mask,
      outUnits,
      inPlace,
    );
    this.kept = kept;
    this.unit = unit;
    this.tap = tap;
    this.orphans = orphans;
    this.rowStart = rowStart;
    Object.freeze(this);
  }

  get count(): number {
    return this.kept.length;
  }

  /** Of each weight: its output unit among those that are stored. */
  outPlaces(): Uint32Array {
    const outOf = new Uint32Array(this.count);
    for (let o = 0; o < this.outUnits; o++) outOf.fill(o, this.rowStart[o], this.rowStart[o + 1]);
    return outOf;
  }
}

/** The kept weights of stored output units; those of silent input units apart. */
function keepWeights(
  groups: number,
  { shape }: Parameter,
  mask: Uint8Array | undefined,
  outUnits: Fixed<Uint32Array>,
  inPlace: Int32Array,
) {
  const [outCount, inPerGroup] = shape as [number, number];
  const tapCount = shape.slice(2).reduce((product, n) => product * n, 1);
  const outPerGroup = outCount / groups;
  const rowLength = inPerGroup * tapCount;
  const indices = mask && keptIndices(mask);
  const room = indices?.length ?? outUnits.length * rowLength;
  const kept = new Uint32Array(room);
  const unit = new Uint32Array(room);
  const tap = new Uint16Array(room);
  const orphans: number[] = [];
  const rowStart = new Uint32Array(outUnits.length + 1);
  let length = 0;
  let k = 0;
  for (let o = 0; o < outUnits.length; o++) {
    const output = outUnits[o]!;
    const firstInput = Math.floor(output / outPerGroup) * inPerGroup;
    const first = output * rowLength;
    if (indices === undefined) k = first;
    for (; k < room; k++) {
      const weight = indices?.[k] ?? k;
      if (weight >= first + rowLength) break;
      // of a unit that is not stored
      if (weight < first) continue;
      const input = Math.floor((weight - first) / tapCount);
      const place = inPlace[firstInput + input]!;
      if (place < 0) {
        orphans.push(weight);
        continue;
      }
      kept[length] = weight;
      unit[length] = place;
      tap[length++] = weight - first - input * tapCount;
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

/** Index of each unit among the stored ones, −1 if it is not stored. */
function placesAmong(units: Fixed<Uint32Array>, count: number): Int32Array {
  const place = new Int32Array(count).fill(-1);
  for (const [index, unit] of units.entries()) place[unit] = index;
  return place;
}
