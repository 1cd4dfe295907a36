/** Convolutions with 3×3 kernels of high density, by all weights; see assembly/layers/winograd.ts. */

import { Region } from "../../plan/region.ts";
import { shardCount } from "../../plan/shards.ts";
import { tileBorder, type WinogradLayer, windowBorder } from "../../plan/winogradLayer.ts";
import type { Pass } from "../pass.ts";
import { PlannedTensor } from "../tensor.ts";
import type { OperationOf } from "./lowering.ts";
import { biasGradient, biasOf, updateWeights } from "./weights.ts";

/** Writes what takes the kernels of all such layers into the domain; a segment of its own, before all others. */
export function transformWeights(pass: Pass): void {
  const layers = [...pass.plan.layers].filter(
    (entry): entry is [number, WinogradLayer] => entry[1].kernel === "winograd",
  );
  if (layers.length === 0) return;
  pass.draft.shares();
  for (const [
    index,
    { entries, rows, rowBytes, weights, rowStart, forwardWeights, backwardWeights },
  ] of layers) {
    const { inUnits, outUnits } = weights;
    const fields = { entries, rowStart, outUnits, inUnits, rows, rowBytes };
    const label = pass.label(index, "forward");
    pass.draft.emit("winogradWeights", label, { ...fields, weights: forwardWeights });
    if (pass.mode === "evaluation" || !pass.wantsGradient(pass.source(index))) continue;
    pass.draft.emit(
      "winogradWeights",
      { ...label, work: "backward" },
      { ...fields, weights: backwardWeights, turned: 1 },
    );
  }
  pass.draft.barrier();
}

export function winogradForward(
  pass: Pass,
  index: number,
  { padding: [top, left] }: OperationOf<"conv2d">,
  layer: WinogradLayer,
): void {
  const input = pass.read(pass.source(index));
  const output = pass.newTensor(index);
  input.widen(windowBorder(input, output, top, left));
  pass.draft.emit("winogradConvolution", pass.label(index, "forward"), {
    input,
    output,
    weights: layer.forwardWeights,
    bias: biasOf(pass, index)?.values,
    ...group(pass, layer),
    top,
    left,
  });
  pass.write(index, output);
}

export function winogradBackward(
  pass: Pass,
  index: number,
  { padding: [top, left] }: OperationOf<"conv2d">,
  layer: WinogradLayer,
): void {
  const outputGradient = pass.gradientOf(index);
  if (outputGradient === undefined) return;
  const label = pass.label(index, "backward");
  const source = pass.source(index);
  const input = pass.read(source);
  input.widen(windowBorder(input, outputGradient, top, left));
  outputGradient.widen(tileBorder(outputGradient));
  const target = pass.receive(source);
  // rotated kernels have the complementary padding
  if (target !== undefined)
    outputGradient.widen(windowBorder(outputGradient, target.tensor, 2 - top, 2 - left));
  pass.clearBorder(outputGradient, label);
  biasGradient(pass, index, outputGradient);
  const shardBytes = 36 * layer.pointBytes;
  const shards = shardCount(pass.plan.blocks);
  const sums = new Region("gradients", shards * shardBytes, { temporary: true });
  pass.draft.emit("clearShard", label, { sums, bytes: shardBytes, shardBytes });
  pass.draft.emit("winogradWeightGradient", label, {
    input,
    outputGradient,
    sums,
    shardBytes,
    ...group(pass, layer),
    top,
    left,
  });
  collect(pass, index, layer, sums, shardBytes);
  if (target === undefined) return;
  pass.draft.emit("winogradConvolution", label, {
    input: outputGradient,
    output: target.tensor,
    weights: layer.backwardWeights,
    ...group(pass, layer),
    top: 2 - top,
    left: 2 - left,
    accumulate: target.accumulate,
  });
}

/** Writes, after the backward pass, the transform of the gradients of kept weights, and their update. */
function collect(pass: Pass, index: number, layer: WinogradLayer, sums: Region, shardBytes: number): void {
  const { entries, rowStart, rows, rowBytes, weights } = layer;
  const { inUnits, outUnits, parameter, count } = weights;
  const gradient = pass.newGradient(parameter.name, count);
  const fields = { sums, shardBytes, entries, rowStart, outUnits, inUnits, gradient, rows, rowBytes };
  pass.sums.push(() =>
    pass.draft.emit("winogradGradient", pass.label(index, "update"), {
      ...fields,
      ...pass.watch(parameter.name),
    }),
  );
  pass.updates.push(() => updateWeights(pass, layer, gradient, { entries }));
}

const group = (pass: Pass, layer: WinogradLayer) => ({
  workspace: new PlannedTensor(1, 1, layer.workspacePixels(pass.plan.lanes)),
  groupTiles: layer.groupTiles(pass.plan.lanes),
});
