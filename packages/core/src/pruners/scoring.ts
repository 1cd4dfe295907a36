/**
 * The common part of methods that score weights: a method computes scores, this file selects. Round k of n keeps the
 * highest scores of the weights left, as many as the schedule says; then they are scored again.
 *   exponential: density^(k/n);   linear: 1 − (1 − density)·k/n;   rounded up, after round n exactly keepCount.
 * Removed weights never return. Among equal scores the lower index is kept.
 * Schedules: Tanaka et al. 2020, arXiv:2006.05467, §6; several rounds of SNIP: de Jorge et al. 2021,
 * arXiv:2006.09081.
 */
import { allocateByShare } from "../masks/allocate.ts";
import { layerProgress } from "../masks/layerProgress.ts";
import { countKept, type Masks } from "../masks/masks.ts";
import { keepTopInto, requireKeepCount } from "../masks/select.ts";
import { Survivors } from "../masks/survivors.ts";
import { isLoose } from "../network/looseWeights.ts";
import type { Network } from "../network/network.ts";
import { weightFlows } from "../network/unitFlow.ts";
import type { OptionSpec, PruneRequest, Pruner, Pruning } from "./pruner.ts";

/** One number per weight, in the order of `network.prunable`; the highest are kept. */
export type Scores = Float32Array | Float64Array;

export interface ScoreRequest extends PruneRequest {
  /** Weights left by earlier rounds, in the first round by `within`; absent if all are left. */
  readonly masks?: Masks | undefined;
  /** After the first round: indices of the weights left in each prunable parameter, ascending. */
  readonly left?: readonly Uint32Array[] | undefined;
  /** Scores of an earlier round that are no longer read: their memory may be overwritten. */
  readonly reusable?: Scores | undefined;
}

export interface ScoringMethod extends Omit<Pruner, "options" | "wholePaths" | "confinable" | "prune"> {
  /** The method's own options, beside those that all scoring methods have. */
  readonly options?: Readonly<Record<string, OptionSpec>>;
  /** Default of the option `rounds`; absent if removed weights change no score: there is then one round. */
  readonly roundCount?: number;
  /**
   * One number for each prunable weight, or for each that is `left`, in order: a new array, or the memory of
   * `reusable`. Scores of removed weights are ignored. Scores of different rounds may differ by a factor.
   */
  score(request: ScoreRequest): Scores | Promise<Scores>;
}

const selection: Readonly<Record<string, OptionSpec>> = {
  scope: {
    kind: "choice",
    choices: ["global", "layer"],
    initial: "global",
    help: "compare all weights of the network, or those of each layer, every layer at the same density",
  },
  invert: { kind: "flag", initial: false, help: "keep the lowest scores: a sanity check" },
};

const schedule: OptionSpec = {
  kind: "choice",
  choices: ["exponential", "linear"],
  initial: "exponential",
  help: "density after round k of n: density^(k/n), or 1 − (1 − density)·k/n",
};

const rounds = (roundCount: number): OptionSpec => ({
  kind: "number",
  least: 1,
  most: 10_000,
  whole: true,
  initial: roundCount,
  help: "rounds, each of which scores the weights left and removes a part",
});

/** Makes a method of this folder from its scores. */
export function scoringPruner({ options: own, roundCount, score, ...method }: ScoringMethod): Pruner {
  const inRounds = roundCount === undefined ? {} : { rounds: rounds(roundCount), schedule };
  return {
    ...method,
    options: { ...own, ...inRounds, ...selection },
    wholePaths: false,
    confinable: true,
    prune: (request) => pruneByScores(score, request),
  };
}

// time between two yields to the event loop
const SLICE_MS = 30;

