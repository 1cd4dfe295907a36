/**
 * The kernels that the sparse executor chooses for each layer of a network, and its estimates for all possible ones.
 */
import type { Masks, Network } from "@phew/core";
import { type KernelCost, kernelCosts, type LayerKernel, layerSize } from "../sparse/plan/kernelChoice.ts";
import { planOf } from "../sparse/plan/plan.ts";

export interface LayerPlan {
  /** Name of the layer's node. */
  readonly layer: string;
  readonly forward: LayerKernel;
  readonly backward: LayerKernel;
  /** Every kernel that can compute the layer; nanoseconds for one image on one thread. */
  readonly costs: readonly KernelCost[];
}

/** @param masks absent: everything is kept @returns in the order of the network */
export function kernelPlan(network: Network, masks: Masks | undefined, batchSize: number): LayerPlan[] {
  const { layers } = planOf({ network, masks, batchSize });
  return Array.from(layers, ([node, layer]) => {
    const kernels =
      layer.kernel === "winograd" ? ({ forward: "winograd", backward: "winograd" } as const) : layer.kernels;
    return { layer: layer.name, ...kernels, costs: kernelCosts(layerSize(network, node, layer.weights)) };
  });
}
