/** Converts core networks to the oracle's form. */
import type { OracleGraph } from "@phew/oracle";
import type { Network } from "../src/network/network.ts";

/**
 * The same operations, for code that shares nothing with core; `Weights` serve as the oracle's `Parameters`
 * unchanged.
 */
export function oracleNetwork(network: Network): OracleGraph {
  return {
    nodes: network.nodes.map(({ name, op, inputs }) => ({ name, op, inputs })),
    output: network.output,
  };
}
