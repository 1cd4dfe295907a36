/** All operations of networks. To add one: a file in this folder and a line here. */
import { activation } from "./activation.ts";
import { add } from "./add.ts";
import { affine } from "./affine.ts";
import { attention } from "./attention.ts";
import { averagePool2d } from "./averagePool2d.ts";
import { batchNorm } from "./batchNorm.ts";
import { concat } from "./concat.ts";
import { conv2d } from "./conv2d.ts";
import { conv3d } from "./conv3d.ts";
import type { OperationDefinition } from "./definition.ts";
import { dense } from "./dense.ts";
import { dropout } from "./dropout.ts";
import { flatten } from "./flatten.ts";
import { globalAveragePool } from "./globalAveragePool.ts";
import { identity } from "./identity.ts";
import { input } from "./input.ts";
import { layerNorm } from "./layerNorm.ts";
import { learned } from "./learned.ts";
import { maxOver } from "./maxOver.ts";
import { maxPool2d } from "./maxPool2d.ts";
import { multiply } from "./multiply.ts";
import { opaque } from "./opaque.ts";
import { prelu } from "./prelu.ts";
import { rearrange } from "./rearrange.ts";
import { recurrent } from "./recurrent.ts";
import { resample } from "./resample.ts";
import { select } from "./select.ts";

export const operations = {
  activation,
  add,
  attention,
  affine,
  averagePool2d,
  batchNorm,
  concat,
  conv2d,
  conv3d,
  dense,
  dropout,
  flatten,
  globalAveragePool,
  identity,
  input,
  maxOver,
  layerNorm,
  learned,
  maxPool2d,
  multiply,
  opaque,
  prelu,
  rearrange,
  recurrent,
  resample,
  select,
};

type Registered = (typeof operations)[keyof typeof operations];
/** Any operation, discriminated by `kind`. */
export type Operation = Registered extends infer D
  ? D extends OperationDefinition<infer Op>
    ? Op
    : never
  : never;

/** The definition of an operation, by its kind. */
export function definitionOf(op: Operation): OperationDefinition<Operation> {
  return operations[op.kind] as unknown as OperationDefinition<Operation>;
}

/** An operation's name in tables and messages. */
export function operationLabel(op: Operation): string {
  return definitionOf(op).label?.(op) ?? op.kind;
}
