/** Progress of a run in numbers, for lists, bars and the heartbeat. */
import { runAccuracy } from "./accuracy.ts";
import type { RunPhase, RunState } from "./reduce.ts";

/** Summary of a run in one row; the heartbeat in `status.json` contains it. */
export interface RunSummary {
  readonly phase: RunPhase;
  readonly method?: string;
  readonly requestedDensity?: number;
  /** Reached. */
  readonly density?: number;
  /** Done fraction of the present phase, 0 … 1. */
  readonly fraction: number;
  /** Time left in the present phase; absent if unknown. */
  readonly leftMs?: number;
  readonly epoch?: number;
  readonly epochCount?: number;
  /** See {@link runAccuracy}. */
  readonly testAccuracy?: number;
  /** The run's warnings; absent if there are none. */
  readonly warnings?: readonly string[];
}

/** @param now milliseconds since the epoch */
export function summarise(state: RunState, now: number): RunSummary {
  const { mask, pruning, training } = state;
  const method = mask?.method ?? pruning?.method ?? textOf(state.config.method);
  const requested = mask?.requestedDensity ?? pruning?.requestedDensity ?? numberOf(state.config.density);
  const left = leftMs(state, now);
  const accuracy = runAccuracy(state);
  return {
    phase: state.phase,
    ...(method === undefined ? {} : { method }),
    ...(requested === undefined ? {} : { requestedDensity: requested }),
    ...(mask ? { density: mask.density } : {}),
    fraction: doneFraction(state),
    ...(left === undefined ? {} : { leftMs: left }),
    ...(training ? { epoch: epochNow(state), epochCount: training.epochCount } : {}),
    ...(accuracy === undefined ? {} : { testAccuracy: accuracy }),
    ...(state.warnings.length === 0 ? {} : { warnings: state.warnings }),
  };
}

/** Done fraction of the present phase, 0 … 1; of the last one if the run has ended. */
export function doneFraction(state: RunState): number {
  if (state.phase === "finished") return 1;
  if (state.training) return trainedFraction(state);
  const { pruning } = state;
  if (!pruning) return 0;
  if (state.mask && state.phase !== "pruning") return 1;
  return clamp(pruning.samples.at(-1)?.fraction ?? 0);
}

/** Time left in the present phase in milliseconds; undefined if it cannot be estimated. */
export function leftMs(state: RunState, now: number): number | undefined {
  if (state.phase === "pruning") return pruningLeftMs(state);
  const { training } = state;
  if (state.phase !== "training" || !training || training.step <= training.firstStep) return undefined;
  const perStep = (state.lastT - training.firstT) / (training.step - training.firstStep);
  const left = perStep * (training.epochCount * training.stepsPerEpoch - training.step);
  return Math.max(0, left - Math.max(0, now - state.lastT));
}

/** Walks taken per second; undefined for methods that do not walk. */
export function walksPerSecond(state: RunState): number | undefined {
  const walkCount = state.mask?.walkCount ?? state.pruning?.walkCount;
  const elapsedMs = state.mask?.elapsedMs ?? state.pruning?.elapsedMs ?? 0;
  return walkCount === undefined || elapsedMs <= 0 ? undefined : (1000 * walkCount) / elapsedMs;
}

/** Present rate of walks, and the weights that a walk still adds; undefined with too few measurements. */
export interface WalkRates {
  readonly walksPerSecond: number;
  /** Weights not kept before, per walk: falls as walks meet kept ones ever more often. */
  readonly newPerWalk: number;
  /** New weights per step of a walk. Absent from old runs. */
  readonly newPerStep?: number;
}

/** Rates over the last few moments of a pruning under way; undefined for methods that do not walk. */
export function walkRates({ pruning }: RunState): WalkRates | undefined {
  const first = pruning?.samples[0];
  const last = pruning?.samples.at(-1);
  if (first?.walkCount === undefined || last?.walkCount === undefined) return undefined;
  const walks = last.walkCount - first.walkCount;
  const elapsedMs = last.elapsedMs - first.elapsedMs;
  if (walks <= 0 || elapsedMs <= 0) return undefined;
  const found = last.keptCount - first.keptCount;
  const steps = (last.stepCount ?? 0) - (first.stepCount ?? 0);
  return {
    walksPerSecond: (1000 * walks) / elapsedMs,
    newPerWalk: found / walks,
    ...(steps > 0 && first.stepCount !== undefined ? { newPerStep: found / steps } : {}),
  };
}

/** First epoch whose test accuracy is at least `accuracy` (a fraction); undefined if there is none. */
export function epochsTo(state: RunState, accuracy: number): number | undefined {
  return state.epochs.find((point) => point.testAccuracy >= accuracy)?.epoch;
}

function epochNow(state: RunState): number {
  return Math.max(state.training?.epoch ?? 0, state.epochs.at(-1)?.epoch ?? 0);
}

function trainedFraction(state: RunState): number {
  const { training } = state;
  if (!training) return 0;
  const stepCount = training.epochCount * training.stepsPerEpoch;
  const done = Math.max(training.step, state.epochs.at(-1)?.step ?? 0);
  return stepCount > 0 ? clamp(done / stepCount) : 1;
}

// walks meet kept weights ever more often, so the present rate predicts better than the mean rate
function pruningLeftMs(state: RunState): number | undefined {
  const samples = state.pruning?.samples ?? [];
  const first = samples[0];
  const last = samples.at(-1);
  if (!first || !last) return undefined;
  const [fraction, elapsedMs] =
    last.elapsedMs > first.elapsedMs
      ? [last.fraction - first.fraction, last.elapsedMs - first.elapsedMs]
      : [last.fraction, last.elapsedMs];
  return fraction > 0 ? ((1 - clamp(last.fraction)) * elapsedMs) / fraction : undefined;
}

function clamp(fraction: number): number {
  return Math.min(1, Math.max(0, fraction));
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
