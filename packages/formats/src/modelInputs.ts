/** The inputs of a model from any source. */
import type { ExportableModel } from "./exportForm.ts";
import type { ModelInput } from "./modelInput.ts";

/** In the order of `network.inputs`. */
export function modelInputs(model: ExportableModel): readonly ModelInput[] {
  if (model.format === "onnx") return model.onnx.onnx.inputs;
  const { nodes, inputs } = model.network;
  return inputs.map((input) => ({ name: undefined, shape: nodes[input]!.shape }));
}
