/**
 * Walks needed for a density, for progress bars:
 *   expected conserved(t) = Σ_layers Σ_e 1 − (1 − p_e)^t ≈ Σ_layers n · mean_e(1 − exp(−t · p_e)),   p_e = visits · b_e / Σ b
 * with b the biased weights (kernel norms with whole kernels), `visits` the share of walks that pass the layer, and the
 * mean over a sample of the layer's own weights. All units of a layer are taken to be visited alike.
 */
import { requireWhole } from "./errors.ts";
import { checkOptions } from "./walkOptions.ts";
import type { WalkLayer, WalkOptions, WalkPlan } from "./walkPlan.ts";
import { type Segment, type Wiring, wire } from "./wiring.ts";

/** Weights sampled per layer, in whole kernels. */
const SAMPLE = 4096;
/** No estimate beyond: such walks end in no time. */
const MOST_WALKS = 2 ** 60;

/** A layer as the estimate sees it: edges in groups that are conserved together. */
interface LayerSample {
  /** Probability per walk of each sampled weight or kernel. */
  readonly probability: Float64Array;
  /** Edges that each sampled one stands for. */
  readonly edgesEach: number;
}

/** What walks will have conserved, foretold from a sample of the weights; nothing is walked. */
export class WalkExpectation {
  readonly #samples: readonly LayerSample[];
  readonly #edgeCount: number;

  /** @throws EngineError for an option that is not usable */
  constructor(plan: WalkPlan, options: WalkOptions) {
    checkOptions(options);
    const visits = visitsPerWalk(plan, wire(plan), options);
    this.#samples = plan.layers.map((layer, l) => sampleLayer(layer, options, visits[l]!));
    this.#edgeCount = plan.edgeCount;
  }

  /**
   * @param walkCount from 0, Infinity too
   * @returns edges conserved of each layer of the plan, not rounded
   */
  layersAfter(walkCount: number): Float64Array {
    return Float64Array.from(this.#samples, ({ probability, edgesEach }) => {
      let edges = 0;
      // exp is several times faster than expm1, and exact enough: p is far above 1e-16
      for (const p of probability) edges += p === 0 ? 0 : 1 - Math.exp(-walkCount * p);
      return edgesEach * edges;
    });
  }

  /**
   * @param keepCount 0 … plan.edgeCount
   * @returns estimated number of walks until keepCount edges are conserved, at random weights within about a tenth, or,
   *   with bias inverse, whose few greatest shares no sample foretells, within a factor of 2; Infinity where the sample
   *   has too few weights of probability above 0
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
    let [edges, slope] = [0, 0];
    for (const { probability, edgesEach } of this.#samples) {
      for (const p of probability) {
        const missed = Math.exp(-walkCount * p);
        edges += edgesEach * (1 - missed);
        slope += edgesEach * p * missed;
      }
    }
    return { edges, slope };
  }
}

/** Walks expected for keepCount edges; see {@link WalkExpectation.walksFor}. */
export function walksExpected(plan: WalkPlan, options: WalkOptions, keepCount: number): number {
  return new WalkExpectation(plan, options).walksFor(keepCount);
}

/**
 * Share of the walks that pass each layer, by the branches alone: at a fork each way is taken equally, and all units of a
 * layer are taken to be visited alike. @returns one a layer of the plan, 0 … 1
 */
export function layerVisits(plan: WalkPlan, options: Pick<WalkOptions, "direction">): Float64Array {
  return visitsPerWalk(plan, wire(plan), options);
}

function sampleLayer(layer: WalkLayer, options: WalkOptions, visits: number): LayerSample {
  const { weight, kernelSize } = layer;
  const kernelCount = weight.length / kernelSize;
  const sampled = Math.min(Math.ceil(SAMPLE / kernelSize), kernelCount);
  const whole = options.granularity === "kernel";
  const shares = new Float64Array(whole ? sampled : sampled * kernelSize);
  for (let s = 0; s < sampled; s++) {
    const first = Math.floor((s * kernelCount) / sampled) * kernelSize;
    for (let k = 0; k < kernelSize; k++) {
      shares[whole ? s : s * kernelSize + k]! += biasedWeight(weight[first + k]!, options.bias);
    }
  }
  const total = shares.reduce((sum, share) => sum + share, 0);
  const scale = visits * (sampled / kernelCount);
  return {
    probability: shares.map((share) => (total > 0 ? (share / total) * scale : scale / shares.length)),
    edgesEach: weight.length / shares.length,
  };
}

function biasedWeight(weight: number, bias: WalkOptions["bias"]): number {
  if (bias === "magnitude") return Math.abs(weight);
  if (bias === "square") return weight * weight;
  return bias === "uniform" ? 1 : 1 / (Math.abs(weight) + 1e-5);
}

/** Share of the walks that pass each layer: the mean of both directions where they alternate. */
function visitsPerWalk(
  plan: WalkPlan,
  wiring: Wiring,
  options: Pick<WalkOptions, "direction">,
): Float64Array {
  const { direction } = options;
  if (direction === "forward") return flow(plan, wiring, true);
  if (direction === "backward") return flow(plan, wiring, false);
  const backward = flow(plan, wiring, false);
  return flow(plan, wiring, true).map((visits, l) => (visits + backward[l]!) / 2);
}

function flow(plan: WalkPlan, wiring: Wiring, forward: boolean): Float64Array {
  const layerCount = plan.layers.length;
  const visits = new Float64Array(layerCount + 2);
  visits[forward ? 0 : layerCount + 1] = 1;
  for (let step = 0; step <= layerCount; step++) {
    const node = forward ? step : layerCount + 1 - step;
    const segments = forward ? wiring.forward[node]! : wiring.backward[node]!;
    const unitCount = segments.reduce((count, segment) => count + segment.unitCount, 0);
    for (const segment of segments) passOn(segment, unitCount, visits[node]!, visits, forward);
  }
  return visits.slice(1, layerCount + 1);
}

function passOn(
  { unitCount, links }: Segment,
  nodeUnitCount: number,
  nodeVisits: number,
  visits: Float64Array,
  forward: boolean,
): void {
  const each = (nodeVisits * unitCount) / nodeUnitCount / links.length;
  for (const link of links) visits[(forward ? link.to : link.from) + 1]! += each;
}
