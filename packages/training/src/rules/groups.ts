/** Groups of weights, and the choice of the least or the greatest of a group. */
import type { Masks, Network } from "@phew/core";
import { Random } from "@phew/engine";
import type { Budget, Group } from "./rule.ts";

/** In the order of `network.prunable`; for "unit" one for each output unit of each layer. */
export function groupsOf(network: Network, scope: Budget["scope"]): readonly Group[] {
  if (scope === "network") return [{ start: 0, length: network.prunableCount }];
  return network.prunable.flatMap(({ start, length, shape }, layer) => {
    if (scope === "layer") return [{ start, length, layer }];
    const unitCount = shape[0]!;
    const fanIn = length / unitCount;
    return Array.from({ length: unitCount }, (_, unit) => ({
      start: start + unit * fanIn,
      length: fanIn,
      layer,
    }));
  });
}

/** Indices of the group's weights with this byte in the mask, ascending, in the order of `network.prunable`. */
export function indicesOf(masks: Masks, { start, length }: Group, byte: 0 | 1): Uint32Array {
  const { bytes } = masks;
  let count = 0;
  for (let k = start; k < start + length; k++) if (bytes[k] === byte) count++;
  const indices = new Uint32Array(count);
  for (let k = start, place = 0; place < count; k++) if (bytes[k] === byte) indices[place++] = k;
  return indices;
}

export function keptIn({ bytes }: Masks, { start, length }: Group): number {
  let count = 0;
  for (let k = start; k < start + length; k++) count += bytes[k]!;
  return count;
}

/** ⌊fraction · count⌋, where a product just below a whole number counts as that number. */
export function partOf(fraction: number, count: number): number {
  return Math.min(count, Math.floor(fraction * count * (1 + 4 * Number.EPSILON)));
}

type Scores = Float32Array | Float64Array | readonly number[];

/** The `count` indices with the least scores, least first; of equal scores the later index first. @param scores by place */
export function least(indices: Uint32Array, scores: Scores, count: number): Uint32Array {
  if (count <= 0) return new Uint32Array(0);
  const last = sorted(scores)[Math.min(count, scores.length) - 1]!;
  const among = placesWhere(scores, (score) => score <= last);
  among.sort((a, b) => scores[a]! - scores[b]! || b - a);
  return Uint32Array.from(among.slice(0, count), (place) => indices[place]!);
}

/** The `count` indices with the greatest scores, greatest first; of equal scores the earlier index first. */
export function greatest(indices: Uint32Array, scores: Scores, count: number): Uint32Array {
  if (count <= 0) return new Uint32Array(0);
  const last = sorted(scores)[Math.max(0, scores.length - count)]!;
  const among = placesWhere(scores, (score) => score >= last);
  among.sort((a, b) => scores[b]! - scores[a]! || a - b);
  return Uint32Array.from(among.slice(0, count), (place) => indices[place]!);
}

/** Ascending. Numbers alone are sorted ten times as fast as places are by a function: that is left for the few chosen. */
function sorted(scores: Scores): Float64Array {
  return Float64Array.from(scores).sort();
}

function placesWhere(scores: Scores, holds: (score: number) => boolean): number[] {
  const places: number[] = [];
  for (let place = 0; place < scores.length; place++) if (holds(scores[place]!)) places.push(place);
  return places;
}

/** Random streams of rules: above those of masks and signs, below those of the order of examples. */
const RULE_STREAM = 2 ** 43;
/** More than groups that a network has layers. */
const STREAMS_PER_CHANGE = 2 ** 18;

/** The numbers of one change, for one layer or (absent) the whole network. */
export function randomOf(
  seed: number,
  change: number,
  purpose: "drop" | "grow",
  layer: number | undefined,
): Random {
  const own = 2 * ((layer ?? -1) + 1) + (purpose === "drop" ? 0 : 1);
  return new Random(seed, RULE_STREAM + change * STREAMS_PER_CHANGE + own);
}

/** Values of the prunable weights at some indices, which are in the order of `network.prunable` and ascending. */
export function valuesAt(
  network: Network,
  indices: Uint32Array,
  of: (parameter: string) => Float32Array | undefined,
): Float32Array {
  const values = new Float32Array(indices.length);
  let layer = 0;
  let array: Float32Array | undefined;
  let loaded = -1;
  for (let k = 0; k < indices.length; k++) {
    const index = indices[k]!;
    while (index >= network.prunable[layer]!.start + network.prunable[layer]!.length) layer++;
    if (loaded !== layer) {
      array = of(network.prunable[layer]!.name);
      loaded = layer;
    }
    values[k] = array?.[index - network.prunable[layer]!.start] ?? 0;
  }
  return values;
}
