/** The interface of backends that train and run a network; the training loop uses only this. */
import type { Batch, Masks, Network, Weights } from "@phew/core";
import type { OptimiserOptions } from "./optimisers/chosen.ts";

export type { Batch };

/** The optimiser's state by the name of its buffer, then by parameter name, dense layout; 0 for removed weights. */
export type OptimiserState = ReadonlyMap<string, Weights>;

export interface ExecutorOptions {
  readonly network: Network;
  readonly weights: Weights;
  /** Removed weights are 0 and stay 0; absent: dense. Units no kept weight enters are silent: their bias, scale and shift are 0 too. */
  readonly masks?: Masks | undefined;
  readonly optimiser: OptimiserOptions;
  /** Largest batch it will be given. */
  readonly batchSize: number;
  /** 0 ≤ labelSmoothing < 1; as PyTorch's cross_entropy. */
  readonly labelSmoothing?: number | undefined;
  /** For dropout. */
  readonly seed: number;
  /** Absent: one; executors from {@link loadExecutor} take all cores. No more than the network has work for. */
  readonly threadCount?: number | undefined;
}

/** Bytes by purpose, known before the first step. */
export interface PlannedMemory {
  /** Values and gradients of the largest batch, at their peak. */
  readonly activationBytes: number;
  /** Kept weights with their places, biases, batch normalisation. */
  readonly weightBytes: number;
  /** The optimiser's state. */
  readonly optimiserBytes: number;
  /** The executor's own memory, all of it. */
  readonly peakBytes: number;
  /** Growth of the process: `peakBytes`, compiled code and per-thread memory. */
  readonly processBytes: number;
}

export interface StepResult {
  /** Mean over the batch, before the update. */
  readonly loss: number;
  readonly correctCount: number;
}

export interface EvaluationResult extends StepResult {
  /** Number of examples whose class is among the five greatest outputs; all of them if there are at most five. */
  readonly correct5Count: number;
}

/** Time of one kind of work of one layer. */
export interface LayerTime {
  /** Name of the layer's node. */
  readonly layer: string;
  /** `forward`, `backward`, `batch normalisation`, `update` … */
  readonly work: string;
  /** Of layers for which there are several kernels, the one that was chosen. */
  readonly kernel?: string;
  /** A mean over threads. */
  readonly milliseconds: number;
}

export interface Executor {
  /** `tensorflow` or `sparse`. */
  readonly name: string;
  /** What computes: `tfjs-node`, `tfjs-wasm`, `wasm, 2 threads`. */
  readonly backend: string;
  /** If the executor reports it; as the masks are now. */
  readonly plan?: PlannedMemory;
  /** One step of the optimiser; `rate` is η. @throws GradientError if a gradient is not finite */
  step(batch: Batch, rate: number): Promise<StepResult>;
  /** Mean loss and number of right answers in evaluation mode. */
  evaluate(batch: Batch): Promise<EvaluationResult>;
  /** Outputs in evaluation mode, row-major `[count, ...network.outputShape]`. */
  predict(x: Float32Array, count: number): Promise<Float32Array>;
  /** Copies of all parameters as they are now, running statistics too. */
  weights(): Promise<Weights>;
  /** The optimiser's state, for checkpoints. */
  state(): Promise<OptimiserState>;
  /**
   * Sets all parameters and the optimiser's state, in the form of {@link weights} and {@link state}.
   * @param state absent buffers are 0
   * @param stepCount number of earlier steps, default 0: dropout depends on it
   */
  restore(weights: Weights, state: OptimiserState, stepCount?: number): Promise<void>;
  /**
   * Replaces the masks, between two steps. Weights that both keep, and their state, stay as they are, bit for bit; new
   * and removed ones are 0 with state 0. What becomes of the other parameters of units that fall silent, or no longer
   * are, is said in `weightsAfterChange` of @phew/core. The executor is then as a new one with these masks to which
   * {@link weights} and {@link state} are restored.
   * @throws ArgumentError if they are another network's; RangeError if memory does not suffice
   */
  changeMasks(next: Masks): Promise<void>;
  /**
   * Name of the first layer whose value was not finite in the last step, if the executor reports it; undefined if all
   * were finite.
   */
  firstNonFinite?(): string | undefined;
  /**
   * Norm of one buffer of the optimiser's state over each prunable parameter's kept weights, by name, if the executor
   * can compute it cheaply.
   */
  stateNorms?(buffer: string): ReadonlyMap<string, number>;
  /** Measures the steps from now on, if the executor can; each is slightly slower. */
  startTiming?(): void;
  /** Time of all steps since {@link startTiming}; ends the measuring. */
  endTiming?(): readonly LayerTime[];
  dispose(): void;
}

/** Makes an executor, and loads its backend. @throws with the reason if the backend is not available */
export type ExecutorFactory = (options: ExecutorOptions) => Promise<Executor>;
