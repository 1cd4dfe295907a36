/**
 * Softmax attention in ONNX, with heads, windows and tokens as axes of their own:
 *   Softmax(scale · Qᵀ·K + mask)·Vᵀ
 * A row that the mask excludes whole gives zeros here and NaN by Softmax: weights that are no numbers are made 0.
 */
import type { Attention, Shape } from "@phew/core";
import { intAttribute, intsAttribute } from "./graphEdit.ts";
import type { AttributeProto } from "./schema.ts";

interface Steps {
  /** @returns the name of its value */
  step(name: string, opType: string, input: readonly string[], attribute?: AttributeProto[]): string;
  numbers(name: string, shape: readonly number[], values: Float32Array): string;
  lengths(name: string, values: readonly number[]): string;
}

/** @param shapes of queries, keys and values @returns the last node, which has the shape of the operation's value */
export function attentionAsOnnx(
  { heads, scale, mask }: Attention,
  inputs: readonly string[],
  shapes: readonly Shape[],
  { step, numbers, lengths }: Steps,
): { opType: string; input: readonly string[] } {
  const names = ["queries", "keys", "values"];
  const [q, k, v] = inputs.map((input, slot) => {
    const [units, ...places] = shapes[slot]!;
    const tokens = places.at(-1)!;
    const windows = places.slice(0, -1).reduce((product, length) => product * length, 1);
    const dims = lengths(`${names[slot]}_by_head`, [-1, heads, units! / heads, windows, tokens]);
    const divided = step(`${names[slot]}_of_heads`, "Reshape", [input, dims]);
    // keys lie as the product reads them
    const perm = slot === 1 ? [0, 1, 3, 2, 4] : [0, 1, 3, 4, 2];
    return step(`${names[slot]}_turned`, "Transpose", [divided], [intsAttribute("perm", perm)]);
  });
  const products = step("products", "MatMul", [q!, k!]);
  let scores = step("scores", "Mul", [products, numbers("scale", [], Float32Array.of(scale))]);
  if (mask !== undefined)
    scores = step("masked", "Add", [scores, numbers("mask", mask.shape, Float32Array.from(mask.values))]);
  let weights = step("weights", "Softmax", [scores], [intAttribute("axis", -1)]);
  if (mask?.values.includes(Number.NEGATIVE_INFINITY)) {
    const none = step("without_keys", "IsNaN", [weights]);
    weights = step("known_weights", "Where", [none, numbers("zero", [], Float32Array.of(0)), weights]);
  }
  const means = step("means", "MatMul", [weights, v!]);
  const back = step("means_turned", "Transpose", [means], [intsAttribute("perm", [0, 1, 4, 2, 3])]);
  const shape = [-1, shapes[2]![0]!, ...shapes[0]!.slice(1)];
  return { opType: "Reshape", input: [back, lengths("shape", shape)] };
}
