/** Padding, slices and resizing of positions: sums over positions by tables, and by the transposed tables backward. */
import { type AxisTerms, planeTerms, transposedTerms } from "@phew/core";
import type { Pass } from "../pass.ts";
import type { Lowering, OperationOf } from "./lowering.ts";

type Resample = OperationOf<"resample">;

/** u32[length + 1] of starts, then {u32 position, f32 factor}[] in the same words. */
export function tableOf({ places }: AxisTerms): Uint32Array {
  const terms = places.flat();
  const table = new Uint32Array(places.length + 1 + 2 * terms.length);
  const factors = new Float32Array(table.buffer);
  let start = 0;
  for (const [p, own] of places.entries()) {
    table[p] = start;
    start += own.length;
  }
  table[places.length] = start;
  for (const [k, [at, factor]] of terms.entries()) {
    table[places.length + 1 + 2 * k] = at;
    factors[places.length + 2 + 2 * k] = factor;
  }
  return table;
}

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
