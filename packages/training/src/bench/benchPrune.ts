/** Times a method's masks against another program's of the same definition, in alternating rounds of one run. */
import {
  ArgumentError,
  initialise,
  keepCountAt,
  type OptionValue,
  ownInitialisation,
  prune,
  zooModel,
} from "@phew/core";
import { type RivalMask, rivalOf } from "./pruneRivals.ts";
import { median } from "./race.ts";

export interface PruneBenchOptions {
  /** Name of the zoo. */
  readonly model: string;
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
  readonly walkCount?: number;
}

export interface PruneBenchReport {
  readonly network: string;
  readonly method: string;
  readonly prunableCount: number;
  readonly requestedDensity: number;
  readonly seed: number;
  readonly roundCount: number;
  readonly ours: MaskTime;
  readonly rival?: MaskTime & { readonly name: string };
  /** Why there is none. */
  readonly rivalUnavailable?: string;
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
  const network = zooModel(model);
  const keepCount = keepCountAt(density, network.prunableCount);
  const weights = await initialise(network, { seed, initialisation: ownInitialisation(network) });
  const request = { ...{ network, weights, density, keepCount, seed, options }, signal };
  const rival = rivalOf(method);
  let rivalUnavailable = rival === undefined ? `nothing to time ${method} against` : undefined;
  const rounds: { readonly ours: Mask[]; readonly rivals: Mask[] } = { ours: [], rivals: [] };
  // round 0 is the warm-up: it would measure the compilation
  for (let round = 0; round <= roundCount; round++) {
    const tell = (half: number) =>
      onProgress?.((2 * round + half) / (2 * roundCount + 2), `round ${round} of ${roundCount}`);
    await turn(signal);
    const mask = await timed(() => prune(network, weights, { method, density, seed, options, signal }));
    if (round > 0) rounds.ours.push(mask);
    tell(1);
    if (rival === undefined || rivalUnavailable !== undefined) continue;
    if (round === 0 && rival.alwaysFresh) continue;
    await turn(signal);
    try {
      const theirs = await timed(() => rival.mask(request));
      if (round > 0) rounds.rivals.push(theirs);
    } catch (error) {
      signal?.throwIfAborted();
      rivalUnavailable = `${rival.name}: ${(error as Error).message}`;
    }
    tell(2);
  }
  const { ours, rivals } = rounds;
  const compared = rival !== undefined && rivalUnavailable === undefined;
  return {
    network: network.name,
    method,
    prunableCount: network.prunableCount,
    requestedDensity: density,
    seed,
    roundCount,
    ours: maskTime(ours),
    ...(rivalUnavailable !== undefined && { rivalUnavailable }),
    ...(compared && {
      rival: { name: rival.name, ...maskTime(rivals) },
      ratio: {
        median: median(ours.map(({ milliseconds }, k) => rivals[k]!.milliseconds / milliseconds)),
        best: least(rivals) / least(ours),
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
type Mask = RivalMask & { readonly milliseconds: number };

/** Masks of one round, at least one: as many as there is time for. */
const ROUND_MS = 200;

async function timed(make: () => Promise<RivalMask>): Promise<Mask> {
  const start = performance.now();
  for (let count = 1; ; count++) {
    const { keptCount, walkCount, milliseconds } = await make();
    const walks = walkCount === undefined ? {} : { walkCount };
    if (milliseconds !== undefined) return { keptCount, ...walks, milliseconds };
    const elapsed = performance.now() - start;
    if (elapsed >= ROUND_MS) return { keptCount, ...walks, milliseconds: elapsed / count };
  }
}

function maskTime(masks: readonly Mask[]): MaskTime {
  const { keptCount, walkCount } = masks[0]!;
  const times = masks.map(({ milliseconds }) => milliseconds);
  return {
    milliseconds: { median: median(times), least: Math.min(...times) },
    keptCount,
    ...(walkCount !== undefined && { walkCount }),
  };
}

const least = (masks: readonly Mask[]): number => Math.min(...masks.map(({ milliseconds }) => milliseconds));
