/** Times a method's masks against another program's of the same definition, in alternating rounds of one run. */
import { ArgumentError, keepCountAt, type OptionValue, prune } from "@phew/core";
import { type BenchedModel, benchedModel } from "./benchedModel.ts";
import { pruneBaselineOf, type TimedMask } from "./pruneBaselines.ts";
import { median } from "./race.ts";

export interface PruneBenchOptions {
  readonly model: BenchedModel;
  /** A pruning method that needs no data; `phew` unless given. */
  readonly method?: string | undefined;
  /** Of the method. */
  readonly options?: Readonly<Record<string, OptionValue>> | undefined;
  /** Fraction of weights kept. */
  readonly density: number;
  /** Of weights and walks. */
  readonly seed: number;
  /** Rounds of each; a round is one mask, or as many as take 0.2 s. Default 5. */
  readonly roundCount?: number | undefined;
  /** @param fraction done, 0 … 1 */
  readonly onProgress?: ((fraction: number, note: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** From weights to mask; of ours with checks and tables. */
export interface MaskTime {
  readonly milliseconds: { readonly median: number; readonly least: number };
  readonly keptCount: number;
  /** Of methods that walk. */
  readonly walkCount?: number | undefined;
}

export interface PruneBenchReport {
  readonly network: string;
  readonly method: string;
  readonly prunableCount: number;
  readonly requestedDensity: number;
  readonly seed: number;
  readonly roundCount: number;
  readonly ours: MaskTime;
  readonly baseline?: MaskTime & { readonly name: string };
  /** Why there is none. */
  readonly baselineUnavailable?: string | undefined;
  /** Our speed relative to the other program's: median over rounds, and of the fastest masks. */
  readonly ratio?: { readonly median: number; readonly best: number };
}

/** @throws ArgumentError where an option is not usable; signal.reason */
export async function benchPrune(settings: PruneBenchOptions): Promise<PruneBenchReport> {
  const {
    model,
    method = "phew",
    options = {},
    density,
    seed,
    roundCount = 5,
    onProgress,
    signal,
  } = settings;
  if (!Number.isInteger(roundCount) || roundCount < 1) {
    throw new ArgumentError("rounds", { given: `${roundCount}`, expected: "a whole number of at least 1" });
  }
  const { network, weights } = await benchedModel(model, seed);
  const keepCount = keepCountAt(density, network.prunableCount);
  const request = { ...{ network, weights, density, keepCount, seed, options }, signal };
  const baseline = pruneBaselineOf(method);
  let baselineUnavailable = baseline === undefined ? `nothing to time ${method} against` : undefined;
  const rounds: { readonly ours: Mask[]; readonly theirs: Mask[] } = { ours: [], theirs: [] };
  // round 0 is the warm-up: it would measure the compilation
  for (let round = 0; round <= roundCount; round++) {
    const tell = (half: number) =>
      onProgress?.((2 * round + half) / (2 * roundCount + 2), `round ${round} of ${roundCount}`);
    await turn(signal);
    const mask = await timed(() => prune(network, weights, { method, density, seed, options, signal }));
    if (round > 0) rounds.ours.push(mask);
    tell(1);
    if (baseline === undefined || baselineUnavailable !== undefined) continue;
    if (round === 0 && baseline.alwaysFresh) continue;
    await turn(signal);
    try {
      const mask = await timed(() => baseline.mask(request));
      if (round > 0) rounds.theirs.push(mask);
    } catch (error) {
      signal?.throwIfAborted();
      baselineUnavailable = `${baseline.name}: ${(error as Error).message}`;
    }
    tell(2);
  }
  const { ours, theirs } = rounds;
  const compared = baseline !== undefined && baselineUnavailable === undefined;
  return {
    network: network.name,
    method,
    prunableCount: network.prunableCount,
    requestedDensity: density,
    seed,
    roundCount,
    ours: maskTime(ours),
    baselineUnavailable,
    ...(compared && {
      baseline: { name: baseline.name, ...maskTime(theirs) },
      ratio: {
        median: median(ours.map(({ milliseconds }, k) => theirs[k]!.milliseconds / milliseconds)),
        best: least(theirs) / least(ours),
      },
    }),
  };
}

/** Lets a signal have its turn: a mask may have none. */
async function turn(signal: AbortSignal | undefined): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve));
  signal?.throwIfAborted();
}

/** A mask with the mean time of its round. */
type Mask = TimedMask & { readonly milliseconds: number };

/** Masks of one round, at least one: as many as there is time for. */
const ROUND_MS = 200;

async function timed(make: () => Promise<TimedMask>): Promise<Mask> {
  const start = performance.now();
  for (let count = 1; ; count++) {
    const { keptCount, walkCount, milliseconds } = await make();
    if (milliseconds !== undefined) return { keptCount, walkCount, milliseconds };
    const elapsed = performance.now() - start;
    if (elapsed >= ROUND_MS) return { keptCount, walkCount, milliseconds: elapsed / count };
  }
}

function maskTime(masks: readonly Mask[]): MaskTime {
  const { keptCount, walkCount } = masks[0]!;
  const times = masks.map(({ milliseconds }) => milliseconds);
  return {
    milliseconds: { median: median(times), least: Math.min(...times) },
    keptCount,
    walkCount,
  };
}

const least = (masks: readonly Mask[]): number => Math.min(...masks.map(({ milliseconds }) => milliseconds));
