/** How units pass from node to node: along weights, or unchanged. */

import type { UnitMap, WeightedUnits } from "../operations/definition.ts";
import { definitionOf } from "../operations/registry.ts";
import type { Shape } from "../operations/shape.ts";
import type { Network, Node, PrunableParameter } from "./network.ts";

/** The weights of a node, `[outCount, inCount / groups, kernelSize]`. */
export interface WeightFlow extends Omit<WeightedUnits, "weight"> {
  readonly kind: "weights";
  /** Index of the node. */
  readonly node: number;
  /** Index of the node whose units it reads. */
  readonly from: number;
  readonly parameter: PrunableParameter;
}

export type UnitFlow =
  | { readonly kind: "input" }
  | WeightFlow
  /** `from` is the index of the node that a map reads. */
  | { readonly kind: "maps"; readonly maps: readonly (UnitMap & { readonly from: number })[] };

/** One flow per node, in the order of `network.nodes`. */
export function unitFlows(network: Network): readonly UnitFlow[] {
  const prunableOf = new Map(network.prunable.map((parameter) => [parameter.name, parameter]));
  return network.nodes.map((node, index) => {
    if (node.inputs.length === 0) return { kind: "input" };
    const units = definitionOf(node.op).units(node.op, inputShapes(network, node), node.shape);
    if ("weight" in units) {
      const { weight, ...own } = units;
      return {
        kind: "weights",
        node: index,
        from: node.inputs[0]!,
        parameter: prunableOf.get(weight)!,
        ...own,
      };
    }
    return { kind: "maps", maps: units.map((map) => ({ ...map, from: node.inputs[map.input]! })) };
  });
}

/** The flows along weights, in the order of `network.prunable`; of a shared weight that of its first layer. */
export function weightFlows(network: Network): readonly WeightFlow[] {
  return unitFlows(network)
    .flatMap((flow) => (flow.kind === "weights" && flow.node === flow.parameter.node ? [flow] : []))
    .sort((a, b) => a.parameter.start - b.parameter.start);
}

/** Shapes of the values that a node reads. */
export function inputShapes({ nodes }: Network, { inputs }: Node): readonly Shape[] {
  return inputs.map((input) => nodes[input]!.shape);
}

/** Number of units of each node's value. */
export function unitCounts(network: Network): readonly number[] {
  return network.nodes.map(({ shape }) => shape[0]!);
}
