/** How far a training is, in numbers that a checkpoint can hold. */
import type { Masks, Weights } from "@phew/core";
import type { EpochResult } from "./earlyStopping.ts";
import type { OptimiserState } from "./executor.ts";
import type { RulePosition } from "./rules/rewiring.ts";

/** How far a training is. Sums are over the examples that the epoch under way has seen. */
export interface TrainPosition {
  /** The epoch under way, 1-based; 0 before the evaluation of epoch 0, one more than there are behind the last. */
  readonly epoch: number;
  /** Steps taken since the start of training. */
  readonly step: number;
  readonly lossSum: number;
  readonly correctCount: number;
  /** The finished epochs. */
  readonly epochs: readonly EpochResult[];
  /** Milliseconds of work so far. */
  readonly elapsedMs: number;
  /** Of a run with a rule. */
  readonly rule?: RulePosition | undefined;
}

/** All that a training needs to go on as if nothing had happened; everything else follows from the options. */
export interface TrainCheckpoint {
  readonly position: TrainPosition;
  /** All parameters, running statistics too. */
  readonly weights: Weights;
  readonly state: OptimiserState;
  /** Those that hold; absent: those of the options, which have not changed. */
  readonly masks?: Masks | undefined;
  /** Of a run with a rule: weights that were kept at any time. */
  readonly everKept?: Masks | undefined;
}

export interface CheckpointKeeper {
  /** Asked at the start, after every step and after every epoch. */
  due(position: TrainPosition): boolean;
  /** Called when every event up to the checkpoint has been yielded and the next one asked for. */
  keep(checkpoint: TrainCheckpoint): Promise<void>;
}

/** The position at which a training resumes. */
export class TrainProgress implements TrainPosition {
  epoch: number;
  step: number;
  lossSum: number;
  correctCount: number;
  epochs: readonly EpochResult[];
  rule: RulePosition | undefined;
  readonly #startedAt: number;

  constructor(start: TrainPosition | undefined, firstEpoch: number) {
    this.epoch = start?.epoch ?? firstEpoch;
    this.step = start?.step ?? 0;
    this.lossSum = start?.lossSum ?? 0;
    this.correctCount = start?.correctCount ?? 0;
    this.epochs = start?.epochs ?? [];
    this.rule = start?.rule;
    this.#startedAt = performance.now() - (start?.elapsedMs ?? 0);
  }

  get elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }

  finishEpoch(result: EpochResult): void {
    this.epochs = [...this.epochs, result];
    this.epoch++;
    this.lossSum = 0;
    this.correctCount = 0;
  }

  position(): TrainPosition {
    const { epoch, step, lossSum, correctCount, epochs, elapsedMs, rule } = this;
    // without a rule a checkpoint has the same bytes as before there were any
    return { epoch, step, lossSum, correctCount, epochs, elapsedMs, ...(rule && { rule }) };
  }
}
