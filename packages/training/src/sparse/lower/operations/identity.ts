/** Passes its input on. */
import type { Lowering, OperationOf } from "./lowering.ts";

export const identity: Lowering<OperationOf<"identity">> = {
  overwritable: false,
  tangent: "linear",
  forward(pass, index) {
    pass.alias(index, pass.node(index).inputs[0]!);
  },
  backward(pass, index) {
    const gradient = pass.gradientOf(index);
    if (gradient !== undefined) pass.lend(pass.node(index).inputs[0]!, gradient);
  },
};
