/**
 * What walks will have conserved, foretold from the transition probabilities; nothing is walked.
 *   expected conserved(t) = Σ_e 1 − (1 − p_e)^t ≈ Σ_e 1 − exp(−t · p_e),   p_e = visits of e's unit · b_e / Σ b
 * p_e is exact (see unitVisits.ts) and the mean of both directions where they alternate; of layers of more than
 * 131,072 kernels a sample is looked at. Probabilities are kept in bins of a thirty-second of an octave, so that one look
 * at a number of walks costs some thousand steps, whatever the size of the network.
 * Cost: some 14 nanoseconds of processor time a weight, once: 1.4 s for 100 million weights.
 */
import { requireWhole } from "./errors.ts";
import { biasedWeight, firstInput, type LayerNorms, unitVisits } from "./unitVisits.ts";
import { checkOptions } from "./walkOptions.ts";
import type { WalkOptions, WalkPlan } from "./walkPlan.ts";

/** Kernels looked at in a layer. */
const SAMPLE = 2 ** 17;
/** No estimate beyond: such walks end in no time. */
const MOST_WALKS = 1e300;

/** A layer's edges that are not conserved yet, by their probability per walk. */
interface LayerBins {
  readonly probability: Float64Array;
  /** Number of edges of each; not whole where a sample stands for them. */
  readonly edges: Float64Array;
  /** Conserved from the start. */
  readonly keptCount: number;
}

export class WalkExpectation {
  readonly #layers: readonly LayerBins[];
  readonly #edgeCount: number;

  /**
   * @param kept edges conserved before the first walk, one byte each, not 0 = conserved; absent where there are none
   * @throws EngineError for a plan or an option that is not usable
   */
  constructor(plan: WalkPlan, options: WalkOptions, kept?: Uint8Array) {
    checkOptions(options);
    const { norms, forward, backward } = unitVisits(plan, options);
    const bins = new Bins();
    this.#layers = norms.map((own, l) => binLayer(own, forward?.[l], backward?.[l], options, bins, kept));
    this.#edgeCount = plan.edgeCount;
  }

  /**
   * @param walkCount from 0, Infinity too
   * @returns edges conserved of each layer of the plan, not rounded
   */
  layersAfter(walkCount: number): Float64Array {
    return Float64Array.from(this.#layers, ({ probability, edges, keptCount }) => {
      let sum = keptCount;
      for (const [k, p] of probability.entries()) sum += edges[k]! * -Math.expm1(-walkCount * p);
      return sum;
    });
  }

  /** Edges conserved of all layers together, not rounded. @param walkCount from 0, Infinity too */
  edgesAfter(walkCount: number): number {
    return this.layersAfter(walkCount).reduce((sum, edges) => sum + edges, 0);
  }

  /**
   * @param keepCount 0 … plan.edgeCount
   * @returns estimated number of walks until keepCount edges are conserved; Infinity where too few have a probability
   *   above 0
   */
  walksFor(keepCount: number): number {
    requireWhole("keepCount", keepCount, 0, this.#edgeCount);
    // Newton from below never oversteps, since ever fewer edges are new: the tangent lies above the curve
    for (let walkCount = 0; ; ) {
      const { edges, slope } = this.#after(walkCount);
      const missing = keepCount - edges;
      const step = missing / slope;
      if (missing < 0.5 || step <= walkCount * 1e-3) return Math.ceil(walkCount + Math.max(0, step));
      walkCount += step;
      if (!(walkCount <= MOST_WALKS)) return Number.POSITIVE_INFINITY;
    }
  }

  /** Edges conserved after so many walks, and how many one more adds. */
  #after(walkCount: number): { edges: number; slope: number } {
    let [sum, slope] = [0, 0];
    for (const { probability, edges, keptCount } of this.#layers) {
      sum += keptCount;
      for (const [k, p] of probability.entries()) {
        const found = -Math.expm1(-walkCount * p);
        sum += edges[k]! * found;
        slope += edges[k]! * p * (1 - found);
      }
    }
    return { edges: sum, slope };
  }
}

