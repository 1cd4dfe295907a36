/** What convolutions and dense layers share: gradients of weights and biases, and their update. */

import type { LayerRegions } from "../../plan/layerRegions.ts";
import type { UnitParameter } from "../../plan/parameters.ts";
import { Place, Region } from "../../plan/region.ts";
import { shardCount } from "../../plan/shards.ts";
import type { SparseLayer } from "../../plan/sparseLayer.ts";
import type { Label } from "../draft.ts";
import type { Pass } from "../pass.ts";
import type { PlannedTensor } from "../tensor.ts";

/** The layer of a node that has no kernel but that by kept weights. */
export function sparseLayer(pass: Pass, index: number): SparseLayer {
  const layer = pass.plan.layers.get(index)!;
  if (layer.kernel !== "rows") throw new Error(`${layer.name} is not computed by kept weights`);
  return layer;
}

/** Says of entries (a layer's, or those of a direction) that they lead into the tensor that the way forward reads. */
export function fillForward(pass: Pass, layer: SparseLayer, entries: Region, input: PlannedTensor): void {
  pass.draft.fill(entries, {
    layer: layer.name,
    tensors: [input],
    values: ([geometry]) => layer.forwardOffsets(geometry!),
  });
}

/** The same of the way back, which reads the gradient of the output. */
export function fillBackward(pass: Pass, layer: SparseLayer, entries: Region, gradient: PlannedTensor): void {
  pass.draft.fill(entries, {
    layer: layer.name,
    tensors: [gradient],
    values: ([geometry]) => layer.backwardOffsets(geometry!),
  });
}

/** f32[shards][weights] of a layer's weight gradient, and the bytes from one shard to the next. */
export interface ShardSums {
  readonly weightGradient: Region;
  readonly shardBytes: number;
}

/** Writes the initial zeros of this shard's sums of weight gradients, and returns their region. */
export function sumShards(pass: Pass, layer: SparseLayer, label: Label): ShardSums {
  const { count, parameter } = layer.weights;
  const bytes = 4 * count;
  const shardBytes = 64 * Math.ceil(bytes / 64);
  const shards = shardCount(pass.plan.blocks);
  const weightGradient = new Region("gradients", shards * shardBytes, { temporary: true });
  const sums = pass.keepGradient(parameter.name, count);
  pass.draft.emit("clearShard", label, { sums: weightGradient, bytes, shardBytes });
  pass.sums.push(() =>
    pass.draft.emit(
      "sumShards",
      { ...label, work: "update" },
      { gradient: weightGradient, count, shardBytes, ...pass.watch(parameter.name), sums },
    ),
  );
  const { forwardEntries, orderRegion: order } = layer;
  pass.updates.push(() =>
    updateWeights(pass, layer, sums ?? weightGradient, {
      entries: layer.backwardEntries,
      forwardEntries,
      order,
    }),
  );
  return { weightGradient, shardBytes };
}

export function biasOf(pass: Pass, index: number): UnitParameter | undefined {
  const { op } = pass.node(index);
  return "bias" in op ? pass.parameter(op.bias) : undefined;
}

/** Writes the sums that are the gradient of a bias; none behind which a batch normalisation takes the mean away. */
export function biasGradient(pass: Pass, index: number, gradient: PlannedTensor): void {
  const bias = biasOf(pass, index);
  if (bias === undefined) return;
  const [consumer] = pass.node(index).consumers;
  const normalised = pass.readOnce(index) && pass.plan.norms.has(consumer!);
  if (normalised && pass.normalisesBatches) {
    pass.updates.push(() => updateUnits(pass, bias, undefined, index));
    return;
  }
  descendSums(pass, index, bias, gradient);
}

/** Writes the sums of a gradient by unit, which are that of a parameter added to each; and its update. */
export function descendSums(
  pass: Pass,
  index: number,
  parameter: UnitParameter,
  gradient: PlannedTensor,
): void {
  const bytes = 8 * pass.plan.blocks * parameter.units.length;
  const partial = new Region("gradients", bytes, { temporary: true });
  pass.draft.emit("unitSums", pass.label(index, "backward"), { gradient, partial });
  descend(pass, index, parameter, { partial, elementBytes: 8, factor: parameter.trained });
}

/** Sums over blocks that are the gradient of a parameter with one number a unit. */
export interface UnitSums {
  /** f64[blocks][units], elementBytes apart. */
  readonly partial: Place | Region;
  readonly elementBytes: number;
  /** f32[units] that the sums are multiplied with. */
  readonly factor: Place | Region | undefined;
}

/** Writes, after the backward pass, the gradient of a parameter and its update. */
export function descend(pass: Pass, index: number, parameter: UnitParameter, sums: UnitSums): void {
  const units = parameter.units.length;
  const { name } = parameter.parameter;
  const gradient = pass.newGradient(name, units);
  pass.sums.push(() =>
    pass.draft.emit("sumUnits", pass.label(index, "update"), {
      gradient,
      units,
      ...sums,
      ...pass.watch(name),
    }),
  );
  pass.updates.push(() => updateUnits(pass, parameter, gradient, index));
}

/** @param lists the weights in the order of the gradient, and their copies in other orders */
export function updateWeights(
  pass: Pass,
  { name, weights, orphanWeights }: LayerRegions,
  gradient: Region,
  lists: { readonly entries: Region; readonly forwardEntries?: Region; readonly order?: Region },
): void {
  const label: Label = { layer: name, work: "update" };
  const { kernel, state } = pass.optimiser!;
  const { kept, orphans } = state.ofWeights(weights);
  const { entries, forwardEntries: copies, order } = lists;
  // {u32, f32} each
  const values = { values: new Place(entries, 4), stride: 8, count: weights.count, copies, order };
  pass.draft.emit(kernel, label, { ...values, gradient, state: kept });
  const count = weights.orphans.length;
  if (count > 0) pass.draft.emit(kernel, label, { values: orphanWeights, stride: 4, count, state: orphans });
}

function updateUnits(
  pass: Pass,
  parameter: UnitParameter,
  gradient: Region | undefined,
  index: number,
): void {
  const { kernel, state } = pass.optimiser!;
  const { values, units } = parameter;
  pass.draft.emit(kernel, pass.label(index, "update"), {
    values,
    stride: 4,
    count: units.length,
    gradient,
    state: state.ofUnits(parameter),
  });
}
