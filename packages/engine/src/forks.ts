/**
 * Forks: the share of walks at a unit that takes each link. Units may be read several times (copies).
 *   forward   1. choose an operation that reads the unit: with equal probability (`equal`), or in proportion to the
 *   biased
 *                weights from the unit into each (`weight`); equally if these are all 0
 *             2. choose one of the unit's features there, each equally: the unit itself, or the features of its
 *             flattening
 *             3. choose a copy of the feature, in proportion to the biased weights that leave each. The step is drawn
 *             from
 *                the copy's row, so every edge of the feature is drawn in proportion to its weight, however often the
 *                feature is read; uniformly if all weights are 0
 *   backward  choose one of the source units, whatever the number of links to it: each equally, or in proportion to
 *   the
 *             biased weights that enter each
 */
import { INPUT, type WalkLink, type WalkOptions, type WalkPlan } from "./walkPlan.ts";
import { operationsOf, type Segment, sourceUnit } from "./wiring.ts";

/** Sums of the biased weights of a layer's rows. */
export interface RowSums {
  /** Over weights that leave an input unit. */
  leaving(layer: number, unit: number): number;
  /** Over weights that enter an output unit. */
  entering(layer: number, unit: number): number;
}

export class Forks {
  readonly #plan: WalkPlan;
  readonly #operations: readonly number[];
  readonly #byWeight: boolean;
  readonly #sums: RowSums;

  constructor(plan: WalkPlan, branching: WalkOptions["branching"], sums: RowSums) {
    this.#plan = plan;
    this.#operations = operationsOf(plan);
    this.#byWeight = branching === "weight";
    this.#sums = sums;
  }

  /**
   * @param shares at least as long as the segment has links; receives the relative shares of the walks at `unit`, not
   * all 0
   */
  sharesInto(shares: Float64Array, segment: Segment, unit: number, forward: boolean): void {
    if (!segment.repeated) this.#singlesInto(shares, segment.links, unit, forward);
    else if (forward) this.#operationsInto(shares, segment.links, unit);
    else this.#sourcesInto(shares, segment.links, unit);
  }

  /** Every link is a branch of its own. */
  #singlesInto(shares: Float64Array, links: readonly WalkLink[], unit: number, forward: boolean): void {
    let total = 0;
    if (this.#byWeight) {
      for (const [w, link] of links.entries()) {
        shares[w] = forward ? this.#leaving([link], unit) : this.#entering(link, unit);
        total += shares[w]!;
      }
    }
    if (total === 0) shares.fill(1, 0, links.length);
  }

  #operationsInto(shares: Float64Array, links: readonly WalkLink[], unit: number): void {
    const branches = grouped(links, ({ to }) => this.#operations[to]!);
    const weights = branches.map((ways) =>
      this.#byWeight
        ? this.#leaving(
            ways.map((w) => links[w]!),
            unit,
          )
        : 1,
    );
    const all = weights.every((weight) => weight === 0);
    for (const [b, ways] of branches.entries()) {
      const features = grouped(
        ways.map((w) => links[w]!),
        ({ feature = 0 }) => feature,
      ).map((among) => among.map((k) => ways[k]!));
      const featureCount = features.reduce((count, [w]) => count + links[w!]!.spread, 0);
      for (const copies of features) {
        const share = ((all ? 1 : weights[b]!) * links[copies[0]!]!.spread) / featureCount;
        if (copies.length === 1) shares[copies[0]!] = share;
        else this.#copiesInto(shares, links, copies, unit, share);
      }
    }
  }

  /** Copies have a single unit each. */
  #copiesInto(
    shares: Float64Array,
    links: readonly WalkLink[],
    copies: readonly number[],
    unit: number,
    share: number,
  ): void {
    const { layers } = this.#plan;
    let sums = copies.map((w) => this.#leaving([links[w]!], unit));
    if (sums.every((sum) => sum === 0)) {
      // all weights are 0: each counts alike
      sums = copies.map((w) => {
        const layer = layers[links[w]!.to];
        return layer === undefined ? 1 : layer.outCount / layer.groups;
      });
    }
    const total = sums.reduce((a, b) => a + b, 0);
    for (const [k, w] of copies.entries()) shares[w] = share * (sums[k]! / total);
  }

  #sourcesInto(shares: Float64Array, links: readonly WalkLink[], unit: number): void {
    const sources = grouped(links, (link) => link.from * 2 ** 31 + sourceUnit(link, unit));
    const weights = sources.map(([w]) => (this.#byWeight ? this.#entering(links[w!]!, unit) : 1));
    const all = weights.every((weight) => weight === 0);
    for (const [s, ways] of sources.entries())
      for (const w of ways) shares[w] = (all ? 1 : weights[s]!) / ways.length;
  }

  /** Sum over all weights that leave `unit` by the links, each counted once; 0 at the output. */
  #leaving(links: readonly WalkLink[], unit: number): number {
    const seen = links.length === 1 ? undefined : new Set<string>();
    let sum = 0;
    for (const { to, fromStart, toStart, spread } of links) {
      if (to === this.#plan.layers.length) continue;
      const first = toStart + (unit - fromStart) * spread;
      for (let k = first; k < first + spread; k++) {
        if (seen?.has(`${to} ${k}`)) continue;
        seen?.add(`${to} ${k}`);
        sum += this.#sums.leaving(to, k);
      }
    }
    return sum;
  }

  #entering(link: WalkLink, unit: number): number {
    return link.from === INPUT ? 0 : this.#sums.entering(link.from, sourceUnit(link, unit));
  }
}

/** Indices of the links with each key, in the order of first occurrence. */
function grouped(links: readonly WalkLink[], keyOf: (link: WalkLink) => number): number[][] {
  const groups = new Map<number, number[]>();
  for (const [w, link] of links.entries()) {
    const key = keyOf(link);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [w]);
    else group.push(w);
  }
  return [...groups.values()];
}
