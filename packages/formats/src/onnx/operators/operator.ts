import type { Importer } from "../importer.ts";
import type { NodePart } from "../parts.ts";
import type { Value } from "../values.ts";

/**
 * Reads one node: the values of its outputs from those of its inputs.
 * @param inputs in the node's order; undefined for an omitted one
 * @throws Unsupported with the reason if a network cannot contain it
 */
export type Operator = (
  context: Importer,
  node: NodePart,
  inputs: readonly (Value | undefined)[],
) => Value | readonly (Value | undefined)[];
