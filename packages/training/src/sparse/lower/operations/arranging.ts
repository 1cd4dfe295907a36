/** Operations that move or repeat units and positions. */

import { elementsMoved, planeTerms, transposedTerms } from "@phew/core";
import { NO_UNIT } from "@phew/engine";
import { planeOf } from "../../../plane.ts";
import { Region } from "../../plan/region.ts";
import type { Pass } from "../pass.ts";
import type { PlannedTensor } from "../tensor.ts";
import type { Lowering, OperationOf } from "./lowering.ts";
import { tableOf } from "./termTable.ts";

/** Every place of every channel becomes a unit. On planes of one pixel nothing is to be done. */
export const flatten: Lowering<OperationOf<"flatten">> = {
  overwritable: false,
  tangent: "linear",
  forward(pass, index) {
    const source = pass.source(index);
    if (placeCount(pass, source) === 1) return pass.alias(index, source);
    const plane = pass.read(source);
    const output = pass.newTensor(index);
    const offsets = offsetTable(pass, index, plane);
    pass.draft.emit("flatten", pass.label(index, "other"), { plane, places: output, offsets });
    pass.write(index, output);
  },

  backward(pass, index) {
    const source = pass.source(index);
    const gradient = pass.gradientOf(index);
    if (gradient === undefined) return;
    if (placeCount(pass, source) === 1) return pass.addGradient(source, gradient);
    const target = pass.receive(source);
    if (target === undefined) return;
    pass.draft.emit("flattenBackward", pass.label(index, "other"), {
      plane: target.tensor,
      places: gradient,
      offsets: offsetTable(pass, index, target.tensor),
      accumulate: target.accumulate,
    });
  },
};

function placeCount(pass: Pass, source: number): number {
  const { height, width } = planeOf(pass.node(source).shape);
  return height * width;
}

/** Bytes from the plane's block to the pixel of each stored unit. */
function offsetTable(pass: Pass, index: number, plane: PlannedTensor): Region {
  const source = pass.source(index);
  const units = pass.plan.stored[index]!;
  const placeOf = new Map([...pass.plan.stored[source]!].map((unit, k) => [unit, k]));
  const perUnit = placeCount(pass, source);
  return new Region("program", 4 * units.length, {
    initial: () => {
      const { unitBytes, rowBytes, pixelBytes } = plane.geometry(pass.plan.lanes);
      return Uint32Array.from(units, (unit) => {
        const channel = placeOf.get(Math.floor(unit / perUnit));
        if (channel === undefined) return NO_UNIT;
        const place = unit % perUnit;
        const row = Math.floor(place / plane.width);
        return channel * unitBytes + row * rowBytes + (place % plane.width) * pixelBytes;
      });
    },
  });
}

/** For every stored unit of the stack, which stored unit of one of its inputs it is. */
function stack(pass: Pass, index: number): { input: number; unit: number }[] {
  const { inputs } = pass.node(index);
  const owner = inputs.flatMap((input) => {
    const place = new Map([...pass.plan.stored[input]!].map((unit, k) => [unit, k]));
    const count = pass.node(input).shape[0]!;
    return Array.from({ length: count }, (_, unit) => ({ input, unit: place.get(unit) ?? NO_UNIT }));
  });
  // one value may occur twice: its positions are distinguished by the input's index
  const position = inputs.flatMap((input, k) => new Array<number>(pass.node(input).shape[0]!).fill(k));
  return [...pass.plan.stored[index]!].map((unit) => ({ input: position[unit]!, unit: owner[unit]!.unit }));
}

/** Concatenates the units of its inputs; units of an input that are not stored are 0 in the result. */
export const concat: Lowering<OperationOf<"concat">> = {
  overwritable: false,
  tangent: "linear",
  forward(pass, index) {
    const output = pass.newTensor(index);
    const places = stack(pass, index);
    for (const [k, source] of pass.node(index).inputs.entries()) {
      const first = places.findIndex(({ input }) => input === k);
      if (first < 0) continue;
      const from = places.filter(({ input }) => input === k).map(({ unit }) => unit);
      const target = { tensor: output, accumulate: false };
      pass.copyUnits(pass.read(source), target, from, pass.label(index, "other"), first);
    }
    pass.write(index, output);
  },

  backward(pass, index) {
    const gradient = pass.gradientOf(index);
    if (gradient === undefined) return;
    const places = stack(pass, index);
    for (const [k, source] of pass.node(index).inputs.entries()) {
      const target = pass.receive(source);
      if (target === undefined) continue;
      const from = new Uint32Array(target.tensor.units).fill(NO_UNIT);
      for (const [unit, place] of places.entries())
        if (place.input === k && place.unit !== NO_UNIT) from[place.unit] = unit;
      pass.copyUnits(gradient, target, from, pass.label(index, "other"));
    }
  },
};

/** For every stored unit of the selection, its index among the stored units of the input, or NO_UNIT for zeros. */
function places(pass: Pass, index: number, taken: readonly number[]): number[] {
  const input = pass.plan.stored[pass.source(index)]!;
  const placeOf = new Map(Array.from(input, (unit, place) => [unit, place]));
  return Array.from(pass.plan.stored[index]!, (unit) =>
    taken[unit]! < 0 ? NO_UNIT : placeOf.get(taken[unit]!)!,
  );
}

