/**
 * Sums over paths, by one image of ones through the network in which every parameter is its magnitude (power 1)
 * or its square (power 2) and every activation passes values on:
 *   R = Σ outputs;   ∂R/∂θ' for each transformed parameter θ'.
 * Without biases batch normalisation is a factor of each path, scale / √(variance + ε), and is transformed as a whole;
 * with biases its parameters are transformed one by one: of power 1 all four are taken by magnitude, running mean and
 * variance too, as the published SynFlow code does with the whole state; of power 2 scale and shift are squared while
 * mean and variance stay as they are, as in the published SynFlow-L2, which transforms what is trained.
 * Power 2 without biases: Σ_e ∂R/∂θ²_e is the path kernel trace (Gebhart, Saxena & Schrater, arXiv:2101.10552).
 * Power 1 with biases: θ·∂R/∂|θ| are the scores of SynFlow (Tanaka et al., arXiv:2006.05467).
 * float64 throughout: R of ResNet-50 is about 1e71, of ResNet-152 1e220. Values beyond 2^±256 are kept as multiples of
 * a power of two, node by node, so that neither they nor gradients overflow or vanish in networks of any depth.
 * Cost: three multiply-adds for each kept weight and output position; memory: all values of one image, float64, and
 * 8 bytes a weight of the largest layer while `visit` runs. Positions that are equal are counted and kept once, from
 * node to node and on the way back: see operations/repeats.ts.
 */
import type { Masks } from "../masks/masks.ts";
import type { Network, Node } from "../network/network.ts";
import { elementCount, type PathSumInputs } from "../operations/definition.ts";
import { definitionOf } from "../operations/registry.ts";
import {
  allRepeated,
  coarsened,
  NO_REPEATS,
  type PlaneRepeats,
  type RepeatsThrough,
  refined,
  withoutRepeats,
} from "../operations/repeats.ts";
import type { Weights } from "../weights/weights.ts";
import { numberOf, type Wide, wide } from "./wide.ts";

export interface PathSumOptions {
  /** 1: magnitudes; 2: squares. */
  readonly power: 1 | 2;
  /** True: biases, shifts and means take part. Default false: paths alone. */
  readonly biases?: boolean;
  /** Removed weights count as 0 and get no gradient. */
  readonly masks?: Masks;
  /**
   * Called for each parameter, last layer first, with ∂R/∂θ' = gradient · 2^exponent; the array is not kept. The
   * exponent is 0 but where the network's sums come near the limits of float64.
   */
  readonly visit?: (parameter: string, gradient: Float64Array, exponent: number) => void;
}

/** @returns R, the sum of all outputs; 0 or Infinity where float64 does not hold it, see {@link widePathSums} */
export function pathSums(network: Network, weights: Weights, options: PathSumOptions): number {
  return numberOf(widePathSums(network, weights, options));
}

