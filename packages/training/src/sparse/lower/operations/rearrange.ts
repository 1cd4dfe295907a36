/** Elements that change units and positions: gathered forward, scattered backward, by one table. */
import { elementsMoved } from "@phew/core";
import { NO_UNIT } from "@phew/engine";
import type { Region } from "../../plan/region.ts";
import type { Pass } from "../pass.ts";
import type { PlannedTensor } from "../tensor.ts";
import type { Lowering, OperationOf } from "./lowering.ts";

type Rearrange = OperationOf<"rearrange">;

/** For every pixel of the stored units of the value, the stored unit of the input, row and column. */
function tableOf(pass: Pass, index: number, op: Rearrange, input: PlannedTensor): Region {
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

export const rearrange: Lowering<Rearrange> = {
  overwritable: false,
  tangent: "linear",
  forward(pass, index, op) {
    const input = pass.read(pass.source(index));
    const output = pass.newTensor(index);
    const places = tableOf(pass, index, op, input);
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
    const places = tableOf(pass, index, op, output);
    pass.draft.emit("rearrange", pass.label(index, "other"), {
      input: gradient,
      output,
      places,
      scatter: true,
      accumulate,
    });
  },
};
