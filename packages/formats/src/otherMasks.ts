/**
 * Masks of parameters that are not prunable, such as biases, as torch.nn.utils.prune makes them. Our masks cover
 * prunable weights, and set biases and normalisation of dead units to 0; further masks of a file are applied to the
 * weights, or rejected.
 */
import { ArgumentError, type Masks, maskedParameters, type Weights } from "@phew/core";
import type { ExportableModel } from "./exportForm.ts";
import { maskBytes } from "./maskBytes.ts";
import { folded } from "./onnx/importGraph.ts";
import { normalisationsIn } from "./parameterMasks.ts";
import { safeElementCount, type Tensors } from "./tensor.ts";

/** Parameter that is not prunable → one byte an element, 0 = must be 0. */
export type OtherMasks = ReadonlyMap<string, Uint8Array>;

/**
 * Masks that remove more than the parameters of dead units.
 * @param tensors `<parameter>_mask` for each that has one, among others; of any shape with the parameter's elements
 * @param source for messages
 * @throws ArgumentError if a mask has another number of elements, or other values than 0 and 1
 */
export function otherMasks(masks: Masks, tensors: Tensors, source: string): OtherMasks {
  const { parameters, prunable } = masks.network;
  const own = new Set(prunable.map(({ name }) => name));
  const silent = new Map(maskedParameters(masks));
  // replaces a scale that is not in the file; see parameterMasks
  for (const { scale, mean } of normalisationsIn(masks.network)) {
    const mask = silent.get(scale);
    if (mask !== undefined) silent.set(mean, mask);
  }
  const others = new Map<string, Uint8Array>();
  for (const { name, shape } of parameters) {
    const tensor = own.has(name) ? undefined : tensors.get(`${name}_mask`);
    if (tensor === undefined) continue;
    // a free parameter may have axes of 1 more in its module
    const isSame = safeElementCount(tensor.shape) === safeElementCount(shape);
    const subject = `${source}: tensor "${name}_mask"`;
    const mask = maskBytes(subject, isSame ? { ...tensor, shape } : tensor, shape);
    const known = silent.get(name);
    if (mask.some((kept, k) => kept === 0 && known?.[k] !== 0)) others.set(name, mask);
  }
  return others;
}

/**
 * The weights with these masks applied, before the factor and offset that the file applies to a parameter.
 * @returns `weights` itself if nothing changes
 */
export function withOtherMasks(model: ExportableModel, weights: Weights, others: OtherMasks): Weights {
  const masked = new Map(weights);
  let isChanged = false;
  for (const [name, mask] of others) {
    const values = weights.get(name)!;
    const source = model.format === "onnx" ? model.onnx.onnx.parameters.get(name) : undefined;
    const zeros = new Float32Array(values.length);
    const removed = source === undefined ? zeros : folded(source, zeros);
    const own = values.map((value, k) => (mask[k] === 0 ? removed[k]! : value));
    if (own.every((value, k) => value === values[k])) continue;
    masked.set(name, own);
    isChanged = true;
  }
  return isChanged ? masked : weights;
}

/** A sentence for users who compute with them. @param source the file of masks */
export function otherMasksNote(others: OtherMasks, source: string): string {
  return (
    `${source} masks ${some(others)} too, beside weights: they are 0 there, but masks here are of weights alone, so that ` +
    "training would not keep them at 0."
  );
}

/**
 * Error if the weights are unknown, or are not 0 there, or if the masks are to be kept. @param source the file of
 * masks
 */
export function otherMasksRefused(others: OtherMasks, source: string): ArgumentError {
  return new ArgumentError(source, {
    given: `masks of ${some(others)}, which remove more than dead units have`,
    expected: "masks of the weights of convolutions and dense layers, the only ones that are kept here",
    remedy:
      'Put them into the parameters before saving (prune.remove(module, "bias")), and prune and train from that file, which has zeros there.',
  });
}

function some(others: OtherMasks): string {
  const names = [...others.keys()];
  return names.slice(0, 5).join(", ") + (names.length > 5 ? `, and ${names.length - 5} more` : "");
}
