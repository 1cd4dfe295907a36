/**
 * Sums over paths, computed by passing one image of ones through the network in which every parameter is replaced by
 * its magnitude (power 1) or its square (power 2) and every activation is the identity:
 *   R = Σ outputs;   ∂R/∂θ' for each transformed parameter θ'.
 * Without biases, batch normalisation is a factor of each path, scale / √(variance + ε), which is transformed as a
 * whole. With biases its parameters are transformed one by one: with power 1 all four by magnitude, running mean and
 * variance included, as the published SynFlow code does with the whole state; with power 2 scale and shift are
 * squared and mean and variance are unchanged, as in the published SynFlow-L2, which transforms trained parameters
 * only.
 * Power 2 without biases: Σ_e ∂R/∂θ²_e is the path kernel trace (Gebhart, Saxena & Schrater, arXiv:2101.10552).
 * Power 1 with biases: θ·∂R/∂|θ| are the scores of SynFlow (Tanaka et al., arXiv:2006.05467).
 * All sums are float64: R of ResNet-50 is about 1e71, of ResNet-152 1e220. Values beyond 2^±256 are stored per node
 * as multiples of a power of two, so that values and gradients neither overflow nor vanish at any depth.
 * Cost: three multiply-adds per kept weight and output position. Memory: all values of one image, float64, and 8
 * bytes per weight of the largest layer while `visit` runs. Equal positions are computed and stored once: see
 * operations/repeats.ts.
 */
import type { Masks } from "../masks/masks.ts";
import { type Network, type Node, sharedParameters } from "../network/network.ts";
import type { Parameter, PathSumInputs } from "../operations/definition.ts";
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
import { elementCount, type Shape } from "../operations/shape.ts";
import type { Weights } from "../weights/weights.ts";
import { numberOf, type Wide, wide } from "./wide.ts";

export interface PathSumOptions {
  /** 1: magnitudes; 2: squares. */
  readonly power: 1 | 2;
  /** True: biases, shifts and means take part. Default false: paths only. */
  readonly biases?: boolean | undefined;
  /** Removed weights count as 0 and get no gradient. */
  readonly masks?: Masks | undefined;
  /**
   * Called for each parameter, last layer first, those that layers share at the end, with ∂R/∂θ' = gradient ·
   * 2^exponent; copy the array to keep it. The
   * exponent is 0 unless the sums come near the limits of float64.
   */
  readonly visit?: ((parameter: string, gradient: Float64Array, exponent: number) => void) | undefined;
  /** Called for each layer, last layer first, with the sums that arrive at it and those that leave it. */
  readonly visitLayer?: ((layer: LayerPathSums) => void) | undefined;
}

/** Path sums at a layer: for an input of ones, without the rows and columns that repeat (see operations/repeats.ts). */
export interface LayerPathSums {
  /** Name of its weight. */
  readonly parameter: string;
  /** The layer's input, row-major over its shape: sums over the paths from the network's input. */
  readonly input: Float64Array;
  readonly inputShape: Shape;
  /** ∂R/∂output of the layer, row-major over its shape: sums over the paths to the network's output. */
  readonly gradient: Float64Array;
  readonly outputShape: Shape;
  /** Products of input and gradient count times 2^exponent. */
  readonly exponent: number;
}

/** @returns R, the sum of all outputs; 0 or Infinity outside float64's range, see {@link widePathSums} */
export function pathSums(network: Network, weights: Weights, options: PathSumOptions): number {
  return numberOf(widePathSums(network, weights, options));
}

/** The same with an unlimited exponent; the magnitude of R if running means make R negative. */
export function widePathSums(network: Network, weights: Weights, options: PathSumOptions): Wide {
  const pass = new PathPass(network, weights, options);
  const total = pass.forward();
  if (options.visit !== undefined || options.visitLayer !== undefined) pass.backward();
  return total;
}

