/**
 * Trace of the neural tangent kernel over examples and outputs, for the trained parameters:
 *   Tr Θ = Σ_i Σ_k |∂f_k(x_i)/∂θ|²   (Jacot et al. 2018, arXiv:1806.07572), f the logits, running statistics.
 * Exact (one gradient for each i and k), or an unbiased estimate (Hutchinson 1990): with independent random signs
 * s_i, v_k = ±1,
 *   E |Σ_i Σ_k s_i·v_k·∂f_k(x_i)/∂θ|² = Tr Θ.
 * The differentiator takes gradients of a loss, not of logits. So a layer with the two outputs v·f and −v·f is
 * appended, and the cross-entropy is taken at a temperature T so high that it is linear in them:
 *   ∂/∂f of −log softmax_y((v·f, −v·f) / T) = ∓v / T · (1 + O(|v·f| / T)),   minus for class 0, plus for class 1,
 * so that the class chooses the sign of an example.
 */
import { Random } from "@phew/engine";
import type { Batch } from "../differentiation.ts";
import { ArgumentError } from "../errors.ts";
import { Masks } from "../masks/masks.ts";
import { buildNetwork, type Network } from "../network/network.ts";
import type { Weights } from "../weights/weights.ts";
import { type Examples, squaredLength } from "./gradientNorms.ts";

export interface NtkTrace {
  readonly trace: number;
  /** The part of the trace due to kept prunable weights; the rest is due to biases and batch normalisation. */
  readonly weightTrace: number;
  /** Standard error of an estimate; 0 if exact. */
  readonly standardError: number;
  readonly exact: boolean;
  /** Number of gradients computed. */
  readonly probeCount: number;
}

export interface NtkTraceOptions {
  /** Compute exactly if examples × outputs are at most this many; default 32. */
  readonly exactUpTo?: number | undefined;
  /** Gradients for an estimate, at least 2; default 16. */
  readonly probeCount?: number | undefined;
  /** Seed of the signs. */
  readonly seed?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called after each gradient. @param fraction done, 0 … 1 */
  readonly onProgress?: ((fraction: number) => void) | undefined;
}

const TEMPERATURE = 1e8;
/** Random streams of the signs; methods and checks use lower ones. */
const SIGN_STREAM = 2 ** 42;

/**
 * @throws ArgumentError if the output is not a vector of logits, or as {@link Examples.differentiator}; signal.reason
 */
export async function ntkTrace(
  weights: Weights,
  masks: Masks,
  examples: Examples,
  options: NtkTraceOptions = {},
): Promise<NtkTrace> {
  const { exactUpTo = 32, probeCount = 16, seed = 0, onProgress } = options;
  const { batch } = examples;
  const outputCount = logitCount(masks.network);
  const probed = withProbe(masks);
  const measure = async (one: Batch, signs: Float32Array): Promise<Lengths> => {
    options.signal?.throwIfAborted();
    const { gradients } = await examples.differentiator.gradients({
      network: probed.masks.network,
      weights: new Map(weights).set(probed.weight, Float32Array.from([...signs, ...signs.map((v) => -v)])),
      masks: probed.masks,
      batches: [one],
      statistics: "running",
      temperature: TEMPERATURE,
      signal: options.signal,
    });
    // the loss is a mean over examples
    return lengths(gradients, probed, TEMPERATURE * one.count);
  };

  const found: Lengths[] = [];
  const exact = batch.count * outputCount <= exactUpTo;
  const total = exact ? batch.count * outputCount : Math.max(2, probeCount);
  const random = new Random(seed, SIGN_STREAM);
  const sign = () => 1 - 2 * (random.nextU32() >>> 31);
  for (let probe = 0; probe < total; probe++) {
    const [i, k] = [Math.floor(probe / outputCount), probe % outputCount];
    const signs = new Float32Array(outputCount);
    if (exact) signs[k] = 1;
    else for (let j = 0; j < outputCount; j++) signs[j] = sign();
    const one = exact
      ? exampleOf(batch, i)
      : { ...batch, y: Int32Array.from({ length: batch.count }, () => (sign() + 1) / 2) };
    found.push(await measure(one, signs));
    onProgress?.((probe + 1) / total);
  }
  const sum = (key: keyof Lengths) => found.reduce((all, lengthsOf) => all + lengthsOf[key], 0);
  if (exact) {
    return { trace: sum("all"), weightTrace: sum("weights"), standardError: 0, exact, probeCount: total };
  }
  const trace = sum("all") / total;
  const variance = found.reduce((all, one) => all + (one.all - trace) ** 2, 0) / (total - 1);
  return {
    trace,
    weightTrace: sum("weights") / total,
    standardError: Math.sqrt(variance / total),
    exact,
    probeCount: total,
  };
}

/** Squared lengths of a gradient: over all trained parameters, and over prunable weights. */
interface Lengths {
  readonly all: number;
  readonly weights: number;
}

interface Probed {
  readonly masks: Masks;
  /** Name of the last layer's weight, `[2, outputs]`. */
  readonly weight: string;
}

/** The network with a layer of two outputs appended, all of whose weights are kept. */
function withProbe(masks: Masks): Probed {
  const { network } = masks;
  const taken = new Set([...network.nodes, ...network.parameters].map(({ name }) => name));
  let name = "probe";
  while (taken.has(name) || taken.has(`${name}.weight`)) name += "_";
  const weight = `${name}.weight`;
  const specs = network.nodes.map((node) => ({
    name: node.name,
    op: node.op,
    inputs: node.inputs.map((input) => network.nodes[input]!.name),
  }));
  const last = network.nodes[network.output]!.name;
  const probe = { name, op: { kind: "dense", weight, outFeatures: 2 }, inputs: [last] } as const;
  const probed = new Masks(buildNetwork(network.name, [...specs, probe], name));
  for (const parameter of probed.network.prunable) {
    const own = masks.get(parameter.name);
    if (own === undefined) probed.of(parameter).fill(1);
    else probed.of(parameter).set(own);
  }
  return { masks: probed, weight };
}

function lengths(gradients: Weights, { masks: { network }, weight }: Probed, scale: number): Lengths {
  const prunable = new Set(network.prunable.map(({ name }) => name));
  let [all, weights] = [0, 0];
  for (const [name, gradient] of gradients) {
    if (name === weight) continue;
    const length = squaredLength(gradient) * scale * scale;
    all += length;
    if (prunable.has(name)) weights += length;
  }
  return { all, weights };
}

function exampleOf({ x, count }: Batch, i: number): Batch {
  const length = x.length / count;
  return { x: x.slice(i * length, (i + 1) * length), y: new Int32Array(1), count: 1 };
}

function logitCount({ name, outputShape }: Network): number {
  if (outputShape.length === 1) return outputShape[0]!;
  throw new ArgumentError(`network "${name}"`, {
    given: `an output of shape [${outputShape.join(", ")}]`,
    expected: "a list of logits",
  });
}
