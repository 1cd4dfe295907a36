/**
 * Expected visits of each unit per walk, from the transition probabilities: exact, weights and forks included.
 *   forward:  visits of output unit o = Σ_i visits_i · b_oi / Σ_o' b_o'i;   backward likewise, over the weights that
 *   enter
 * b are the biased weights; a unit whose weights are all 0 passes its visits on equally. Three passes over the
 * weights.
 * Walks start at the units of an end in turn. So it also matters whether a unit is visited from all starts equally or
 * from a few: the variance over starts. With random, balanced signs ε_s,
 *   variance = E (Σ_s ε_s visits_s)² / n,
 * exact if only one start leads to a unit; with up to eight starts, all are followed. One pass over the weights for
 * each of eight draws and each direction; beyond 2^20 weights, starts are followed only into their first layers.
 */
import { Forks } from "./forks.ts";
import { Random } from "./random.ts";
import { INPUT, type WalkLayer, type WalkLink, type WalkOptions, type WalkPlan } from "./walkPlan.ts";
import { type Segment, sourceUnit, wire } from "./wiring.ts";

/** Sums of biased weights of a layer's kernels. */
export interface LayerNorms {
  readonly layer: WalkLayer;
  /** Norm of each kernel of a row, `[inCount / groups]`: an array that the next call overwrites. */
  row(o: number): Float64Array;
  /** Sum of the norms that leave each input unit, and that enter each output unit. */
  readonly leaving: Float64Array;
  readonly entering: Float64Array;
}

/** Visits per walk of the units of each layer of the plan, for walks of one direction. */
export interface Visits {
  /** Mean over all starts. */
  readonly mean: readonly Float64Array[];
  /** Variance between starts. */
  readonly variance: readonly Float64Array[];
}

/** Absent for a direction without walks. */
export interface UnitVisits {
  readonly norms: readonly LayerNorms[];
  /** Of input units. */
  readonly forward: Visits | undefined;
  /** Of output units. */
  readonly backward: Visits | undefined;
}

/** Draws of signs. */
const DRAW_COUNT = 8;
/** With more weights, a pass over all for each draw takes too long. */
const MOST_FOLLOWED = 2 ** 20;

export function unitVisits(plan: WalkPlan, options: WalkOptions): UnitVisits {
  const wiring = wire(plan);
  const norms = plan.layers.map((layer) => layerNorms(layer, options.bias));
  const forks = new Forks(plan, options.branching, {
    leaving: (l, unit) => norms[l]!.leaving[unit]!,
    entering: (l, unit) => norms[l]!.entering[unit]!,
  });
  const { direction } = options;
  const visitsOf = (forward: boolean): Visits => {
    const exits = forward ? wiring.forward : wiring.backward;
    const startCount = forward ? plan.inputCount : plan.outputCount;
    const isFollowed = plan.edgeCount <= MOST_FOLLOWED;
    const from = (starts: Float64Array, far: boolean) =>
      visitsFrom(starts, plan, exits, norms, forks, forward, far);
    const mean = from(new Float64Array(startCount).fill(1 / startCount), true);
    const variance = mean.map(({ length }) => new Float64Array(length));
    for (const contrast of contrasts(startCount)) {
      for (const [l, visits] of from(contrast, isFollowed).entries())
        for (const [unit, visit] of visits.entries()) variance[l]![unit]! += visit * visit;
    }
    return { mean, variance };
  };
  return {
    norms,
    forward: direction === "backward" ? undefined : visitsOf(true),
    backward: direction === "forward" ? undefined : visitsOf(false),
  };
}

/** Weights of the starts, each set of sum 0: the squares of the resulting visits sum to the variance on average. */
function contrasts(startCount: number): Float64Array[] {
  if (startCount === 1) return [];
  if (startCount <= DRAW_COUNT) {
    return Array.from({ length: startCount }, (_, s) =>
      Float64Array.from(
        { length: startCount },
        (_, k) => (Number(k === s) - 1 / startCount) / Math.sqrt(startCount),
      ),
    );
  }
  const size = 1 / Math.sqrt(startCount * DRAW_COUNT);
  return Array.from({ length: DRAW_COUNT }, (_, draw) => {
    const random = new Random(0, draw);
    const signs = Float64Array.from({ length: startCount }, (_, s) => (s % 2 === 0 ? 1 : -1));
    for (let s = startCount - 1; s > 0; s--) {
      const other = Math.floor(random.nextFloat() * (s + 1));
      [signs[s], signs[other]] = [signs[other]!, signs[s]!];
    }
    const mean = (startCount % 2) / startCount;
    return signs.map((sign) => (sign - mean) * size);
  });
}

export function biasedWeight(weight: number, bias: WalkOptions["bias"]): number {
  if (bias === "magnitude") return Math.abs(weight);
  if (bias === "square") return weight * weight;
  return bias === "uniform" ? 1 : 1 / (Math.abs(weight) + 1e-5);
}

function layerNorms(layer: WalkLayer, bias: WalkOptions["bias"]): LayerNorms {
  const { outCount, inCount, groups, kernelSize } = layer;
  const inPerGroup = inCount / groups;
  const kernels = kernelSize === 1 ? undefined : kernelNorms(layer, bias);
  const buffer = new Float64Array(inPerGroup);
  const row = (o: number): Float64Array => {
    if (kernels !== undefined) return kernels.subarray(o * inPerGroup, (o + 1) * inPerGroup);
    biasedInto(buffer, layer.weight, o * inPerGroup, bias);
    return buffer;
  };
  const leaving = new Float64Array(inCount);
  const entering = new Float64Array(outCount);
  for (let o = 0; o < outCount; o++) {
    const norms = row(o);
    const first = firstInput(layer, o);
    let sum = 0;
    for (let i = 0; i < inPerGroup; i++) {
      leaving[first + i]! += norms[i]!;
      sum += norms[i]!;
    }
    entering[o] = sum;
  }
  return { layer, row, leaving, entering };
}

