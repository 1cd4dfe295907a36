/** The outputs of a model, whatever it was read from. */
import type { ExportableModel } from "./exportForm.ts";
import type { ModelOutput } from "./joinOutputs.ts";

/** Of a network of the zoo the one that it has. */
export function modelOutputs(model: ExportableModel): readonly ModelOutput[] {
  if (model.format === "onnx") return model.onnx.onnx.outputs;
  if (model.format === "tfjs") return model.tfjs.outputs;
  const { nodes, output, outputShape } = model.network;
  return [{ name: undefined, node: nodes[output]!.name, shape: outputShape, softmaxes: [], start: 0 }];
}

/** Outputs of the file that the network does not lead to, since another was asked for. */
export function otherOutputs(model: ExportableModel): readonly string[] {
  if (model.format === "onnx") return model.onnx.onnx.otherOutputs;
  return model.format === "tfjs" ? model.tfjs.otherOutputs : [];
}
