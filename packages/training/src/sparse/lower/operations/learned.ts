/** A trained value that is the same for every example. */
import { Region } from "../../plan/region.ts";
import type { Pass } from "../pass.ts";
import type { Lowering, OperationOf } from "./lowering.ts";
import { descend } from "./weights.ts";

/** Writes the elements at `offsets` for every example. */
function write(pass: Pass, index: number, offsets: Region): void {
  const output = pass.newTensor(index);
  pass.draft.emit("affine", pass.label(index, "other"), { output, offsets, byPlace: true });
  pass.write(index, output);
}

export const learned: Lowering<OperationOf<"learned">> = {
  overwritable: true,
  forward(pass, index, op) {
    write(pass, index, pass.parameter(op.value)!.values);
  },

  backward(pass, index, op) {
    const first = pass.gradientOf(index);
    if (first === undefined) return;
    const parameter = pass.parameter(op.value)!;
    const bytes = 8 * pass.plan.blocks * parameter.units.length;
    const partial = new Region("gradients", bytes, { temporary: true });
    pass.draft.emit("elementProducts", pass.label(index, "other"), { first, partial });
    descend(pass, index, parameter, { partial, elementBytes: 8, factor: parameter.trained });
  },

  tangent: {
    forward(pass, index, op) {
      write(pass, index, pass.direction.units(pass.parameter(op.value)!));
    },
    backward: "linear",
  },
};
