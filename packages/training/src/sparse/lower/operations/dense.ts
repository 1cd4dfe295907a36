/** Dense layers by kept weights, both ways; at places they are convolutions with kernels of one pixel. */
import type { Pass } from "../pass.ts";
import { conv2d, convolutionTangent } from "./conv2d.ts";
import type { Lowering, OperationOf } from "./lowering.ts";
import { weightedTangent } from "./weightedTangent.ts";
import { biasGradient, biasOf, fillBackward, fillForward, sparseLayer, sumShards } from "./weights.ts";

type Dense = OperationOf<"dense">;

const isAtPlaces = (pass: Pass, index: number): boolean => pass.node(index).shape.length > 1;

const asConvolution = ({ kind: _, outFeatures, ...names }: Dense): OperationOf<"conv2d"> => ({
  ...names,
  kind: "conv2d",
  outChannels: outFeatures,
  groups: 1,
  kernel: [1, 1],
  stride: [1, 1],
  padding: [0, 0, 0, 0],
  dilation: [1, 1],
});

const tangent = weightedTangent<Dense>({
  values({ pass, index, layer: { rowStart } }, call) {
    pass.draft.emit("sparseDense", pass.label(index, "forward"), { ...call, rowStart });
  },
  addValues({ pass, index, layer: { rowStart } }, call) {
    pass.draft.emit("sparseDense", pass.label(index, "forward"), { ...call, rowStart, accumulate: true });
  },
  back({ pass, index, layer: { backwardStartRegion: rowStart } }, { target, ...call }) {
    const label = pass.label(index, "backward");
    pass.draft.emit("sparseDenseWeightGradient", label, { ...call, rowStart });
    if (target === undefined) return;
    const { outputGradient: input, entries } = call;
    const { tensor: output, accumulate } = target;
    pass.draft.emit("sparseDense", label, { input, output, rowStart, entries, accumulate });
  },
});

export const dense: Lowering<Dense> = {
  overwritable: true,
  forward(pass, index, op) {
    if (isAtPlaces(pass, index)) return conv2d.forward(pass, index, asConvolution(op));
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

  backward(pass, index, op) {
    if (isAtPlaces(pass, index)) return conv2d.backward(pass, index, asConvolution(op));
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

  chosen(pass, index, op, { places, ...call }) {
    if (isAtPlaces(pass, index)) return conv2d.chosen!(pass, index, asConvolution(op), { places, ...call });
    pass.draft.emit("sparseDenseWeightGradient", pass.label(index, "backward"), {
      ...call,
      rowStart: places,
    });
  },

  tangent: {
    forward(pass, index, op) {
      if (isAtPlaces(pass, index)) return convolutionTangent.forward(pass, index, asConvolution(op));
      tangent.forward(pass, index, op);
    },
    backward(pass, index, op) {
      if (isAtPlaces(pass, index)) return convolutionTangent.backward(pass, index, asConvolution(op));
      tangent.backward(pass, index, op);
    },
  },
};
