/**
 * How the units of a value derive, without weights between, from the units of weighted operations and of the
 * network's input: runs of units as in {@link WalkLink}, and how runs are composed, cut and merged.
 */
import type { UnitMap } from "../operations/definition.ts";

/**
 * Unit `fromStart + i` (0 ≤ i < count) of the source becomes the `spread` units of the value from
 * `toStart + i·spread` on.
 */
export interface Carry {
  /** Index of a weighted operation, or INPUT. */
  readonly from: number;
  readonly fromStart: number;
  readonly count: number;
  readonly toStart: number;
  readonly spread: number;
  /**
   * Which features of the source unit the `spread` units are: those from `feature` on, of the flattening with this
   * name; "" for the unit itself. Units with equal `flattening` and `feature` are the same feature, whatever way they
   * come.
   */
  readonly flattening: string;
  readonly feature: number;
}

/** Half-open run of units. */
export interface UnitRange {
  readonly start: number;
  readonly end: number;
}

const targetEnd = (carry: Carry) => carry.toStart + carry.count * carry.spread;

/** `carry` after an operation with the unit map `map`. */
export function through(carry: Carry, map: UnitMap): Carry[] {
  const range = { start: map.fromStart, end: map.fromStart + map.count };
  const parts = withinTargets(carry, range);
  // features of features do not follow each other
  return (map.feature === undefined ? parts : parts.flatMap(oneByOne)).map((part) => ({
    ...part,
    toStart: map.toStart + (part.toStart - map.fromStart) * map.spread,
    spread: part.spread * map.spread,
    ...featureOf(part, map),
  }));
}

function featureOf({ flattening, feature }: Carry, map: UnitMap): Pick<Carry, "flattening" | "feature"> {
  if (map.mixes) return { flattening: `mixed ${map.spread}`, feature: 0 };
  const { of, at } = map.feature ?? { of: map.spread, at: 0 };
  return { flattening: of === 1 ? flattening : `${flattening} × ${of}`, feature: feature * of + at };
}

/** `carry` with one feature of its source units in each; with one unit in each where there are several. */
function oneByOne(carry: Carry): Carry[] {
  if (carry.spread === 1) return [carry];
  return Array.from({ length: carry.count * carry.spread }, (_, k) => ({
    ...carry,
    fromStart: carry.fromStart + Math.floor(k / carry.spread),
    count: 1,
    toStart: carry.toStart + k,
    spread: 1,
    feature: carry.feature + (k % carry.spread),
  }));
}

/** The part of `carry` that lands on units of `range`: whole source units, and up to two that land in part. */
function withinTargets(carry: Carry, range: UnitRange): Carry[] {
  const start = Math.max(carry.toStart, range.start);
  const end = Math.min(targetEnd(carry), range.end);
  if (start >= end) return [];
  const { spread } = carry;
  const firstWhole = Math.ceil((start - carry.toStart) / spread);
  const endWhole = Math.floor((end - carry.toStart) / spread);
  const partOf = (unit: number, from: number, to: number): Carry => ({
    from: carry.from,
    fromStart: carry.fromStart + unit,
    count: 1,
    toStart: from,
    spread: to - from,
    flattening: carry.flattening,
    feature: carry.feature + from - (carry.toStart + unit * spread),
  });
  if (firstWhole > endWhole) return [partOf(endWhole, start, end)];
  const parts: Carry[] = [];
  const wholeStart = carry.toStart + firstWhole * spread;
  const wholeEnd = carry.toStart + endWhole * spread;
  if (start < wholeStart) parts.push(partOf(firstWhole - 1, start, wholeStart));
  if (firstWhole < endWhole) {
    parts.push({
      ...carry,
      fromStart: carry.fromStart + firstWhole,
      count: endWhole - firstWhole,
      toStart: wholeStart,
    });
  }
  if (wholeEnd < end) parts.push(partOf(endWhole, wholeEnd, end));
  return parts;
}

/** `carry` without what leads from source units of `units` to target units of `targets`. */
export function without(carry: Carry, units: UnitRange, targets: UnitRange): Carry[] {
  const inside = withinSources(carry, units);
  if (inside === undefined) return [carry];
  const { start, end } = units;
  return [
    withinSources(carry, { start: Number.NEGATIVE_INFINITY, end: start }) ?? [],
    withinTargets(inside, { start: Number.NEGATIVE_INFINITY, end: targets.start }),
    withinTargets(inside, { start: targets.end, end: Number.POSITIVE_INFINITY }),
    withinSources(carry, { start: end, end: Number.POSITIVE_INFINITY }) ?? [],
  ].flat();
}

function withinSources(carry: Carry, units: UnitRange): Carry | undefined {
  const start = Math.max(carry.fromStart, units.start);
  const end = Math.min(carry.fromStart + carry.count, units.end);
  if (start >= end) return undefined;
  const toStart = carry.toStart + (start - carry.fromStart) * carry.spread;
  return { ...carry, fromStart: start, count: end - start, toStart };
}

/**
 * The same runs, each once: overlapping or adjacent runs with the same map are merged. Two branches that carry a unit
 * to the same place become one, so the number of runs does not grow with the number of paths.
 */
export function merged(carries: readonly Carry[]): Carry[] {
  const alike = new Map<string, Carry[]>();
  for (const carry of carries) {
    const { from, spread, toStart, fromStart, flattening, feature } = carry;
    const key = `${from} ${spread} ${toStart - fromStart * spread} ${feature} ${flattening}`;
    const group = alike.get(key);
    if (group === undefined) alike.set(key, [carry]);
    else group.push(carry);
  }
  const runs: Carry[] = [];
  for (const group of alike.values()) {
    group.sort((a, b) => a.fromStart - b.fromStart);
    let [run, ...rest] = group as [Carry, ...Carry[]];
    for (const next of rest) {
      const end = run.fromStart + run.count;
      if (next.fromStart > end) {
        runs.push(run);
        run = next;
      } else {
        run = { ...run, count: Math.max(end, next.fromStart + next.count) - run.fromStart };
      }
    }
    runs.push(run);
  }
  return runs;
}
