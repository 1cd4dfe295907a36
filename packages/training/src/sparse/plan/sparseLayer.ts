/**
 * A layer computed by its kept weights. They are in memory twice, as lists of {byte offset in a tensor, weight}: by
 * output unit and tap for the forward pass, by input unit, class and tap for the backward pass.
 */

import type { Network } from "@phew/core";
import { recordArray, records } from "@phew/engine";
import { planeOf } from "../../plane.ts";
import type { Fixed } from "../model/fixed.ts";
import type { KeptWeights } from "../model/keptWeights.ts";
import { type Border, type ClassShape, KernelTaps } from "../model/kernelTaps.ts";
import { VolumeTaps } from "../model/volumeTaps.ts";
import type { Geometry } from "./geometry.ts";
import type { SparseChoice } from "./kernelChoice.ts";
import { type EntryList, LayerRegions } from "./layerRegions.ts";
import { backwardGroups, forwardGroups, groupRecords, type PixelGroup } from "./pixelGroups.ts";
import { Region } from "./region.ts";
import { backwardVolumeGroups, forwardVolumeGroups } from "./volumeGroups.ts";

/** Data of the kernels that work pixel by pixel, for one direction. */
export interface PixelTables {
  readonly groups: Region;
  readonly groupCount: number;
  /** u32[units · taps + 1] */
  readonly starts: Region;
  readonly taps: number;
}

/** Inputs of one unit that meet their weights at the same places. */
export interface PlaceClass extends ClassShape {
  /** Index of the unit among those that are stored. */
  readonly unit: number;
  readonly entryCount: number;
}

export class SparseLayer extends LayerRegions {
  readonly kernel = "rows";
  readonly entryLists: readonly EntryList[];
  readonly kernels: SparseChoice;
  /** Index into the kept weights of each entry. */
  readonly forwardOrder: Fixed<Uint32Array>;
  readonly order: Fixed<Uint32Array>;
  readonly classes: readonly PlaceClass[];
  /** Where they lead depends on the tensors: {@link forwardOffsets} and its like, written by program/compile.ts. */
  readonly forwardEntries: Region;
  readonly backwardEntries: Region;
  readonly orderRegion: Region;
  readonly classRegion: Region;
  /** Start of each row of the backward pass: for dense layers, by stored input unit. */
  readonly backwardStartRegion: Region;
  /** If a direction works pixel by pixel. */
  readonly forwardPixels: PixelTables | undefined;
  readonly backwardPixels: PixelTables | undefined;
  readonly taps: KernelTaps | VolumeTaps;

