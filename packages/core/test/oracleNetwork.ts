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

/**
 * The network whose forward pass sums over paths: factors of products are added, activations without a corner at 0 left
 * out.
 */
export function pathSumNetwork(network: Network): OracleGraph {
  const { nodes, output } = oracleNetwork(network);
  const alongPaths = nodes.map((node) => {
    if (node.op.kind === "multiply") return { ...node, op: { kind: "add" } as const };
    const isSmooth = node.op.kind === "activation" && node.op.name !== "relu";
    return isSmooth ? { ...node, op: { kind: "identity" } as const } : node;
  });
  return { nodes: alongPaths, output };
}
