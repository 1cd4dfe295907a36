/**
 * How each operation is computed with TensorFlow.js: what the files imported here export. An operation that core gains is
 * a type error here until one of them has it.
 */
import { ArgumentError, type Operation, operationLabel } from "@phew/core";
import * as activations from "./activation.ts";
import * as arranging from "./arranging.ts";
import * as attentions from "./attention.ts";
import * as combining from "./combining.ts";
import type { Lowering, OperationOf } from "./lowering.ts";
import * as normalisation from "./normalisation.ts";
import * as pooling from "./pooling.ts";
import * as trainedActivations from "./trainedActivations.ts";
import * as weighted from "./weighted.ts";

/** An opaque part of a network can be pruned but by its nature not computed; recurrent layers are unrolled before. */
type Computed = Exclude<Operation["kind"], "opaque" | "recurrent">;

const lowerings: { readonly [Kind in Computed]: Lowering<OperationOf<Kind>> } = {
  ...activations,
  ...arranging,
  ...attentions,
  ...combining,
  ...normalisation,
  ...pooling,
  ...trainedActivations,
  ...weighted,
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