/** The same of any size; where a running mean makes it negative, its magnitude. */
export function widePathSums(network: Network, weights: Weights, options: PathSumOptions): Wide {
  const { power, masks, visit } = options;
  const biases = options.biases ?? false;
  const parameterOf = new Map(network.parameters.map((parameter) => [parameter.name, parameter]));
  const maskOf = new Map(masks?.network.prunable.map((parameter) => [parameter.name, masks.of(parameter)]));

  const weight = (name: string) => weights.get(name)!;
  const kept = (name: string) => maskOf.get(name);
  // weights are where sums grow and shrink: what other nodes do to them waits until the next weights
  const weighted = new Set(network.prunable.map(({ node }) => node));
  const scaled = (index: number, sums: Scaled) => (weighted.has(index) ? rescaled(sums) : sums);
  const through = repeatsThrough(network);
  const value: Scaled[] = [];
  /** What a node reads, brought to one exponent. */
  const given = (index: number): PathSumInputs & { readonly exponent: number } => {
    const node = network.nodes[index]!;
    let highest = Number.NEGATIVE_INFINITY;
    for (const input of node.inputs) highest = Math.max(highest, value[input]!.exponent);
    const low = highest < LEAST_EXPONENT && biases && addsSomething(weights, node);
    const exponent = low ? LEAST_EXPONENT : highest;
    const theta = (name: string): Float64Array => {
      const { trained, added } = parameterOf.get(name)!;
      const asItIs = power === 2 && !trained;
      // what is added to a value is measured as it is
      const measure = biases && added ? 2 ** -exponent : 1;
      const values = new Float64Array(weight(name));
      for (let k = 0; k < values.length; k++) {
        const w = values[k]!;
        // the measure may be infinite where all is 0
        if (w !== 0) values[k] = measure * (asItIs ? w : power === 1 ? Math.abs(w) : w * w);
      }
      return values;
    };
    const read = through[index]!.inputs;
    const shapes = node.inputs.map((input) => network.nodes[input]!.shape);
    return {
      inputs: node.inputs.map((input, k) =>
        refined(at(exponent, value[input]!), shapes[k]!, through[input]!.output, read[k]!),
      ),
      inputShapes: shapes.map((shape, k) => withoutRepeats(shape, read[k]!)),
      outputShape: withoutRepeats(node.shape, through[index]!.output),
      power,
      weight,
      theta,
      kept,
      biases,
      exponent,
    };
  };
  for (const [index, node] of network.nodes.entries()) {
    if (node.inputs.length === 0) {
      const length = elementCount(withoutRepeats(node.shape, through[index]!.output));
      value[index] = { values: new Float64Array(length).fill(1), exponent: 0 };
      continue;
    }
    const read = given(index);
    const values = definitionOf(node.op).pathForward(node.op, read);
    value[index] = scaled(index, { values, exponent: read.exponent });
  }
  const output = value[network.output]!;
  const repeats = through[network.output]!.output;
  const outputs = refined(output.values, network.outputShape, repeats, NO_REPEATS);
  const total = wide(Math.abs(outputs.reduce((sum, y) => sum + y, 0)), output.exponent);
  if (visit === undefined) return total;

  const gradient: (Scaled | undefined)[] = [];
  const ones = new Float64Array(outputs.length).fill(1);
  gradient[network.output] = {
    values: coarsened(ones, network.outputShape, repeats, NO_REPEATS),
    exponent: 0,
  };
  for (let index = network.nodes.length - 1; index >= 0; index--) {
    const node = network.nodes[index]!;
    const here = gradient[index];
    if (here === undefined || node.inputs.length === 0) continue;
    const read = given(index);
    const back = definitionOf(node.op).pathBackward(node.op, read, value[index]!.values, here.values);
    for (const [name, parameterGradient] of back.parameters) {
      const { added } = parameterOf.get(name)!;
      visit(name, parameterGradient, here.exponent + (added ? 0 : read.exponent));
    }
    for (const [k, input] of node.inputs.entries()) {
      const { shape } = network.nodes[input]!;
      const own = coarsened(back.inputs[k]!, shape, through[input]!.output, through[index]!.inputs[k]!);
      const share = scaled(index, { values: own, exponent: here.exponent });
      const sum = gradient[input];
      gradient[input] = sum === undefined ? share : sumOf(sum, share);
    }
    gradient[index] = undefined;
  }
  return total;
}

/** What each node need not compute, as it equals something that is computed, for an image of ones. */
function repeatsThrough({ nodes }: Network): readonly RepeatsThrough[] {
  const through: RepeatsThrough[] = [];
  for (const { op, inputs, shape } of nodes) {
    const given: PlaneRepeats[] = inputs.map((input) => through[input]!.output);
    if (inputs.length === 0) through.push({ inputs: [], output: allRepeated(shape) });
    else {
      const all = { inputs: given.map(() => NO_REPEATS), output: NO_REPEATS };
      through.push(definitionOf(op).repeats?.(op, given, shape) ?? all);
    }
  }
  return through;
}

/** values · 2^exponent. */
interface Scaled {
  readonly values: Float64Array;
  readonly exponent: number;
}

// so far from the limits of float64 that one layer more, and a product of value and gradient, stay within
const FAR = 2 ** 256;
// where something is added that is not 0: it is measured in 2^exponent too, and must not overflow
const LEAST_EXPONENT = -512;

function addsSomething(weights: Weights, { parameters }: Node): boolean {
  return parameters.some(({ name, added }) => added && weights.get(name)!.some((b) => b !== 0));
}

/** The same with a greatest magnitude between 1 and 2 where it was beyond 2^±256; exact. */
function rescaled({ values, exponent }: Scaled): Scaled {
  let most = 0;
  for (let k = 0; k < values.length; k++) {
    const size = Math.abs(values[k]!);
    if (size > most) most = size;
  }
  if (most === 0 || (most <= FAR && most >= 1 / FAR)) return { values, exponent };
  const higher = exponent + Math.floor(Math.log2(most));
  return { values: at(higher, { values, exponent }), exponent: higher };
}

/** Values as multiples of 2^exponent. */
function at(exponent: number, { values, exponent: own }: Scaled): Float64Array {
  if (own === exponent) return values;
  const factor = 2 ** (own - exponent);
  return values.map((x) => x * factor);
}

function sumOf(a: Scaled, b: Scaled): Scaled {
  const exponent = Math.max(a.exponent, b.exponent);
  const values = at(exponent, a).slice();
  const other = at(exponent, b);
  for (let k = 0; k < values.length; k++) values[k]! += other[k]!;
  return { values, exponent };
}
