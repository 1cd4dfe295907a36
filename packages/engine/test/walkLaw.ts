/** The probabilities of walks, written out from their definition (walkPlan.ts, design.md §4): shares no code with the engine. */
import type { WalkOptions, WalkPlan } from "../src/index.ts";

/** A walk forward stands at an output unit of `layer` (−1: the network's input); backward, at an input unit of it. */
export interface Place {
  readonly layer: number;
  readonly unit: number;
}

export interface Step {
  readonly probability: number;
  /** Edge conserved, the first of its kernel with whole kernels; absent where the walk ends. */
  readonly edge?: number;
  readonly next?: Place;
}

function biased(weight: number, bias: WalkOptions["bias"]): number {
  if (bias === "magnitude") return Math.abs(weight);
  if (bias === "square") return weight * weight;
  return bias === "uniform" ? 1 : 1 / (Math.abs(weight) + 1e-5);
}

export function startOf(plan: WalkPlan, options: WalkOptions, walk: number): Place & { forward: boolean } {
  const alternate = options.direction === "alternate";
  const forward = alternate ? walk % 2 === 0 : options.direction === "forward";
  const turn = alternate ? Math.floor(walk / 2) : walk;
  return forward
    ? { forward, layer: -1, unit: turn % plan.inputCount }
    : { forward, layer: plan.layers.length, unit: turn % plan.outputCount };
}

/** Biased weights of the row that leaves (forward) or enters (backward) a unit of a layer, one for each edge. */
function row(
  plan: WalkPlan,
  options: WalkOptions,
  { layer: l, unit }: Place,
  forward: boolean,
): { share: number; edge: number; next: Place }[] {
  const layer = plan.layers[l];
  if (layer === undefined) return [];
  const inPerGroup = layer.inCount / layer.groups;
  const outPerGroup = layer.outCount / layer.groups;
  const found = [];
  for (let index = 0; index < layer.weight.length; index++) {
    const kernel = Math.floor(index / layer.kernelSize);
    const output = Math.floor(kernel / inPerGroup);
    const input = Math.floor(output / outPerGroup) * inPerGroup + (kernel % inPerGroup);
    if (unit !== (forward ? input : output)) continue;
    const whole = options.granularity === "kernel";
    found.push({
      share: biased(layer.weight[index]!, options.bias),
      edge: layer.firstEdge + (whole ? kernel * layer.kernelSize : index),
      next: { layer: l, unit: forward ? output : input },
    });
  }
  return found;
}

/** All that can come next: a fork first, into operations or units, then a feature, then an edge of any of its copies. */
export function stepsFrom(plan: WalkPlan, options: WalkOptions, place: Place, forward: boolean): Step[] {
  // what a walk may step along, by branch, then by feature: rows, each once
  const branches = new Map<string, Map<number, Map<string, Place>>>();
  const put = (branch: string, feature: number, target: Place): void => {
    const features = branches.get(branch) ?? new Map<number, Map<string, Place>>();
    branches.set(branch, features);
    const copies = features.get(feature) ?? new Map<string, Place>();
    features.set(feature, copies.set(`${target.layer} ${target.unit}`, target));
  };
  for (const { from, to, fromStart, count, toStart, spread, feature = 0 } of plan.links) {
    if (forward) {
      const offset = place.unit - fromStart;
      if (from !== place.layer || offset < 0 || offset >= count) continue;
      for (let k = 0; k < spread; k++)
        put(plan.layers[to]?.name ?? "the end", feature + k, {
          layer: to,
          unit: toStart + offset * spread + k,
        });
    } else {
      const offset = Math.floor((place.unit - toStart) / spread);
      if (to !== place.layer || offset < 0 || offset >= count) continue;
      put(`${from} ${fromStart + offset}`, 0, { layer: from, unit: fromStart + offset });
    }
  }
  const rowsOf = (copies: Map<string, Place>) =>
    [...copies.values()].flatMap((at) => row(plan, options, at, forward));
  const sumOf = (shares: readonly { share: number }[]): number =>
    shares.reduce((sum, { share }) => sum + share, 0);
  const ways = [...branches.values()].map((features) => ({
    features: [...features.values()].map(rowsOf),
    weight: sumOf(rowsOf(new Map([...features.values()].flatMap((copies) => [...copies])))),
  }));
  const total = ways.reduce((sum, { weight }) => sum + weight, 0);
  const byWeight = options.branching === "weight" && total > 0;
  return ways.flatMap(({ features, weight }) =>
    features.flatMap((edges): Step[] => {
      const probability = (byWeight ? weight / total : 1 / ways.length) / features.length;
      if (edges.length === 0) return [{ probability }];
      const sum = sumOf(edges);
      return edges.map(({ share, edge, next }) => ({
        probability: probability * (sum > 0 ? share / sum : 1 / edges.length),
        edge,
        next,
      }));
    }),
  );
}

/** Where a walk stands after an edge. */
export function placeAfter(plan: WalkPlan, edge: number, forward: boolean): Place {
  const l = plan.layers.findIndex(
    (layer) => edge >= layer.firstEdge && edge < layer.firstEdge + layer.weight.length,
  );
  const { firstEdge, kernelSize, inCount, outCount, groups } = plan.layers[l]!;
  const kernel = Math.floor((edge - firstEdge) / kernelSize);
  const output = Math.floor(kernel / (inCount / groups));
  if (forward) return { layer: l, unit: output };
  const group = Math.floor(output / (outCount / groups));
  return { layer: l, unit: group * (inCount / groups) + (kernel % (inCount / groups)) };
}

/** Every walk from a place to the other end: its edges, joined by commas, and its probability. */
export function everyWalk(
  plan: WalkPlan,
  options: WalkOptions,
  start: Place,
  forward: boolean,
): Map<string, number> {
  const law = new Map<string, number>();
  const extend = (place: Place, edges: readonly number[], probability: number): void => {
    for (const step of stepsFrom(plan, options, place, forward)) {
      if (step.probability === 0) continue;
      const longer = step.edge === undefined ? edges : [...edges, step.edge];
      const reached = probability * step.probability;
      if (step.next === undefined) law.set(longer.join(), (law.get(longer.join()) ?? 0) + reached);
      else extend(step.next, longer, reached);
    }
  };
  extend(start, [], 1);
  return law;
}

/**
 * Whether a walk can take exactly these edges: at each of them, places it may stand at are followed.
 * @param edges in the order taken
 */
export function isPossible(
  plan: WalkPlan,
  options: WalkOptions,
  start: Place,
  forward: boolean,
  edges: readonly number[],
): boolean {
  let places: Place[] = [start];
  for (const edge of edges) {
    const reached = new Map<number, Place>();
    for (const place of places) {
      for (const step of stepsFrom(plan, options, place, forward)) {
        if (step.probability > 0 && step.edge === edge) reached.set(step.next!.unit, step.next!);
      }
    }
    places = [...reached.values()];
    if (places.length === 0) return false;
  }
  return places.some((place) =>
    stepsFrom(plan, options, place, forward).some((step) => step.probability > 0 && step.edge === undefined),
  );
}
