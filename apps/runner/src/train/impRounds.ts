/**
 * Iterative magnitude pruning with rewinding, as runs. Round 0 trains the dense network. Round k of R keeps a density
 * of density^(k/R): of the weights left by round k − 1, those with the highest scores after training. It rewinds them
 * to their initial values, or to those of an early step of round 0, and trains.
 * @see Frankle & Carbin 2019, arXiv:1803.03635; to an early step: Frankle, Dziugaite, Roy & Carbin 2020,
 * arXiv:1912.05671
 */
import type { TrainConfig } from "../settings/configuration.ts";

/** Fraction of the weights left that survives a round, of Frankle & Carbin 2019. */
const SURVIVING = 0.8;

/** Number of rounds to the density if none removes more than a fifth of the weights left. */
export function usualRoundCount(density: number): number {
  // slightly less, so that 0.8 is one round
  return Math.max(1, Math.ceil(Math.log(density) / Math.log(SURVIVING) - 1e-9));
}

/** @param config of the last round; all rounds share the rest of it */
export function denseRound(config: TrainConfig): TrainConfig {
  return { ...config, method: "dense", density: 1, options: {} };
}

/**
 * @param round 1 … roundCount
 * @param folders of the runs of the rounds before, from round 0
 */
export function prunedRound(
  { rewindStep, rewindEpoch, ...config }: TrainConfig,
  round: number,
  roundCount: number,
  folders: readonly string[],
): TrainConfig {
  const before = folders[round - 1]!;
  const rewinds = rewindStep !== undefined || rewindEpoch !== undefined;
  return {
    ...config,
    density: densityAfter(round, roundCount, config.density),
    scoreWeights: `${before}@final`,
    ...(rewinds && { startWeights: `${folders[0]}@rewind` }),
    // after round 0 all weights are left
    ...(round > 1 && { within: before }),
  };
}

export function densityAfter(round: number, roundCount: number, density: number): number {
  return round === roundCount ? density : density ** (round / roundCount);
}
