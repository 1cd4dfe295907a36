/** What trains and runs a network on some backend; the loop knows only this. */
import type { Batch, Masks, Network, Weights } from "@phew/core";

export type { Batch };

/** Stochastic gradient descent as PyTorch's: g ← ∂L/∂θ + λθ; v ← μv + g; θ ← θ − η(g + μv) with Nesterov, else θ − ηv. */
export interface OptimiserOptions {
  readonly momentum: number;
  readonly nesterov: boolean;
  /** λ, on all trained parameters. */
  readonly weightDecay: number;
  /** Gradients longer than this, all parameters' together, are shortened to it; absent: none is. See gradientNorm.ts. */
  readonly clipNorm?: number;
}

export interface ExecutorOptions {
  readonly network: Network;
  readonly weights: Weights;
  /** Removed weights are 0 and stay 0; absent: dense. Units no kept weight enters are silent: their bias, scale and shift are 0 too. */
  readonly masks?: Masks;
  readonly optimiser: OptimiserOptions;
  /** Largest batch it will be given. */
  readonly batchSize: number;
  /** 0 ≤ labelSmoothing < 1; as PyTorch's cross_entropy. */
  readonly labelSmoothing?: number;
  /** For dropout. */
  readonly seed: number;
  /** Absent: one; executors from {@link loadExecutor} take all cores. No more than the network has work for. */
  readonly threadCount?: number;
}

/** Bytes by what they are for, known before the first step. */
export interface PlannedMemory {
  /** Values and gradients of the largest batch, at their peak. */
  readonly activationBytes: number;
  /** Kept weights with their places, biases, batch normalisation. */
  readonly weightBytes: number;
  /** Momentum. */
  readonly optimiserBytes: number;
  /** The executor's own memory, all of it. */
  readonly peakBytes: number;
  /** What the process grows by: `peakBytes`, compiled code and what each thread takes. */
  readonly processBytes: number;
}

export interface StepResult {
  /** Mean over the batch, before the update. */
  readonly loss: number;
  readonly correctCount: number;
}

export interface EvaluationResult extends StepResult {
  /** Examples whose class is among the five greatest outputs; all of them where there are no more than five. */
  readonly correct5Count: number;
}

/** Time that was spent on one kind of work of one layer. */
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
  /** Where the executor can tell. */
  readonly plan?: PlannedMemory;
  /** One step of gradient descent; `rate` is η. @throws GradientError where a gradient is not finite */
  step(batch: Batch, rate: number): Promise<StepResult>;
  /** Mean loss and number of right answers in evaluation mode. */
  evaluate(batch: Batch): Promise<EvaluationResult>;
  /** Outputs in evaluation mode, row-major `[count, ...network.outputShape]`. */
  predict(x: Float32Array, count: number): Promise<Float32Array>;
  /** Copies of all parameters as they are now, running statistics too. */
  weights(): Promise<Weights>;
  /** The optimiser's momentum by parameter name, dense layout, for checkpoints. */
  momentum(): Promise<Weights>;
  /**
   * Sets all parameters and momenta, as {@link weights} and {@link momentum} gave them.
   * @param stepCount steps taken before, 0 unless said otherwise: the dropout of a step is its own
   */
  restore(weights: Weights, momentum: Weights, stepCount?: number): Promise<void>;
  /**
   * Name of the first layer whose value was not finite in the last step, where the executor can tell; undefined where
   * all were.
   */
  firstNonFinite?(): string | undefined;
  /** Length of the momentum of each prunable parameter's kept weights, by its name, where the executor can tell cheaply. */
  momentumNorms?(): ReadonlyMap<string, number>;
  /** Measures the steps from now on, where the executor can; each is a little slower for it. */
  startTiming?(): void;
  /** Time of all steps since {@link startTiming}; ends the measuring. */
  endTiming?(): readonly LayerTime[];
  dispose(): void;
}

/** Makes an executor; loading its backend is part of it. @throws where the backend is not to be had, saying why */
export type ExecutorFactory = (options: ExecutorOptions) => Promise<Executor>;
