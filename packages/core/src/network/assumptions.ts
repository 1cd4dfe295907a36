/** What is assumed of a network, not known: masks and measures rest on it. */
import type { Network } from "./network.ts";

export interface Assumption {
  /** Name of the layer. */
  readonly layer: string;
  /** What the file calls its operation. */
  readonly operation: string;
  /** What is taken to be so; a clause. */
  readonly assumed: string;
}

/** One for each part that cannot be computed and of which it is not known how paths go through it. */
export function assumptionsOf(network: Network): Assumption[] {
  return network.nodes.flatMap(({ name, op, inputs }) => {
    if (op.kind !== "opaque" || (op.carries === "elements" && inputs.length === 1)) return [];
    const assumed =
      op.carries === undefined
        ? "every unit of its input is taken to reach every unit of its output"
        : inputs.length > 1
          ? "paths are taken to pass through each of its inputs"
          : "each unit is taken to pass on from all of its places to all";
    return [{ layer: name, operation: op.operation, assumed }];
  });
}
