/** How a model is computed: the kernel of each layer, and the memory that its parameters take. Built once, never changed. */
import { elementCount, type Masks, type Network, type Parameter } from "@phew/core";
import type { Fixed } from "../model/fixed.ts";
import type { KeptWeights } from "../model/keptWeights.ts";
import { type Model, type ModelOptions, modelOf } from "../model/model.ts";
import { type LayerKernel, layerSize, quickestKernels } from "./kernelChoice.ts";
import { Norm, UnitParameter } from "./parameters.ts";
import { SparseLayer } from "./sparseLayer.ts";
import { WinogradLayer } from "./winogradLayer.ts";

export type Layer = SparseLayer | WinogradLayer;

export interface Plan extends Model {
  /** By node. */
  readonly layers: ReadonlyMap<number, Layer>;
  /** By name: parameters that are neither prunable nor those of a batch normalisation. */
  readonly parameters: ReadonlyMap<string, UnitParameter>;
  readonly norms: ReadonlyMap<number, Norm>;
  /** Images a block, and blocks of the largest batch. */
  readonly lanes: number;
  readonly blocks: number;
}

export interface PlanOptions extends ModelOptions {
  readonly network: Network;
  /** Absent: everything is kept. */
  readonly masks?: Masks | undefined;
  /** Images of the largest batch. */
  readonly batchSize: number;
  /** Used wherever it can compute a layer; absent: the fastest. */
  readonly kernel?: LayerKernel | undefined;
}

/** @throws ArgumentError naming a layer whose operation cannot be computed */
export function planOf({ network, masks, batchSize, kernel, ...options }: PlanOptions): Plan {
  const model = modelOf(network, masks, options);
  const { stored, stays, weights } = model;
  const lanes = lanesFor(batchSize);
  const blocks = Math.ceil(batchSize / lanes);
  const layers = new Map<number, Layer>();
  const parameters = new Map<string, UnitParameter>();
  const norms = new Map<number, Norm>();
  for (const [node, { op, inputs, parameters: own }] of network.nodes.entries()) {
    if (op.kind === "batchNorm") {
      norms.set(node, new Norm(network, node, stored[inputs[0]!]!, blocks, stays));
      continue;
    }
    const kept = weights.get(node);
    if (kept !== undefined) layers.set(node, layerOf(network, node, kept, kernel));
    for (const parameter of own) {
      if (parameter.name === kept?.parameter.name) continue;
      const places =
        parameter.unitAxis === undefined
          ? Uint32Array.from({ length: elementCount(parameter.shape) }, (_, k) => k)
          : elementsOf(stored[node]!, parameter);
      parameters.set(parameter.name, new UnitParameter(parameter, places, stays.get(parameter.name)));
    }
  }
  return Object.freeze({ ...model, layers, parameters, norms, lanes, blocks });
}

/** All parameters that are not prunable. */
export function* unitParameters({ parameters, norms }: Plan): Iterable<UnitParameter> {
  yield* parameters.values();
  for (const { scale, shift, mean, variance } of norms.values()) yield* [scale, shift, mean, variance];
}

/** Indices of the elements of some units. */
function elementsOf(units: Fixed<Uint32Array>, { shape }: Parameter): Uint32Array {
  const row = elementCount(shape.slice(1));
  return Uint32Array.from(
    { length: units.length * row },
    (_, k) => units[Math.floor(k / row)]! * row + (k % row),
  );
}

function layerOf(network: Network, node: number, weights: KeptWeights, wanted?: LayerKernel): Layer {
  const choice = quickestKernels(layerSize(network, node, weights), wanted);
  if (choice === "winograd") return new WinogradLayer(weights);
  return new SparseLayer(network, node, weights, choice);
}

/** A cache line of images if there are enough of them, at least the four of a vector. */
function lanesFor(batchSize: number): number {
  if (batchSize > 8) return 16;
  return batchSize > 4 ? 8 : 4;
}
