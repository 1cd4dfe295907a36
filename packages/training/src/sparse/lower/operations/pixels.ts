/** Convolutions by kept weights, pixel by pixel: nothing is read beyond the edges, so borders are not asked for. */

import type { SparseLayer } from "../../plan/sparseLayer.ts";
import type { Pass } from "../pass.ts";
import { biasGradient, biasOf, fillBackward, fillForward, sumShards } from "./weights.ts";

export function pixelsForward(pass: Pass, index: number, layer: SparseLayer): void {
  const input = pass.read(pass.source(index));
  const output = pass.newTensor(index);
  fillForward(pass, layer, layer.forwardEntries, input);
  const { pixelBytes } = output.geometry(pass.plan.lanes);
  pass.draft.emit("sparsePixels", pass.label(index, "forward"), {
    input,
    output,
    ...layer.forwardPixels!,
    entries: layer.forwardEntries,
    bias: biasOf(pass, index)?.values,
    inputStep: layer.strideX * pixelBytes,
    outputStep: pixelBytes,
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
  const { pixelBytes } = input.geometry(pass.plan.lanes);
  const ownStep = layer.strideX * pixelBytes;
  const { weightGradient, shardBytes } = sumShards(pass, layer, label);
  const tables = { ...layer.backwardPixels!, entries: layer.backwardEntries };
  pass.draft.emit("sparsePixelsWeightGradient", label, {
    input,
    outputGradient,
    ...tables,
    gradientStep: pixelBytes,
    inputStep: ownStep,
    weightGradient,
    shardBytes,
  });
  if (target === undefined) return;
  pass.draft.emit("sparsePixels", label, {
    input: outputGradient,
    output: target.tensor,
    ...tables,
    inputStep: pixelBytes,
    outputStep: ownStep,
    accumulate: target.accumulate,
  });
}
