/**
 * How often a walk comes to each unit, by its transition probabilities: exact, weights and forks included.
 *   forward:  visits of output unit o = Σ_i visits_i · b_oi / Σ_o' b_o'i;   backward likewise, over the weights that enter
 * b the biased weights; a unit whose weights are all 0 passes its visits on equally. Three passes over the weights.
 */
import { INPUT, type WalkLayer, type WalkLink, type WalkOptions, type WalkPlan } from "./walkPlan.ts";
import { type Segment, wire } from "./wiring.ts";

/** A layer's kernels by the sums of their biased weights. */
export interface LayerNorms {
  readonly layer: WalkLayer;
  /** Norm of each kernel of a row, `[inCount / groups]`: the same array again and again. */
  row(o: number): Float64Array;
  /** Sum of the norms that leave each input unit, and that enter each output unit. */
  readonly leaving: Float64Array;
  readonly entering: Float64Array;
}

/** Visits per walk of the units of each layer of the plan; absent for a direction that no walk takes. */
export interface UnitVisits {
  readonly norms: readonly LayerNorms[];
  /** Of input units, by forward walks. */
  readonly forward: readonly Float64Array[] | undefined;
  /** Of output units, by backward walks. */
  readonly backward: readonly Float64Array[] | undefined;
}

export function unitVisits(plan: WalkPlan, options: WalkOptions): UnitVisits {
  const wiring = wire(plan);
  const norms = plan.layers.map((layer) => layerNorms(layer, options.bias));
  const share: Share = options.branching === "weight" ? byWeight(norms) : equally;
  const { direction } = options;
  return {
    norms,
    forward: direction === "backward" ? undefined : forwardVisits(plan, wiring.forward, norms, share),
    backward: direction === "forward" ? undefined : backwardVisits(plan, wiring.backward, norms, share),
  };
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

/** What part of a unit's visits each of its ways gets, written into `shares`. */
type Share = (links: readonly WalkLink[], unit: number, forward: boolean, shares: Float64Array) => void;

const equally: Share = (links, _unit, _forward, shares) => {
  shares.fill(1 / links.length, 0, links.length);
};

/** In proportion to all weights that a way leads to; equally where these are 0. */
function byWeight(norms: readonly LayerNorms[]): Share {
  return (links, unit, forward, shares) => {
    let total = 0;
    for (const [w, { from, to, fromStart, toStart, spread }] of links.entries()) {
      let sum = 0;
      if (forward) {
        const first = toStart + (unit - fromStart) * spread;
        for (let k = 0; k < spread; k++) sum += norms[to]?.leaving[first + k] ?? 0;
      } else if (from !== INPUT)
        sum = norms[from]!.entering[fromStart + Math.floor((unit - toStart) / spread)]!;
      shares[w] = sum;
      total += sum;
    }
    if (total === 0) equally(links, unit, forward, shares);
    else for (let w = 0; w < links.length; w++) shares[w]! /= total;
  };
}

function forwardVisits(
  plan: WalkPlan,
  exits: readonly (readonly Segment[])[],
  norms: readonly LayerNorms[],
  share: Share,
): Float64Array[] {
  const arriving = [
    ...plan.layers.map(({ inCount }) => new Float64Array(inCount)),
    new Float64Array(plan.outputCount),
  ];
  leave(exits[0]!, new Float64Array(plan.inputCount).fill(1 / plan.inputCount), share, true, arriving);
  for (const [l, own] of norms.entries())
    leave(exits[l + 1]!, acrossForward(own, arriving[l]!), share, true, arriving);
  return arriving.slice(0, -1);
}

function backwardVisits(
  plan: WalkPlan,
  exits: readonly (readonly Segment[])[],
  norms: readonly LayerNorms[],
  share: Share,
): Float64Array[] {
  // the last stands for the input, at index −1 of the layers
  const arriving = [
    ...plan.layers.map(({ outCount }) => new Float64Array(outCount)),
    new Float64Array(plan.inputCount),
  ];
  const last = plan.layers.length;
  leave(
    exits[last + 1]!,
    new Float64Array(plan.outputCount).fill(1 / plan.outputCount),
    share,
    false,
    arriving,
  );
  for (let l = last - 1; l >= 0; l--)
    leave(exits[l + 1]!, acrossBackward(norms[l]!, arriving[l]!), share, false, arriving);
  return arriving.slice(0, -1);
}

/** Passes the visits of a node's units on to the units that links lead to. */
function leave(
  segments: readonly Segment[],
  visits: Float64Array,
  share: Share,
  forward: boolean,
  arriving: readonly Float64Array[],
): void {
  const shares = new Float64Array(segments.reduce((most, { links }) => Math.max(most, links.length), 0));
  for (const { firstUnit, unitCount, links } of segments) {
    for (let unit = firstUnit; unit < firstUnit + unitCount; unit++) {
      if (visits[unit] === 0) continue;
      share(links, unit, forward, shares);
      for (const [w, link] of links.entries())
        arrive(link, unit, visits[unit]! * shares[w]!, forward, arriving);
    }
  }
}

function arrive(
  { from, to, fromStart, toStart, spread }: WalkLink,
  unit: number,
  visits: number,
  forward: boolean,
  arriving: readonly Float64Array[],
): void {
  if (forward) {
    const first = toStart + (unit - fromStart) * spread;
    for (let k = 0; k < spread; k++) arriving[to]![first + k]! += visits / spread;
  } else arriving.at(from)![fromStart + Math.floor((unit - toStart) / spread)]! += visits;
}

function acrossForward({ layer, row, leaving }: LayerNorms, visits: Float64Array): Float64Array {
  const { outCount, inCount, groups } = layer;
  const [inPerGroup, outPerGroup] = [inCount / groups, outCount / groups];
  // what leaves units whose weights are all 0, for each output unit of the group
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
