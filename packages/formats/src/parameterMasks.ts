/** The masks of all parameters: those of the prunable weights, and what silences dead units. */
import { type Masks, maskedParameters, type Network } from "@phew/core";
import { ELEMENT_BYTES, type Tensor } from "./tensor.ts";

/**
 * One byte an element, 0 = must be 0: every prunable parameter, and the biases, scales and shifts of dead units.
 * @param isOnFile false for a batch-normalisation scale that a file leaves out because it is 1: the running mean takes
 *   its place, since nothing but the mean and the shift then gives a dead unit an output
 */
export function parameterMasks(
  masks: Masks,
  isOnFile: (parameter: string) => boolean = () => true,
): Map<string, Uint8Array> {
  const all = new Map(masks.network.prunable.map((parameter) => [parameter.name, masks.of(parameter)]));
  const silent = maskedParameters(masks);
  for (const [name, mask] of silent) if (isOnFile(name)) all.set(name, mask);
  for (const { scale, mean } of normalisationsIn(masks.network)) {
    const mask = isOnFile(scale) ? undefined : silent.get(scale);
    if (mask !== undefined) all.set(mean, mask);
  }
  return all;
}

/** Names of the scale and of the running mean that is taken away before it, of every operation that has both. */
export function normalisationsIn({ nodes }: Network): { readonly scale: string; readonly mean: string }[] {
  return nodes.flatMap(({ parameters }) => {
    const [scale, mean] = (["scale", "mean"] as const).map(
      (wanted) => parameters.find(({ role }) => role === wanted)?.name,
    );
    return scale === undefined || mean === undefined ? [] : [{ scale, mean }];
  });
}

/**
 * Metadata for loaders: the normalisations of the network. If the loader's model has one that is not listed, it was
 * folded on export. A JSON list of the running means' names; absent if the network has none.
 */
export function normalisationsOf(network: Network): { normalisations?: string } {
  const means = normalisationsIn(network).map(({ mean }) => mean);
  return means.length === 0 ? {} : { normalisations: JSON.stringify(means) };
}

/** A copy with zeros for the elements whose mask is 0; the bits of others are unchanged. */
export function zeroedTensor(tensor: Tensor, mask: Uint8Array): Tensor {
  const width = ELEMENT_BYTES[tensor.dtype];
  // a Buffer's slice would be the same memory
  const data = new Uint8Array(tensor.data);
  for (let k = 0; k < mask.length; k++) if (mask[k] === 0) data.fill(0, k * width, (k + 1) * width);
  return { ...tensor, data };
}
