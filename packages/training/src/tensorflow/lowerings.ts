/** How each operation is computed with TensorFlow.js. An operation that core gains is a type error here until it has its line. */
import { ArgumentError, type Operation, operationLabel } from "@phew/core";
import { activation } from "./activation.ts";
import { add } from "./add.ts";
import { affine } from "./affine.ts";
import { attention } from "./attention.ts";
import { averagePool2d } from "./averagePool2d.ts";
import { batchNorm } from "./batchNorm.ts";
import { concat } from "./concat.ts";
import { conv2d } from "./conv2d.ts";
import { conv3d } from "./conv3d.ts";
import { dense } from "./dense.ts";
import { dropout } from "./dropout.ts";
import { flatten } from "./flatten.ts";
import { globalAveragePool } from "./globalAveragePool.ts";
import { identity } from "./identity.ts";
import { input } from "./input.ts";
import { layerNorm } from "./layerNorm.ts";
import { learned } from "./learned.ts";
import type { Lowering, OperationOf } from "./lowering.ts";
import { maxOver } from "./maxOver.ts";
import { maxPool2d } from "./maxPool2d.ts";
import { multiply } from "./multiply.ts";
import { rearrange } from "./rearrange.ts";
import { resample } from "./resample.ts";
import { select } from "./select.ts";
import * as trainedActivations from "./trainedActivations.ts";

/** An opaque part of a network can be pruned but by its nature not computed. */
type Computed = Exclude<Operation["kind"], "opaque">;

const lowerings: { readonly [Kind in Computed]: Lowering<OperationOf<Kind>> } = {
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
  rearrange,
  resample,
  multiply,
  select,
  ...trainedActivations,
};

/** @throws ArgumentError naming the layer, where this executor cannot compute its operation */
export function loweringOf(op: Operation, node: string): Lowering<Operation> {
  if (!Object.hasOwn(lowerings, op.kind)) {
    throw new ArgumentError(`layer "${node}"`, {
      given: `the operation ${operationLabel(op)}`,
      expected: `one that can be computed: ${Object.keys(lowerings).join(", ")}`,
      remedy: "Such a network can be pruned, but not trained or run.",
    });
  }
  return lowerings[op.kind as Computed] as Lowering<Operation>;
}
