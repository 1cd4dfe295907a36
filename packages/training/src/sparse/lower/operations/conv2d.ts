/** Convolution by kept weights, forward and backward, or by all weights if that is faster. */

import type { Region } from "../../plan/region.ts";
import type { SparseLayer } from "../../plan/sparseLayer.ts";
import type { Pass, Target } from "../pass.ts";
import type { PlannedTensor } from "../tensor.ts";
import type { Lowering, OperationOf, Tangent } from "./lowering.ts";
import { pixelsBackward, pixelsForward } from "./pixels.ts";
import { biasGradient, biasOf, fillBackward, fillForward, sparseLayer, sumShards } from "./weights.ts";
import { winogradBackward, winogradForward } from "./winograd.ts";

/** Of convolutions, and of dense layers at places. */
export const convolutionTangent: Tangent<OperationOf<"conv2d">> = {
  /** (W∗x + b)˙ = W∗ẋ + V∗x + b˙, where V is the direction of the weights */
  forward(pass, index, op) {
    const layer = sparseLayer(pass, index);
    const source = pass.source(index);
    const output = pass.newTensor(index);
    const [entries] = pass.direction.entries(layer) as [Region];
    const bias = biasOf(pass, index);
    const values = pass.primal.read(source);
    fillForward(pass, layer, entries, values);
    convolve(pass, index, op, layer, {
      input: values,
      output,
      entries,
      bias: bias && pass.direction.units(bias),
    });
    if (pass.wantsGradient(source)) {
      const through = pass.newTensor(index);
      const input = pass.read(source);
      convolve(pass, index, op, layer, { input, output: through, entries: layer.forwardEntries });
      pass.copy(through, output, true, pass.label(index, "forward"));
    }
    pass.write(index, output);
  },

  /** (∂L/∂x)˙ = Wᵀ∗g˙ + Vᵀ∗g,   (∂L/∂W)˙ = x∗g˙ + ẋ∗g: two calls that add to the same sums */
  backward(pass, index, op) {
    const outputGradient = pass.gradientOf(index);
    const primalGradient = pass.primal.gradientOf(index);
    if (outputGradient === undefined || primalGradient === undefined) return;
    const layer = sparseLayer(pass, index);
    const label = pass.label(index, "backward");
    const source = pass.source(index);
    outputGradient.widen(layer.gradientBorder(outputGradient.height, outputGradient.width));
    for (const gradient of [outputGradient, primalGradient]) pass.clearBorder(gradient, label);
    biasGradient(pass, index, outputGradient);
    const input = pass.primal.read(source);
    const target = pass.receive(source);
    const sums = sumShards(pass, layer, label);
    const entries = layer.backwardEntries;
    passBack(pass, index, op, layer, { input, outputGradient, entries, target, ...sums });
    if (target === undefined) return;
    const along = pass.direction.entries(layer)[1]!;
    fillBackward(pass, layer, along, primalGradient);
    passBack(pass, index, op, layer, {
      input: pass.read(source),
      outputGradient: primalGradient,
      entries: along,
      target: { tensor: target.tensor, accumulate: true },
      ...sums,
    });
  },
};

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
  call: {
    readonly input: PlannedTensor;
    readonly output: PlannedTensor;
    readonly entries: Region;
    readonly bias?: Region | undefined;
  },
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
  call: {
    readonly input: PlannedTensor;
    readonly outputGradient: PlannedTensor;
    readonly entries: Region;
    /** Undefined if the gradient of the input is not needed. */
    readonly target: Target | undefined;
    readonly weightGradient: Region;
    readonly shardBytes: number;
    /** Others than the layer's own. */
    readonly classes?: Region;
  },
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
