/** A masked network as a model file that is made anew holds it: zeros where it is pruned, or units cut out. */
import { compactNetwork, type Masks, maskedWeights, type Network, type Node, type Weights } from "@phew/core";
import type { ModelOutput } from "./joinOutputs.ts";

export interface NetworkOutputs {
  /** What is put out, where the network's own output joins several; see `joinOutputs`. */
  readonly outputs?: readonly Pick<ModelOutput, "node">[];
}

export interface MaskedNetwork {
  readonly network: Network;
  readonly weights: Weights;
  /** Indices of the nodes that are put out, each once. */
  readonly outputs: readonly number[];
  /** The nodes that these depend on, with their indices, in order: all but those that join outputs. */
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
  const { nodes, output } = masked.network;
  const place = new Map(nodes.map(({ name }, index) => [name, index]));
  const outputs = named === undefined ? [output] : [...new Set(named.map(({ node }) => place.get(node)!))];
  const reached = new Set(outputs);
  // grows while it is walked through
  for (const index of reached) for (const input of nodes[index]!.inputs) reached.add(input);
  return {
    network: masked.network,
    weights: masked.weights,
    outputs,
    nodes: [...nodes.entries()].filter(([index]) => reached.has(index)),
  };
}
