/**
 * Alternating rounds of two programs, so that other load on the computer slows both:
 *   rate of a round = images / seconds,   ratio of a round = our rate / the baseline's
 * Medians are over rounds; the best round is the one with the least disturbance.
 */
import type { Contender } from "./contender.ts";
import type { Round } from "./task.ts";

/** A program's rounds in figures. */
export interface Pace {
  readonly imagesPerSecond: { readonly median: number; readonly best: number };
  readonly stepMilliseconds: { readonly median: number; readonly least: number };
  readonly rounds: readonly Round[];
}

/** How many times as fast as the baseline. */
export interface Ratio {
  /** Median of the ratios of each round of one with the round of the other that followed it. */
  readonly median: number;
  /** Of the best rounds. */
  readonly best: number;
}

export interface RaceOptions {
  readonly roundCount: number;
  /** Before each round, so that the other program's waiting threads are asleep. */
  readonly pauseMs: number;
  /** @param done rounds of both @param all of both */
  readonly onRound?: ((done: number, all: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** @returns the rounds of each contender, in the order of the contenders @throws signal.reason */
export async function race(
  contenders: readonly Pick<Contender, "round">[],
  { roundCount, pauseMs, onRound, signal }: RaceOptions,
): Promise<Round[][]> {
  const rounds: Round[][] = contenders.map(() => []);
  for (let round = 0; round < roundCount; round++) {
    for (const [k, contender] of contenders.entries()) {
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      signal?.throwIfAborted();
      rounds[k]!.push(await contender.round());
      onRound?.(round * contenders.length + k + 1, roundCount * contenders.length);
    }
  }
  return rounds;
}

/** @param rounds at least one */
export function paceOf(rounds: readonly Round[]): Pace {
  const rates = rounds.map(rateOf);
  const steps = rounds.map(({ seconds, stepCount }) => (1000 * seconds) / stepCount);
  return {
    imagesPerSecond: { median: median(rates), best: Math.max(...rates) },
    stepMilliseconds: { median: median(steps), least: Math.min(...steps) },
    rounds,
  };
}

/** @param ours as many rounds as `baseline` has */
export function ratioOf(ours: readonly Round[], baseline: readonly Round[]): Ratio {
  const best = (rounds: readonly Round[]) => Math.max(...rounds.map(rateOf));
  return {
    median: median(ours.map((round, k) => rateOf(round) / rateOf(baseline[k]!))),
    best: best(ours) / best(baseline),
  };
}

const rateOf = ({ imageCount, seconds }: Round): number => imageCount / seconds;

/** @param values at least one */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
