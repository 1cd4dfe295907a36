/**
 * Events of a run, as event files, the terminal screen and reports share them. Each field is described once, here:
 * the types of events and the parser of their lines derive from it. No I/O.
 */
import {
  anyNumber,
  type Check,
  type Described,
  duration,
  fraction,
  list,
  message,
  name,
  oneOf,
  optional,
  record,
  settings,
  whole,
  within,
} from "./fields.ts";

/** Most layers of a network. */
const LAYER_LIMIT = 100_000;
const count = whole();
/** Epochs, and steps per epoch: their product stays a safe integer. */
const steps = whole(0, 2 ** 26);
const positive = within(0, Infinity);
const perLayer = list(positive, LAYER_LIMIT);

const layerShape = {
  /** Name of its weight. */
  name,
  shape: list(whole(0), 8),
  /** Number of its weights. */
  count,
};
/** A layer before its mask is known. */
export type LayerShape = Described<typeof layerShape>;

const layerMeasure = {
  ...layerShape,
  keptCount: count,
  /** Fraction of output units with at least one incoming kept weight. */
  width: fraction,
};
/** Measures of one layer's mask. */
export type LayerMeasure = Described<typeof layerMeasure>;

const anyLayerMeasure = record(layerMeasure);
const possibleLayerMeasure: Check<LayerMeasure> = (value) => {
  const layer = anyLayerMeasure(value);
  return layer !== undefined && layer.keptCount <= layer.count ? layer : undefined;
};

const unitDigits: Check<string> = (value) =>
  typeof value === "string" && /^[\da-f]{0,64}$/.test(value) ? value : undefined;

const layerProgress = {
  keptCount: count,
  /** Fraction of output units with at least one incoming kept weight so far. */
  width: fraction,
  /**
   * One hexadecimal digit for each of at most 64 groups of neighbouring output units: the mean number of their
   * incoming kept weights, relative to the greatest of any unit (15); 0 only for none.
   */
  units: unitDigits,
  /** Expected number of kept weights of the finished mask, for methods whose theory predicts it. */
  expectedCount: optional(positive),
};
/** One layer of a mask while it is made. */
export type LayerProgress = Described<typeof layerProgress>;

const maskMeasures = {
  pathKernelTrace: anyNumber,
  /** Trace divided by that of the dense network. */
  relativeTrace: anyNumber,
  meanWidth: fraction,
  minWidth: fraction,
  deadUnitCount: count,
  ineffectiveCount: count,
  /** Natural logarithm of the number of paths. */
  logPathCount: anyNumber,
  /** log10 of these two, each only if float64 does not hold the number itself, which is then 0 or Infinity. */
  log10Trace: optional(anyNumber),
  log10RelativeTrace: optional(anyNumber),
};
/** Measures of a whole mask; see analysis/ for their definitions. */
export type MaskMeasures = Described<typeof maskMeasures>;

const epochResult = {
  /** 1-based; 0 is the evaluation before any step. */
  epoch: steps,
  testLoss: anyNumber,
  /** Fraction of the test set. */
  testAccuracy: fraction,
  /** Fraction whose class is among the five greatest outputs. */
  testAccuracy5: optional(fraction),
  /** Over the validation examples, if there are any. */
  validationLoss: optional(anyNumber),
  validationAccuracy: optional(fraction),
  validationAccuracy5: optional(fraction),
};
/** Results of an epoch on examples that are not trained on. */
export type EpochResult = Described<typeof epochResult>;

const life = {
  "run.started": { name, config: settings },
  /** A process resumes the run at a checkpoint; later events of the earlier process are gone. */
  "run.resumed": {
    /** 1-based epoch in progress, and steps done. */
    epoch: steps,
    step: count,
  },
  "run.finished": { elapsedMs: duration },
  "run.failed": { message },
  "run.interrupted": {},
  log: { level: oneOf(["info", "warning"]), message },
};

const pruning = {
  "prune.started": {
    method: name,
    density: fraction,
    keepCount: count,
    prunableCount: count,
    /** In the order of the network's prunable parameters, like `layerProgress` and `layers` below. */
    layerShapes: optional(list(record(layerShape), LAYER_LIMIT)),
  },
  "prune.progress": {
    keptCount: count,
    keepCount: count,
    walkCount: optional(count),
    /** Steps of all walks, one for each weight passed. */
    stepCount: optional(count),
    /** Expected number of walks, and of milliseconds, in total. */
    expectedWalkCount: optional(anyNumber),
    expectedMs: optional(anyNumber),
    round: optional(count),
    roundCount: optional(count),
    /** Score of the last weight that the round kept. */
    threshold: optional(anyNumber),
    elapsedMs: duration,
    /** With some of these events; see `LAYERS_EVERY_MS`. */
    layerProgress: optional(list(record(layerProgress), LAYER_LIMIT)),
  },
  "prune.finished": {
    method: name,
    /** Requested, and reached. */
    requestedDensity: fraction,
    density: fraction,
    keptCount: count,
    walkCount: optional(count),
    elapsedMs: duration,
    layers: list(possibleLayerMeasure, LAYER_LIMIT),
    measures: optional(record(maskMeasures)),
  },
};

