/**
 * Weights beside their masks, as torch.nn.utils.prune and `--form original+masks` write them: `<parameter>_orig` and
 * `<parameter>_mask`, whose product the layer uses.
 */
import { ArgumentError, counted } from "@phew/core";
import { maskBytes } from "./maskBytes.ts";
import { zeroedTensor } from "./parameterMasks.ts";
import type { Tensors } from "./tensor.ts";
import type { NamedTensors } from "./tensorFile.ts";

const ORIGINAL = "_orig";

/** Names of the parameters that a file holds as an original and a mask. */
function prunedNames(tensors: Tensors): readonly string[] {
  return [...tensors.keys()]
    .filter((name) => name.endsWith(ORIGINAL))
    .map((name) => name.slice(0, -ORIGINAL.length))
    .filter((name) => tensors.has(`${name}_mask`));
}

/**
 * Replaces original and mask by their product under the parameter's name (zeros where the mask is 0, the original's
 * bits elsewhere), with a sentence for the user if there are any.
 * @param source for messages
 * @throws ArgumentError if a mask has another shape than its original, or other values than 0 and 1, or if the
 *   parameter is also there by itself
 */
export function withProducts(file: NamedTensors, source: string): NamedTensors {
  const pruned = prunedNames(file.tensors);
  const [first] = pruned;
  if (first === undefined) return file;
  const tensors = new Map(file.tensors);
  for (const name of pruned) {
    if (tensors.has(name)) throw ambiguous(source, name);
    const [original, mask] = [tensors.get(name + ORIGINAL)!, tensors.get(`${name}_mask`)!];
    const subject = `${source}: tensor "${name}_mask"`;
    tensors.set(name, zeroedTensor(original, maskBytes(subject, mask, original.shape)));
    tensors.delete(name + ORIGINAL);
    tensors.delete(`${name}_mask`);
  }
  const note =
    `Took ${counted(pruned.length, "parameter")} as the product of original and mask (${first}_orig, ` +
    `${first}_mask); --masks with this file takes the masks.`;
  return { ...file, tensors, notes: [...file.notes, note] };
}

/** Two values of one parameter: neither is taken by guess. */
function ambiguous(source: string, name: string): ArgumentError {
  return new ArgumentError(source, {
    given: `"${name}" by itself and as "${name}${ORIGINAL}" and "${name}_mask"`,
    expected: "one of the two, since each may have other values",
    remedy: `Save it without "${name}" where the original and its mask count, or without these two where it does.`,
  });
}
