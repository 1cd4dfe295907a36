/** Greatest value over the positions that tables name. */
import { planeTerms } from "@phew/core";
import type { Pass } from "../pass.ts";
import type { Lowering, OperationOf } from "./lowering.ts";
import { tableOf } from "./resample.ts";

type MaxOver = OperationOf<"maxOver">;

function tables(pass: Pass, op: MaxOver) {
  const { rows, columns } = planeTerms(op);
  return { rows: pass.table(tableOf(rows)), columns: pass.table(tableOf(columns)) };
}

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
