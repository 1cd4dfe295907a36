/**
 * The plan that the walking engine walks: a network's weighted operations, and the links without weights between
 * them. Links are found by dynamic programming over the nodes in topological order: each value has the runs of units
 * in which it derives from weighted operations or the network's input, composed through the operations' unit maps.
 * Identity shortcuts are not walked. Unit u of a source reaches unit t of an addition along an identity shortcut if
 * it also enters a weighted operation from which weights lead to unit t by another input of the addition. Both inputs
 * of a projection block are thus walked. No unit is left without a link: u goes on through the weighted operation,
 * and of all sources that reach t the last in topological order always stays.
 */

import { INPUT, type WalkLayer, type WalkLink, type WalkPlan } from "@phew/engine";
import { ArgumentError } from "../errors.ts";
import { maskedWeights } from "../masks/maskedWeights.ts";
import type { Masks } from "../masks/masks.ts";
import type { Network } from "../network/network.ts";
import { unitFlows, type WeightFlow } from "../network/unitFlow.ts";
import { definitionOf } from "../operations/registry.ts";
import { counted } from "../quantity.ts";
import type { Weights } from "../weights/weights.ts";
import { type Carry, merged, through, type UnitRange, without } from "./links.ts";
import { type NetworkWalkPlan, withoutStrays } from "./strays.ts";

/**
 * Edge ids are positions among all prunable weights (`network.prunable`), unless units are left out: see strays.ts.
 * @param within the only weights that may be kept: others are 0 in the plan, and paths use only these
 * @throws ArgumentError for a missing weight, or if no path leads from the input to the output
 */
export function walkPlan(network: Network, all: Weights, within?: Masks): NetworkWalkPlan {
  const weights = within === undefined ? all : maskedWeights(all, within);
  const layers: WalkLayer[] = [];
  const ways = new Ways();
  const carried: Carry[][] = [];
  let inputCount = 0;
  for (const [index, flow] of unitFlows(network).entries()) {
    const { op, inputs, shape } = network.nodes[index]!;
    if (flow.kind === "input") {
      carried.push([{ ...whole(INPUT, shape[0]!), fromStart: inputCount }]);
      inputCount += shape[0]!;
    } else if (flow.kind === "weights") {
      const layer = layers.length;
      layers.push(layerOf(flow, weights));
      ways.enter(layer, carried[flow.from]!);
      carried.push([whole(layer, flow.outCount)]);
    } else {
      const all = inputs.map((input) => carried[input]!);
      const walked = definitionOf(op).adds ? all.map((_, slot) => ways.withoutShortcuts(all, slot)) : all;
      const parts = flow.maps.flatMap((map) => walked[map.input]!.flatMap((carry) => through(carry, map)));
      carried.push(merged(parts));
    }
  }
  ways.enter(layers.length, carried[network.output]!);
  const plan: WalkPlan = {
    layers,
    links: ways.links,
    inputCount,
    outputCount: network.outputShape[0]!,
    edgeCount: network.prunableCount,
  };
  return withoutStrays(plan, within?.bytes);
}

/** The greatest number of weights that one walk can keep. */
export function longestWalk(plan: WalkPlan, granularity: "weight" | "kernel"): number {
  const longest = new Float64Array(plan.layers.length + 1);
  // links enter layers in topological order, so all links into `from` have been read
  for (const { from, to } of [...plan.links].sort((a, b) => a.to - b.to)) {
    const layer = plan.layers[from];
    const before =
      layer === undefined ? 0 : longest[from]! + (granularity === "kernel" ? layer.kernelSize : 1);
    longest[to] = Math.max(longest[to]!, before);
  }
  return longest[plan.layers.length]!;
}

const whole = (from: number, count: number): Carry => ({
  from,
  fromStart: 0,
  count,
  toStart: 0,
  spread: 1,
  flattening: "",
  feature: 0,
});

