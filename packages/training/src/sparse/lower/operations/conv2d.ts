/** Convolution by kept weights, forward and backward, or by all weights if that is faster. */

import type { Region } from "../../plan/region.ts";
import type { SparseLayer } from "../../plan/sparseLayer.ts";
import type { Pass } from "../pass.ts";
import type { PlannedTensor } from "../tensor.ts";
import type { Lowering, OperationOf, Tangent } from "./lowering.ts";
import { pixelsBackward, pixelsForward } from "./pixels.ts";
import { type BackwardCall, type ForwardCall, weightedTangent } from "./weightedTangent.ts";
import { biasGradient, biasOf, fillBackward, fillForward, sparseLayer, sumShards } from "./weights.ts";
import { winogradBackward, winogradForward } from "./winograd.ts";

/** Of convolutions, and of dense layers at places. */
export const convolutionTangent: Tangent<OperationOf<"conv2d">> = weightedTangent({
  values: ({ pass, index, op, layer }, call) => convolve(pass, index, op, layer, call),
  addValues({ pass, index, op, layer }, call) {
    const through = pass.newTensor(index);
    convolve(pass, index, op, layer, { ...call, output: through });
    pass.copy(through, call.output, true, pass.label(index, "forward"));
  },
  prepare({ pass, index, layer }, gradients) {
    const [{ height, width }] = gradients as [PlannedTensor];
    gradients[0]!.widen(layer.gradientBorder(height, width));
    for (const gradient of gradients) pass.clearBorder(gradient, pass.label(index, "backward"));
  },
  back: ({ pass, index, op, layer }, call) => passBack(pass, index, op, layer, call),
});

export const conv2d: Lowering<OperationOf<"conv2d">> = {
  overwritable: true,
  forward(pass, index, op) {
    const layer = pass.plan.layers.get(index)!;
    if (layer.kernel === "winograd") return winogradForward(pass, index, op, layer);
    if (layer.forwardPixels !== undefined) return pixelsForward(pass, index, layer);
    const input = pass.read(pass.source(index));
    const output = pass.newTensor(index);
    input.widen(layer.inputBorder);
    fillForward(pass, layer, layer.forwardEntries, input);
    const bias = biasOf(pass, index)?.values;
    convolve(pass, index, op, layer, { input, output, entries: layer.forwardEntries, bias });
    pass.write(index, output);
  },

  backward(pass, index, op) {
    const layer = pass.plan.layers.get(index)!;
    if (layer.kernel === "winograd") return winogradBackward(pass, index, op, layer);
    if (layer.backwardPixels !== undefined) return pixelsBackward(pass, index, layer);
    const outputGradient = pass.gradientOf(index);
    if (outputGradient === undefined) return;
    const label = pass.label(index, "backward");
    const source = pass.source(index);
    outputGradient.widen(layer.gradientBorder(outputGradient.height, outputGradient.width));
    pass.clearBorder(outputGradient, label);
    biasGradient(pass, index, outputGradient);
    const input = pass.read(source);
    const target = pass.receive(source);
    const entries = layer.backwardEntries;
    fillBackward(pass, layer, entries, outputGradient);
    pass.draft.fill(layer.classRegion, {
      layer: layer.name,
      tensors: [input, target?.tensor ?? input],
      values: ([x, dx]) => layer.classRecords(x!, dx!),
    });
    const sums = sumShards(pass, layer, label);
    passBack(pass, index, op, layer, { input, outputGradient, entries, target, ...sums });
  },

  chosen(pass, index, op, { places, ...call }) {
    const layer = sparseLayer(pass, index);
    passBack(pass, index, op, layer, { ...call, target: undefined, classes: places });
  },

  tangent: convolutionTangent,
};

function convolve(
  pass: Pass,
  index: number,
  { stride: [strideY, strideX] }: OperationOf<"conv2d">,
  { rowStart }: SparseLayer,
  call: ForwardCall,
): void {
  const { height, width } = call.output;
  pass.draft.emit("sparseConvolution", pass.label(index, "forward"), {
    ...call,
    rowStart,
    strideY,
    strideX,
    tileRows: tileRows(height, width, pass.plan.lanes),
  });
}

function passBack(
  pass: Pass,
  index: number,
  { stride: [strideY, strideX] }: OperationOf<"conv2d">,
  layer: SparseLayer,
  /** `classes`: others than the layer's own. */
  call: BackwardCall & { readonly classes?: Region },
): void {
  const { target, classes = layer.classRegion, ...fields } = call;
  const rows = Math.ceil(fields.input.height / strideY);
  const columns = Math.ceil(fields.input.width / strideX);
  pass.draft.emit("sparseConvolutionBackward", pass.label(index, "backward"), {
    ...fields,
    inputGradient: target?.tensor,
    classes,
    classCount: layer.classes.length,
    entryCount: layer.weights.count,
    accumulate: target?.accumulate,
    strideY,
    strideX,
    tileRows: tileRows(rows, columns, pass.plan.lanes),
    height: rows,
  });
}

/** Vectors that four weights are applied to before the next four: enough that starting them does not count. */
const TILE_VECTORS = 128;

function tileRows(height: number, width: number, lanes: number): number {
  const rowVectors = (width * lanes) / 4;
  return Math.min(height, Math.max(1, Math.ceil(TILE_VECTORS / rowVectors)));
}
