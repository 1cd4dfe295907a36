/** Dense layers by kept weights, both ways. */
import type { Region } from "../../plan/region.ts";
import type { Lowering, OperationOf } from "./lowering.ts";
import { biasGradient, biasOf, fillBackward, fillForward, sparseLayer, sumShards } from "./weights.ts";

export const dense: Lowering<OperationOf<"dense">> = {
  overwritable: true,
  forward(pass, index) {
    const layer = sparseLayer(pass, index);
    const input = pass.read(pass.node(index).inputs[0]!);
    const output = pass.newTensor(index);
    fillForward(pass, layer, layer.forwardEntries, input);
    pass.draft.emit(
      "sparseDense",
      {
        input,
        output,
        rowStart: layer.rowStart,
        entries: layer.forwardEntries,
        bias: biasOf(pass, index)?.values,
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
    fillBackward(pass, layer, layer.backwardEntries, outputGradient);
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

  tangent: {
    /** (Wx + b)˙ = Wẋ + Vx + b˙, where V is the direction of the weights */
    forward(pass, index) {
      const layer = sparseLayer(pass, index);
      const source = pass.node(index).inputs[0]!;
      const label = pass.label(index, "forward");
      const output = pass.newTensor(index);
      const [entries] = pass.direction.entries(layer) as [Region];
      const bias = biasOf(pass, index);
      const { rowStart } = layer;
      const input = pass.primal.read(source);
      fillForward(pass, layer, entries, input);
      pass.draft.emit(
        "sparseDense",
        {
          input,
          output,
          rowStart,
          entries,
          bias: bias && pass.direction.units(bias),
        },
        label,
      );
      if (pass.wantsGradient(source)) {
        const fields = { input: pass.read(source), output, rowStart, accumulate: 1 };
        pass.draft.emit("sparseDense", { ...fields, entries: layer.forwardEntries }, label);
      }
      pass.write(index, output);
    },

    /** (∂L/∂x)˙ = Wᵀg˙ + Vᵀg,   (∂L/∂W)˙ = g˙xᵀ + gẋᵀ */
    backward(pass, index) {
      const outputGradient = pass.gradientOf(index);
      const primalGradient = pass.primal.gradientOf(index);
      if (outputGradient === undefined || primalGradient === undefined) return;
      const layer = sparseLayer(pass, index);
      const label = pass.label(index, "backward");
      const source = pass.node(index).inputs[0]!;
      biasGradient(pass, index, outputGradient);
      const target = pass.receive(source);
      const { backwardStartRegion: rowStart, backwardEntries } = layer;
      const sums = { rowStart, entries: backwardEntries, ...sumShards(pass, layer, label) };
      const input = pass.primal.read(source);
      pass.draft.emit("sparseDenseWeightGradient", { input, outputGradient, ...sums }, label);
      if (target === undefined) return;
      const { tensor: output, accumulate } = target;
      pass.draft.emit(
        "sparseDenseWeightGradient",
        { input: pass.read(source), outputGradient: primalGradient, ...sums },
        label,
      );
      const through = { input: outputGradient, output, rowStart, entries: backwardEntries };
      pass.draft.emit("sparseDense", { ...through, accumulate: accumulate ? 1 : 0 }, label);
      const entries = pass.direction.entries(layer)[1]!;
      fillBackward(pass, layer, entries, primalGradient);
      pass.draft.emit(
        "sparseDense",
        { input: primalGradient, output, rowStart, entries, accumulate: 1 },
        label,
      );
    },
  },
};
