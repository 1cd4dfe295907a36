/** Padding, slices and resizing of positions: plain loops over the terms of each position. */
import { type AxisTerms, planeTerms } from "@phew/core";
import * as tf from "@tensorflow/tfjs-core";
import { image, type Lowering, type OperationOf } from "./lowering.ts";

/** Calls `visit` with (output, input, factor), the indices of channel 0, for every term of every position. */
export function forEachTerm(
  count: number,
  channels: number,
  { rows, columns }: { readonly rows: AxisTerms; readonly columns: AxisTerms },
  visit: (to: number, from: number, factor: number) => void,
): void {
  const [height, width] = [rows.places.length, columns.places.length];
  for (let n = 0; n < count; n++) {
    for (const [p, rowTerms] of rows.places.entries()) {
      for (const [q, columnTerms] of columns.places.entries()) {
        const to = ((n * height + p) * width + q) * channels;
        for (const [i, a] of rowTerms)
          for (const [j, b] of columnTerms)
            visit(to, ((n * rows.from + i) * columns.from + j) * channels, a * b);
      }
    }
  }
}

export const resample: Lowering<OperationOf<"resample">> = (op, inputs, context) => {
  const x = image(inputs);
  const [n, , , channels] = x.shape;
  const terms = planeTerms(op);
  const outShape = [n, terms.rows.places.length, terms.columns.places.length, channels] as const;
  const input = x.dataSync();
  const values = new Float32Array(outShape.reduce((product, length) => product * length, 1));
  const isEmpty = ({ places }: AxisTerms, at: number) => places[at]!.length === 0;
  if (op.fill !== 0)
    values.forEach((_, k) => {
      const [p, q] = [
        Math.floor(k / channels / outShape[2]) % outShape[1],
        Math.floor(k / channels) % outShape[2],
      ];
      if (isEmpty(terms.rows, p) || isEmpty(terms.columns, q)) values[k] = op.fill;
    });
  forEachTerm(n, channels, terms, (to, from, factor) => {
    for (let c = 0; c < channels; c++) values[to + c]! += factor * input[from + c]!;
  });
  return {
    value: tf.tensor4d(values, [...outShape]),
    backward(gradient) {
      if (!context.inputGradientWanted) return { inputs: [undefined] };
      const dy = gradient.dataSync();
      const dx = new Float32Array(x.size);
      forEachTerm(n, channels, terms, (to, from, factor) => {
        for (let c = 0; c < channels; c++) dx[from + c]! += factor * dy[to + c]!;
      });
      return { inputs: [tf.tensor4d(dx, x.shape)] };
    },
  };
};
