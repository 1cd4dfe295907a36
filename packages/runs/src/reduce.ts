/** The state of a run is its events, folded: pure, bounded in memory, the same for a live run and a finished one. */
import type {
  EpochResult,
  EventKind,
  EventOf,
  LayerMeasure,
  LayerProgress,
  LayerShape,
  MaskMeasures,
  TimedRunEvent,
} from "@phew/core/messages";
import type { RunConfig } from "./canonicalJson.ts";
import { describeEvent, type LogLevel } from "./eventText.ts";
import { appendPoint, EMPTY_HISTORY, type History } from "./history.ts";

/** `waiting` before the first event of work, and between pruning and training. */
export type RunPhase = "waiting" | "pruning" | "training" | "finished" | "failed" | "interrupted";

/** A pruning on its way, or just done. */
export interface PruningState {
  readonly method: string;
  readonly requestedDensity: number;
  readonly keepCount: number;
  readonly prunableCount: number;
  readonly keptCount: number;
  readonly walkCount?: number;
  readonly round?: number;
  readonly roundCount?: number;
  readonly elapsedMs: number;
  /** Score of the last weight that the last round kept. */
  readonly threshold?: number;
  /** Kept weights over time since the start of the pruning, in milliseconds. */
  readonly kept: History;
  /** Threshold over the round. */
  readonly thresholds: History;
  /** The last few moments, oldest first, for an estimate that follows the present speed. */
  readonly samples: readonly PruningSample[];
  /** The layers to be pruned, if the run reports them. */
  readonly layerShapes?: readonly LayerShape[] | undefined;
  /** Last reported progress of each of these layers. */
  readonly layerProgress?: readonly LayerProgress[];
}

export interface PruningSample {
  readonly elapsedMs: number;
  /** Done, 0 … 1. */
  readonly fraction: number;
  readonly keptCount: number;
  readonly walkCount?: number | undefined;
  readonly stepCount?: number | undefined;
}

/** The mask a pruning ended with. */
export interface MaskState {
  readonly method: string;
  readonly requestedDensity: number;
  readonly density: number;
  readonly keptCount: number;
  readonly walkCount?: number;
  readonly elapsedMs: number;
  readonly layers: readonly LayerMeasure[];
  readonly measures?: MaskMeasures;
}

export interface EpochPoint extends EpochResult {
  /** Training steps taken by then. */
  readonly step: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly rate: number;
  readonly elapsedMs: number;
  /** When it ended, milliseconds since the epoch. */
  readonly t: number;
}

export interface TrainingState {
  readonly executor: string;
  readonly epochCount: number;
  readonly stepsPerEpoch: number;
  readonly batchSize: number;
  readonly trainCount: number;
  readonly testCount: number;
  /** From `train.started`. */
  readonly plannedMemory?: PlannedMemory | undefined;
  /** Of one example's forward pass, dense and kept. */
  readonly multiplyAdds?: { readonly dense: number; readonly kept: number } | undefined;
  /** Of the last epoch that reported them, one number for each of the mask's layers; see the event `train.epoch`. */
  readonly gradientNorms?: readonly number[];
  readonly layerMs?: readonly number[];
  /** 1-based, 0 before the first step. */
  readonly epoch: number;
  /** Steps since the start of training. */
  readonly step: number;
  readonly loss: number;
  readonly rate: number;
  readonly imagesPerSecond: number;
  /** First step this process reported and its time; a resumed run does not start at 1. */
  readonly firstStep: number;
  readonly firstT: number;
}

/** Expected memory of the training, in total and by part, in bytes. */
export type PlannedMemory = NonNullable<EventOf<"train.started">["plannedMemory"]>;

/** What a rule has made of the masks so far. Fractions are 0 … 1. */
export interface RewiringState {
  readonly changes: number;
  /** Of the last change: the steps before it, and what it changed. */
  readonly step: number;
  readonly keptCount: number;
  readonly density: number;
  readonly droppedCount: number;
  readonly grownCount: number;
  /** Overlap with the first masks, weights kept at any time, units that weights enter: see `rule.changed`. */
  readonly initialOverlap: number;
  readonly everKept: number;
  readonly aliveUnits: number;
  /** The same over the step; `renewed` is grown / kept. */
  readonly densities: History;
  readonly renewed: History;
  readonly overlaps: History;
  readonly everKeptShares: History;
  readonly aliveShares: History;
  /** log10 of the path kernel trace, over the epoch. */
  readonly traces: History;
  /** Units of the 0.9-core, over the epoch; empty where none was measured. */
  readonly cores: History;
}

