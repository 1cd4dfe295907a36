/** Assumptions about a network that masks and measures depend on. */
import { definitionOf, operationLabel } from "../operations/registry.ts";
import type { Network } from "./network.ts";

export interface Assumption {
  /** Name of the layer. */
  readonly layer: string;
  /** The operation's name in the file. */
  readonly operation: string;
  /** The assumption; a clause. */
  readonly assumed: string;
}

/** One for each operation whose paths are not known. */
export function assumptionsOf(network: Network): Assumption[] {
  return network.nodes.flatMap(({ name, op, inputs }) => {
    const assumed = definitionOf(op).assumes(op, inputs.length);
    return assumed === undefined ? [] : [{ layer: name, operation: operationLabel(op), assumed }];
  });
}
