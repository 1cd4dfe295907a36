/** A network's weights out of a file of named tensors, and their digest. */
import { createHash } from "node:crypto";
import { ArgumentError, type FloatTensor, type Network, type Weights, weightsFor } from "@phew/core";
import { withProducts } from "./prunedTensors.ts";
import { bytesOf, type Tensors, toFloat32 } from "./tensor.ts";
import { readTensors } from "./tensorFile.ts";

/**
 * Reads the parameters of `network` from safetensors, `.npz` or a PyTorch state dict, pruned ones as the product of
 * original and mask. Other tensors are ignored.
 * @throws ArgumentError if the file is not valid, or if a tensor is missing or of another shape
 */
export async function readWeights(path: string, network: Network): Promise<Weights> {
  return pickWeights(network, (await readOwnTensors(path, network)).tensors, path);
}

/**
 * The tensors of a file under the names of `network`, pruned ones as the product of original and mask.
 * @param names that a prefix must make match
 * @returns these, and what was extracted from what, one sentence each
 * @throws ArgumentError if the file is not valid, or if a parameter is stored as an object that only code can make a
 * tensor
 */
export async function readOwnTensors(
  path: string,
  network: Network,
  names?: readonly string[],
): Promise<{ tensors: Tensors; notes: readonly string[] }> {
  const file = withProducts(await readTensors(path), path);
  const { tensors, prefix } = ownNames(network, file.tensors, names);
  requirePlain(network, tensors, file.others, path);
  return { tensors, notes: [...file.notes, ...(prefix === "" ? [] : [`Took "${prefix}" off the names.`])] };
}

/** @throws ArgumentError if a parameter is stored as an object that only code can make a tensor */
export function requirePlain(
  network: Network,
  tensors: Tensors,
  others: ReadonlyMap<string, string> | undefined,
  source: string,
): void {
  if (others === undefined || others.size === 0) return;
  for (const { name } of network.parameters) {
    if (tensors.has(name)) continue;
    const found = [...others].find(([other]) => other === name || other.endsWith(`.${name}`));
    if (found === undefined) continue;
    throw new ArgumentError(`${source}: "${found[0]}"`, {
      given: found[1],
      expected: "a plain tensor: no code out of files is run",
      remedy: "Convert it where the model is at home, and save the state dict again.",
    });
  }
}

/** The parameters of `network` among named tensors, as float32; only these are converted. @param source for messages */
export function pickWeights(network: Network, tensors: Tensors, source: string): Weights {
  requireUnparametrized(network, tensors, source);
  const floats = new Map<string, FloatTensor>();
  for (const { name } of network.parameters) {
    const tensor = tensors.get(name);
    if (tensor !== undefined) floats.set(name, { shape: tensor.shape, data: toFloat32(tensor) });
  }
  // names alone show a reader of the message what the file holds
  const nothing = new Float32Array();
  for (const [name, { shape }] of tensors) if (!floats.has(name)) floats.set(name, { shape, data: nothing });
  return weightsFor(network, floats, source);
}

/** @throws ArgumentError if a file has, in place of a parameter, the tensors from which its module computes it */
function requireUnparametrized(network: Network, tensors: Tensors, source: string): void {
  for (const { name } of network.parameters) {
    if (tensors.has(name)) continue;
    const at = name.lastIndexOf(".") + 1;
    const parametrized = `${name.slice(0, at)}parametrizations.${name.slice(at)}.original`;
    // weight_norm and spectral_norm as they were before PyTorch had parametrizations
    const forms = [
      [parametrized],
      [`${parametrized}0`],
      [`${name}_g`, `${name}_v`],
      [`${name}_orig`, `${name}_u`],
    ];
    const found = forms.find((form) => form.every((own) => tensors.has(own)));
    if (found === undefined) continue;
    throw new ArgumentError(`${source}: "${name}"`, {
      given: `what its module computes it from (${found.join(", ")})`,
      expected: "the parameter itself",
      remedy:
        'Save the state dict after torch.nn.utils.parametrize.remove_parametrizations(module, "weight"), or remove_weight_norm or remove_spectral_norm of modules made before there were parametrizations.',
    });
  }
}

/**
 * Removes a common prefix of a file's names, such as `model.` or `module.`.
 * @param names that the file must have
 * @returns the tensors unchanged if no prefix makes all names match
 */
export function ownNames(
  network: Network,
  tensors: Tensors,
  names: readonly string[] = network.parameters.map(({ name }) => name),
): { tensors: Tensors; prefix: string } {
  const [first] = names;
  for (const name of tensors.keys()) {
    if (first === undefined || !name.endsWith(`.${first}`)) continue;
    const prefix = name.slice(0, -first.length);
    if (!names.every((own) => tensors.has(prefix + own))) continue;
    const inside = [...tensors].filter(([other]) => other.startsWith(prefix));
    return {
      tensors: new Map(inside.map(([other, tensor]) => [other.slice(prefix.length), tensor])),
      prefix,
    };
  }
  return { tensors, prefix: "" };
}

/**
 * What identifies the weights that a mask was made for: SHA-256 over the bytes of all prunable weights, float32
 * little-endian, in the order of `network.prunable`.
 * @returns `sha256:` and 64 hexadecimal digits
 */
export function digestWeights(network: Network, weights: Weights): string {
  const hash = createHash("sha256");
  for (const { name } of network.prunable) {
    const values = weights.get(name);
    if (values === undefined) {
      throw new ArgumentError(`layer "${name}"`, { given: "no weights", expected: "weights to digest" });
    }
    hash.update(bytesOf(values));
  }
  return `sha256:${hash.digest("hex")}`;
}