export interface LogEntry {
  readonly t: number;
  readonly level: LogLevel;
  readonly text: string;
}

export interface RunState {
  readonly name: string;
  readonly config: RunConfig;
  readonly phase: RunPhase;
  /** Times of the first and last event, milliseconds since the epoch; 0 before any. */
  readonly startedT: number;
  readonly lastT: number;
  /** Milliseconds between the end of one process of the run and the start of the next. */
  readonly pausedMs: number;
  readonly eventCount: number;
  readonly pruning?: PruningState;
  readonly mask?: MaskState;
  readonly training?: TrainingState;
  /** Of a run whose rule has changed the masks. */
  readonly rewiring?: RewiringState;
  /** Loss of every step over the step. */
  readonly stepLoss: History;
  /** Seconds since the run began over the same steps as {@link stepLoss}. */
  readonly stepSeconds: History;
  /** Images per second over the same steps. */
  readonly stepSpeed: History;
  /** In rising order of epoch. */
  readonly epochs: readonly EpochPoint[];
  /** From `train.finished`. */
  readonly finalTestAccuracy?: number;
  /** The last {@link LOG_LENGTH} noteworthy events, oldest first. */
  readonly log: readonly LogEntry[];
  /** The run's first {@link WARNING_COUNT} warnings; see `log` events of the level `warning`. */
  readonly warnings: readonly string[];
  /** Why the run failed. */
  readonly failure?: string;
}

type Timed<K extends EventKind> = EventOf<K> & { readonly t: number };

const WARNING_COUNT = 20;
export const LOG_LENGTH = 200;
const SAMPLE_COUNT = 12;

/** The state before any event. */
export function initialRunState(name = ""): RunState {
  return {
    name,
    config: {},
    phase: "waiting",
    startedT: 0,
    lastT: 0,
    pausedMs: 0,
    eventCount: 0,
    stepLoss: EMPTY_HISTORY,
    stepSeconds: EMPTY_HISTORY,
    stepSpeed: EMPTY_HISTORY,
    epochs: [],
    log: [],
    warnings: [],
  };
}

const pauseBefore = ({ lastT }: RunState, t: number) => (lastT === 0 ? 0 : Math.max(0, t - lastT));

/** The state after `event`; kinds it does not know leave all but the time as it was. */
export function reduce(state: RunState, event: TimedRunEvent): RunState {
  const timed: RunState = {
    ...state,
    startedT: state.startedT || event.t,
    lastT: event.t,
    pausedMs: state.pausedMs + (event.kind === "run.started" ? pauseBefore(state, event.t) : 0),
    eventCount: state.eventCount + 1,
  };
  return logged(advanced(timed, event), event);
}

/** Folds many events. */
export function reduceAll(events: Iterable<TimedRunEvent>, state: RunState = initialRunState()): RunState {
  let result = state;
  for (const event of events) result = reduce(result, event);
  return result;
}

