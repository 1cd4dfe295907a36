/**
 * How each operation becomes instructions. An operation that core gains is a type error here until it has its line.
 * Batch normalisation, addition and clamping activations have no line: they are lowered together, by combination.ts.
 */
import type { Operation } from "@phew/core";
import { activation } from "./activation.ts";
import { affine } from "./affine.ts";
import * as arranging from "./arranging.ts";
import { attention } from "./attention.ts";
import { conv2d } from "./conv2d.ts";
import { conv3d } from "./conv3d.ts";
import { dense } from "./dense.ts";
import { layerNorm } from "./layerNorm.ts";
import type { Lowering, OperationOf } from "./lowering.ts";
import { multiply } from "./multiply.ts";
import * as passing from "./passing.ts";
import * as pooling from "./pooling.ts";
import * as trainedActivations from "./trainedActivations.ts";

/** Opaque parts are refused before, and recurrent layers are unrolled. */
type Lowered = Exclude<Operation["kind"], "opaque" | "add" | "batchNorm" | "recurrent">;

const lowerings: { readonly [Kind in Lowered]: Lowering<OperationOf<Kind>> } = {
  activation,
  attention,
  affine,
  conv2d,
  conv3d,
  dense,
  layerNorm,
  multiply,
  ...arranging,
  ...passing,
  ...pooling,
  ...trainedActivations,
};

export function loweringOf(op: Operation): Lowering<Operation> {
  return lowerings[op.kind as Lowered] as Lowering<Operation>;
}

/** True where the only reader of a node's value may write over it. */
export function isOverwritable({ kind }: Operation): boolean {
  // what combinations write is theirs
  return kind === "add" || kind === "batchNorm" || lowerings[kind as Lowered].overwritable;
}
