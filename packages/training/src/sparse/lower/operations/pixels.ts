/** Convolutions by kept weights, pixel by pixel: nothing is read beyond the edges, so borders are not asked for. */

import type { Region } from "../../plan/region.ts";
import type { SparseLayer } from "../../plan/sparseLayer.ts";
import type { Pass, Target } from "../pass.ts";
import type { PlannedTensor } from "../tensor.ts";
import { biasGradient, biasOf, fillBackward, fillForward, sumShards } from "./weights.ts";

export function pixelsForward(pass: Pass, index: number, layer: SparseLayer): void {
  const input = pass.read(pass.source(index));
  const output = pass.newTensor(index);
  fillForward(pass, layer, layer.forwardEntries, input);
  const bias = biasOf(pass, index)?.values;
  pixelsOfValues(pass, index, layer, {
    input,
    output,
    entries: layer.forwardEntries,
    bias,
    accumulate: false,
  });
  pass.write(index, output);
}

export function pixelsBackward(pass: Pass, index: number, layer: SparseLayer): void {
  const outputGradient = pass.gradientOf(index);
  if (outputGradient === undefined) return;
  const label = pass.label(index, "backward");
  const source = pass.source(index);
  biasGradient(pass, index, outputGradient);
  const input = pass.read(source);
  const target = pass.receive(source);
  fillBackward(pass, layer, layer.backwardEntries, outputGradient);
  const call = { input, outputGradient, entries: layer.backwardEntries };
  pixelsOfWeights(pass, index, layer, { ...call, ...sumShards(pass, layer, label) });
  if (target !== undefined) pixelsOfGradient(pass, index, layer, { ...call, target });
}

/** Emits y = W∗x + bias. */
export function pixelsOfValues(
  pass: Pass,
  index: number,
  layer: SparseLayer,
  call: {
    readonly input: PlannedTensor;
    readonly output: PlannedTensor;
    readonly entries: Region;
    readonly bias: Region | undefined;
    readonly accumulate: boolean;
  },
): void {
  const { pixelBytes } = call.output.geometry(pass.plan.lanes);
  pass.draft.emit("sparsePixels", pass.label(index, "forward"), {
    ...layer.forwardPixels!,
    ...call,
    inputStep: layer.strideX * pixelBytes,
    outputStep: pixelBytes,
  });
}

/** Emits the sums ∂L/∂W += x∗g. */
export function pixelsOfWeights(
  pass: Pass,
  index: number,
  layer: SparseLayer,
  call: {
    readonly input: PlannedTensor;
    readonly outputGradient: PlannedTensor;
    readonly entries: Region;
    readonly weightGradient: Region;
    readonly shardBytes: number;
    /** Of other entries than the layer's own. */
    readonly starts?: Region;
  },
): void {
  const { pixelBytes } = call.input.geometry(pass.plan.lanes);
  pass.draft.emit("sparsePixelsWeightGradient", pass.label(index, "backward"), {
    ...layer.backwardPixels!,
    ...call,
    gradientStep: pixelBytes,
    inputStep: layer.strideX * pixelBytes,
  });
}

/** Emits ∂L/∂x = Wᵀ∗g. */
export function pixelsOfGradient(
  pass: Pass,
  index: number,
  layer: SparseLayer,
  call: { readonly outputGradient: PlannedTensor; readonly entries: Region; readonly target: Target },
): void {
  const { tensor: output, accumulate } = call.target;
  const { pixelBytes } = output.geometry(pass.plan.lanes);
  pass.draft.emit("sparsePixels", pass.label(index, "backward"), {
    ...layer.backwardPixels!,
    entries: call.entries,
    input: call.outputGradient,
    output,
    accumulate,
    inputStep: pixelBytes,
    outputStep: layer.strideX * pixelBytes,
  });
}