function kernelNorms({ weight, kernelSize }: WalkLayer, bias: WalkOptions["bias"]): Float64Array {
  const norms = new Float64Array(weight.length / kernelSize);
  const buffer = new Float64Array(kernelSize);
  for (let kernel = 0; kernel < norms.length; kernel++) {
    biasedInto(buffer, weight, kernel * kernelSize, bias);
    let sum = 0;
    for (let k = 0; k < kernelSize; k++) sum += buffer[k]!;
    norms[kernel] = sum;
  }
  return norms;
}

function biasedInto(
  target: Float64Array,
  weight: Float32Array,
  first: number,
  bias: WalkOptions["bias"],
): void {
  const { length } = target;
  if (bias === "magnitude") for (let k = 0; k < length; k++) target[k] = Math.abs(weight[first + k]!);
  else for (let k = 0; k < length; k++) target[k] = biasedWeight(weight[first + k]!, bias);
}

/** The first input unit of the group of output unit o. */
export function firstInput({ outCount, inCount, groups }: WalkLayer, o: number): number {
  return Math.floor(o / (outCount / groups)) * (inCount / groups);
}

/**
 * Visits of the units at which walks of a direction reach each layer.
 * @param starts how often walks start at each unit @param far whether to continue across layers
 */
function visitsFrom(
  starts: Float64Array,
  plan: WalkPlan,
  exits: readonly (readonly Segment[])[],
  norms: readonly LayerNorms[],
  forks: Forks,
  forward: boolean,
  far: boolean,
): Float64Array[] {
  const layerCount = plan.layers.length;
  const arriving = plan.layers.map((layer) => new Float64Array(forward ? layer.inCount : layer.outCount));
  leave(exits[forward ? 0 : layerCount + 1]!, starts, forks, forward, arriving);
  for (let step = 0; far && step < layerCount; step++) {
    const l = forward ? step : layerCount - 1 - step;
    const across = forward ? acrossForward : acrossBackward;
    leave(exits[l + 1]!, across(norms[l]!, arriving[l]!), forks, forward, arriving);
  }
  return arriving;
}

/** Passes the visits of a node's units on to the units that links lead to. */
function leave(
  segments: readonly Segment[],
  visits: Float64Array,
  forks: Forks,
  forward: boolean,
  arriving: readonly Float64Array[],
): void {
  const all = new Float64Array(segments.reduce((most, { links }) => Math.max(most, links.length), 0));
  for (const segment of segments) {
    const { firstUnit, unitCount, links } = segment;
    const shares = all.subarray(0, links.length);
    for (let unit = firstUnit; unit < firstUnit + unitCount; unit++) {
      if (visits[unit] === 0) continue;
      forks.sharesInto(shares, segment, unit, forward);
      const total = shares.reduce((sum, share) => sum + share, 0);
      for (const [w, link] of links.entries())
        arrive(link, unit, visits[unit]! * (shares[w]! / total), forward, arriving);
    }
  }
}

/** Nothing is counted at the ends of the network. */
function arrive(
  link: WalkLink,
  unit: number,
  visits: number,
  forward: boolean,
  arriving: readonly Float64Array[],
): void {
  const { from, to, fromStart, toStart, spread } = link;
  if (forward) {
    const units = arriving[to];
    const first = toStart + (unit - fromStart) * spread;
    if (units !== undefined) for (let k = 0; k < spread; k++) units[first + k]! += visits / spread;
  } else if (from !== INPUT) arriving[from]![sourceUnit(link, unit)]! += visits;
}

function acrossForward({ layer, row, leaving }: LayerNorms, visits: Float64Array): Float64Array {
  const { outCount, inCount, groups } = layer;
  const [inPerGroup, outPerGroup] = [inCount / groups, outCount / groups];
  // visits from units whose weights are all 0, for each output unit of the group
  const even = new Float64Array(groups);
  const rate = visits.map((visit, i) => {
    if (leaving[i]! > 0) return visit / leaving[i]!;
    even[Math.floor(i / inPerGroup)]! += visit / outPerGroup;
    return 0;
  });
  const result = new Float64Array(outCount);
  for (let o = 0; o < outCount; o++) {
    const norms = row(o);
    const first = firstInput(layer, o);
    let sum = even[Math.floor(o / outPerGroup)]!;
    for (let i = 0; i < inPerGroup; i++) sum += norms[i]! * rate[first + i]!;
    result[o] = sum;
  }
  return result;
}

function acrossBackward({ layer, row, entering }: LayerNorms, visits: Float64Array): Float64Array {
  const { outCount, inCount, groups } = layer;
  const inPerGroup = inCount / groups;
  const result = new Float64Array(inCount);
  for (let o = 0; o < outCount; o++) {
    if (visits[o] === 0) continue;
    const first = firstInput(layer, o);
    if (entering[o] === 0) {
      for (let i = 0; i < inPerGroup; i++) result[first + i]! += visits[o]! / inPerGroup;
      continue;
    }
    const norms = row(o);
    const rate = visits[o]! / entering[o]!;
    for (let i = 0; i < inPerGroup; i++) result[first + i]! += norms[i]! * rate;
  }
  return result;
}
