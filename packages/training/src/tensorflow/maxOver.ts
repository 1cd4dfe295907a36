/** Greatest value over the positions that tables name; the first greatest gets the gradient. */
import { planeTerms } from "@phew/core";
import * as tf from "@tensorflow/tfjs-core";
import { image, type Lowering, type OperationOf } from "./lowering.ts";
import { forEachTerm } from "./resample.ts";

export const maxOver: Lowering<OperationOf<"maxOver">> = (op, inputs, context) => {
  const x = image(inputs);
  const [n, , , channels] = x.shape;
  const terms = planeTerms(op);
  const [height, width] = [terms.rows.places.length, terms.columns.places.length];
  const input = x.dataSync();
  const greatest = new Float32Array(n * height * width * channels).fill(Number.NEGATIVE_INFINITY);
  const winner = new Int32Array(greatest.length).fill(-1);
  forEachTerm(n, channels, terms, (to, from) => {
    for (let c = 0; c < channels; c++) {
      const value = input[from + c]!;
      // a NaN wins, or the loss would hide it
      if (winner[to + c]! >= 0 && !(value > greatest[to + c]!) && !Number.isNaN(value)) continue;
      greatest[to + c] = value;
      winner[to + c] = from + c;
    }
  });
  return {
    value: tf.tensor4d(greatest, [n, height, width, channels]),
    backward(gradient) {
      if (!context.inputGradientWanted) return { inputs: [undefined] };
      const dy = gradient.dataSync();
      const dx = new Float32Array(x.size);
      for (let k = 0; k < dy.length; k++) dx[winner[k]!]! += dy[k]!;
      return { inputs: [tf.tensor4d(dx, x.shape)] };
    },
  };
};
