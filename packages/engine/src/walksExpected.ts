/**
 * Expected number of kept edges after a number of walks, computed from the transition probabilities without walking.
 *   expected kept(t) = Σ_e 1 − miss_e(t),   p_e = visits of e's unit · b_e / Σ b
 * p_e is exact (see unitVisits.ts). Walks start in turn and not at random, so miss_e is less than (1 − p_e)^t if few
 * of the starts lead to e. The model has two kinds of starts with the mean and the variance of the visits: a share π
 * of them, spread evenly over the turn, from which a walk takes e with probability y = p_e / π, and the others, from
 * which none does. Then, for t walks of one direction, with x = t · π,
 *   miss_e = (1 − y)^⌊x⌋ · (1 − (x − ⌊x⌋) · y),
 * which is exp(−t · p_e) for small y; if directions alternate, the values of both are multiplied. It is exact for
 * weights at the ends of the network.
 * Layers of more than 131,072 kernels are sampled. Probabilities are stored in bins of a thirty-second of an octave,
 * so that evaluating one number of walks takes some thousand steps, whatever the size of the network.
 * Cost: some 15 nanoseconds of processor time per weight, once, 1.5 s for 100 million weights; up to a million some
 * 100 to 200.
 * Accuracy: docs/concepts.md, test/walksExpectedAccuracy.test.ts.
 */
import { requireWhole } from "./errors.ts";
import { biasedWeight, firstInput, type LayerNorms, unitVisits, type Visits } from "./unitVisits.ts";
import { checkOptions } from "./walkOptions.ts";
import type { WalkOptions, WalkPlan } from "./walkPlan.ts";

/** Kernels sampled in a layer. */
const SAMPLE = 2 ** 17;
/** Beyond this there is no estimate: the walks practically never end. */
const MOST_WALKS = 1e300;
/** Below this, a start's share of walks that take an edge counts as small. */
const SMALL = 1 / 32;

/** Edges that a walk takes from some of its starts with a probability that is not small. */
interface Turns {
  readonly forward: Turn;
  readonly backward: Turn;
  readonly edges: number;
}

/** For the walks of one direction. */
interface Turn {
  /** Share of these starts among all walks: at most half if directions alternate. */
  readonly starts: number;
  /** Probability that a walk from one of these starts takes the edge. */
  readonly probability: number;
}

/** A layer's edges that are not kept yet, by their probability per walk. */
interface LayerBins {
  readonly probability: Float64Array;
  /** Number of edges in each bin; fractional if a sample represents them. */
  readonly edges: Float64Array;
  /** Edges with probabilities that are not small. */
  readonly turns: readonly Turns[];
  /** Number kept from the start. */
  readonly keptCount: number;
}

export class WalkExpectation {
  readonly #layers: readonly LayerBins[];
  readonly #edgeCount: number;

  /**
   * @param kept edges kept before the first walk, one byte each, not 0 = kept; absent: none
   * @throws EngineError for a plan or an option that is not usable
   */
  constructor(plan: WalkPlan, options: WalkOptions, kept?: Uint8Array) {
    checkOptions(options);
    const { norms, forward, backward } = unitVisits(plan, options);
    const bins = new Bins();
    this.#layers = norms.map((own, l) => binLayer(own, l, forward, backward, options, bins, kept));
    this.#edgeCount = plan.edgeCount;
  }

