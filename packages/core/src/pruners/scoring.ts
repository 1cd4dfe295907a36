/**
 * What methods that score weights share: a method tells scores, everything else is here. In round k of n as many of
 * the weights still kept survive as the schedule says, those of the highest scores; then they are scored anew.
 *   exponential: density^(k/n);   linear: 1 − (1 − density)·k/n;   rounded up, after round n exactly keepCount.
 * Removed weights never return. Among equal scores the lower index survives.
 * Schedules: Tanaka et al. 2020, arXiv:2006.05467, §6; several rounds of SNIP: de Jorge et al. 2021, arXiv:2006.09081.
 */
import { allocateByShare } from "../masks/allocate.ts";
import { layerProgress } from "../masks/layerProgress.ts";
import { countKept, type Masks } from "../masks/masks.ts";
import { keepTopInto, requireKeepCount } from "../masks/select.ts";
import { Survivors } from "../masks/survivors.ts";
import type { Network } from "../network/network.ts";
import { weightFlows } from "../network/unitFlow.ts";
import type { OptionSpec, PruneRequest, Pruner, Pruning } from "./pruner.ts";

/** One number a weight, in the order of `network.prunable`; the highest survive. */
export type Scores = Float32Array | Float64Array;

export interface ScoreRequest extends PruneRequest {
  /** Weights left by the rounds before, in the first by `within`; absent where all are. */
  readonly masks?: Masks;
  /** After the first round: for each prunable parameter the weights left, ascending, within it. */
  readonly left?: readonly Uint32Array[];
  /** Scores of an earlier round: nobody reads them any more, and their memory may be used again. */
  readonly spent?: Scores;
}

export interface ScoringMethod extends Omit<Pruner, "options" | "wholePaths" | "confinable" | "prune"> {
  /** Options of its own, beside those that all scoring methods have. */
  readonly options?: Readonly<Record<string, OptionSpec>>;
  /** Rounds unless the option `rounds` says otherwise; absent where removed weights change no score: there is one. */
  readonly roundCount?: number;
  /**
   * One number for each prunable weight, or for each that is `left`, in order: a new array, or one in the memory of the
   * spent. Scores of removed weights do not count. Round by round they may differ by a factor.
   */
  score(request: ScoreRequest): Scores | Promise<Scores>;
}

const selection: Readonly<Record<string, OptionSpec>> = {
  scope: {
    kind: "choice",
    choices: ["global", "layer"],
    initial: "global",
    help: "who competes: all weights with each other, or those of a layer, every layer at the same density",
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
  help: "rounds, each of which scores what is left and removes a part",
});

/** A method of this folder from what it scores by. */
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

// between turns of others
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
  let spent: Scores | undefined;
  let sliceStart = performance.now();
  for (const [step, count] of steps.entries()) {
    signal?.throwIfAborted();
    const left = first && (survivors.indices as readonly Uint32Array[]);
    const scores = await score({
      ...request,
      ...(masks && { masks }),
      ...(left && { left }),
      ...(spent && { spent }),
    });
    if (options.invert === true) for (let k = 0; k < scores.length; k++) scores[k] = -scores[k]!;
    if (first === undefined) warnOfEqualScores(scores, request);
    first ??= scores;
    if (first !== scores) spent = scores;
    const threshold = select(scores, competitions?.[step] ?? [count], survivors, from);
    masks = survivors.masks;
    const round = step + 1;
    onProgress?.({
      keptCount: count,
      round,
      roundCount: steps.length,
      fraction: round / steps.length,
      ...(threshold !== undefined && { threshold }),
      layers: () => survivors.keptIn(weightFlows(network)).map((keptIn) => layerProgress(keptIn)),
    });
    if (performance.now() - sliceStart < SLICE_MS || round === steps.length) continue;
    // lets timers, signals and screens have their turn
    await new Promise((resolve) => setTimeout(resolve));
    sliceStart = performance.now();
  }
  return { masks: masks!, scores: first! };
}

/** Such as of gradients that float32 does not hold, or of a network whose weights are all alike. */
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

/** Weights kept after each round. @param most that there are to choose among */
function keepCounts({ network, keepCount, density, options }: PruneRequest, most: number): readonly number[] {
  const weightCount = network.prunableCount;
  // not that of keepCount: after many rounds a weight more or less in one of them shows
  const goal = density ?? keepCount / weightCount;
  const roundCount = Number(options.rounds ?? 1);
  return Array.from({ length: roundCount }, (_, step) => {
    const part = (step + 1) / roundCount;
    if (part === 1) return keepCount;
    const removed = options.schedule === "linear" ? (1 - goal) * part : 1 - goal ** part;
    return Math.min(most, Math.max(keepCount, weightCount - Math.trunc(removed * weightCount)));
  });
}

/** Weights kept of each layer after each round. From the last back, so that no layer ever grows. */
function layerCompetitions(
  network: Network,
  steps: readonly number[],
  from: Masks | undefined,
  within: Masks | undefined,
): readonly (readonly number[])[] {
  const counts = network.prunable.map((parameter) =>
    within === undefined ? parameter.length : countKept(within.of(parameter)),
  );
  // the same density of each whole layer, however many of its weights are left to choose among
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
 * @param counts weights to keep of each layer, or one count for all together
 * @param survivors weights that compete; afterwards those that are kept
 * @param from weights that are kept in any case
 * @returns the lowest score kept but for these, where all compete together
 */
function select(
  scores: Scores,
  counts: readonly number[],
  survivors: Survivors,
  from: Masks | undefined,
): number | undefined {
  // the fewer are left, the less there is to look at
  const rivals = survivors.rivals(scores, from);
  let threshold: number | undefined;
  if (counts.length === 1) threshold = keepTopInto(rivals, counts[0]!);
  else for (const [l, layer] of rivals.entries()) if (counts[l]! > 0) keepTopInto([layer], counts[l]!);
  survivors.shrinkTo(rivals);
  return threshold;
}
