/** What happens in a run, in the words that event files, the terminal screen and reports share. No I/O here. */

/** A layer before anything is known of its mask. */
export interface LayerShape {
  /** Of its weight. */
  readonly name: string;
  readonly shape: readonly number[];
  /** Weights in all. */
  readonly count: number;
}

/** Measures of one layer's mask. */
export interface LayerMeasure extends LayerShape {
  readonly keptCount: number;
  /** Output units with at least one kept weight entering, as a fraction of all. */
  readonly width: number;
}

/** One layer of a mask that is coming about. */
export interface LayerProgress {
  readonly keptCount: number;
  /** Output units with at least one kept weight entering so far, as a fraction of all. */
  readonly width: number;
  /**
   * A hexadecimal digit for each of at most 64 groups of neighbouring output units: the mean of the kept weights that
   * enter them, 15 for as many as the unit with the most of them has, 0 for none at all.
   */
  readonly units: string;
  /** Kept weights that are expected of the finished mask, for methods of which theory foretells them. */
  readonly expectedCount?: number;
}

export type PruneEvent =
  | {
      readonly kind: "prune.started";
      readonly method: string;
      readonly density: number;
      readonly keepCount: number;
      readonly prunableCount: number;
      /** In the order of the network's prunable parameters, as `layerProgress` and `layers` below. */
      readonly layerShapes?: readonly LayerShape[];
    }
  | {
      readonly kind: "prune.progress";
      readonly keptCount: number;
      readonly keepCount: number;
      readonly walkCount?: number;
      /** Steps of all walks, one for each weight on their ways. */
      readonly stepCount?: number;
      /** Walks, and milliseconds, that the whole is expected to come to. */
      readonly expectedWalkCount?: number;
      readonly expectedMs?: number;
      readonly round?: number;
      readonly roundCount?: number;
      /** Score of the last weight that the round kept. */
      readonly threshold?: number;
      readonly elapsedMs: number;
      /** With some of these events; see `LAYERS_EVERY_MS`. */
      readonly layerProgress?: readonly LayerProgress[];
    }
  | {
      readonly kind: "prune.finished";
      readonly method: string;
      /** Asked for, and reached. */
      readonly requestedDensity: number;
      readonly density: number;
      readonly keptCount: number;
      readonly walkCount?: number;
      readonly elapsedMs: number;
      readonly layers: readonly LayerMeasure[];
      readonly measures?: MaskMeasures;
    };

/** Measures of a whole mask; see analysis/ for their definitions. */
export interface MaskMeasures {
  readonly pathKernelTrace: number;
  /** Trace over that of the dense network. */
  readonly relativeTrace: number;
  /** log10 of these two, each only where float64 does not hold the number itself, which is then 0 or Infinity. */
  readonly log10Trace?: number;
  readonly log10RelativeTrace?: number;
  readonly meanWidth: number;
  readonly minWidth: number;
  readonly deadUnitCount: number;
  readonly ineffectiveCount: number;
  /** Natural logarithm of the number of paths. */
  readonly logPathCount: number;
}

/** What an epoch came to, on examples that it did not train on. */
export interface EpochResult {
  /** 1-based; 0 is the evaluation before any step. */
  readonly epoch: number;
  readonly testLoss: number;
  /** Fraction of the test set. */
  readonly testAccuracy: number;
  /** Fraction whose class is among the five greatest outputs. */
  readonly testAccuracy5?: number;
  /** Over the validation examples, where there are some. */
  readonly validationLoss?: number;
  readonly validationAccuracy?: number;
  readonly validationAccuracy5?: number;
}

export type TrainEvent =
  | {
      readonly kind: "train.started";
      readonly executor: string;
      readonly epochCount: number;
      readonly stepsPerEpoch: number;
      readonly batchSize: number;
      readonly trainCount: number;
      /** Absent where no examples are set aside to choose by. */
      readonly validationCount?: number;
      readonly testCount: number;
      /** Of one example's way forward: of the dense network, and of what is kept of it. Absent from old runs. */
      readonly multiplyAdds?: { readonly dense: number; readonly kept: number };
      /** What the process will need beside the data, and parts of it; absent where the executor cannot tell. */
      readonly plannedMemory?: {
        readonly processBytes: number;
        readonly activationBytes: number;
        readonly weightBytes: number;
        readonly optimiserBytes: number;
      };
    }
  | {
      readonly kind: "train.step";
      /** 1-based. */
      readonly epoch: number;
      /** 1-based, counted from the start of training over all epochs. */
      readonly step: number;
      readonly loss: number;
      readonly rate: number;
      readonly imagesPerSecond: number;
    }
  | ({
      readonly kind: "train.epoch";
      /** Means over the training epoch. The accuracy is a fraction. */
      readonly loss: number;
      readonly accuracy: number;
      /** Of the epoch's last step. */
      readonly rate: number;
      readonly elapsedMs: number;
      /**
       * Length of the mean gradient of the last steps of each layer's kept weights, as the optimiser's state tells it: of
       * SGD (1 − μ)·‖v‖, v their momentum, decay included. In the order of the network's prunable parameters; absent
       * where executor or optimiser cannot tell.
       */
      readonly gradientNorms?: readonly number[];
      /** Milliseconds that one step of the epoch spent on each of these layers, forward, backward and update. */
      readonly layerMs?: readonly number[];
    } & EpochResult)
  | {
      readonly kind: "train.finished";
      /** Of the last epoch, or of `bestEpoch`. */
      readonly testAccuracy: number;
      readonly testLoss: number;
      /** The epoch with the best validation accuracy, where there are validation examples. */
      readonly bestEpoch?: number;
      readonly elapsedMs: number;
    };

export type LifeEvent =
  | {
      readonly kind: "run.started";
      readonly name: string;
      readonly config: Readonly<Record<string, unknown>>;
    }
  | {
      /** A process goes on with the run at a checkpoint; what came behind it is gone. */
      readonly kind: "run.resumed";
      /** 1-based epoch under way, and steps taken. */
      readonly epoch: number;
      readonly step: number;
    }
  | { readonly kind: "run.finished"; readonly elapsedMs: number }
  | { readonly kind: "run.failed"; readonly message: string }
  | { readonly kind: "run.interrupted" }
  | LogEvent;

export interface LogEvent {
  readonly kind: "log";
  readonly level: "info" | "warning";
  readonly message: string;
}

export type RunEvent = LifeEvent | PruneEvent | TrainEvent;

/** A RunEvent as it stands in `events.jsonl`: `t` is milliseconds since the epoch. */
export type TimedRunEvent = RunEvent & { readonly t: number };
