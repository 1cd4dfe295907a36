/** The values of a network's parameters. */
import { ArgumentError } from "../errors.ts";
import type { Network } from "../network/network.ts";
import { elementCount } from "../operations/definition.ts";

/** Parameter name → values, float32, row-major over the parameter's shape. */
export type Weights = ReadonlyMap<string, Float32Array>;

/** A tensor as it came from a file, converted to float32. */
export interface FloatTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * Picks a network's parameters out of named tensors, shapes checked. Running statistics and batch-normalisation
 * scales that are absent stand at their initial values only if `complete` is false; weights never.
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
      given: `no tensor for ${missing.length} of the ${network.parameters.length} parameters of ${network.name} (${some}${missing.length > 5 ? ", …" : ""})`,
      expected: "one tensor for each parameter, under its name",
      remedy: `The file holds: ${[...tensors.keys()].slice(0, 5).join(", ")}${tensors.size > 5 ? ", …" : ""}.`,
    });
  }
  return weights;
}

/**
 * Every prunable weight must be a finite number: a walk along NaN goes nowhere.
 * @throws ArgumentError naming the first parameter and index that is not, or that is missing or of a wrong length
 */
export function requireFiniteWeights(network: Network, weights: Weights): void {
  for (const parameter of network.prunable) {
    const values = weights.get(parameter.name);
    if (values === undefined || values.length !== elementCount(parameter.shape)) {
      throw new ArgumentError(`layer "${parameter.name}"`, {
        given: values === undefined ? "no weights" : `${values.length} weights`,
        expected: `${parameter.length} (${parameter.shape.join(" × ")})`,
      });
    }
    for (let k = 0; k < values.length; k++) {
      if (!Number.isFinite(values[k])) {
        throw new ArgumentError(`layer "${parameter.name}", weight ${k}`, {
          given: `${values[k]}`,
          expected: "a finite number",
          remedy: "Initialise the network again, or load a checkpoint from before it diverged.",
        });
      }
    }
  }
}
