/**
 * Weights that torch.nn.utils.prune left as original and mask when the model was exported: the product, which the
 * exporter calls `mul_3`, is the parameter that the module has.
 */
import type { NodePart } from "./parts.ts";

/** Name of a product → name of the parameter that it is. */
export function prunedProducts(nodes: readonly NodePart[]): ReadonlyMap<string, string> {
  const castOf = new Map<string, string>();
  for (const { opType, input, output } of nodes)
    if (opType === "Cast" && input?.[0] && output?.[0]) castOf.set(output[0], input[0]);
  const products = new Map<string, string>();
  for (const { opType, input = [], output } of nodes) {
    if (opType !== "Mul" || input.length !== 2 || !output?.[0]) continue;
    const factors = input.map((name) => castOf.get(name) ?? name);
    const original = factors.find((name) => name.endsWith("_orig"));
    const parameter = original?.slice(0, -"_orig".length);
    if (parameter !== undefined && factors.includes(`${parameter}_mask`)) products.set(output[0], parameter);
  }
  return products;
}
