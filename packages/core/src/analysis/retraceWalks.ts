/** Repeats the walks that made a mask, from its recorded origin. */
import { keepCountAt, type Masks } from "../masks/masks.ts";
import { completeOptions, examplesOf, type OptionValue } from "../pruners/pruner.ts";
import { prunerByName } from "../pruners/registry.ts";
import type { Weights } from "../weights/weights.ts";
import { type UnitWalks, unitWalks } from "./unitWalks.ts";

/** The origin of a mask, as its file records it. */
export interface WalkOrigin {
  readonly method: string;
  readonly seed: number;
  readonly options: Readonly<Record<string, OptionValue>>;
  readonly requestedDensity: number;
}

/** Walks counted by default; they take some seconds. */
const MOST_WALKS = 1_000_000;

/**
 * @param mostWalks counts at most the first so many walks
 * @returns undefined if the method does not walk, if its walks looked at examples, or if these walks do not give the mask (it grew from another, or
 * was
 *   changed since)
 * @throws ArgumentError if the origin is not usable; signal.reason
 */
export async function retraceWalks(
  weights: Weights,
  masks: Masks,
  { method, seed, options: given, requestedDensity }: WalkOrigin,
  {
    mostWalks = MOST_WALKS,
    signal,
  }: { readonly mostWalks?: number; readonly signal?: AbortSignal | undefined } = {},
): Promise<UnitWalks | undefined> {
  const { network } = masks;
  const pruner = prunerByName(method);
  if (pruner.walks === undefined) return undefined;
  const options = completeOptions(pruner, given);
  // what they looked at is not there any more
  if (examplesOf(pruner, options) > 0) return undefined;
  const keepCount = keepCountAt(requestedDensity, network.prunableCount);
  const request = { network, weights, keepCount, seed, options, signal };
  const pruning = await pruner.prune(request);
  const same = pruning.masks.bytes.every((kept, k) => kept === masks.bytes[k]);
  const walkCount = Math.min(mostWalks, pruning.walkCount ?? 0);
  if (!same || walkCount === 0) return undefined;
  return unitWalks(network, weights, pruner.walks({ seed, options }), walkCount, signal);
}
