/**
 * Applies weights of one file to the network of another: a state dict to the ONNX file that was exported from its
 * module. The ONNX file's factors and offsets of a weight are applied to the state dict's too; other constants, such
 * as that factor or the slope of an activation, must be equal in both files.
 */
import { ArgumentError, type Weights } from "@phew/core";
import { type ExportableModel, isOnFile } from "./exportForm.ts";
import { copiesIn, inModuleLayout } from "./moduleLayout.ts";
import { folded } from "./onnx/importGraph.ts";
import type { ModelParts } from "./onnx/parts.ts";
import { isFloat, tensorOf } from "./onnx/tensors.ts";
import { type Tensors, toFloat32 } from "./tensor.ts";
import { pickWeights, readOwnTensors } from "./weightsFile.ts";

/**
 * @param check receives the names of the tensors that are not parameters of the network, before missing ones are
 * reported
 * @returns the weights, and what was extracted from what, one sentence each
 * @throws ArgumentError if the file is not valid, a tensor is missing or of another shape, or a constant of the
 * network
 *   has another value in the file
 */
export async function readWeightsInto(
  path: string,
  model: ExportableModel,
  check: (others: readonly string[]) => void = () => undefined,
): Promise<{ weights: Weights; notes: readonly string[] }> {
  const { network } = model;
  const names = network.parameters.map(({ name }) => name);
  const copies = copiesIn(model);
  const onFile = names.filter((name) => isOnFile(model, name) && !copies.has(name));
  const { tensors, notes } = await readOwnTensors(path, network, onFile);
  const own = new Set(names);
  check([...tensors.keys()].filter((name) => !own.has(name)));
  if (model.format !== "onnx") return { weights: pickWeights(network, tensors, path), notes };

  const { parameters, parts, externalData } = model.onnx.onnx;
  requireSameConstants(path, tensors, own, parts, externalData);
  const all = new Map(tensors);
  for (const [copy, name] of copies) {
    const tensor = tensors.get(name);
    if (tensor !== undefined && !all.has(copy)) all.set(copy, tensor);
  }
  const complete = new Map(inModuleLayout(model, all));
  for (const { name, shape } of network.parameters) {
    if (complete.has(name) || isOnFile(model, name)) continue;
    const values = model.weights.get(name)!;
    const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    complete.set(name, { dtype: "F32", shape, data });
  }
  const weights = new Map(pickWeights(network, complete, path));
  for (const [name, source] of parameters)
    if (all.has(name)) weights.set(name, folded(source, weights.get(name)!));
  return { weights, notes };
}

/** The factors, slopes and the like of an ONNX file, which are in the state dict under the same names. */
function requireSameConstants(
  path: string,
  tensors: Tensors,
  parameters: ReadonlySet<string>,
  parts: ModelParts,
  external: Parameters<typeof tensorOf>[1],
): void {
  for (const [name, tensor] of tensors) {
    const part = parts.initializers.get(name);
    if (part === undefined || parameters.has(name)) continue;
    const theirs = tensorOf(part, external);
    if (!isFloat(theirs.dtype)) continue;
    const [given, expected] = [toFloat32(tensor), toFloat32(theirs)];
    const place = expected.findIndex((value, k) => value !== given[k]);
    if (place < 0 && given.length === expected.length) continue;
    throw new ArgumentError(`${path}: tensor "${name}"`, {
      given:
        given.length === expected.length ? `${given[place]} at element ${place}` : `${given.length} elements`,
      expected: `the ${expected.length === 1 ? "value" : "values"} of ${parts.source.name} (${expected[place] ?? `${expected.length} elements`}), whose network has it as a constant and no parameter`,
      remedy: "Export the module again with these weights in it, and give that file.",
    });
  }
}