/** What each kind makes of a state; those that leave it as it is say so. */
const FOLDS: { readonly [K in EventKind]: (state: RunState, event: Timed<K>) => RunState } = {
  "run.started"(state, { name, config }) {
    // a resumed run starts again: what went before stays, but for its end
    const { failure: _, ...rest } = state;
    return { ...rest, name, config, phase: "waiting" };
  },
  "run.resumed": resumed,
  log: (state, { level, message }) => (level === "warning" ? warned(state, message) : state),
  "run.finished": (state) => ({ ...state, phase: "finished" }),
  "run.failed": (state, { message }) => ({ ...state, phase: "failed", failure: message }),
  "run.interrupted": (state) => ({ ...state, phase: "interrupted" }),
  "prune.started": (state, event) => ({ ...state, phase: "pruning", pruning: startedPruning(event) }),
  "prune.progress": (state, event) =>
    state.pruning ? { ...state, pruning: progressed(state.pruning, event) } : state,
  "prune.finished": pruned,
  "train.started": (state, event) => ({ ...state, phase: "training", training: startedTraining(event) }),
  "train.step": (state, event) => (state.training ? stepped(state, state.training, event) : state),
  "train.epoch": (state, event) => ({
    ...state,
    epochs: withEpoch(state, event),
    ...(state.training ? { training: evaluated(state.training, event) } : {}),
  }),
  "rule.changed": rewired,
  "rule.measured": (state, { epoch, pathKernelTrace, log10Trace, coreSize }) => {
    if (state.rewiring === undefined) return state;
    const { traces, cores } = state.rewiring;
    return {
      ...state,
      rewiring: {
        ...state.rewiring,
        traces: appendPoint(traces, epoch, log10Trace ?? Math.log10(pathKernelTrace)),
        cores: coreSize === undefined ? cores : appendPoint(cores, epoch, coreSize),
      },
    };
  },
  "train.finished": (state, { testAccuracy }) => ({
    ...state,
    phase: "waiting",
    finalTestAccuracy: testAccuracy,
  }),
};

function advanced<K extends EventKind>(state: RunState, event: Timed<K>): RunState {
  const kind: K = event.kind;
  return Object.hasOwn(FOLDS, kind) ? FOLDS[kind](state, event) : state;
}

function startedPruning(event: EventOf<"prune.started">): PruningState {
  return {
    method: event.method,
    requestedDensity: event.density,
    keepCount: event.keepCount,
    prunableCount: event.prunableCount,
    keptCount: 0,
    elapsedMs: 0,
    kept: EMPTY_HISTORY,
    thresholds: EMPTY_HISTORY,
    samples: [],
    layerShapes: event.layerShapes,
  };
}

/** A repeated warning is counted once. */
function warned(state: RunState, message: string): RunState {
  const { warnings } = state;
  if (warnings.length >= WARNING_COUNT || warnings.includes(message)) return state;
  return { ...state, warnings: [...warnings, message] };
}

/** Events after the checkpoint are removed from the file; a reader that has read them starts again. */
function resumed(state: RunState, event: Timed<"run.resumed">): RunState {
  const { failure: _, training, ...rest } = state;
  if (!training) return { ...rest, phase: "waiting" };
  const { epoch, step, t } = event;
  return { ...rest, phase: "training", training: { ...training, epoch, step, firstStep: step, firstT: t } };
}

function progressed(pruning: PruningState, event: EventOf<"prune.progress">): PruningState {
  const { keptCount, keepCount, walkCount, stepCount, round, roundCount, threshold, elapsedMs } = event;
  const layers =
    event.layerProgress?.length === pruning.layerShapes?.length ? event.layerProgress : undefined;
  const fraction =
    round !== undefined && roundCount ? round / roundCount : keptCount / Math.max(1, keepCount);
  return {
    ...pruning,
    keptCount,
    keepCount,
    elapsedMs,
    ...(walkCount === undefined ? {} : { walkCount }),
    ...(round === undefined ? {} : { round }),
    ...(roundCount === undefined ? {} : { roundCount }),
    ...(threshold === undefined ? {} : { threshold }),
    ...(layers ? { layerProgress: layers } : {}),
    kept: appendPoint(pruning.kept, elapsedMs, keptCount),
    thresholds:
      round === undefined || threshold === undefined
        ? pruning.thresholds
        : appendPoint(pruning.thresholds, round, threshold),
    samples: [
      ...pruning.samples.slice(1 - SAMPLE_COUNT),
      {
        elapsedMs,
        fraction,
        keptCount,
        walkCount,
        stepCount,
      },
    ],
  };
}

function pruned(state: RunState, event: Timed<"prune.finished">): RunState {
  const { t: _, kind: __, ...mask } = event;
  const { pruning, ...rest } = state;
  if (!pruning) return { ...rest, phase: "waiting", mask };
  const done = { ...pruning, keptCount: event.keptCount, elapsedMs: event.elapsedMs };
  return {
    ...rest,
    phase: "waiting",
    mask,
    pruning: event.walkCount === undefined ? done : { ...done, walkCount: event.walkCount },
  };
}

