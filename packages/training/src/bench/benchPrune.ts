/** Times PHEW's mask against a plain walker of the same definition, in alternating rounds of one run. */
import {
  ArgumentError,
  initialise,
  keepCountAt,
  ownInitialisation,
  prune,
  walkPlan,
  zooModel,
} from "@phew/core";
import { linearScanWalk } from "./linearScanWalker.ts";
import { median } from "./race.ts";

export interface PruneBenchOptions {
  /** Name of the zoo. */
  readonly model: string;
  /** Fraction of weights kept. */
  readonly density: number;
  /** Of weights and walks. */
  readonly seed: number;
  /** Rounds of each, of one mask or as many as 0.2 s are enough for; 5 unless said otherwise. */
  readonly roundCount?: number;
  /** @param fraction done, 0 … 1 */
  readonly onProgress?: (fraction: number, note: string) => void;
  readonly signal?: AbortSignal;
}

/** From weights to mask, checks and tables among it. */
export interface MaskTime {
  readonly milliseconds: { readonly median: number; readonly least: number };
  readonly keptCount: number;
  readonly walkCount: number;
}

export interface PruneBenchReport {
  readonly network: string;
  readonly prunableCount: number;
  readonly requestedDensity: number;
  readonly seed: number;
  readonly roundCount: number;
  readonly ours: MaskTime;
  readonly linearScan: MaskTime;
  /** How many times as fast as the linear scan: median over rounds, and of the quickest masks. */
  readonly ratio: { readonly median: number; readonly best: number };
}

/** @throws ArgumentError where an option is not usable; signal.reason */
export async function benchPrune(options: PruneBenchOptions): Promise<PruneBenchReport> {
  const { model, density, seed, roundCount = 5, onProgress, signal } = options;
  if (!Number.isInteger(roundCount) || roundCount < 1) {
    throw new ArgumentError("rounds", { given: `${roundCount}`, expected: "a whole number of at least 1" });
  }
  const network = zooModel(model);
  const keepCount = keepCountAt(density, network.prunableCount);
  const weights = await initialise(network, { seed, initialisation: ownInitialisation(network) });
  const settings = { method: "phew", density, seed, ...(signal && { signal }) };
  const walkers = [
    () => prune(network, weights, settings),
    async () => linearScanWalk(walkPlan(network, weights), keepCount, seed),
  ];
  const rounds: Mask[][] = walkers.map(() => []);
  // round 0 warms up: what is measured then is how fast code is compiled
  for (let round = 0; round <= roundCount; round++) {
    for (const [k, walk] of walkers.entries()) {
      // lets a signal have its turn: the scan itself has none
      await new Promise((resolve) => setTimeout(resolve));
      signal?.throwIfAborted();
      const mask = await timed(walk);
      if (round > 0) rounds[k]!.push(mask);
      onProgress?.((2 * round + k + 1) / (2 * roundCount + 2), `round ${round} of ${roundCount}`);
    }
  }
  const [ours, linearScan] = rounds as [Mask[], Mask[]];
  return {
    network: network.name,
    prunableCount: network.prunableCount,
    requestedDensity: density,
    seed,
    roundCount,
    ours: maskTime(ours),
    linearScan: maskTime(linearScan),
    ratio: {
      median: median(ours.map(({ milliseconds }, k) => linearScan[k]!.milliseconds / milliseconds)),
      best: least(linearScan) / least(ours),
    },
  };
}

interface Walked {
  readonly keptCount: number;
  readonly walkCount?: number;
}

/** A mask with the mean time of its round. */
interface Mask {
  readonly keptCount: number;
  readonly walkCount: number;
  readonly milliseconds: number;
}

/** Masks of one round, at least one: as many as there is time for. */
const ROUND_MS = 200;

async function timed(walk: () => Promise<Walked>): Promise<Mask> {
  const start = performance.now();
  for (let count = 1; ; count++) {
    const { keptCount, walkCount } = await walk();
    const elapsed = performance.now() - start;
    if (elapsed >= ROUND_MS) return { keptCount, walkCount: walkCount ?? 0, milliseconds: elapsed / count };
  }
}

function maskTime(masks: readonly Mask[]): MaskTime {
  const { keptCount, walkCount } = masks[0]!;
  const times = masks.map(({ milliseconds }) => milliseconds);
  return { milliseconds: { median: median(times), least: Math.min(...times) }, keptCount, walkCount };
}

const least = (masks: readonly Mask[]): number => Math.min(...masks.map(({ milliseconds }) => milliseconds));
