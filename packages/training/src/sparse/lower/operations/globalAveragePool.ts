/** Mean over height and width. */
import type { Lowering, OperationOf } from "./lowering.ts";

export const globalAveragePool: Lowering<OperationOf<"globalAveragePool">> = {
  overwritable: false,
  tangent: "linear",
  forward(pass, index) {
    const plane = pass.read(pass.source(index));
    const mean = pass.newTensor(index);
    pass.draft.emit("globalAveragePool", pass.label(index, "pooling"), { plane, mean });
    pass.write(index, mean);
  },

  backward(pass, index) {
    const mean = pass.gradientOf(index);
    if (mean === undefined) return;
    const target = pass.receive(pass.source(index));
    if (target === undefined) return;
    const fields = { plane: target.tensor, mean, accumulate: target.accumulate };
    pass.draft.emit("globalAveragePoolBackward", pass.label(index, "pooling"), fields);
  },
};
