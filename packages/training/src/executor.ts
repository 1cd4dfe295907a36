/** The interface of backends that train and run a network; the training loop uses only this. */
import type { Batch, Masks, Network, Weights } from "@phew/core";
import type { OptimiserOptions } from "./optimisers/chosen.ts";

export type { Batch };

/** The optimiser's state by the name of its buffer, then by parameter name, dense layout; 0 for removed weights. */
export type OptimiserState = ReadonlyMap<string, Weights>;

export interface ExecutorOptions {
  readonly network: Network;
  readonly weights: Weights;
  /** Removed weights are 0 and stay 0; absent: dense. Kept without a copy. Units no kept weight enters are silent: their bias, scale and shift are 0 too. */
  readonly masks?: Masks | undefined;
  readonly optimiser: OptimiserOptions;
  /** Largest batch it will be given. */
  readonly batchSize: number;
  /** 0 ≤ labelSmoothing < 1; as PyTorch's cross_entropy. */
  readonly labelSmoothing?: number | undefined;
  /** For dropout. */
  readonly seed: number;
  /** True: {@link Executor.absentGradients} is part of the plan of memory. Otherwise its first call takes the memory. */
  readonly absentGradients?: boolean | undefined;
  /** True: {@link Executor.unitActivity} is asked for, if the executor has it. It takes memory, and is refused otherwise. */
  readonly unitActivity?: boolean | undefined;
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

/** Weights by the name of their parameter: indices into it, row-major, in any order, no more than it has; or all of the layer. */
export type AbsentRequests = ReadonlyMap<string, Uint32Array | "all">;

export type TakeGradient = (parameter: string, gradient: Float32Array) => void;

/**
 * How active the units on either side of a layer are on a batch, h the values that it reads and δ the derivatives of the mean
 * loss by its outputs, both summed over places within an image:
 *   without signs   Σ_b Σ_p |h_i(b, p)| and Σ_b Σ_p |δ_o(b, p)|;   with a sign s_b for each image   |Σ_b s_b Σ_p h_i| and |Σ_b s_b Σ_p δ_o|
 */
export interface UnitActivity {
  /** Of each input unit. */
  readonly inputs: Float64Array;
  /** Of each output unit; 0 for all where the loss does not depend on the layer. */
  readonly outputs: Float64Array;
}

export interface Executor {
  /** `tensorflow` or `sparse`. */
  readonly name: string;
  /** What computes: `tfjs-node`, `tfjs-wasm`, `wasm, 2 threads`. */
  readonly backend: string;
  /** If the executor reports it; as the masks are now. */
  readonly plan?: PlannedMemory | undefined;
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
   * @param next kept without a copy: the caller changes them no more
   * @throws ArgumentError if they are another network's; RangeError if memory does not suffice
   */
  changeMasks(next: Masks): Promise<void>;
  /**
   * The gradient of the mean loss of a batch by any weights of layers, kept or not; those that are not are 0. One
   * forward and backward pass serves all layers, and the gradient of one layer at a time is in memory.
   *
   * It is that of the network as it computes now, on the batch's own statistics: no weight decay, nothing dropped, no
   * gradient clipped. Biases, scales and shifts of silent units are 0, so that the gradient by a weight into a silent
   * unit before ReLU or batch normalisation is 0. Nothing changes, running statistics neither.
   * @param requests by name of a prunable parameter
   * @param take is given the gradient of each requested layer, from the last to the first: an element for each index, or
   *   weight; the array is the receiver's
   * @returns loss and right answers of the batch, before any change
   * @throws ArgumentError if a request names no prunable parameter or weight; GradientError if the loss or a gradient
   *   is not finite
   */
  absentGradients(requests: AbsentRequests, batch: Batch, take: TakeGradient): Promise<StepResult>;
  /**
   * Activity of the units of every layer, by the name of its weight, with the weights and masks as they are; nothing changes. Only if
   * the executor can, was made for it, and no layers share a weight.
   * @param signs 1 or −1 for each image
   */
  readonly unitActivity?:
    | ((batch: Batch, signs?: Int8Array) => Promise<ReadonlyMap<string, UnitActivity>>)
    | undefined;
  /**
   * Name of the first layer whose value was not finite in the last step, if the executor reports it; undefined if all
   * were finite.
   */
  readonly firstNonFinite?: (() => string | undefined) | undefined;
  /**
   * Norm of one buffer of the optimiser's state over each prunable parameter's kept weights, by name, if the executor
   * can compute it cheaply.
   */
  readonly stateNorms?: ((buffer: string) => ReadonlyMap<string, number>) | undefined;
  /** Measures the steps from now on, if the executor can; each is slightly slower. */
  readonly startTiming?: (() => void) | undefined;
  /** Time of all steps since {@link startTiming}; ends the measuring. */
  readonly endTiming?: (() => readonly LayerTime[]) | undefined;
  dispose(): void;
}

/** Makes an executor, and loads its backend. @throws with the reason if the backend is not available */
export type ExecutorFactory = (options: ExecutorOptions) => Promise<Executor>;