async function pruneByScores(score: ScoringMethod["score"], request: PruneRequest): Promise<Pruning> {
  const { network, keepCount, from, within, signal, onProgress, options } = request;
  const most = within?.keptCount ?? network.prunableCount;
  requireKeepCount(keepCount, from?.keptCount ?? 0, most);
  const steps = keepCounts(request, most);
  const competitions =
    options.scope === "layer" ? layerCompetitions(network, steps, from, within) : undefined;
  const survivors = new Survivors(network, within);
  let masks = within;
  let first: Scores | undefined;
  let reusable: Scores | undefined;
  let sliceStart = performance.now();
  for (const [step, count] of steps.entries()) {
    signal?.throwIfAborted();
    const left = first && (survivors.indices as readonly Uint32Array[]);
    const scores = await score({
      ...request,
      masks,
      left,
      reusable,
    });
    if (options.invert === true) for (let k = 0; k < scores.length; k++) scores[k] = -scores[k]!;
    if (first === undefined) warnOfEqualScores(scores, request);
    first ??= scores;
    if (first !== scores) reusable = scores;
    const threshold = select(scores, competitions?.[step] ?? [count], survivors, from);
    masks = survivors.masks;
    const round = step + 1;
    onProgress?.({
      keptCount: count,
      round,
      roundCount: steps.length,
      fraction: round / steps.length,
      ...(threshold !== undefined && { threshold }),
      layers: isLoose(network)
        ? undefined
        : () => survivors.keptIn(weightFlows(network)).map((keptIn) => layerProgress(keptIn)),
    });
    if (performance.now() - sliceStart < SLICE_MS || round === steps.length) continue;
    // lets timers, signals and screens run
    await new Promise((resolve) => setTimeout(resolve));
    sliceStart = performance.now();
  }
  return { masks: masks!, scores: first! };
}

/** Happens with gradients below the range of float32, or with weights that are all alike. */
function warnOfEqualScores(
  scores: Scores,
  {
    network,
    keepCount,
    within,
    onWarning,
  }: Pick<PruneRequest, "network" | "keepCount" | "within" | "onWarning">,
): void {
  const most = within?.keptCount ?? network.prunableCount;
  if (keepCount === most) return;
  const first = within === undefined ? 0 : within.bytes.indexOf(1);
  const differs = scores.some((score, k) => score !== scores[first] && (within?.bytes[k] ?? 1) === 1);
  if (differs) return;
  onWarning?.(
    `all weights have the same score, ${Math.abs(scores[first]!)}: which of them are kept is decided by their order alone`,
  );
}

/** Weights kept after each round. @param most number of weights to choose from */
function keepCounts({ network, keepCount, density, options }: PruneRequest, most: number): readonly number[] {
  const weightCount = network.prunableCount;
  // not keepCount's own density: over many rounds the rounding would show
  const goal = density ?? keepCount / weightCount;
  const roundCount = Number(options.rounds ?? 1);
  return Array.from({ length: roundCount }, (_, step) => {
    const part = (step + 1) / roundCount;
    if (part === 1) return keepCount;
    const removed = options.schedule === "linear" ? (1 - goal) * part : 1 - goal ** part;
    return Math.min(most, Math.max(keepCount, weightCount - Math.trunc(removed * weightCount)));
  });
}

/** Weights kept in each layer after each round, computed from the last round back, so that no layer grows. */
function layerCompetitions(
  network: Network,
  steps: readonly number[],
  from: Masks | undefined,
  within: Masks | undefined,
): readonly (readonly number[])[] {
  const counts = network.prunable.map((parameter) =>
    within === undefined ? parameter.length : countKept(within.of(parameter)),
  );
  // the same density for each whole layer, whatever number of its weights is left
  const shares = network.prunable.map(({ length }, l) => (counts[l] === 0 ? 1 : length / counts[l]!));
  let least = network.prunable.map((parameter) => (from === undefined ? 0 : countKept(from.of(parameter))));
  return steps
    .toReversed()
    .map((count) => {
      least = allocateByShare(shares, counts, count, least);
      return least;
    })
    .reverse();
}

/**
 * @param counts weights to keep in each layer, or one count for all layers together
 * @param survivors the weights to select from; afterwards those that are kept
 * @param from weights that are kept in any case
 * @returns the lowest score kept, `from` excluded, if all layers are compared together
 */
function select(
  scores: Scores,
  counts: readonly number[],
  survivors: Survivors,
  from: Masks | undefined,
): number | undefined {
  const candidates = survivors.candidates(scores, from);
  let threshold: number | undefined;
  if (counts.length === 1) threshold = keepTopInto(candidates, counts[0]!);
  else for (const [l, layer] of candidates.entries()) if (counts[l]! > 0) keepTopInto([layer], counts[l]!);
  survivors.shrinkTo(candidates);
  return threshold;
}
