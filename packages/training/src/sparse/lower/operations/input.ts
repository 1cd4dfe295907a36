/** The batch is in memory image by image; this arranges it in lanes. */
import type { Lowering, OperationOf } from "./lowering.ts";

export const input: Lowering<OperationOf<"input">> = {
  overwritable: false,
  tangent: "linear",
  forward(pass, index) {
    const tensor = pass.newTensor(index);
    pass.draft.emit("loadImages", pass.label(index, "transfer"), { tensor, images: pass.exchange.images });
    pass.write(index, tensor);
  },
  backward() {},
};
