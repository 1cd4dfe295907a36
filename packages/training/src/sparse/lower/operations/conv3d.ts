/** 3-d convolution by kept weights, pixel by pixel. */
import type { Region } from "../../plan/region.ts";
import type { SparseLayer } from "../../plan/sparseLayer.ts";
import type { Pass } from "../pass.ts";
import type { PlannedTensor } from "../tensor.ts";
import type { Lowering, OperationOf } from "./lowering.ts";
import {
  pixelsBackward,
  pixelsForward,
  pixelsOfGradient,
  pixelsOfValues,
  pixelsOfWeights,
} from "./pixels.ts";
import { biasGradient, biasOf, fillBackward, fillForward, sparseLayer, sumShards } from "./weights.ts";

export const conv3d: Lowering<OperationOf<"conv3d">> = {
  overwritable: true,
  forward: (pass, index) => pixelsForward(pass, index, sparseLayer(pass, index)),
  backward: (pass, index) => pixelsBackward(pass, index, sparseLayer(pass, index)),

  chosen(pass, index, _op, { places, ...call }) {
    pixelsOfWeights(pass, index, sparseLayer(pass, index), { ...call, starts: places });
  },

  tangent: {
    /** (W∗x + b)˙ = W∗ẋ + V∗x + b˙, where V is the direction of the weights */
    forward(pass, index) {
      const layer = sparseLayer(pass, index);
      const source = pass.source(index);
      const output = pass.newTensor(index);
      const [entries] = pass.direction.entries(layer) as [Region];
      const bias = biasOf(pass, index);
      const input = pass.primal.read(source);
      fillForward(pass, layer, entries, input);
      const own = { output, bias: bias && pass.direction.units(bias), accumulate: false };
      pixelsOfValues(pass, index, layer, { input, entries, ...own });
      if (pass.wantsGradient(source)) {
        const through = { input: pass.read(source), output, entries: layer.forwardEntries };
        pixelsOfValues(pass, index, layer, { ...through, bias: undefined, accumulate: true });
      }
      pass.write(index, output);
    },

    /** (∂L/∂x)˙ = Wᵀ∗g˙ + Vᵀ∗g,   (∂L/∂W)˙ = x∗g˙ + ẋ∗g: two calls that add to the same sums */
    backward(pass, index) {
      const outputGradient = pass.gradientOf(index);
      const primalGradient = pass.primal.gradientOf(index);
      if (outputGradient === undefined || primalGradient === undefined) return;
      const layer = sparseLayer(pass, index);
      const source = pass.source(index);
      biasGradient(pass, index, outputGradient);
      const target = pass.receive(source);
      const sums = sumShards(pass, layer, pass.label(index, "backward"));
      passBack(pass, index, layer, layer.backwardEntries, pass.primal.read(source), outputGradient, sums);
      if (target === undefined) return;
      pixelsOfGradient(pass, index, layer, { outputGradient, entries: layer.backwardEntries, target });
      const along = pass.direction.entries(layer)[1]!;
      fillBackward(pass, layer, along, primalGradient);
      passBack(pass, index, layer, along, pass.read(source), primalGradient, sums);
      const again = { tensor: target.tensor, accumulate: true };
      pixelsOfGradient(pass, index, layer, { outputGradient: primalGradient, entries: along, target: again });
    },
  },
};

function passBack(
  pass: Pass,
  index: number,
  layer: SparseLayer,
  entries: Region,
  input: PlannedTensor,
  outputGradient: PlannedTensor,
  sums: ReturnType<typeof sumShards>,
): void {
  pixelsOfWeights(pass, index, layer, { input, outputGradient, entries, ...sums });
}