const training = {
  "train.started": {
    executor: name,
    epochCount: steps,
    stepsPerEpoch: steps,
    batchSize: count,
    trainCount: count,
    /** Absent if there are no validation examples. */
    validationCount: optional(count),
    testCount: count,
    /** Of one example's forward pass: dense, and with the kept weights only. Absent from old runs. */
    multiplyAdds: optional(record({ dense: positive, kept: positive })),
    /**
     * Memory that the process will need beside the data, in total and by part; absent if the executor cannot tell.
     */
    plannedMemory: optional(
      record({
        processBytes: positive,
        activationBytes: positive,
        weightBytes: positive,
        optimiserBytes: positive,
      }),
    ),
  },
  "train.step": {
    /** 1-based. */
    epoch: steps,
    /** 1-based, counted over all epochs. */
    step: count,
    loss: anyNumber,
    rate: anyNumber,
    imagesPerSecond: positive,
  },
  "train.epoch": {
    ...epochResult,
    /** Means over the training epoch. The accuracy is a fraction. */
    loss: anyNumber,
    accuracy: fraction,
    /** Learning rate of the epoch's last step. */
    rate: anyNumber,
    elapsedMs: duration,
    /**
     * (1 − μ)·‖v‖ of each layer's kept weights, v their momentum: the norm of the mean gradient of the last steps,
     * decay included. In the order of the network's prunable parameters; absent if the executor cannot tell.
     */
    gradientNorms: optional(perLayer),
    /** Milliseconds that one step of the epoch takes for each layer: forward, backward and update. */
    layerMs: optional(perLayer),
  },
  /** The masks have changed, by the rule of the run. */
  "rule.changed": {
    epoch: steps,
    /** Steps done. */
    step: count,
    /** 1-based number of the change. */
    change: count,
    /** After the change, in total and as a fraction of the prunable weights. */
    keptCount: count,
    density: fraction,
    /** Weights that are kept no more, and new ones; what is dropped and grows back is in neither. */
    droppedCount: count,
    grownCount: count,
    /** Jaccard overlap of the masks with those that the run began with. */
    initialOverlap: fraction,
    /** Fraction of the prunable weights that were kept at any time (R_s of Liu et al. 2021, ITOP). */
    everKept: fraction,
    /** Fraction of the layers' output units that kept weights enter. */
    aliveUnits: fraction,
    /** In the order of the network's prunable parameters; with some of these events. */
    layers: optional(list(record(layerProgress), LAYER_LIMIT)),
  },
  /** After each epoch of a run with a rule, of the weights as they are. */
  "rule.measured": {
    epoch: steps,
    /** Changes so far. */
    changes: count,
    density: fraction,
    initialOverlap: fraction,
    everKept: fraction,
    pathKernelTrace: anyNumber,
    /** log10 of the trace, only if float64 does not hold it. */
    log10Trace: optional(anyNumber),
    /** Units of the 0.9-core, which 90 % of all paths pass; absent where there is none, or it takes long. */
    coreSize: optional(count),
  },
  "train.finished": {
    /** Of the last epoch, or of `bestEpoch`. */
    testAccuracy: fraction,
    testLoss: anyNumber,
    /** The epoch with the best validation accuracy, if there are validation examples. */
    bestEpoch: optional(steps),
    elapsedMs: duration,
  },
};

/** Checks of all fields of each kind, except the kind and the time that every event has. */
export const EVENT_FIELDS = { ...life, ...pruning, ...training };

type AllFields = typeof EVENT_FIELDS;
export type EventKind = keyof AllFields;
/** The event of a kind, or of any of several kinds. */
export type EventOf<K extends EventKind> = {
  [Kind in K]: { readonly kind: Kind } & Described<AllFields[Kind]>;
}[K];

export type LifeEvent = EventOf<keyof typeof life>;
export type PruneEvent = EventOf<keyof typeof pruning>;
export type TrainEvent = EventOf<keyof typeof training>;
export type LogEvent = EventOf<"log">;
export type RunEvent = EventOf<EventKind>;

/** A RunEvent as `events.jsonl` stores it: `t` is milliseconds since the epoch. */
export type TimedRunEvent = RunEvent & { readonly t: number };
