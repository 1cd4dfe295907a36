/** Dropout: in training a hash decides, both ways alike; otherwise values pass. */
import { randomU32 } from "@phew/engine";
import type { Pass, Target } from "../pass.ts";
import type { PlannedTensor } from "../tensor.ts";
import type { Lowering, OperationOf } from "./lowering.ts";

/** Random numbers of the executors are streams of the seed above this. */
const DROPOUT_STREAM = 2 ** 51;

export const dropout: Lowering<OperationOf<"dropout">> = {
  overwritable: false,
  tangent: "linear",
  forward(pass, index, op) {
    const source = pass.source(index);
    if (passes(pass, op)) return pass.alias(index, source);
    const output = pass.newTensor(index);
    drop(pass, index, op, pass.read(source), { tensor: output, accumulate: false });
    pass.write(index, output);
  },

  backward(pass, index, op) {
    const source = pass.source(index);
    const gradient = pass.gradientOf(index);
    if (gradient === undefined) return;
    if (passes(pass, op)) return pass.addGradient(source, gradient);
    const target = pass.receive(source);
    if (target !== undefined) drop(pass, index, op, gradient, target);
  },
};

const passes = (pass: Pass, { rate }: OperationOf<"dropout">): boolean =>
  pass.mode !== "training" || rate === 0;

function drop(
  pass: Pass,
  index: number,
  { rate }: OperationOf<"dropout">,
  input: PlannedTensor,
  { tensor, accumulate }: Target,
): void {
  const units = pass.plan.stored[index]!;
  const unitCount = pass.node(index).shape[0]!;
  pass.draft.emit("dropout", pass.label(index, "other"), {
    input,
    output: tensor,
    unitNumbers: units.length === unitCount ? undefined : pass.table(units),
    unitCount,
    key: randomU32(pass.seed, DROPOUT_STREAM, index),
    threshold: Math.round(rate * 2 ** 24),
    factor: 1 / (1 - rate),
    accumulate,
  });
}
