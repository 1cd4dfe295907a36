/**
 * What happens in a run, in the words that event files, the terminal screen and reports share. What each field of each kind
 * may be is told once, here: the types of events and the parser of their lines are both made of it. No I/O.
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

/** Of layers that a network can have. */
const LAYER_LIMIT = 100_000;
const count = whole();
/** Epochs and steps of one: their product is a number that can be counted. */
const steps = whole(0, 2 ** 26);
const positive = within(0, Infinity);
const perLayer = list(positive, LAYER_LIMIT);

const layerShape = {
  /** Of its weight. */
  name,
  shape: list(whole(0), 8),
  /** Weights in all. */
  count,
};
/** A layer before anything is known of its mask. */
export type LayerShape = Described<typeof layerShape>;

const layerMeasure = {
  ...layerShape,
  keptCount: count,
  /** Output units with at least one kept weight entering, as a fraction of all. */
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
  /** Output units with at least one kept weight entering so far, as a fraction of all. */
  width: fraction,
  /**
   * A hexadecimal digit for each of at most 64 groups of neighbouring output units: the mean of the kept weights that
   * enter them, 15 for as many as the unit with the most of them has, 0 for none at all.
   */
  units: unitDigits,
  /** Kept weights that are expected of the finished mask, for methods of which theory foretells them. */
  expectedCount: optional(positive),
};
/** One layer of a mask that is coming about. */
export type LayerProgress = Described<typeof layerProgress>;

const maskMeasures = {
  pathKernelTrace: anyNumber,
  /** Trace over that of the dense network. */
  relativeTrace: anyNumber,
  meanWidth: fraction,
  minWidth: fraction,
  deadUnitCount: count,
  ineffectiveCount: count,
  /** Natural logarithm of the number of paths. */
  logPathCount: anyNumber,
  /** log10 of these two, each only where float64 does not hold the number itself, which is then 0 or Infinity. */
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
  /** Over the validation examples, where there are some. */
  validationLoss: optional(anyNumber),
  validationAccuracy: optional(fraction),
  validationAccuracy5: optional(fraction),
};
/** What an epoch came to, on examples that it did not train on. */
export type EpochResult = Described<typeof epochResult>;

const life = {
  "run.started": { name, config: settings },
  /** A process goes on with the run at a checkpoint; what came behind it is gone. */
  "run.resumed": {
    /** 1-based epoch under way, and steps taken. */
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
    /** In the order of the network's prunable parameters, as `layerProgress` and `layers` below. */
    layerShapes: optional(list(record(layerShape), LAYER_LIMIT)),
  },
  "prune.progress": {
    keptCount: count,
    keepCount: count,
    walkCount: optional(count),
    /** Steps of all walks, one for each weight on their ways. */
    stepCount: optional(count),
    /** Walks, and milliseconds, that the whole is expected to come to. */
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
    /** Asked for, and reached. */
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
    /** Absent where no examples are set aside to choose by. */
    validationCount: optional(count),
    testCount: count,
    /** Of one example's way forward: of the dense network, and of what is kept of it. Absent from old runs. */
    multiplyAdds: optional(record({ dense: positive, kept: positive })),
    /** What the process will need beside the data, and parts of it; absent where the executor cannot tell. */
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
    /** 1-based, counted from the start of training over all epochs. */
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
    /** Of the epoch's last step. */
    rate: anyNumber,
    elapsedMs: duration,
    /**
     * (1 − μ)·‖v‖ of each layer's kept weights, v their momentum: the length of the mean gradient of the last steps,
     * decay included. In the order of the network's prunable parameters; absent where the executor cannot tell.
     */
    gradientNorms: optional(perLayer),
    /** Milliseconds that one step of the epoch spent on each of these layers, forward, backward and update. */
    layerMs: optional(perLayer),
  },
  "train.finished": {
    /** Of the last epoch, or of `bestEpoch`. */
    testAccuracy: fraction,
    testLoss: anyNumber,
    /** The epoch with the best validation accuracy, where there are validation examples. */
    bestEpoch: optional(steps),
    elapsedMs: duration,
  },
};

/** Checks of all fields of each kind, but of the kind and the time that every event has. */
export const EVENT_FIELDS = { ...life, ...pruning, ...training };

type AllFields = typeof EVENT_FIELDS;
export type EventKind = keyof AllFields;
/** The event of a kind; of several, any of theirs. */
export type EventOf<K extends EventKind> = {
  [Kind in K]: { readonly kind: Kind } & Described<AllFields[Kind]>;
}[K];

export type LifeEvent = EventOf<keyof typeof life>;
export type PruneEvent = EventOf<keyof typeof pruning>;
export type TrainEvent = EventOf<keyof typeof training>;
export type LogEvent = EventOf<"log">;
export type RunEvent = EventOf<EventKind>;

/** A RunEvent as it stands in `events.jsonl`: `t` is milliseconds since the epoch. */
export type TimedRunEvent = RunEvent & { readonly t: number };
