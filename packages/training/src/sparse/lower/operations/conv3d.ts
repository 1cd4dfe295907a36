/** 3-d convolution by kept weights, pixel by pixel. */
import type { Lowering, OperationOf } from "./lowering.ts";
import {
  pixelsBackward,
  pixelsForward,
  pixelsOfGradient,
  pixelsOfValues,
  pixelsOfWeights,
} from "./pixels.ts";
import { weightedTangent } from "./weightedTangent.ts";
import { sparseLayer } from "./weights.ts";

export const conv3d: Lowering<OperationOf<"conv3d">> = {
  overwritable: true,
  forward: (pass, index) => pixelsForward(pass, index, sparseLayer(pass, index)),
  backward: (pass, index) => pixelsBackward(pass, index, sparseLayer(pass, index)),

  chosen(pass, index, _op, { places, ...call }) {
    pixelsOfWeights(pass, index, sparseLayer(pass, index), { ...call, starts: places });
  },

  tangent: weightedTangent({
    values: ({ pass, index, layer }, call) =>
      pixelsOfValues(pass, index, layer, { ...call, bias: call.bias, accumulate: false }),
    addValues: ({ pass, index, layer }, call) =>
      pixelsOfValues(pass, index, layer, { ...call, bias: undefined, accumulate: true }),
    back({ pass, index, layer }, { target, ...call }) {
      pixelsOfWeights(pass, index, layer, call);
      if (target === undefined) return;
      const { outputGradient, entries } = call;
      pixelsOfGradient(pass, index, layer, { outputGradient, entries, target });
    },
  }),
};
