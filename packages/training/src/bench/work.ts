/** Multiply-adds of a step, layer by layer. */
import { countKept, definitionOf, type Masks, multiplyAdds, type Network } from "@phew/core";
import type { LayerWork, Work } from "./report.ts";
import type { BenchMode } from "./task.ts";

/**
 * A prediction passes each layer once. A step of training passes it again for the gradient of its weights, and once
 * more for that of its input, where anything before it is trained.
 */
export function workOf(network: Network, masks: Masks | undefined, mode: BenchMode): Work {
  const { layers, dense, kept } = multiplyAdds(network, masks === undefined ? {} : { masks });
  const trained = trainedNodes(network);
  return {
    denseMultiplyAdds: dense,
    keptMultiplyAdds: kept,
    share: kept / dense,
    layers: network.prunable.map((parameter, l): LayerWork => {
      const node = network.nodes[parameter.node]!;
      const passes = mode === "predict" ? 1 : trained[node.inputs[0]!] ? 3 : 2;
      const keptCount = masks === undefined ? parameter.length : countKept(masks.of(parameter));
      return {
        layer: node.name,
        density: keptCount / parameter.length,
        forwardMultiplyAdds: layers[l]!.kept,
        stepMultiplyAdds: passes * layers[l]!.kept,
      };
    }),
  };
}

/** For each node: whether it or a node before it has a trained parameter. */
function trainedNodes({ nodes }: Network): boolean[] {
  const trained: boolean[] = [];
  for (const { op, inputs, name } of nodes) {
    const shapes = inputs.map((input) => nodes[input]!.shape);
    const own = definitionOf(op).parameters(op, shapes, name).length > 0;
    trained.push(own || inputs.some((input) => trained[input]!));
  }
  return trained;
}
