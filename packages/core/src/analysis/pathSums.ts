/**
 * Sums over paths, by one image of ones through the network in which every parameter is its magnitude (power 1)
 * or its square (power 2) and every activation passes values on:
 *   R = Σ outputs;   ∂R/∂θ' for each transformed parameter θ'.
 * Without biases batch normalisation is a factor of each path, scale / √(variance + ε), and is transformed as a whole;
 * with biases its scale and shift are, while mean and variance stay as they are (the published SynFlow code).
 * Power 2 without biases: Σ_e ∂R/∂θ²_e is the path kernel trace (Gebhart, Saxena & Schrater, arXiv:2101.10552).
 * Power 1 with biases: θ·∂R/∂|θ| are the scores of SynFlow (Tanaka et al., arXiv:2006.05467).
 * float64 throughout: R of ResNet-50 is about 1e71.
 * Cost: three multiply-adds for each kept weight and output position; memory: all values of one image, float64, and
 * 8 bytes a weight of the largest layer while `visit` runs.
 */
import type { Masks } from "../masks/masks.ts";
import type { Network } from "../network/network.ts";
import { elementCount, type PathSumInputs } from "../operations/definition.ts";
import { definitionOf } from "../operations/registry.ts";
import type { Weights } from "../weights/weights.ts";

export interface PathSumOptions {
  /** 1: magnitudes; 2: squares. */
  readonly power: 1 | 2;
  /** True: biases, shifts and means take part. Default false: paths alone. */
  readonly biases?: boolean;
  /** Removed weights count as 0 and get no gradient. */
  readonly masks?: Masks;
  /** Called for each parameter, last layer first, with ∂R/∂θ'; the array is not kept. */
  readonly visit?: (parameter: string, gradient: Float64Array) => void;
}

/** @returns R, the sum of all outputs */
export function pathSums(network: Network, weights: Weights, options: PathSumOptions): number {
  const { power, masks, visit } = options;
  const biases = options.biases ?? false;
  const roleOf = new Map(network.parameters.map((parameter) => [parameter.name, parameter.role]));
  const maskOf = new Map(masks?.network.prunable.map((parameter) => [parameter.name, masks.of(parameter)]));

  const weight = (name: string) => weights.get(name)!;
  const kept = (name: string) => maskOf.get(name);
  const theta = (name: string): Float64Array => {
    const role = roleOf.get(name);
    const asItIs = role === "mean" || role === "variance";
    return Float64Array.from(weight(name), (w) => (asItIs ? w : power === 1 ? Math.abs(w) : w * w));
  };

  const value: Float64Array[] = [];
  const given = (index: number): PathSumInputs => {
    const node = network.nodes[index]!;
    return {
      inputs: node.inputs.map((input) => value[input]!),
      inputShapes: node.inputs.map((input) => network.nodes[input]!.shape),
      outputShape: node.shape,
      power,
      weight,
      theta,
      kept,
      biases,
    };
  };
  for (const [index, node] of network.nodes.entries()) {
    value[index] =
      node.op.kind === "input"
        ? new Float64Array(elementCount(node.shape)).fill(1)
        : definitionOf(node.op).pathForward(node.op, given(index));
  }
  const total = value[network.output]!.reduce((sum, y) => sum + y, 0);
  if (visit === undefined) return total;

  const gradient: (Float64Array | undefined)[] = [];
  gradient[network.output] = new Float64Array(value[network.output]!.length).fill(1);
  for (let index = network.nodes.length - 1; index >= 0; index--) {
    const node = network.nodes[index]!;
    const outputGradient = gradient[index];
    if (outputGradient === undefined || node.op.kind === "input") continue;
    const back = definitionOf(node.op).pathBackward(node.op, given(index), value[index]!, outputGradient);
    for (const [name, parameterGradient] of back.parameters) visit(name, parameterGradient);
    for (const [k, input] of node.inputs.entries()) {
      const share = back.inputs[k]!;
      const sum = gradient[input];
      gradient[input] = sum === undefined ? share : sum.map((g, at) => g + share[at]!);
    }
    gradient[index] = undefined;
  }
  return total;
}
