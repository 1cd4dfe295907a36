/** Networks in the oracle's words. */
import type { OracleGraph } from "@phew/oracle";
import type { Network } from "../src/network/network.ts";

/** The same operations, read by code that shares nothing with core; `Weights` are the oracle's `Parameters` as they are. */
export function oracleNetwork(network: Network): OracleGraph {
  return {
    nodes: network.nodes.map(({ name, op, inputs }) => ({ name, op, inputs })),
    output: network.output,
  };
}
