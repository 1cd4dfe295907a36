import type { Importer } from "../importer.ts";
import type { NodePart } from "../parts.ts";
import type { Value } from "../values.ts";

/**
 * Reads one node: what its outputs are, given what its inputs are.
 * @param inputs in the node's order; undefined where one is left out
 * @throws Unsupported with the reason where a network here cannot hold it
 */
export type Operator = (
  context: Importer,
  node: NodePart,
  inputs: readonly (Value | undefined)[],
) => Value | readonly (Value | undefined)[];