function layerOf(flow: WeightFlow, weights: Weights): WalkLayer {
  const { parameter, outCount, inCount, groups, kernelSize } = flow;
  const { length, shape, start: firstEdge } = parameter;
  const place = parameter.nodes.indexOf(flow.node);
  // each place of a shared weight is a layer of its own, with the same edges
  const name = place > 0 ? `${parameter.name} (place ${place + 1})` : parameter.name;
  const weight = weights.get(parameter.name);
  if (weight?.length !== length) {
    throw new ArgumentError(`layer "${name}"`, {
      given: weight === undefined ? "no weights" : counted(weight.length, "weight"),
      expected: `${length} (${shape.join(" × ")})`,
    });
  }
  return { name, weight, outCount, inCount, groups, kernelSize, firstEdge };
}

/**
 * Numbers the features of a node's units at one position: those of one flattening after those of another.
 * @returns the number of a flattening's first feature
 */
function featuresOf(carries: readonly Carry[]): (from: number, flattening: string) => number {
  const counts = new Map<number, Map<string, number>>();
  for (const { from, flattening, feature, spread } of carries) {
    const ofNode = counts.get(from) ?? new Map<string, number>();
    counts.set(from, ofNode);
    ofNode.set(flattening, Math.max(ofNode.get(flattening) ?? 0, feature + spread));
  }
  return (from, flattening) => {
    let first = 0;
    for (const [other, count] of counts.get(from)!) {
      if (other === flattening) return first;
      first += count;
    }
    return first;
  };
}

/** The links found so far, and which layers lead to which. */
class Ways {
  readonly links: WalkLink[] = [];
  /** Layer or INPUT → the links that leave it. */
  readonly #leaving = new Map<number, WalkLink[]>();
  /** Layer → itself and every layer before it, one bit each. */
  readonly #origins: Uint32Array[] = [];

  /** Adds the links into a layer, or into the output; call it for layers in order. */
  enter(to: number, carries: readonly Carry[]): void {
    const origins = new Uint32Array((to >>> 5) + 1);
    origins[to >>> 5]! |= 1 << (to & 31);
    const firstFeatures = featuresOf(carries);
    for (const { flattening, feature, ...run } of carries) {
      const first = firstFeatures(run.from, flattening) + feature;
      const link = { ...run, to, ...(first > 0 && { feature: first }) };
      this.links.push(link);
      listOf(this.#leaving, run.from).push(link);
      this.#origins[run.from]?.forEach((bits, k) => {
        origins[k]! |= bits;
      });
    }
    this.#origins[to] = origins;
  }

  /** What input `slot` of an addition carries, without identity shortcuts. */
  withoutShortcuts(inputs: readonly (readonly Carry[])[], slot: number): readonly Carry[] {
    let left = inputs[slot]!;
    for (const [other, carries] of inputs.entries()) {
      // the same value added to itself bypasses nothing
      if (carries === inputs[slot]) continue;
      for (const landing of inputs[other]!) {
        if (landing.from === INPUT) continue;
        const targets = { start: landing.toStart, end: landing.toStart + landing.count * landing.spread };
        left = left.flatMap((carry) => this.#cut(carry, targets, landing.from));
      }
    }
    return left;
  }

  /** `carry` without its units that also lead to `targets` by way of weights that end in `layer`. */
  #cut(carry: Carry, targets: UnitRange, layer: number): Carry[] {
    let left = [carry];
    for (const { to, fromStart, count } of listOf(this.#leaving, carry.from)) {
      if (!this.#leads(to, layer)) continue;
      const units = { start: fromStart, end: fromStart + count };
      left = left.flatMap((part) => without(part, units, targets));
    }
    return left;
  }

  #leads(layer: number, to: number): boolean {
    return ((this.#origins[to]![layer >>> 5] ?? 0) & (1 << (layer & 31))) !== 0;
  }
}

function listOf<T>(lists: Map<number, T[]>, at: number): T[] {
  const found = lists.get(at);
  if (found !== undefined) return found;
  const made: T[] = [];
  lists.set(at, made);
  return made;
}
