/** A run of its input's units. */
import type { Pass } from "../pass.ts";
import { NO_UNIT, unitPairs } from "../unitPairs.ts";
import type { Lowering, OperationOf } from "./lowering.ts";

/** For every stored unit of the run, where it stands among the stored units of the input. */
function run(pass: Pass, index: number, start: number): number[] {
  const input = pass.model.stored[pass.node(index).inputs[0]!]!;
  return [...pass.model.stored[index]!].map((unit) => input.indexOf(start + unit));
}

export const slice: Lowering<OperationOf<"slice">> = {
  forward(pass, index, op) {
    const output = pass.newTensor(index);
    const from = run(pass, index, op.start);
    pass.draft.emit(
      "copyUnits",
      {
        input: pass.read(pass.node(index).inputs[0]!),
        output,
        pairs: pass.table(unitPairs(from)),
        pairCount: from.length,
      },
      pass.label(index, "other"),
    );
    pass.write(index, output);
  },

  backward(pass, index, op) {
    const gradient = pass.gradientOf(index);
    if (gradient === undefined) return;
    const target = pass.receive(pass.node(index).inputs[0]!);
    if (target === undefined) return;
    const from = new Uint32Array(target.tensor.units).fill(NO_UNIT);
    for (const [unit, place] of run(pass, index, op.start).entries()) from[place] = unit;
    pass.copyUnits(gradient, target, from, pass.label(index, "other"));
  },
};