/** One forward and one backward pass of path sums. */
class PathPass {
  readonly #network: Network;
  readonly #weights: Weights;
  readonly #options: PathSumOptions;
  readonly #parameters: ReadonlyMap<string, Parameter>;
  readonly #masks: ReadonlyMap<string, Uint8Array>;
  /** Nodes with weights. Only they rescale their inputs: other nodes change the size of sums little. */
  readonly #weighted: ReadonlySet<number>;
  readonly #through: readonly RepeatsThrough[];
  /** One value per node. */
  readonly #values: Scaled[] = [];

  constructor(network: Network, weights: Weights, options: PathSumOptions) {
    const { masks } = options;
    this.#network = network;
    this.#weights = weights;
    this.#options = options;
    this.#parameters = new Map(network.parameters.map((parameter) => [parameter.name, parameter]));
    this.#masks = new Map(masks?.network.prunable.map((parameter) => [parameter.name, masks.of(parameter)]));
    this.#weighted = new Set(network.prunable.flatMap(({ nodes }) => nodes));
    this.#through = repeatsThrough(network);
  }

  /** @returns the sum of all outputs, by magnitude */
  forward(): Wide {
    const { nodes, output, outputShape } = this.#network;
    for (const [index, node] of nodes.entries()) {
      if (node.inputs.length === 0) {
        const length = elementCount(withoutRepeats(node.shape, this.#through[index]!.output));
        this.#values[index] = { values: new Float64Array(length).fill(1), exponent: 0 };
        continue;
      }
      const read = this.#read(index);
      const values = definitionOf(node.op).pathForward(node.op, read);
      this.#values[index] = this.#scaled(index, { values, exponent: read.exponent });
    }
    const { values, exponent } = this.#values[output]!;
    const outputs = refined(values, outputShape, this.#through[output]!.output, NO_REPEATS);
    return wide(Math.abs(outputs.reduce((sum, y) => sum + y, 0)), exponent);
  }

  /** Calls the visitors with the derivatives of all parameters and layers. Call it once, after {@link forward}. */
  backward(): void {
    const { visit, visitLayer } = this.#options;
    const { nodes, output, outputShape } = this.#network;
    const gradients: (Scaled | undefined)[] = [];
    const shared = new Map<string, Scaled | undefined>(
      [...sharedParameters(this.#network)].map((name) => [name, undefined]),
    );
    const ones = new Float64Array(elementCount(outputShape)).fill(1);
    const values = coarsened(ones, outputShape, this.#through[output]!.output, NO_REPEATS);
    gradients[output] = { values, exponent: 0 };
    for (let index = nodes.length - 1; index >= 0; index--) {
      const node = nodes[index]!;
      const here = gradients[index];
      if (here === undefined || node.inputs.length === 0) continue;
      const read = this.#read(index);
      const back = definitionOf(node.op).pathBackward(
        node.op,
        read,
        this.#values[index]!.values,
        here.values,
      );
      for (const [name, values] of back.parameters) {
        const exponent = here.exponent + (this.#parameters.get(name)!.added ? 0 : read.exponent);
        if (!shared.has(name)) visit?.(name, values, exponent);
        else {
          const sum = shared.get(name);
          shared.set(
            name,
            sum === undefined ? { values: values.slice(), exponent } : sumOf(sum, { values, exponent }),
          );
        }
      }
      if (this.#weighted.has(index)) visitLayer?.(layerSums(node, read, here));
      for (const [k, input] of node.inputs.entries()) {
        const repeats = [this.#through[input]!.output, this.#through[index]!.inputs[k]!] as const;
        const own = coarsened(back.inputs[k]!, nodes[input]!.shape, ...repeats);
        const share = this.#scaled(index, { values: own, exponent: here.exponent });
        const sum = gradients[input];
        gradients[input] = sum === undefined ? share : sumOf(sum, share);
      }
      gradients[index] = undefined;
    }
    for (const [name, sum] of shared) if (sum !== undefined) visit?.(name, sum.values, sum.exponent);
  }

  /** A node's inputs, brought to one exponent. */
  #read(index: number): PathSumInputs & { readonly exponent: number } {
    const { nodes } = this.#network;
    const { power, biases = false } = this.#options;
    const node = nodes[index]!;
    const { inputs: read, output } = this.#through[index]!;
    const exponent = this.#exponentOf(node);
    const shapes = node.inputs.map((input) => nodes[input]!.shape);
    const inputs = node.inputs.map((input, k) =>
      refined(at(exponent, this.#values[input]!), shapes[k]!, this.#through[input]!.output, read[k]!),
    );
    return {
      inputs,
      inputShapes: shapes.map((shape, k) => withoutRepeats(shape, read[k]!)),
      outputShape: withoutRepeats(node.shape, output),
      power,
      weight: (name) => this.#weights.get(name)!,
      theta: (name) => this.#theta(name, exponent),
      kept: (name) => this.#masks.get(name),
      biases,
      exponent,
    };
  }

  #exponentOf(node: Node): number {
    let highest = Number.NEGATIVE_INFINITY;
    for (const input of node.inputs) highest = Math.max(highest, this.#values[input]!.exponent);
    const isLow =
      highest < LEAST_EXPONENT && this.#options.biases === true && addsSomething(this.#weights, node);
    return isLow ? LEAST_EXPONENT : highest;
  }

  /** |θ| or θ² of a parameter, divided by 2^exponent if it is added to values with this exponent. */
  #theta(name: string, exponent: number): Float64Array {
    const { power, biases } = this.#options;
    const { trained, added } = this.#parameters.get(name)!;
    const asItIs = power === 2 && !trained;
    // what is added to a value has the value's exponent
    const measure = biases && added ? 2 ** -exponent : 1;
    const values = new Float64Array(this.#weights.get(name)!);
    for (let k = 0; k < values.length; k++) {
      const w = values[k]!;
      // 0 times an infinite measure would be NaN
      if (w !== 0) values[k] = measure * (asItIs ? w : power === 1 ? Math.abs(w) : w * w);
    }
    return values;
  }

  #scaled(index: number, sums: Scaled): Scaled {
    return this.#weighted.has(index) ? rescaled(sums) : sums;
  }
}

function layerSums(
  { parameters }: Node,
  { inputs, inputShapes, outputShape, exponent }: PathSumInputs & { readonly exponent: number },
  gradient: Scaled,
): LayerPathSums {
  return {
    parameter: parameters.find(({ role }) => role === "weight")!.name,
    input: inputs[0]!,
    inputShape: inputShapes[0]!,
    gradient: gradient.values,
    outputShape,
    exponent: exponent + gradient.exponent,
  };
}

/** For an image of ones: which rows and columns of each node equal computed ones and are skipped. */
function repeatsThrough({ nodes }: Network): readonly RepeatsThrough[] {
  const through: RepeatsThrough[] = [];
  for (const { op, inputs, shape } of nodes) {
    const given: PlaneRepeats[] = inputs.map((input) => through[input]!.output);
    if (inputs.length === 0) through.push({ inputs: [], output: allRepeated(shape) });
    else {
      const all = { inputs: given.map(() => NO_REPEATS), output: NO_REPEATS };
      const shapes = inputs.map((input) => nodes[input]!.shape);
      through.push(definitionOf(op).repeats?.(op, given, shape, shapes) ?? all);
    }
  }
  return through;
}

/** values · 2^exponent. */
interface Scaled {
  readonly values: Float64Array;
  readonly exponent: number;
}

// so far from float64's limits that one more layer, and a product of value and gradient, stay within
const FAR = 2 ** 256;
// terms other than 0 are divided by 2^exponent when added, and must not overflow
const LEAST_EXPONENT = -512;

function addsSomething(weights: Weights, { parameters }: Node): boolean {
  return parameters.some(({ name, added }) => added && weights.get(name)!.some((b) => b !== 0));
}

/** The same number; if beyond 2^±256, with a greatest magnitude from 1 to 2. Exact. */
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