/** Some of its input's units by their index. */
export const select: Lowering<OperationOf<"select">> = {
  overwritable: false,
  tangent: "linear",
  forward(pass, index, op) {
    const output = pass.newTensor(index);
    const target = { tensor: output, accumulate: false };
    const from = places(pass, index, op.index);
    pass.copyUnits(pass.read(pass.source(index)), target, from, pass.label(index, "other"));
    pass.write(index, output);
  },

  backward(pass, index, op) {
    const gradient = pass.gradientOf(index);
    if (gradient === undefined) return;
    const target = pass.receive(pass.source(index));
    if (target === undefined) return;
    for (const [round, from] of rounds(places(pass, index, op.index), target.tensor.units).entries()) {
      const into = round === 0 ? target : { ...target, accumulate: true };
      pass.copyUnits(gradient, into, from, pass.label(index, "other"));
    }
  },
};

/** For every unit of the input one position in the output; further positions in further rounds. */
function rounds(placeOf: readonly number[], unitCount: number): Uint32Array[] {
  const found = [new Uint32Array(unitCount).fill(NO_UNIT)];
  const metCount = new Uint32Array(unitCount);
  for (const [unit, place] of placeOf.entries()) {
    if (place === NO_UNIT) continue;
    const round = metCount[place]!++;
    found[round] ??= new Uint32Array(unitCount).fill(NO_UNIT);
    found[round]![place] = unit;
  }
  return found;
}

type Rearrange = OperationOf<"rearrange">;

/** For every pixel of the stored units of the value, the stored unit of the input, row and column. */
function sourceTable(pass: Pass, index: number, op: Rearrange, input: PlannedTensor): Region {
  const placeOf = new Map(Array.from(pass.plan.stored[pass.source(index)]!, (unit, place) => [unit, place]));
  const inPlane = input.height * input.width;
  const [, ...places] = op.shape;
  const plane = places.reduce((product, length) => product * length, 1);
  const moved = elementsMoved(op);
  const stored = pass.plan.stored[index]!;
  const table = new Uint32Array(3 * stored.length * plane);
  let at = 0;
  for (const unit of stored) {
    for (let e = unit * plane; e < (unit + 1) * plane; e++) {
      const position = moved[e]! % inPlane;
      table[at++] = placeOf.get(Math.floor(moved[e]! / inPlane)) ?? NO_UNIT;
      table[at++] = Math.floor(position / input.width);
      table[at++] = position % input.width;
    }
  }
  return pass.table(table);
}

/** Elements that change units and positions: gathered forward, scattered backward, by one table. */
export const rearrange: Lowering<Rearrange> = {
  overwritable: false,
  tangent: "linear",
  forward(pass, index, op) {
    const input = pass.read(pass.source(index));
    const output = pass.newTensor(index);
    const places = sourceTable(pass, index, op, input);
    const label = pass.label(index, "other");
    pass.draft.emit("rearrange", label, { input, output, places, scatter: false, accumulate: false });
    pass.write(index, output);
  },

  backward(pass, index, op) {
    const gradient = pass.gradientOf(index);
    if (gradient === undefined) return;
    const target = pass.receive(pass.source(index));
    if (target === undefined) return;
    const { tensor: output, accumulate } = target;
    const places = sourceTable(pass, index, op, output);
    pass.draft.emit("rearrange", pass.label(index, "other"), {
      input: gradient,
      output,
      places,
      scatter: true,
      accumulate,
    });
  },
};

type Resample = OperationOf<"resample">;

function forward(pass: Pass, index: number, op: Resample, fill: number): void {
  const source = pass.source(index);
  const { rows, columns } = planeTerms(op);
  const output = pass.newTensor(index);
  pass.draft.emit("resample", pass.label(index, "other"), {
    input: pass.read(source),
    output,
    rows: pass.table(tableOf(rows)),
    columns: pass.table(tableOf(columns)),
    fill,
    accumulate: false,
  });
  pass.write(index, output);
}

/** Padding, slices and resizing of positions: sums over positions by tables, and by the transposed tables backward. */
export const resample: Lowering<Resample> = {
  overwritable: true,
  forward: (pass, index, op) => forward(pass, index, op, op.fill),

  backward(pass, index, op) {
    const gradient = pass.gradientOf(index);
    if (gradient === undefined) return;
    const source = pass.source(index);
    const target = pass.receive(source);
    if (target === undefined) return;
    const { rows, columns } = planeTerms(op);
    pass.draft.emit("resample", pass.label(index, "other"), {
      input: gradient,
      output: target.tensor,
      rows: pass.table(tableOf(transposedTerms(rows))),
      columns: pass.table(tableOf(transposedTerms(columns))),
      fill: 0,
      accumulate: target.accumulate,
    });
  },

  tangent: {
    /** y˙ = R·x˙·Cᵀ: what empty positions hold is constant */
    forward: (pass, index, op) => forward(pass, index, op, 0),
    backward: "linear",
  },
};
