/** Mean over height and width. */
import type { Lowering, OperationOf } from "./lowering.ts";

export const globalAveragePool: Lowering<OperationOf<"globalAveragePool">> = {
  overwritable: false,
  tangent: "linear",
  forward(pass, index) {
    const plane = pass.read(pass.node(index).inputs[0]!);
    const mean = pass.newTensor(index);
    pass.draft.emit("globalAveragePool", { plane, mean }, pass.label(index, "pooling"));
    pass.write(index, mean);
  },

  backward(pass, index) {
    const mean = pass.gradientOf(index);
    if (mean === undefined) return;
    const target = pass.receive(pass.node(index).inputs[0]!);
    if (target === undefined) return;
    const fields = { plane: target.tensor, mean, accumulate: target.accumulate ? 1 : 0 };
    pass.draft.emit("globalAveragePoolBackward", fields, pass.label(index, "pooling"));
  },
};
