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

/** All that can come next. */
export function stepsFrom(plan: WalkPlan, options: WalkOptions, place: Place, forward: boolean): Step[] {
  const ways = plan.links.flatMap((link): { target: number; units: number[] }[] => {
    if (forward) {
      const offset = place.unit - link.fromStart;
      if (link.from !== place.layer || offset < 0 || offset >= link.count) return [];
      const first = link.toStart + offset * link.spread;
      return [{ target: link.to, units: Array.from({ length: link.spread }, (_, s) => first + s) }];
    }
    const offset = Math.floor((place.unit - link.toStart) / link.spread);
    if (link.to !== place.layer || offset < 0 || offset >= link.count) return [];
    return [{ target: link.from, units: [link.fromStart + offset] }];
  });
  const rows = ways.map(({ target, units }) =>
    units.map((unit) => row(plan, options, { layer: target, unit }, forward)),
  );
  const sumOf = (shares: readonly { share: number }[]): number =>
    shares.reduce((sum, { share }) => sum + share, 0);
  const weights = rows.map((ofWay) => ofWay.reduce((sum, ofUnit) => sum + sumOf(ofUnit), 0));
  const total = weights.reduce((a, b) => a + b, 0);
  const byWeight = options.branching === "weight" && total > 0;
  return ways.flatMap(({ units }, w) => {
    const way = byWeight ? weights[w]! / total : 1 / ways.length;
    return rows[w]!.flatMap((ofUnit): Step[] => {
      const probability = way / units.length;
      if (ofUnit.length === 0) return [{ probability }];
      const sum = sumOf(ofUnit);
      return ofUnit.map(({ share, edge, next }) => ({
        probability: probability * (sum > 0 ? share / sum : 1 / ofUnit.length),
        edge,
        next,
      }));
    });
  });
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
