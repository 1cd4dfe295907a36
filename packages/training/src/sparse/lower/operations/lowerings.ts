/**
 * How each operation becomes instructions. An operation that core gains is a type error here until it has its line.
 * Batch normalisation, addition and clamping activations have no line: they are lowered together, by combination.ts.
 */
import type { Operation } from "@phew/core";
import { activation } from "./activation.ts";
import { concat } from "./concat.ts";
import { conv2d } from "./conv2d.ts";
import { dense } from "./dense.ts";
import { dropout } from "./dropout.ts";
import { flatten } from "./flatten.ts";
import { globalAveragePool } from "./globalAveragePool.ts";
import { identity } from "./identity.ts";
import { input } from "./input.ts";
import type { Handling, Lowering, OperationOf } from "./lowering.ts";
import { averagePool2d, maxPool2d } from "./pooling.ts";
import { select } from "./select.ts";
import * as trainedActivations from "./trainedActivations.ts";

/** Parts of combinations. */
const combined = {
  batchNorm: { absentUnits: "needed", overwritable: true },
  add: { absentUnits: "others", overwritable: true },
} satisfies Readonly<Partial<Record<Operation["kind"], Handling>>>;

/** Opaque parts are refused before. */
type Lowered = Exclude<Operation["kind"], "opaque" | keyof typeof combined>;

const lowerings: { readonly [Kind in Lowered]: Lowering<OperationOf<Kind>> } = {
  activation,
  averagePool2d,
  concat,
  conv2d,
  dense,
  dropout,
  flatten,
  globalAveragePool,
  identity,
  input,
  maxPool2d,
  select,
  ...trainedActivations,
};

/** Names of the operations that can be computed, for messages. */
export const computedOperations: readonly string[] = Object.keys({ ...lowerings, ...combined }).sort();

const handlings: Readonly<Record<Lowered | keyof typeof combined, Handling>> = { ...lowerings, ...combined };

export function handlingOf(op: Operation): Handling {
  return handlings[op.kind as keyof typeof handlings];
}

export function loweringOf(op: Operation): Lowering<Operation> {
  return lowerings[op.kind as Lowered] as Lowering<Operation>;
}