  /**
   * @param walkCount from 0, also Infinity
   * @returns expected kept edges of each layer of the plan, not rounded
   */
  layersAfter(walkCount: number): Float64Array {
    return Float64Array.from(this.#layers, (layer) => after(layer, walkCount).edges);
  }

  /** Expected kept edges of all layers, not rounded. @param walkCount from 0, also Infinity */
  edgesAfter(walkCount: number): number {
    return this.layersAfter(walkCount).reduce((sum, edges) => sum + edges, 0);
  }

  /**
   * @param keepCount 0 … plan.edgeCount
   * @returns estimated number of walks until keepCount edges are kept; Infinity if too few have a probability above 0
   */
  walksFor(keepCount: number): number {
    requireWhole("keepCount", keepCount, 0, this.#edgeCount);
    // Newton's method from below never overshoots: the curve is concave, so its tangent lies above it
    for (let walkCount = 0; ; ) {
      const { edges, slope } = this.#after(walkCount);
      // counts are whole: keepCount is reached in half of the cases when keepCount − 0.5 is expected
      const missing = keepCount - 0.5 - edges;
      const step = missing <= 0 ? 0 : missing / slope;
      if (step <= walkCount * 1e-3) return Math.ceil(walkCount + step);
      walkCount += step;
      if (!(walkCount <= MOST_WALKS)) return Number.POSITIVE_INFINITY;
    }
  }

  /** Expected kept edges after so many walks, and how many one more walk adds. */
  #after(walkCount: number): { edges: number; slope: number } {
    let [sum, slope] = [0, 0];
    for (const layer of this.#layers) {
      const found = after(layer, walkCount);
      sum += found.edges;
      slope += found.slope;
    }
    return { edges: sum, slope };
  }
}

function after(
  { probability, edges, turns, keptCount }: LayerBins,
  walkCount: number,
): { edges: number; slope: number } {
  let [sum, slope] = [keptCount, 0];
  for (const [k, p] of probability.entries()) {
    const found = -Math.expm1(-walkCount * p);
    sum += edges[k]! * found;
    slope += edges[k]! * p * (1 - found);
  }
  for (const { forward, backward, edges: count } of turns) {
    const [ahead, back] = [missed(forward, walkCount), missed(backward, walkCount)];
    sum += count * (1 - ahead.share * back.share);
    slope += count * (ahead.slope * back.share + back.slope * ahead.share);
  }
  return { edges: sum, slope };
}

/** Probability that no walk took the edges, and its decrease per walk. */
function missed({ starts, probability }: Turn, walkCount: number): { share: number; slope: number } {
  const visits = walkCount * starts;
  if (probability < SMALL || visits === Number.POSITIVE_INFINITY) {
    const share = Math.exp(-visits * probability || 0);
    return { share, slope: share * starts * probability };
  }
  const whole = Math.floor(visits);
  const before = (1 - probability) ** whole;
  return {
    share: before * (1 - (visits - whole) * probability),
    slope: before * starts * probability,
  };
}

/** Expected number of walks for keepCount edges; see {@link WalkExpectation.walksFor}. */
export function walksExpected(plan: WalkPlan, options: WalkOptions, keepCount: number): number {
  return new WalkExpectation(plan, options).walksFor(keepCount);
}

const number = new Float64Array(1);
const words = new Uint32Array(number.buffer);

/** Exponent of a non-negative number and the first five bits of its mantissa. */
function binOf(p: number): number {
  number[0] = p;
  return words[1]! >>> 15;
}

/** Collects positive numbers by their {@link binOf}. */
class Bins {
  readonly #count = new Float64Array(2 ** 16);
  readonly #sum = new Float64Array(2 ** 16);
  readonly #turns = new Map<string, Turns>();

  add(p: number, edges: number): void {
    if (p === 0) return;
    const bin = binOf(p);
    this.#count[bin]! += edges;
    this.#sum[bin]! += edges * p;
  }

