/** What is assumed of a network, not known: masks and measures rest on it. */
import { definitionOf, operationLabel } from "../operations/registry.ts";
import type { Network } from "./network.ts";

export interface Assumption {
  /** Name of the layer. */
  readonly layer: string;
  /** What the file calls its operation. */
  readonly operation: string;
  /** What is taken to be so; a clause. */
  readonly assumed: string;
}

/** One for each part of which it is not known how paths go through it. */
export function assumptionsOf(network: Network): Assumption[] {
  return network.nodes.flatMap(({ name, op, inputs }) => {
    const assumed = definitionOf(op).assumes(op, inputs.length);
    return assumed === undefined ? [] : [{ layer: name, operation: operationLabel(op), assumed }];
  });
}
