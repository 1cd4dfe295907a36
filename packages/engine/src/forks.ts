/**
 * Forks: what part of the walks at a unit takes each of its ways, the units taken twice among them.
 *   forward   1. one of the operations that its links lead into: each equally (`equal`), or in proportion to the biased
 *                weights that leave the unit into each (`weight`); equally where these are all 0
 *             2. there, one of the unit's features, each equally: one, or those of its flattening that lead there
 *             3. of copies of the feature, one in proportion to the biased weights that leave each. Within the copy the
 *                step is drawn from its row, so that an edge is drawn from all that leave the feature in proportion to
 *                its weight, however often the feature was taken; uniformly where these are all 0
 *   backward  one of the units that its links come from, by however many links: each equally, or in proportion to the
 *             biased weights that enter each
 */
import { INPUT, type WalkLink, type WalkOptions, type WalkPlan } from "./walkPlan.ts";
import { operationsOf, type Segment, sourceUnit } from "./wiring.ts";

/** Sums of the biased weights of a layer's rows. */
export interface RowSums {
  /** Of those that leave an input unit. */
  leaving(layer: number, unit: number): number;
  /** Of those that enter an output unit. */
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
   * @param shares at least as long as the segment has links; what the walks at `unit` are divided in proportion to. Not all are 0
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
      // as many weights as a row has are equally likely
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

  /** Of all weights that leave `unit` by the links, each counted once; 0 at the output. */
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

/** Indices of the links of each key, in the order of their first. */
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
