/**
 * Embeddings of an input of whole numbers: rows of a stored table, chosen by them. The features of the table are the
 * network's input units, and its rows are looked up where examples are read: the table is no layer's weight.
 */
import { Attributes } from "./attributes.ts";
import type { ModelParts, NodePart, TensorPart } from "./parts.ts";
import { describe, isFloat } from "./tensors.ts";

/** What may stand between an input and its table. */
const PASSES = new Set(["Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze"]);
/** INT32 and INT64 of TensorProto. */
const WHOLE = [6, 7];

/** Input → the one table by which all Gathers of it choose rows. */
export function embeddingTables(
  parts: ModelParts,
  order: readonly NodePart[],
): ReadonlyMap<string, TensorPart> {
  const inputOf = new Map<string, string>();
  for (const { name = "", type } of parts.inputs)
    if (WHOLE.includes(type?.tensorType?.elemType ?? 0)) inputOf.set(name, name);
  const tables = new Map<string, TensorPart>();
  const several = new Set<string>();
  if (inputOf.size === 0) return tables;
  for (const node of order) {
    const [data = "", index = ""] = node.input ?? [];
    if (PASSES.has(node.opType ?? "") && inputOf.has(data))
      for (const output of node.output ?? []) inputOf.set(output, inputOf.get(data)!);
    const input = inputOf.get(index);
    const table = parts.initializers.get(data);
    if (node.opType !== "Gather" || input === undefined || table?.dims.length !== 2) continue;
    const isOfRows = new Attributes(node, parts.source.name).int("axis", 0) === 0;
    if (!isOfRows || !isFloat(describe(table).dtype)) continue;
    if ((tables.get(input) ?? table) !== table) several.add(input);
    tables.set(input, table);
  }
  for (const input of several) tables.delete(input);
  return tables;
}
