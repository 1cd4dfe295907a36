/**
 * What the executor and the operations' files agree on. Values are `[batch, height, width, channels]` or `[batch, features]`.
 *
 * Ways back are written here, not asked of tf.grads: on Node tfjs-core has no gradient of any operation (they come with
 * `@tensorflow/tfjs`, 170 MB more), its tape keeps every value and gradient to the end of the step (438 MB for 230 of a
 * resnet20 of 64 images), and single gradients are slower, larger, wrong or not there: docs/executor.md has them all.
 */
import type { Operation } from "@phew/core";
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";

export type OperationOf<Kind extends Operation["kind"]> = Extract<Operation, { kind: Kind }>;

/** What one operation may ask of the executor. */
export interface LoweringContext {
  /** False in evaluation: batch normalisation runs on its running statistics, dropout passes. */
  readonly training: boolean;
  /** False where no trained parameter comes before this operation: its input's gradient is not wanted. */
  readonly inputGradientWanted: boolean;
  /** Shape of this operation's value as core has it, without the batch axis: `[channels, height, width]` or `[features]`. */
  readonly outputShape: readonly number[];
  /** The parameter's present values: conv `[kh, kw, in / groups, out]`, dense `[in, out]`, others flat. */
  parameter(name: string): Tensor;
  /** Replaces a parameter that is not trained, after the step; `value` is kept until then. */
  replaceAfterStep(name: string, value: Tensor): void;
  /** Uniform numbers in [0, 1) of this operation in this step: the same for the same seed, step and layer. */
  random(length: number): Float32Array;
}

/** What is known of an operation's value once it is computed. */
export interface Lowered {
  readonly value: Tensor;
  /** Tensors that `backward` reads and nothing else owns. */
  readonly saved?: readonly Tensor[];
  /** Gradients from the gradient of the value; absent in evaluation and where nothing is to be differentiated. */
  readonly backward?: (gradient: Tensor) => Gradients;
}

export interface Gradients {
  /** One a value the operation reads; undefined where it is not wanted. New tensors each, or the given gradient. */
  readonly inputs: readonly (Tensor | undefined)[];
  /** By parameter name, in the layout of {@link LoweringContext.parameter}. A plain object: tf.tidy looks into no Map. */
  readonly parameters?: Readonly<Record<string, Tensor>>;
}

/** Computes an operation's value, a new tensor, and how its gradient goes back. */
export type Lowering<Op> = (op: Op, inputs: readonly Tensor[], context: LoweringContext) => Lowered;

/** The one input of an operation on images. */
export const image = (inputs: readonly Tensor[]): Tensor4D => inputs[0] as Tensor4D;
