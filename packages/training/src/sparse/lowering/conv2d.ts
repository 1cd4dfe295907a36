/** Convolution by kept weights, both ways, or by all weights where that is quicker. */
import type { Lowering, OperationOf } from "./lowering.ts";
import { biasGradient, sumShards } from "./weights.ts";
import { winogradBackward, winogradForward } from "./winograd.ts";

export const conv2d: Lowering<OperationOf<"conv2d">> = {
  forward(pass, index, op) {
    const layer = pass.model.layers.get(index)!;
    if (layer.kernel === "winograd") return winogradForward(pass, index, op, layer);
    const input = pass.read(pass.node(index).inputs[0]!);
    const output = pass.newTensor(index);
    input.widen(layer.inputBorder);
    layer.readFrom(input);
    pass.draft.emit(
      "sparseConvolution",
      {
        input,
        output,
        rowStart: layer.weights.rowStartRegion,
        entries: layer.forwardEntries,
        bias: pass.model.biases.get(index)?.values,
        strideY: op.stride[0],
        strideX: op.stride[1],
        tileRows: tileRows(output.height, output.width, pass.model.lanes),
      },
      pass.label(index, "forward"),
    );
    pass.write(index, output);
  },

  backward(pass, index, op) {
    const layer = pass.model.layers.get(index)!;
    if (layer.kernel === "winograd") return winogradBackward(pass, index, op, layer);
    const outputGradient = pass.gradientOf(index);
    if (outputGradient === undefined) return;
    const label = pass.label(index, "backward");
    const source = pass.node(index).inputs[0]!;
    outputGradient.widen(layer.gradientBorder(outputGradient.height, outputGradient.width));
    pass.clearBorder(outputGradient, label);
    biasGradient(pass, index, outputGradient);
    const input = pass.read(source);
    const target = pass.receive(source);
    layer.passBack(input, target?.tensor, outputGradient);
    const rows = Math.ceil(input.height / op.stride[0]);
    const columns = Math.ceil(input.width / op.stride[1]);
    const { weightGradient, shardBytes } = sumShards(pass, layer, label);
    pass.draft.emit(
      "sparseConvolutionBackward",
      {
        input,
        inputGradient: target?.tensor,
        outputGradient,
        classes: layer.classRegion,
        classCount: layer.classes.length,
        entries: layer.backwardEntries,
        entryCount: layer.weights.count,
        weightGradient,
        shardBytes,
        accumulate: target?.accumulate ? 1 : 0,
        strideY: op.stride[0],
        strideX: op.stride[1],
        tileRows: tileRows(rows, columns, pass.model.lanes),
        height: rows,
      },
      label,
    );
  },
};

/** Vectors that four weights are applied to before the next four: enough that starting them does not count. */
const TILE_VECTORS = 128;

function tileRows(height: number, width: number, lanes: number): number {
  const rowVectors = (width * lanes) / 4;
  return Math.min(height, Math.max(1, Math.ceil(TILE_VECTORS / rowVectors)));
}
