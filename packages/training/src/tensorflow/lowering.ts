/**
 * The interface between the executor and the operations' files. Values are `[batch, height, width, channels]`, volumes
 * `[batch, depth · height, width, channels]`, or `[batch, features]`. Backward functions are written here instead of using tf.grads: on Node tfjs-core has no
 * gradient of any operation (they come with `@tensorflow/tfjs`, 170 MB more), its tape keeps every value and gradient
 * to the end of the step (438 MB instead of 230 for a resnet20 with 64 images), and single gradients are slower,
 * larger, wrong or missing: docs/executor.md has the list.
 */
import type { Operation } from "@phew/core";
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";

export type OperationOf<Kind extends Operation["kind"]> = Extract<Operation, { kind: Kind }>;

/** Services of the executor for an operation. */
export interface LoweringContext {
  /** False in evaluation: batch normalisation runs on its running statistics. */
  readonly training: boolean;
  /** False: dropout passes. */
  readonly drops: boolean;
  /** False if no trained parameter comes before this operation: its input's gradient is not needed. */
  readonly inputGradientWanted: boolean;
  /** Shape of this operation's value as core has it, without the batch axis: `[channels, height, width]` or `[features]`. */
  readonly outputShape: readonly number[];
  /** The same of the values that it reads. */
  readonly inputShapes: readonly (readonly number[])[];
  /** The parameter's present values: conv `[kh, kw, in / groups, out]`, dense `[in, out]`, others flat. */
  parameter(name: string): Tensor;
  /** Replaces a parameter that is not trained, after the step; `value` is kept until then. */
  replaceAfterStep(name: string, value: Tensor): void;
  /** Uniform numbers in [0, 1) of this operation in this step: the same for the same seed, step and layer. */
  random(length: number): Float32Array;
}

/** The result of computing an operation. */
export interface Lowered {
  readonly value: Tensor;
  /** Tensors that `backward` reads and nothing else owns. */
  readonly saved?: readonly Tensor[];
  /** Gradients from the gradient of the value; absent in evaluation and without trained parameters. */
  readonly backward?: (gradient: Tensor) => Gradients;
}

export interface Gradients {
  /** One per input value; undefined if it is not needed. Each is a new tensor, or the given gradient. */
  readonly inputs: readonly (Tensor | undefined)[];
  /** By parameter name, in the layout of {@link LoweringContext.parameter}. A plain object: tf.tidy looks into no Map. */
  readonly parameters?: Readonly<Record<string, Tensor>>;
}

/** Computes an operation's value, a new tensor, and how its gradient goes back. */
export type Lowering<Op> = (op: Op, inputs: readonly Tensor[], context: LoweringContext) => Lowered;

/** The one input of an operation on images. */
export const image = (inputs: readonly Tensor[]): Tensor4D => inputs[0] as Tensor4D;
