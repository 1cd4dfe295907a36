/** Passes its input on. */
import type { Lowering, OperationOf } from "./lowering.ts";

export const identity: Lowering<OperationOf<"identity">> = {
  overwritable: false,
  tangent: "linear",
  forward(pass, index) {
    pass.alias(index, pass.source(index));
  },
  backward(pass, index) {
    const gradient = pass.gradientOf(index);
    if (gradient !== undefined) pass.addGradient(pass.source(index), gradient);
  },
};
