/** Dense layers by kept weights, both ways. */
import type { Pass } from "../pass.ts";
import type { SparseLayer } from "../sparseLayer.ts";
import type { Lowering, OperationOf } from "./lowering.ts";
import { biasGradient, sumShards } from "./weights.ts";

export const dense: Lowering<OperationOf<"dense">> = {
  forward(pass, index) {
    const layer = sparseLayer(pass, index);
    const input = pass.read(pass.node(index).inputs[0]!);
    const output = pass.newTensor(index);
    layer.readFrom(input);
    pass.draft.emit(
      "sparseDense",
      {
        input,
        output,
        rowStart: layer.weights.rowStartRegion,
        entries: layer.forwardEntries,
        bias: pass.model.biases.get(index)?.values,
      },
      pass.label(index, "forward"),
    );
    pass.write(index, output);
  },

  backward(pass, index) {
    const outputGradient = pass.gradientOf(index);
    if (outputGradient === undefined) return;
    const layer = sparseLayer(pass, index);
    const label = pass.label(index, "backward");
    const source = pass.node(index).inputs[0]!;
    biasGradient(pass, index, outputGradient);
    const input = pass.read(source);
    const target = pass.receive(source);
    layer.passBack(input, target?.tensor, outputGradient);
    const { weightGradient, shardBytes } = sumShards(pass, layer, label);
    const rows = { rowStart: layer.backwardStartRegion, entries: layer.backwardEntries };
    pass.draft.emit(
      "sparseDenseWeightGradient",
      { input, outputGradient, ...rows, weightGradient, shardBytes },
      label,
    );
    if (target === undefined) return;
    pass.draft.emit(
      "sparseDense",
      { input: outputGradient, output: target.tensor, ...rows, accumulate: target.accumulate ? 1 : 0 },
      label,
    );
  },
};

function sparseLayer(pass: Pass, index: number): SparseLayer {
  const layer = pass.model.layers.get(index)!;
  if (layer.kernel !== "sparse") throw new Error(`${layer.name} is dense and has no taps to transform`);
  return layer;
}