function startedTraining(event: Timed<"train.started">): TrainingState {
  return {
    executor: event.executor,
    epochCount: event.epochCount,
    stepsPerEpoch: event.stepsPerEpoch,
    batchSize: event.batchSize,
    trainCount: event.trainCount,
    testCount: event.testCount,
    plannedMemory: event.plannedMemory,
    multiplyAdds: event.multiplyAdds,
    epoch: 0,
    step: 0,
    loss: Number.NaN,
    rate: Number.NaN,
    imagesPerSecond: Number.NaN,
    firstStep: 0,
    firstT: event.t,
  };
}

/** The layers of the mask move with it: views and tables show what holds now. */
function rewired(state: RunState, event: Timed<"rule.changed">): RunState {
  const {
    change,
    step,
    keptCount,
    density,
    droppedCount,
    grownCount,
    layers,
    t: _,
    kind: __,
    ...rest
  } = event;
  const before = state.rewiring;
  // a run resumed at a checkpoint repeats changes that are in its history
  const isRepeated = before !== undefined && step <= lastStep(before.overlaps);
  const add = (history: History | undefined, value: number) =>
    isRepeated ? history! : appendPoint(history ?? EMPTY_HISTORY, step, value);
  const rewiring: RewiringState = {
    ...rest,
    changes: change,
    step,
    keptCount,
    density,
    droppedCount,
    grownCount,
    densities: add(before?.densities, density),
    renewed: add(before?.renewed, grownCount / Math.max(1, keptCount)),
    overlaps: add(before?.overlaps, event.initialOverlap),
    everKeptShares: add(before?.everKeptShares, event.everKept),
    aliveShares: add(before?.aliveShares, event.aliveUnits),
    traces: before?.traces ?? EMPTY_HISTORY,
    cores: before?.cores ?? EMPTY_HISTORY,
  };
  const { mask, pruning } = state;
  if (mask === undefined) return { ...state, rewiring };
  const moved = layers?.length === mask.layers.length ? layers : undefined;
  const now = mask.layers.map((layer, l) =>
    moved === undefined ? layer : { ...layer, keptCount: moved[l]!.keptCount, width: moved[l]!.width },
  );
  return {
    ...state,
    rewiring,
    mask: { ...mask, density, keptCount, layers: now },
    ...(pruning && moved && { pruning: { ...pruning, layerProgress: moved } }),
  };
}

function stepped(state: RunState, training: TrainingState, event: Timed<"train.step">): RunState {
  const { epoch, step, loss, rate, imagesPerSecond, t } = event;
  const first = training.step === 0 && step > 1 ? { firstStep: step, firstT: t } : {};
  const seen = state.stepLoss.count > 0 && step <= lastStep(state.stepLoss);
  return {
    ...state,
    training: { ...training, ...first, epoch, step, loss, rate, imagesPerSecond },
    // a run resumed at a checkpoint repeats steps that are on the curve already
    ...(seen
      ? {}
      : {
          stepLoss: appendPoint(state.stepLoss, step, loss),
          stepSeconds: appendPoint(state.stepSeconds, step, (t - state.startedT) / 1000),
          stepSpeed: appendPoint(state.stepSpeed, step, imagesPerSecond),
        }),
  };
}

function lastStep(history: History): number {
  return history.recent.x[history.recentLength - 1]!;
}

function evaluated(
  training: TrainingState,
  { gradientNorms, layerMs }: EventOf<"train.epoch">,
): TrainingState {
  return {
    ...training,
    ...(gradientNorms ? { gradientNorms } : {}),
    ...(layerMs ? { layerMs } : {}),
  };
}

function withEpoch(state: RunState, event: Timed<"train.epoch">): readonly EpochPoint[] {
  const { kind: _, gradientNorms: __, layerMs: ___, ...point } = event;
  const step = point.epoch * (state.training?.stepsPerEpoch ?? 1);
  const isNext = (state.epochs.at(-1)?.epoch ?? -1) < point.epoch;
  const before = isNext ? state.epochs : state.epochs.filter((earlier) => earlier.epoch < point.epoch);
  return [...before, { ...point, step }];
}

function logged(state: RunState, event: TimedRunEvent): RunState {
  const entry = describeEvent(event);
  return entry ? { ...state, log: [...state.log.slice(1 - LOG_LENGTH), { t: event.t, ...entry }] } : state;
}
