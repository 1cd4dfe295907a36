/** The values of a network's parameters. */

import { ArgumentError } from "../errors.ts";
import type { Network } from "../network/network.ts";
import { counted } from "../quantity.ts";

/** Parameter name → values, float32, row-major over the parameter's shape. */
export type Weights = ReadonlyMap<string, Float32Array>;

/** A tensor from a file, converted to float32. */
export interface FloatTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * Picks a network's parameters from named tensors and checks their shapes. Absent running statistics and
 * batch-normalisation scales get their initial values if `complete` is false; absent weights are always an error.
 * @throws ArgumentError that names the missing tensors, or the tensor whose shape does not fit
 */
export function weightsFor(
  network: Network,
  tensors: ReadonlyMap<string, FloatTensor>,
  source = "weights",
): Weights {
  const weights = new Map<string, Float32Array>();
  const missing: string[] = [];
  for (const { name, shape } of network.parameters) {
    const tensor = tensors.get(name);
    if (tensor === undefined) {
      missing.push(name);
      continue;
    }
    const fits = tensor.shape.length === shape.length && tensor.shape.every((n, axis) => n === shape[axis]);
    if (!fits) {
      throw new ArgumentError(`${source}: tensor "${name}"`, {
        given: `shape [${tensor.shape.join(", ")}]`,
        expected: `[${shape.join(", ")}] for ${network.name}`,
        remedy:
          "Check that the architecture, the number of classes and the input size are those of the file.",
      });
    }
    weights.set(name, tensor.data);
  }
  if (missing.length > 0) {
    const some = missing.slice(0, 5).join(", ");
    throw new ArgumentError(source, {
      given: `no tensor for ${missing.length} of the ${counted(network.parameters.length, "parameter")} of ${network.name} (${some}${missing.length > 5 ? ", …" : ""})`,
      expected: "one tensor for each parameter, under its name",
      remedy: `The file holds: ${[...tensors.keys()].slice(0, 5).join(", ")}${tensors.size > 5 ? ", …" : ""}.`,
    });
  }
  return weights;
}

/**
 * Checks that every parameter is finite: NaN breaks walks, and a NaN in any bias spreads to all scores. Parameters
 * that are not prunable may be absent.
 * @throws ArgumentError naming the first parameter and index that is not finite, or a missing weight or one of a
 * wrong length
 */
export function requireFiniteWeights(network: Network, weights: Weights): void {
  for (const { name, shape, length } of network.prunable) {
    const values = weights.get(name);
    if (values?.length === length) continue;
    throw new ArgumentError(`layer "${name}"`, {
      given: values === undefined ? "no weights" : counted(values.length, "weight"),
      expected: `${length} (${shape.join(" × ")})`,
    });
  }
  for (const { name, role, least } of network.parameters) {
    const values = weights.get(name);
    const fault = values === undefined ? -1 : firstUnusable(values, least);
    if (fault < 0) continue;
    throw new ArgumentError(`layer "${name}", ${role} ${fault}`, {
      given: `${values![fault]}`,
      expected: least === undefined ? "a finite number" : `a finite number of at least ${least}`,
      remedy: "Initialise the network again, or load a checkpoint from before it diverged.",
    });
  }
}

/** Index of the first value that is not finite or below `least`; −1 if there is none. */
export function firstUnusable(values: Float32Array, least = Number.NEGATIVE_INFINITY): number {
  for (let k = 0; k < values.length; k++) if (!(values[k]! >= least && Number.isFinite(values[k]))) return k;
  return -1;
}
