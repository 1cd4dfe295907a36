/**
 * Draws absent weights one after the other, each in proportion to its score (absentPaths.ts of @phew/core) among those that
 * are left: successive sampling without replacement.
 *   1. A row (an output unit of a layer) in proportion to the scores of its absent weights: all of the row, which the product
 *      form gives without any single score, less those of its kept and its drawn weights.
 *   2. In the row an input i in proportion to max_p a_i(p) and a tap uniformly; the weight is taken with probability
 *      score / (max_p a_i(p) · Σ_p b_o(p)) if it is absent, else the step is repeated.
 *   3. After TRIES failures the row's absent weights are scored one by one, and one is drawn by that.
 * Both ways of choosing within a row have the same distribution, and the row's mass is exact but for the rounding of float64,
 * so that the result is distributed as if all absent weights had been scored. Cost: one pass of path sums over the kept weights,
 * and per draw some scores of O(positions) each; a row is read in full only where few of its weights are absent or likely.
 */
import { absentPaths, type LayerPaths, type Masks, type Network, type Weights } from "@phew/core";
import type { Random } from "@phew/engine";
import { Masses } from "./fenwick.ts";
import { indicesOf } from "./groups.ts";
import type { Group } from "./rule.ts";

const TRIES = 64;

export class PathSampler {
  readonly #after: Masks;
  /** Running sums of the bounds of the inputs that a row may read, by the first of them in memory. */
  readonly #sums = new Map<string, Float64Array>();
  readonly #layers: readonly LayerPaths[];

  /** @param after the kept weights, along which paths go */
  constructor(network: Network, weights: Weights, after: Masks) {
    this.#after = after;
    this.#layers = absentPaths(network, weights, after);
  }

  /** `count` absent weights of a layer or the network; where scores are 0 the last ones are drawn uniformly. */
  draw(group: Group, count: number, random: Random): Uint32Array {
    const layers = group.layer === undefined ? this.#layers : [this.#layers[group.layer]!];
    const rows = new Rows(layers);
    const drawn = new Set<number>();
    while (drawn.size < count) {
      const row = rows.masses.pick(random.nextFloat());
      if (row === undefined) break;
      const { layer, own } = rows.at(row);
      const place = this.#inRow(layer, own, drawn, random);
      if (place === undefined) {
        rows.masses.set(row, 0);
        continue;
      }
      drawn.add(layer.parameter.start + place);
      const left = rows.masses.at(row) - rows.scale(layer) * layer.score(place);
      rows.masses.set(row, Math.max(0, left));
    }
    if (drawn.size < count) this.#fill(group, count, drawn, random);
    return Uint32Array.from(drawn);
  }

  /** @returns an index in the parameter; undefined if no absent weight of the row has a score above 0 */
  #inRow(layer: LayerPaths, row: number, drawn: ReadonlySet<number>, random: Random): number | undefined {
    const { parameter, rowLength, kernelSize } = layer;
    const isFree = (k: number) =>
      this.#after.bytes[parameter.start + k] === 0 && !drawn.has(parameter.start + k);
    const sums = this.#sumsOf(layer, row);
    const rowBound = layer.rowBound(row);
    const total = sums[sums.length - 1]!;
    if (!(total > 0) || !(rowBound > 0)) return undefined;
    for (let tries = 0; tries < TRIES; tries++) {
      const input = firstAbove(sums, random.nextFloat() * total);
      const k = row * rowLength + input * kernelSize + random.below(kernelSize);
      const bound = rowBound * layer.bounds(row)[input]!;
      if (random.nextFloat() * bound < layer.score(k) && isFree(k)) return k;
    }
    const free = Array.from({ length: rowLength }, (_, place) => row * rowLength + place).filter(isFree);
    const scores = runningSums(Float64Array.from(free, (k) => layer.score(k)));
    const all = scores.at(-1) ?? 0;
    return all > 0 ? free[firstAbove(scores, random.nextFloat() * all)] : undefined;
  }

  #sumsOf(layer: LayerPaths, row: number): Float64Array {
    const bounds = layer.bounds(row);
    const key = `${layer.parameter.name} ${bounds.byteOffset}`;
    const before = this.#sums.get(key);
    if (before !== undefined) return before;
    const sums = runningSums(bounds);
    this.#sums.set(key, sums);
    return sums;
  }

  #fill(group: Group, count: number, drawn: Set<number>, random: Random): void {
    const rest = indicesOf(this.#after, group, 0).filter((k) => !drawn.has(k));
    random.shuffleInto(rest);
    for (const k of rest.subarray(0, count - drawn.size)) drawn.add(k);
  }
}

/** The rows of some layers, and the masses of their absent weights in one unit. */
class Rows {
  readonly masses: Masses;
  readonly #layers: readonly LayerPaths[];
  /** First row of each layer, and the number of all. */
  readonly #firstRow: readonly number[];
  readonly #exponent: number;

  constructor(layers: readonly LayerPaths[]) {
    this.#layers = layers;
    this.#exponent = layers.reduce((most, { exponent }) => Math.max(most, exponent), -Infinity);
    const firstRow = [0];
    for (const { rowCount } of layers) firstRow.push(firstRow.at(-1)! + rowCount);
    this.#firstRow = firstRow;
    const masses = new Float64Array(firstRow.at(-1)!);
    for (const [l, layer] of layers.entries())
      for (let row = 0; row < layer.rowCount; row++)
        masses[firstRow[l]! + row] = this.scale(layer) * absentMass(layer, row);
    this.masses = new Masses(masses);
  }

  scale({ exponent }: LayerPaths): number {
    return 2 ** (exponent - this.#exponent);
  }

  at(row: number): { layer: LayerPaths; own: number } {
    const l = this.#firstRow.findIndex((_, k) => row < this.#firstRow[k + 1]!);
    return { layer: this.#layers[l]!, own: row - this.#firstRow[l]! };
  }
}

/** Differences within rounding are none: rows that keep all their weights must not be drawn. */
function absentMass(layer: LayerPaths, row: number): number {
  const all = layer.rowMass(row);
  const absent = all - layer.keptMass[row]!;
  return absent > 1e-12 * all ? absent : 0;
}

function runningSums(values: Float64Array): Float64Array {
  let sum = 0;
  return values.map((value) => {
    sum += value;
    return sum;
  });
}

/** The first place whose running sum exceeds `value`; the last if none does. */
function firstAbove(sums: Float64Array, value: number): number {
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
