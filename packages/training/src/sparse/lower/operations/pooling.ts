/** Operations that make one number of several positions of a unit. */

import { planeTerms } from "@phew/core";
import type { Pass } from "../pass.ts";
import type { Lowering, OperationOf } from "./lowering.ts";
import { tableOf } from "./termTable.ts";

type Pool = OperationOf<"maxPool2d"> | OperationOf<"averagePool2d">;

const windowFields = ({ kernel, stride, padding, dilation }: Pool) => ({
  kernelY: kernel[0],
  kernelX: kernel[1],
  strideY: stride[0],
  strideX: stride[1],
  top: padding[0],
  left: padding[1],
  bottom: padding[2],
  right: padding[3],
  dilationY: dilation[0],
  dilationX: dilation[1],
});

export const maxPool2d: Lowering<OperationOf<"maxPool2d">> = {
  overwritable: false,
  forward(pass, index, op) {
    const input = pass.read(pass.source(index));
    const output = pass.newTensor(index);
    pass.draft.emit("maxPool", pass.label(index, "pooling"), { input, output, ...windowFields(op) });
    pass.write(index, output);
  },

  backward(pass, index, op) {
    const way = wayBack(pass, index);
    if (way === undefined) return;
    const { source, gradient, accumulate } = way;
    const values = { input: pass.primal.read(source), output: pass.primal.read(index) };
    const fields = { ...gradient, ...values, accumulate };
    pass.draft.emit("maxPoolBackward", pass.label(index, "pooling"), { ...fields, ...windowFields(op) });
  },

  tangent: {
    forward(pass, index, op) {
      const source = pass.source(index);
      const tangent = pass.newTensor(index);
      const values = { input: pass.primal.read(source), output: pass.primal.read(index) };
      const fields = { ...values, inputGradient: pass.read(source), outputGradient: tangent };
      pass.draft.emit("maxPoolTangent", pass.label(index, "pooling"), { ...fields, ...windowFields(op) });
      pass.write(index, tangent);
    },
    // the values show which input was the greatest
    backward: "linear",
  },
};

export const averagePool2d: Lowering<OperationOf<"averagePool2d">> = {
  overwritable: false,
  tangent: "linear",
  forward(pass, index, op) {
    const input = pass.read(pass.source(index));
    const output = pass.newTensor(index);
    const { countPadding } = op;
    const fields = { input, output, countPadding, ...windowFields(op) };
    pass.draft.emit("averagePool", pass.label(index, "pooling"), fields);
    pass.write(index, output);
  },

  backward(pass, index, op) {
    const way = wayBack(pass, index);
    if (way === undefined) return;
    const { countPadding } = op;
    const fields = { ...way.gradient, accumulate: way.accumulate, countPadding, ...windowFields(op) };
    pass.draft.emit("averagePoolBackward", pass.label(index, "pooling"), fields);
  },
};

function wayBack(pass: Pass, index: number) {
  const source = pass.source(index);
  const outputGradient = pass.gradientOf(index);
  if (outputGradient === undefined) return undefined;
  const target = pass.receive(source);
  if (target === undefined) return undefined;
  return {
    source,
    gradient: { outputGradient, inputGradient: target.tensor },
    accumulate: target.accumulate,
  };
}

/** Mean over height and width. */
export const globalAveragePool: Lowering<OperationOf<"globalAveragePool">> = {
  overwritable: false,
  tangent: "linear",
  forward(pass, index) {
    const plane = pass.read(pass.source(index));
    const mean = pass.newTensor(index);
    pass.draft.emit("globalAveragePool", pass.label(index, "pooling"), { plane, mean });
    pass.write(index, mean);
  },

  backward(pass, index) {
    const mean = pass.gradientOf(index);
    if (mean === undefined) return;
    const target = pass.receive(pass.source(index));
    if (target === undefined) return;
    const fields = { plane: target.tensor, mean, accumulate: target.accumulate };
    pass.draft.emit("globalAveragePoolBackward", pass.label(index, "pooling"), fields);
  },
};

type MaxOver = OperationOf<"maxOver">;

function tables(pass: Pass, op: MaxOver) {
  const { rows, columns } = planeTerms(op);
  return { rows: pass.table(tableOf(rows)), columns: pass.table(tableOf(columns)) };
}

/** Greatest value over the positions that tables name. */
export const maxOver: Lowering<MaxOver> = {
  overwritable: false,
  forward(pass, index, op) {
    const input = pass.read(pass.source(index));
    const output = pass.newTensor(index);
    pass.draft.emit("maxOver", pass.label(index, "pooling"), { input, output, ...tables(pass, op) });
    pass.write(index, output);
  },

  backward(pass, index, op) {
    const source = pass.source(index);
    const outputGradient = pass.gradientOf(index);
    if (outputGradient === undefined) return;
    const target = pass.receive(source);
    if (target === undefined) return;
    pass.draft.emit("maxOverBackward", pass.label(index, "pooling"), {
      input: pass.primal.read(source),
      output: pass.primal.read(index),
      inputGradient: target.tensor,
      outputGradient,
      accumulate: target.accumulate,
      ...tables(pass, op),
    });
  },

  tangent: {
    forward(pass, index, op) {
      const source = pass.source(index);
      const tangent = pass.newTensor(index);
      pass.draft.emit("maxOverTangent", pass.label(index, "pooling"), {
        input: pass.primal.read(source),
        output: pass.primal.read(index),
        inputGradient: pass.read(source),
        outputGradient: tangent,
        ...tables(pass, op),
      });
      pass.write(index, tangent);
    },
    // the values show which input was the greatest
    backward: "linear",
  },
};
