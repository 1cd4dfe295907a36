/** A network and its masks made ready for programs: what is computed, and the parameters it is computed with. */
import { ArgumentError, type Masks, maskedParameters, type Network } from "@phew/core";
import { type Combination, combinations } from "./combinations.ts";
import { KeptWeights } from "./keptWeights.ts";
import { type LayerKernel, layerSize, quickestKernels } from "./kernelChoice.ts";
import { computedOperations } from "./lowering/lowerings.ts";
import { Norm, UnitParameter } from "./parameters.ts";
import { SparseLayer } from "./sparseLayer.ts";
import { type StoredUnits, storedUnits } from "./storedUnits.ts";
import { WinogradLayer } from "./winogradLayer.ts";

export type Layer = SparseLayer | WinogradLayer;

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

export interface Model {
  readonly network: Network;
  readonly stored: StoredUnits;
  readonly combinations: ReadonlyMap<number, Combination>;
  /** Nodes that are part of a combination and have no value of their own. */
  readonly inside: ReadonlySet<number>;
  /** By node. */
  readonly layers: ReadonlyMap<number, Layer>;
  readonly biases: ReadonlyMap<number, UnitParameter>;
  readonly norms: ReadonlyMap<number, Norm>;
  /** Nodes before which nothing is trained: nobody wants the gradient of their value. */
  readonly untrained: ReadonlySet<number>;
  /** Images a block, and blocks of the largest batch. */
  readonly lanes: number;
  readonly blocks: number;
}

/** @throws ArgumentError naming a layer whose operation cannot be computed */
export function prepareModel(options: ModelOptions): Model {
  const { network, masks, batchSize } = options;
  const opaque = network.nodes.find(({ op }) => op.kind === "opaque");
  if (opaque?.op.kind === "opaque") {
    throw new ArgumentError(`layer "${opaque.name}"`, {
      given: `the operation ${opaque.op.operation}`,
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
  const biases = new Map<number, UnitParameter>();
  const norms = new Map<number, Norm>();
  const untrained = new Set<number>();
  for (const [node, { op, inputs }] of network.nodes.entries()) {
    const source = inputs[0]!;
    if (op.kind === "conv2d" || op.kind === "dense") {
      const mask = masks?.of(network.prunable.find((parameter) => parameter.node === node)!);
      const weights = new KeptWeights(network, node, mask, stored[node]!, stored[source]!);
      const choice = quickestKernels(layerSize(network, node, weights), options.kernel);
      layers.set(
        node,
        choice === "winograd"
          ? new WinogradLayer(network, node, weights)
          : new SparseLayer(network, node, weights, lanes, choice),
      );
      const bias = network.parameters.find(({ name }) => name === op.bias);
      if (bias !== undefined) biases.set(node, new UnitParameter(bias, stored[node]!, stays.get(bias.name)));
    } else if (op.kind === "batchNorm") {
      norms.set(node, new Norm(network, node, stored[source]!, blocks, stays));
    } else if (inputs.every((input) => untrained.has(input))) {
      untrained.add(node);
    }
  }
  return {
    network,
    stored,
    combinations: byRoot,
    inside,
    layers,
    biases,
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