/** Walks expected for keepCount edges; see {@link WalkExpectation.walksFor}. */
export function walksExpected(plan: WalkPlan, options: WalkOptions, keepCount: number): number {
  return new WalkExpectation(plan, options).walksFor(keepCount);
}

/** Numbers of any size above 0 by their exponent and the first five bits behind it. */
class Bins {
  readonly #number = new Float64Array(1);
  readonly #words = new Uint32Array(this.#number.buffer);
  readonly #count = new Float64Array(2 ** 16);
  readonly #sum = new Float64Array(2 ** 16);

  add(p: number, edges: number): void {
    if (p === 0) return;
    this.#number[0] = p;
    const bin = this.#words[1]! >>> 15;
    this.#count[bin]! += edges;
    this.#sum[bin]! += edges * p;
  }

  /** What was added, the mean of each bin; and forgets it. @param scale that all numbers of edges are multiplied by */
  take(scale: number): Pick<LayerBins, "probability" | "edges"> {
    const [probability, edges]: [number[], number[]] = [[], []];
    for (let bin = 0; bin < this.#count.length; bin++) {
      if (this.#count[bin] === 0) continue;
      probability.push(this.#sum[bin]! / this.#count[bin]!);
      edges.push(this.#count[bin]! * scale);
    }
    this.#count.fill(0);
    this.#sum.fill(0);
    return { probability: Float64Array.from(probability), edges: Float64Array.from(edges) };
  }
}

function binLayer(
  norms: LayerNorms,
  forward: Float64Array | undefined,
  backward: Float64Array | undefined,
  { bias, granularity }: WalkOptions,
  bins: Bins,
  kept: Uint8Array | undefined,
): LayerBins {
  const { layer, leaving, entering } = norms;
  const { weight, kernelSize, outCount, inCount, groups, firstEdge } = layer;
  const [inPerGroup, outPerGroup] = [inCount / groups, outCount / groups];
  const kernelCount = weight.length / kernelSize;
  const sampled = Math.min(SAMPLE, kernelCount);
  const both = forward !== undefined && backward !== undefined ? 0.5 : 1;
  const isKept = (edge: number) => kept !== undefined && kept[edge] !== 0;
  for (let s = 0; s < sampled; s++) {
    const kernel = placeOf(s, sampled, kernelCount);
    const o = Math.floor(kernel / inPerGroup);
    const i = firstInput(layer, o) + (kernel % inPerGroup);
    const first = kernel * kernelSize;
    let norm = 0;
    for (let k = first; k < first + kernelSize; k++) norm += biasedWeight(weight[k]!, bias);
    let p = 0;
    if (forward !== undefined)
      p += both * forward[i]! * (leaving[i]! > 0 ? norm / leaving[i]! : 1 / outPerGroup);
    if (backward !== undefined)
      p += both * backward[o]! * (entering[o]! > 0 ? norm / entering[o]! : 1 / inPerGroup);
    for (let k = first; k < first + kernelSize; k++) {
      if (isKept(firstEdge + k)) continue;
      const within =
        granularity === "kernel" ? 1 : norm > 0 ? biasedWeight(weight[k]!, bias) / norm : 1 / kernelSize;
      bins.add(p * within, 1);
    }
  }
  const keptCount = kept === undefined ? 0 : countKept(kept, firstEdge, weight.length);
  return { ...bins.take(kernelCount / sampled), keptCount };
}

/** The kernel that stands for the s-th part of as many as are sampled: spread so that it falls into step with no row. */
function placeOf(s: number, sampled: number, kernelCount: number): number {
  if (sampled === kernelCount) return s;
  const within = (s * 0.618_033_988_749_895) % 1;
  return Math.min(kernelCount - 1, Math.floor(((s + within) * kernelCount) / sampled));
}

function countKept(kept: Uint8Array, first: number, length: number): number {
  let count = 0;
  for (let k = first; k < first + length; k++) if (kept[k] !== 0) count++;
  return count;
}
