/** The walks that a mask came of, taken again from what is known of its origin. */
import { keepCountAt, type Masks } from "../masks/masks.ts";
import { completeOptions, type OptionValue } from "../pruners/pruner.ts";
import { prunerByName } from "../pruners/registry.ts";
import type { Weights } from "../weights/weights.ts";
import { type UnitWalks, unitWalks } from "./unitWalks.ts";

/** How a mask came about, as its file says. */
export interface WalkOrigin {
  readonly method: string;
  readonly seed: number;
  readonly options: Readonly<Record<string, OptionValue>>;
  readonly requestedDensity: number;
}

/** Walks counted unless said otherwise: some seconds. */
const MOST_WALKS = 1_000_000;

/**
 * @param mostWalks of a longer sequence only the first ones are counted
 * @returns undefined where the method does not walk, or the mask is not what these walks give (grown from another, or
 *   changed since)
 * @throws ArgumentError where the origin is not usable; signal.reason
 */
export async function retraceWalks(
  weights: Weights,
  masks: Masks,
  { method, seed, options: given, requestedDensity }: WalkOrigin,
  { mostWalks = MOST_WALKS, signal }: { readonly mostWalks?: number; readonly signal?: AbortSignal } = {},
): Promise<UnitWalks | undefined> {
  const { network } = masks;
  const pruner = prunerByName(method);
  if (pruner.walks === undefined) return undefined;
  const options = completeOptions(pruner, given);
  const keepCount = keepCountAt(requestedDensity, network.prunableCount);
  const request = { network, weights, keepCount, seed, options, ...(signal && { signal }) };
  const pruning = await pruner.prune(request);
  const same = pruning.masks.bytes.every((kept, k) => kept === masks.bytes[k]);
  const walkCount = Math.min(mostWalks, pruning.walkCount ?? 0);
  if (!same || walkCount === 0) return undefined;
  return unitWalks(network, weights, pruner.walks({ seed, options }), walkCount, signal);
}
