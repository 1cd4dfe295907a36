/** Groups of weights, and the choice of the least or the greatest of a group. */
import { keepTopInto, keptIndices, type Masks, type Network } from "@phew/core";
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

/** The `count` indices with the least scores, least first; of equal scores the later index first. @param scores by place */
export function least(indices: Uint32Array, scores: ArrayLike<number>, count: number): Uint32Array {
  if (count <= 0) return new Uint32Array(0);
  const places = Uint32Array.from(indices, (_, place) => place);
  places.sort((a, b) => scores[a]! - scores[b]! || b - a);
  return places.subarray(0, count).map((place) => indices[place]!);
}

/** Above it, the greatest are found before they are sorted: a sort of all takes several times as long. */
const MANY = 4096;

/** The `count` indices with the greatest scores, greatest first; of equal scores the earlier index first. */
export function greatest(indices: Uint32Array, scores: ArrayLike<number>, count: number): Uint32Array {
  const wanted = Math.min(count, indices.length);
  if (wanted <= 0) return new Uint32Array(0);
  const mask = new Uint8Array(indices.length).fill(indices.length > MANY ? 0 : 1);
  if (indices.length > MANY) {
    const numbers = scores instanceof Float32Array ? scores : Float64Array.from(scores);
    keepTopInto([{ name: "growth", scores: numbers, mask }], wanted);
  }
  const places = keptIndices(mask).sort((a, b) => scores[b]! - scores[a]! || a - b);
  return places.subarray(0, wanted).map((place) => indices[place]!);
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
