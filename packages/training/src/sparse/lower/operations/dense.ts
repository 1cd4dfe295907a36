/** Dense layers by kept weights, both ways. */
import type { Region } from "../../plan/region.ts";
import type { Lowering, OperationOf } from "./lowering.ts";
import { biasGradient, biasOf, fillBackward, fillForward, sparseLayer, sumShards } from "./weights.ts";

export const dense: Lowering<OperationOf<"dense">> = {
  overwritable: true,
  forward(pass, index) {
    const layer = sparseLayer(pass, index);
    const input = pass.read(pass.source(index));
    const output = pass.newTensor(index);
    fillForward(pass, layer, layer.forwardEntries, input);
    pass.draft.emit("sparseDense", pass.label(index, "forward"), {
      input,
      output,
      rowStart: layer.rowStart,
      entries: layer.forwardEntries,
      bias: biasOf(pass, index)?.values,
    });
    pass.write(index, output);
  },

  backward(pass, index) {
    const outputGradient = pass.gradientOf(index);
    if (outputGradient === undefined) return;
    const layer = sparseLayer(pass, index);
    const label = pass.label(index, "backward");
    const source = pass.source(index);
    biasGradient(pass, index, outputGradient);
    const input = pass.read(source);
    const target = pass.receive(source);
    fillBackward(pass, layer, layer.backwardEntries, outputGradient);
    const { weightGradient, shardBytes } = sumShards(pass, layer, label);
    const rows = { rowStart: layer.backwardStartRegion, entries: layer.backwardEntries };
    pass.draft.emit("sparseDenseWeightGradient", label, {
      input,
      outputGradient,
      ...rows,
      weightGradient,
      shardBytes,
    });
    if (target === undefined) return;
    pass.draft.emit("sparseDense", label, {
      input: outputGradient,
      output: target.tensor,
      ...rows,
      accumulate: target.accumulate,
    });
  },

  chosen(pass, index, _op, { places, ...call }) {
    pass.draft.emit("sparseDenseWeightGradient", pass.label(index, "backward"), {
      ...call,
      rowStart: places,
    });
  },

  tangent: {
    /** (Wx + b)˙ = Wẋ + Vx + b˙, where V is the direction of the weights */
    forward(pass, index) {
      const layer = sparseLayer(pass, index);
      const source = pass.source(index);
      const label = pass.label(index, "forward");
      const output = pass.newTensor(index);
      const [entries] = pass.direction.entries(layer) as [Region];
      const bias = biasOf(pass, index);
      const { rowStart } = layer;
      const input = pass.primal.read(source);
      fillForward(pass, layer, entries, input);
      pass.draft.emit("sparseDense", label, {
        input,
        output,
        rowStart,
        entries,
        bias: bias && pass.direction.units(bias),
      });
      if (pass.wantsGradient(source)) {
        const fields = { input: pass.read(source), output, rowStart, accumulate: true };
        pass.draft.emit("sparseDense", label, { ...fields, entries: layer.forwardEntries });
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
      const source = pass.source(index);
      biasGradient(pass, index, outputGradient);
      const target = pass.receive(source);
      const { backwardStartRegion: rowStart, backwardEntries } = layer;
      const sums = { rowStart, entries: backwardEntries, ...sumShards(pass, layer, label) };
      const input = pass.primal.read(source);
      pass.draft.emit("sparseDenseWeightGradient", label, { input, outputGradient, ...sums });
      if (target === undefined) return;
      const { tensor: output, accumulate } = target;
      pass.draft.emit("sparseDenseWeightGradient", label, {
        input: pass.read(source),
        outputGradient: primalGradient,
        ...sums,
      });
      const through = { input: outputGradient, output, rowStart, entries: backwardEntries };
      pass.draft.emit("sparseDense", label, { ...through, accumulate });
      const entries = pass.direction.entries(layer)[1]!;
      fillBackward(pass, layer, entries, primalGradient);
      pass.draft.emit("sparseDense", label, {
        input: primalGradient,
        output,
        rowStart,
        entries,
        accumulate: true,
      });
    },
  },
};
