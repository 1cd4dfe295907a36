/** The batch is in memory image by image, input by input; this arranges it in lanes. */
import { inputStart } from "../../../inputs.ts";
import { Place } from "../../plan/region.ts";
import type { Lowering, OperationOf } from "./lowering.ts";

export const input: Lowering<OperationOf<"input">> = {
  overwritable: false,
  tangent: "linear",
  forward(pass, index) {
    const tensor = pass.newTensor(index);
    const { network, lanes, blocks } = pass.plan;
    const { images: all } = pass.exchange;
    const isOnly = network.inputs.length === 1;
    const images = isOnly ? all : new Place(all, 4 * lanes * blocks * inputStart(network, index));
    pass.draft.emit("loadImages", pass.label(index, "transfer"), { tensor, images });
    pass.write(index, tensor);
  },
  backward() {},
};
