/** A masked network for a new model file: with zeros for pruned weights, or without the removed units. */
import {
  compactNetwork,
  type Masks,
  maskedWeights,
  type Network,
  type Node,
  unrolled,
  type Weights,
} from "@phew/core";
import type { ModelOutput } from "./joinOutputs.ts";

export interface NetworkOutputs {
  /** The outputs to write, if the network's own output joins several; see `joinOutputs`. */
  readonly outputs?: readonly Pick<ModelOutput, "node">[];
}

export interface MaskedNetwork {
  readonly network: Network;
  readonly weights: Weights;
  /** Indices of the output nodes, each once. */
  readonly outputs: readonly number[];
  /** The nodes that these depend on, with their indices, in order, without those that join outputs. */
  readonly nodes: readonly (readonly [index: number, node: Node])[];
}

export function maskedNetwork(
  given: Network,
  weights: Weights,
  masks: Masks,
  isCompact: boolean,
  { outputs: named }: NetworkOutputs,
): MaskedNetwork {
  const masked = isCompact
    ? compactNetwork(given, weights, masks)
    : { network: given, weights: maskedWeights(weights, masks) };
  // recurrent layers are written step by step
  const network = unrolled(masked.network);
  const { nodes, output } = network;
  const place = new Map(nodes.map(({ name }, index) => [name, index]));
  const outputs = named === undefined ? [output] : [...new Set(named.map(({ node }) => place.get(node)!))];
  const reached = new Set(outputs);
  // grows during the loop
  for (const index of reached) for (const input of nodes[index]!.inputs) reached.add(input);
  return {
    network,
    weights: masked.weights,
    outputs,
    nodes: [...nodes.entries()].filter(([index]) => reached.has(index)),
  };
}
