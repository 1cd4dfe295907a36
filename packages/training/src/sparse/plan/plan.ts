/** A network and its masks made ready for programs. */
import {
  ArgumentError,
  elementCount,
  type Masks,
  maskedParameters,
  type Network,
  operationLabel,
} from "@phew/core";
import { computedOperations } from "../lower/operations/lowerings.ts";
import { combinations } from "../model/combinations.ts";
import { KeptWeights } from "../model/keptWeights.ts";
import type { Layer, Model } from "../model/model.ts";
import { storedUnits } from "../model/storedUnits.ts";
import { type LayerKernel, layerSize, quickestKernels } from "./kernelChoice.ts";
import { Norm, UnitParameter } from "./parameters.ts";
import { SparseLayer } from "./sparseLayer.ts";
import { WinogradLayer } from "./winogradLayer.ts";

export interface ModelOptions {
  readonly network: Network;
  /** Absent: everything is kept. */
  readonly masks?: Masks | undefined;
  /** Images of the largest batch. */
  readonly batchSize: number;
  /** Taken wherever it can compute a layer; absent: the quickest. */
  readonly kernel?: LayerKernel | undefined;
  /** False: batch normalisation, addition and activations each by themselves. True unless said otherwise. */
  readonly fused?: boolean;
}

/** @throws ArgumentError naming a layer whose operation cannot be computed */
export function prepareModel(options: ModelOptions): Model {
  const { network, masks, batchSize } = options;
  const opaque = network.nodes.find(({ op }) => op.kind === "opaque");
  if (opaque !== undefined) {
    throw new ArgumentError(`layer "${opaque.name}"`, {
      given: `the operation ${operationLabel(opaque.op)}`,
      expected: `one that can be computed: ${computedOperations.join(", ")}`,
      remedy: "Such a network can be pruned, but not trained or run.",
    });
  }
  const lanes = lanesFor(batchSize);
  const blocks = Math.ceil(batchSize / lanes);
  const stored = storedUnits(network, masks);
  const stays = masks === undefined ? new Map<string, Uint8Array>() : maskedParameters(masks);
  const { byRoot, inside } = combinations(network, options.fused);
  const layers = new Map<number, Layer>();
  const parameters = new Map<string, UnitParameter>();
  const norms = new Map<number, Norm>();
  const untrained = new Set<number>();
  const prunableOf = new Map(network.prunable.map((parameter) => [parameter.node, parameter]));
  for (const [node, { op, inputs, parameters: own }] of network.nodes.entries()) {
    const source = inputs[0]!;
    if (op.kind === "batchNorm") {
      norms.set(node, new Norm(network, node, stored[source]!, blocks, stays));
      continue;
    }
    const prunable = prunableOf.get(node);
    if (prunable !== undefined) {
      const mask = masks?.of(prunable);
      const weights = new KeptWeights(network, node, mask, stored[node]!, stored[source]!);
      const choice = quickestKernels(layerSize(network, node, weights), options.kernel);
      layers.set(
        node,
        choice === "winograd"
          ? new WinogradLayer(network, node, weights)
          : new SparseLayer(network, node, weights, lanes, choice),
      );
    }
    for (const parameter of own) {
      if (parameter.name === prunable?.name) continue;
      const places =
        parameter.unitAxis === undefined
          ? Uint32Array.from({ length: elementCount(parameter.shape) }, (_, k) => k)
          : stored[node]!;
      parameters.set(parameter.name, new UnitParameter(parameter, places, stays.get(parameter.name)));
    }
    const isTrained = own.some(({ trained }) => trained);
    if (!isTrained && inputs.every((input) => untrained.has(input))) untrained.add(node);
  }
  return {
    network,
    stored,
    combinations: byRoot,
    inside,
    layers,
    parameters,
    norms,
    untrained,
    lanes,
    blocks,
  };
}

/** A cache line of images where there are enough of them, at least the four of a vector. */
function lanesFor(batchSize: number): number {
  if (batchSize > 8) return 16;
  return batchSize > 4 ? 8 : 4;
}
