/**
 * Softmax over the last axis of places, whose weights a value is multiplied with and summed over these places (separable
 * self-attention, global context):
 *   y[u, i] = Σ_j softmax(s[c, i, ·])_j · v[u, i, j]
 * It is attention with one query, for which the scores themselves are the keys: the query is 1 everywhere.
 */
import { allPlaces } from "@phew/core";
import { normalAxis } from "../constants.ts";
import type { Importer } from "../importer.ts";
import type { NodePart } from "../parts.ts";
import { Unsupported } from "../unsupported.ts";
import { type Activation, dimsText, sameDims, type Value, type Weighing } from "../values.ts";
import type { Operator } from "./operator.ts";

/** @returns undefined where the axis is not the last one of the places of an image or a sequence */
export function weighingOver(
  context: Importer,
  node: NodePart,
  given: Activation,
  axis: number,
): Weighing | undefined {
  const rank = given.dims.length;
  if (axis !== rank - 1 || rank < 3 || rank > 4) return undefined;
  const scores = context.activation(given, "a softmax");
  if (scores.shape.length !== 3 || scores.dims[1] !== scores.shape[0]) return undefined;
  return { kind: "weighing", scores, values: undefined, dims: scores.dims, node };
}

/** An operation that, of such weights, is a step of the sum. */
export const ofWeighing =
  (otherwise: Operator): Operator =>
  (context, node, inputs) => {
    const weighing = inputs.find((input) => input?.kind === "weighing");
    if (weighing === undefined) return otherwise(context, node, inputs);
    const other = inputs.find((input) => input !== weighing);
    if (node.opType === "Mul") return multiplied(context, weighing, other);
    return summedOver(context, node, weighing, other);
  };

function multiplied(context: Importer, weighing: Weighing, other: Value | undefined): Weighing {
  const { scores } = weighing;
  const values = context.activation(other, "a weighted sum");
  const [units, own] = [scores.shape[0]!, values.shape[0]!];
  const fits = sameDims(values.dims.with(1, 1), scores.dims.with(1, 1)) && (units === 1 || units === own);
  if (weighing.values !== undefined || values.shape.length !== 3 || !fits)
    throw new Unsupported(`it multiplies ${dimsText(values.dims)} by weights of ${dimsText(scores.dims)}`);
  return { ...weighing, values, dims: values.dims };
}

function summedOver(
  context: Importer,
  node: NodePart,
  { scores, values, dims }: Weighing,
  axes: Value | undefined,
): Activation {
  const given = context.axesOf(node, axes);
  const last = dims.length - 1;
  if (values === undefined || given?.length !== 1 || normalAxis(given[0]!, dims.length) !== last)
    throw new Unsupported("it sums the weights of a softmax otherwise than over its own axis");
  const [heads, rows, columns] = scores.shape as [number, number, number];
  const step = (name: string) => ({ ...node, title: `${node.title}/${name}` });
  const first = { from: columns, places: [[[0, 1] as const]] };
  const axesOfFirst = [allPlaces(rows), first];
  const cut = context.emit(step("first"), { kind: "resample", name: "slice", axes: axesOfFirst, fill: 0 }, [
    scores,
  ]);
  const one = context.emit(step("query"), { kind: "activation", name: "linear", alpha: 0, beta: 1 }, [cut]);
  const keeps = context.attributes(node).int("keepdims", 1) !== 0;
  const left = keeps ? dims.with(last, 1) : dims.slice(0, last);
  return context.emit(node, { kind: "attention", heads, scale: 1 }, [one, scores, values], left);
}
