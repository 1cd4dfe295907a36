/** A value of an ONNX graph after its node has been read. */
import type { Shape } from "@phew/core";
import type { Dtype, Tensor } from "../tensor.ts";
import type { Order } from "./order.ts";
import type { NodePart, TensorPart } from "./parts.ts";

/** A value that does not depend on the network's input. */
export interface Constant {
  readonly kind: "constant";
  /** The name under which a node reads it. */
  readonly name: string;
  /** The name it was defined under, before reshapes, casts and transposes. */
  readonly origin: string;
  readonly dims: readonly number[];
  readonly dtype: Dtype;
  /**
   * The tensor of the file with these elements, in its order or, for two axes, transposed. Absent for computed
   * elements.
   */
  readonly stored?: { readonly part: TensorPart; readonly transposed: boolean } | undefined;
  /** True where its two axes are those of the constant `origin`, exchanged. */
  readonly turned?: boolean;
  /** What all its elements are, where that is known: it may be too large to be read. */
  readonly uniform?: number | undefined;
  /** Elements that are computed when it is read; absent: it is stored, or kept. */
  readonly cost?: number;
  /** The constant before a reshape, whose name is read with its own dims. */
  readonly base?: Constant;
  /** The elements, row-major over `dims`; a view of the file where possible. */
  read(): Tensor;
}

/** A value of the network: what core node `spec` puts out, under ONNX's own dims. */
export interface Activation {
  readonly kind: "activation";
  /** Name of the core node. */
  readonly spec: string;
  /** The core node's shape. */
  readonly shape: Shape;
  /** ONNX's shape. */
  readonly dims: readonly number[];
  /** Where its elements lie; absent: those of `shape` row-major, the batch first. */
  readonly order?: Order | undefined;
  /** True for whole numbers that choose rows of a table, and may be read for that alone: see embeddings.ts. */
  readonly isIds?: true | undefined;
  /** True if nothing else reads the core node, so that following operations may be merged into it. */
  readonly exclusive: boolean;
}

/** Elementwise arithmetic on one value. */
export type Tree =
  | { readonly is: "leaf"; readonly of: Activation }
  /** scale · x + offset */
  | { readonly is: "affine"; readonly x: Tree; readonly scale: number; readonly offset: number }
  | { readonly is: "clip"; readonly x: Tree; readonly low: number; readonly high: number }
  | { readonly is: "call"; readonly name: "sigmoid" | "tanh" | "erf" | "softplus"; readonly x: Tree }
  | { readonly is: "hardSigmoid"; readonly x: Tree; readonly alpha: number; readonly beta: number }
  | { readonly is: "product"; readonly factors: readonly Tree[] }
  | { readonly is: "function"; readonly of: readonly Tree[]; readonly compute: (...x: number[]) => number };

export interface Expression {
  readonly kind: "expression";
  /** All its leaves are one value. */
  readonly tree: Tree;
  readonly dims: readonly number[];
  /** True if only one node reads it. */
  readonly exclusive: boolean;
  /** The node it comes from, for the core node's name and for messages. */
  readonly node: NodePart;
  /** Operations in it, each as often as it is read. */
  readonly size: number;
}

/** Zeros (or −∞) put around an image, waiting for the window that follows. */
export interface Padded {
  readonly kind: "padded";
  readonly base: Activation;
  /** Top, left, bottom, right. */
  readonly padding: readonly [number, number, number, number];
  readonly value: number;
  readonly dims: readonly number[];
  /** The node that pads. */
  readonly node: NodePart;
}

/** A product of two values that waits to become softmax attention: see operators/attention.ts. */
export interface Scores {
  readonly kind: "scores";
  /** `weights`: behind the softmax; `isNaN`: which of these are no numbers. */
  readonly step: "scores" | "weights" | "turned" | "isNaN";
  /** `[…, queries, depth]` */
  readonly queries: Activation;
  /** `[…, depth, keys]` */
  readonly keys: Activation;
  readonly scale: number;
  /** What is added to scores, by the index in constants of these dims. */
  readonly masks: readonly { readonly dims: readonly number[]; readonly added: (k: number) => number }[];
  /** `[…, queries, keys]` */
  readonly dims: readonly number[];
  /** The product. */
  readonly node: NodePart;
}

/** Weights of a softmax over the last axis of places, waiting for what they weigh: see operators/weighing.ts. */
export interface Weighing {
  readonly kind: "weighing";
  readonly scores: Activation;
  /** What they are multiplied with; undefined until then. */
  readonly values: Activation | undefined;
  readonly dims: readonly number[];
  /** The softmax. */
  readonly node: NodePart;
}

/** The parts of a value that was split into a sequence. */
export interface Sequence {
  readonly kind: "sequence";
  readonly parts: readonly Value[];
}

/** The output of a node that could not be read; its readers are passed over. */
export interface Unknown {
  readonly kind: "unknown";
}

export type Value = Constant | Activation | Padded | Expression | Scores | Weighing | Sequence | Unknown;

export const UNKNOWN: Unknown = { kind: "unknown" };

/**
 * Represents a batch axis of any length: a prime that no product of a network's own lengths contains, so that shape
 * arithmetic carries it along as a factor.
 */
export const ANY_BATCH = 1_048_583;

export function product(lengths: readonly number[]): number {
  return lengths.reduce((all, length) => all * length, 1);
}

export const sameDims = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((length, axis) => length === b[axis]);

/** Dims for messages; the batch axis reads n. */
export function dimsText(dims: readonly number[]): string {
  return `[${dims.map((length) => (length === ANY_BATCH ? "n" : String(length))).join(", ")}]`;
}
