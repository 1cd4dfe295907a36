/** The outputs of a model from any source. */
import { isLoose } from "@phew/core";
import type { ExportableModel } from "./exportForm.ts";
import type { ModelOutput } from "./joinOutputs.ts";

/** For a network of the zoo its only one. */
export function modelOutputs(model: ExportableModel): readonly ModelOutput[] {
  if (model.format === "onnx") return model.onnx.onnx.outputs;
  if (model.format === "tfjs") return model.tfjs.outputs;
  const { nodes, output, outputShape } = model.network;
  if (isLoose(model.network)) return [];
  return [{ name: undefined, node: nodes[output]!.name, shape: outputShape, softmaxes: [], start: 0 }];
}

/** Outputs of the file that are not the network's, since another was chosen. */
export function otherOutputs(model: ExportableModel): readonly string[] {
  if (model.format === "onnx") return model.onnx.onnx.otherOutputs;
  return model.format === "tfjs" ? model.tfjs.otherOutputs : [];
}
