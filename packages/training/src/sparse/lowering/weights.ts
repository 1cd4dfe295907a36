/** What convolutions and dense layers share: gradients of weights and biases, and their update. */
import { type Label, type Place, Region } from "../draft.ts";
import type { UnitParameter } from "../parameters.ts";
import type { Pass } from "../pass.ts";
import type { SparseLayer } from "../sparseLayer.ts";
import type { PlannedTensor } from "../tensor.ts";

/** Runs of blocks whose sums are kept apart: as many threads as can share a batch. */
const MOST_SHARDS = 8;

export const shardCount = (blocks: number): number => Math.min(MOST_SHARDS, blocks);

/** Writes that this shard's sums of weight gradients start at 0, and says where they stand. */
export function sumShards(pass: Pass, index: number, label: Label) {
  const layer = pass.model.layers.get(index)!;
  const bytes = 4 * layer.kept.length;
  const shardBytes = 64 * Math.ceil(bytes / 64);
  const shards = shardCount(pass.model.blocks);
  const weightGradient = new Region("gradients", shards * shardBytes, { temporary: true });
  pass.draft.emit("clearShard", { sums: weightGradient, bytes, shardBytes }, label);
  pass.updates.push(() => updateWeights(pass, layer, weightGradient, shardBytes));
  return { weightGradient, shardBytes };
}

/** Writes the sums that are the gradient of a bias; none behind which a batch normalisation takes the mean away. */
export function biasGradient(pass: Pass, index: number, gradient: PlannedTensor): void {
  const bias = pass.model.biases.get(index);
  if (bias === undefined) return;
  const [consumer] = pass.node(index).consumers;
  const normalised = pass.readOnce(index) && pass.node(consumer!).op.kind === "batchNorm";
  if (normalised && pass.normalisesBatches) {
    pass.updates.push(() => updateUnitParameter(pass, bias, undefined, 8, bias.trained, index));
    return;
  }
  const partial = new Region("gradients", 8 * pass.model.blocks * bias.units.length, { temporary: true });
  pass.draft.emit("unitSums", { gradient, partial }, pass.label(index, "backward"));
  pass.updates.push(() => updateUnitParameter(pass, bias, partial, 8, bias.trained, index));
}

function updateWeights(pass: Pass, layer: SparseLayer, weightGradient: Region, shardBytes: number): void {
  const label: Label = { layer: layer.name, work: "update" };
  pass.draft.emit(
    "updateWeights",
    {
      entries: layer.backwardEntries,
      entryCount: layer.kept.length,
      forwardEntries: layer.forwardEntries,
      order: layer.orderRegion,
      momentum: layer.momentum,
      weightGradient,
      shardBytes,
    },
    label,
  );
  if (layer.orphans.length === 0) return;
  pass.draft.emit(
    "updateParameters",
    { values: layer.orphanWeights, momentum: layer.orphanMomentum, count: layer.orphans.length },
    label,
  );
}

/** @param partial f64 sums, elementBytes apart; absent where the gradient is 0 */
export function updateUnitParameter(
  pass: Pass,
  { values, momentum, units }: UnitParameter,
  partial: Place | Region | undefined,
  elementBytes: number,
  factor: Place | Region | undefined,
  index: number,
): void {
  pass.draft.emit(
    "updateParameters",
    {
      values,
      momentum,
      count: units.length,
      partial,
      blockBytes: elementBytes * units.length,
      elementBytes,
      factor,
    },
    pass.label(index, "update"),
  );
}