  constructor(network: Network, node: number, weights: KeptWeights, kernels: SparseChoice) {
    super(weights);
    const { inputs, shape } = network.nodes[node]!;
    const input = planeOf(network.nodes[inputs[0]!]!.shape);
    const output = planeOf(shape);
    this.kernels = kernels;
    const { op } = weights;
    this.taps =
      op.kind === "conv3d"
        ? new VolumeTaps(op, network, node)
        : new KernelTaps(op, input.height, input.width);
    const { count, inUnits, outUnits, unit, tap } = weights;
    const { placeByClass } = this.taps;
    const taps = placeByClass.length;
    const byOutput = sorted(weights.outPlaces(), tap, outUnits, taps);
    const tapByClass = new Uint16Array(count);
    for (let k = 0; k < count; k++) tapByClass[k] = placeByClass[tap[k]!]!;
    const byInput = sorted(unit, tapByClass, inUnits, taps);
    this.forwardOrder = byOutput.order;
    this.order = byInput.order;
    this.classes = this.classesOf(byInput.starts);
    this.forwardEntries = new Region("weights", 8 * count);
    this.backwardEntries = new Region("weights", 8 * count);
    this.entryLists = [
      { entries: this.forwardEntries, order: this.forwardOrder },
      { entries: this.backwardEntries, order: this.order },
    ];
    this.orderRegion = new Region("weights", 4 * count, { initial: () => this.#forwardPlaces() });
    this.classRegion = new Region("weights", 20 * this.classes.length);
    this.backwardStartRegion = new Region("weights", 4 * (inUnits + 1), {
      initial: () => byInput.starts.filter((_, row) => row % taps === 0),
    });
    const groups = groupsOf(this.taps, kernels, input, output);
    if (groups.forward !== undefined) this.forwardPixels = pixelTables(groups.forward, byOutput.starts, taps);
    if (groups.backward !== undefined)
      this.backwardPixels = pixelTables(groups.backward, byInput.starts, taps);
    Object.freeze(this);
  }

  /** Columns of the input from one output to the next. */
  get strideX(): number {
    return this.taps.stride[1];
  }

  /** Zeros around the input that the forward pass reads. */
  get inputBorder(): Border {
    return this.taps.inputBorder;
  }

  /** Zeros around the output's gradient that the backward pass reads. */
  gradientBorder(outHeight: number, outWidth: number): Border {
    return this.taps.gradientBorder(outHeight, outWidth);
  }

  /** Entries of the way forward without their weights: from an output's own place in the input. */
  forwardOffsets({ unitBytes, rowBytes, pixelBytes }: Geometry): Uint32Array {
    const { rowShift, columnShift } = this.taps;
    const tapBytes = rowShift.map((row, tap) => row * rowBytes + columnShift[tap]! * pixelBytes);
    const { unit, tap, count } = this.weights;
    const entries = new Uint32Array(2 * count);
    for (let f = 0; f < count; f++) {
      const k = this.forwardOrder[f]!;
      entries[2 * f] = unit[k]! * unitBytes + tapBytes[tap[k]!]!;
    }
    return entries;
  }

  /** The same of the way back: from the first place of a class, the output that the weight carries it to. */
  backwardOffsets(gradient: Geometry): Uint32Array {
    const { tap, count } = this.weights;
    const entries = new Uint32Array(2 * count);
    const tapBytes = this.outTapBytes(gradient);
    const outOf = this.weights.outPlaces();
    for (let b = 0; b < count; b++) {
      const k = this.order[b]!;
      entries[2 * b] = outOf[k]! * gradient.unitBytes + tapBytes[tap[k]!]!;
    }
    return entries;
  }

  /** By tap: from the first place of a class to the output that the tap carries it to. */
  outTapBytes({ rowBytes, pixelBytes }: Geometry): number[] {
    const { outRow, outColumn } = this.taps;
    return outRow.map((row, tap) => row * rowBytes + outColumn[tap]! * pixelBytes);
  }

  /** placeClass records. @param x of the input @param dx of its gradient */
  classRecords(x: Geometry, dx: Geometry, classes = this.classes): Uint32Array {
    return recordArray(
      records.placeClass,
      classes.map(({ unit, firstRow, firstColumn, rows, columns, entryCount }) => ({
        entryCount,
        // without columns there is nothing to walk, and no place to start from
        rows: columns === 0 ? 0 : rows,
        columns,
        inputOffset: unit * x.unitBytes + firstRow * x.rowBytes + firstColumn * x.pixelBytes,
        gradientOffset: unit * dx.unitBytes + firstRow * dx.rowBytes + firstColumn * dx.pixelBytes,
      })),
    );
  }

  /** Inputs of each unit by the remainder of their place by the stride. @param starts by unit and tap by class */
  classesOf(starts: Uint32Array): readonly PlaceClass[] {
    const { classOf, classShapes } = this.taps;
    // taps of a class are numbered one after another
    const tapCounts = classShapes.map((_, index) => classOf.filter((of) => of === index).length);
    const classes: PlaceClass[] = [];
    for (let unit = 0, row = 0; unit < this.weights.inUnits; unit++) {
      for (const [index, shape] of classShapes.entries()) {
        const end = row + tapCounts[index]!;
        classes.push({ unit, entryCount: starts[end]! - starts[row]!, ...shape });
        row = end;
      }
    }
    return classes;
  }

  /** For each entry of the backward pass, its index among those of the forward pass. */
  #forwardPlaces(): Uint32Array {
    const { count } = this.weights;
    const place = new Uint32Array(count);
    for (let f = 0; f < count; f++) place[this.forwardOrder[f]!] = f;
    const result = new Uint32Array(count);
    for (let b = 0; b < count; b++) result[b] = place[this.order[b]!]!;
    return result;
  }
}

/**
 * Weights by unit and tap, within these in the order of the parameter.
 * @returns index of each, and where those of a unit and tap start: [units · taps + 1]
 */
function sorted(unit: Fixed<Uint32Array>, tap: Fixed<Uint16Array>, unitCount: number, tapCount: number) {
  const starts = new Uint32Array(unitCount * tapCount + 1);
  for (let k = 0; k < unit.length; k++) starts[unit[k]! * tapCount + tap[k]! + 1]!++;
  for (let row = 0; row < unitCount * tapCount; row++) starts[row + 1]! += starts[row]!;
  const next = starts.slice();
  const order = new Uint32Array(unit.length);
  for (let k = 0; k < unit.length; k++) order[next[unit[k]! * tapCount + tap[k]!]!++] = k;
  return { order, starts };
}

/** Groups of places, for the directions that work pixel by pixel. */
function groupsOf(
  taps: KernelTaps | VolumeTaps,
  { forward, backward }: SparseChoice,
  input: ReturnType<typeof planeOf>,
  output: ReturnType<typeof planeOf>,
) {
  if (taps instanceof VolumeTaps)
    return { forward: forwardVolumeGroups(taps), backward: backwardVolumeGroups(taps) };
  return {
    forward: forward === "pixels" ? forwardGroups(taps, input, output) : undefined,
    backward: backward === "pixels" ? backwardGroups(taps, output) : undefined,
  };
}

function pixelTables(groups: readonly PixelGroup[], starts: Uint32Array, taps: number): PixelTables {
  const words = groupRecords(groups);
  return {
    groups: new Region("program", words.byteLength, { initial: () => words }),
    groupCount: groups.length,
    starts: new Region("weights", starts.byteLength, { initial: () => starts }),
    taps,
  };
}