  /**
   * Adds an edge that walks take from some starts with a large probability. @param within factor of both
   * probabilities
   */
  addTurns(ahead: Turn, back: Turn, within: number): void {
    const forward = { ...ahead, probability: ahead.probability * within };
    const backward = { ...back, probability: back.probability * within };
    const all = [forward.starts, forward.probability, backward.starts, backward.probability];
    const key = all.map(binOf).join(" ");
    const known = this.#turns.get(key);
    const mean = (a: number | undefined, b: number) =>
      a === undefined ? b : a + (b - a) / (known!.edges + 1);
    const turn = (a: Turn | undefined, b: Turn) => ({
      starts: mean(a?.starts, b.starts),
      probability: mean(a?.probability, b.probability),
    });
    this.#turns.set(key, {
      forward: turn(known?.forward, forward),
      backward: turn(known?.backward, backward),
      edges: (known?.edges ?? 0) + 1,
    });
  }

  /** Returns the mean of each bin, and clears them. @param scale factor of all numbers of edges */
  take(scale: number): Pick<LayerBins, "probability" | "edges" | "turns"> {
    const [probability, edges]: [number[], number[]] = [[], []];
    for (let bin = 0; bin < this.#count.length; bin++) {
      if (this.#count[bin] === 0) continue;
      probability.push(this.#sum[bin]! / this.#count[bin]!);
      edges.push(this.#count[bin]! * scale);
    }
    this.#count.fill(0);
    this.#sum.fill(0);
    const turns = [...this.#turns.values()].map((turn) => ({ ...turn, edges: turn.edges * scale }));
    this.#turns.clear();
    return { probability: Float64Array.from(probability), edges: Float64Array.from(edges), turns };
  }
}

function binLayer(
  norms: LayerNorms,
  l: number,
  forward: Visits | undefined,
  backward: Visits | undefined,
  { bias, granularity }: WalkOptions,
  bins: Bins,
  kept: Uint8Array | undefined,
): LayerBins {
  const { layer, leaving, entering } = norms;
  const { weight, kernelSize, outCount, inCount, groups, firstEdge } = layer;
  const [inPerGroup, outPerGroup] = [inCount / groups, outCount / groups];
  const kernelCount = weight.length / kernelSize;
  const sampled = Math.min(SAMPLE, kernelCount);
  const walkShare = forward !== undefined && backward !== undefined ? 0.5 : 1;
  const isKept = (edge: number) => kept !== undefined && kept[edge] !== 0;
  for (let s = 0; s < sampled; s++) {
    const kernel = placeOf(s, sampled, kernelCount);
    const o = Math.floor(kernel / inPerGroup);
    const i = firstInput(layer, o) + (kernel % inPerGroup);
    const first = kernel * kernelSize;
    let norm = 0;
    for (let k = first; k < first + kernelSize; k++) norm += biasedWeight(weight[k]!, bias);
    const ahead = turnOf(forward, l, i, leaving[i]! > 0 ? norm / leaving[i]! : 1 / outPerGroup, walkShare);
    const back = turnOf(backward, l, o, entering[o]! > 0 ? norm / entering[o]! : 1 / inPerGroup, walkShare);
    const most = Math.max(ahead.probability, back.probability);
    const rate = ahead.starts * ahead.probability + back.starts * back.probability;
    for (let k = first; k < first + kernelSize; k++) {
      if (isKept(firstEdge + k)) continue;
      const within =
        granularity === "kernel" ? 1 : norm > 0 ? biasedWeight(weight[k]!, bias) / norm : 1 / kernelSize;
      if (most * within < SMALL) bins.add(rate * within, 1);
      else bins.addTurns(ahead, back, within);
    }
  }
  const keptCount = kept === undefined ? 0 : countKept(kept, firstEdge, weight.length);
  return { ...bins.take(kernelCount / sampled), keptCount };
}

const NO_TURN: Turn = { starts: 0, probability: 0 };

/** @param share of the walks at the unit that take the kernel */
function turnOf(visits: Visits | undefined, l: number, unit: number, share: number, walkShare: number): Turn {
  if (visits === undefined) return NO_TURN;
  const mean = visits.mean[l]![unit]!;
  if (mean === 0) return NO_TURN;
  // visits per walk from the starts that lead there; rounding may exceed 1
  const each = Math.min(1, mean + visits.variance[l]![unit]! / mean);
  return { starts: (walkShare * mean) / each, probability: each * share };
}

/** The kernel sampled as number s: spread so that the sample does not align with rows. */
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
