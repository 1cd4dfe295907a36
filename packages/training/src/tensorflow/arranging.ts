/** Operations that pass, drop, move or repeat elements, and those without an input. */

import { type AxisTerms, elementsMoved, planeTerms } from "@phew/core";
import * as tf from "@tensorflow/tfjs-core";
import { planeOf } from "../plane.ts";
import { image, type Lowering, type OperationOf } from "./lowering.ts";
import { forEachTerm } from "./terms.ts";

/** The executor hands in the batch in core's order `[n, c, h, w]` or `[n, c, d, h, w]`; from here on channels come last. */
export const input: Lowering<OperationOf<"input">> = (_op, inputs) => {
  const x = inputs[0]!;
  if (x.rank === 2) return { value: tf.clone(x) };
  const [n, channels, ...positions] = x.shape as [number, number, ...number[]];
  const { height, width } = planeOf([channels, ...positions]);
  return { value: tf.transpose(tf.reshape(x, [n, channels, height, width]), [0, 2, 3, 1]) };
};

/** A trained value that is the same for every example: its gradient is the sum over them. */
export const learned: Lowering<OperationOf<"learned">> = (op, inputs, context) => {
  const own = tf.expandDims(context.parameter(op.value), 0);
  const repeats = [inputs[0]!.shape[0]!, ...new Array<number>(own.rank - 1).fill(1)];
  return {
    value: tf.tile(own, repeats),
    backward: (gradient) => ({
      inputs: [context.inputGradientWanted ? tf.zerosLike(inputs[0]!) : undefined],
      parameters: { [op.value]: tf.sum(gradient, 0) },
    }),
  };
};

/** Passes values on. */
export const identity: Lowering<OperationOf<"identity">> = (_op, inputs) => ({
  value: tf.clone(inputs[0]!),
  backward: (gradient) => ({ inputs: [tf.clone(gradient)] }),
});

/** In training each element is 0 with probability `rate`, else divided by 1 − rate; the numbers come from the seed. */
export const dropout: Lowering<OperationOf<"dropout">> = (op, inputs, context) => {
  const x = inputs[0]!;
  if (!context.drops || op.rate === 0) return identity({ kind: "identity" }, inputs, context);
  const factors = context.random(x.size);
  for (let k = 0; k < factors.length; k++) factors[k] = factors[k]! < op.rate ? 0 : 1 / (1 - op.rate);
  const factor = tf.tensor(factors, x.shape, "float32");
  return {
    value: tf.mul(x, factor),
    saved: [factor],
    backward: (gradient) => ({ inputs: [tf.mul(gradient, factor)] }),
  };
};

/** `[h, w, c]` becomes `[c·h·w]` in core's order: channel first. */
export const flatten: Lowering<OperationOf<"flatten">> = (_op, inputs) => {
  const x = inputs[0]!;
  if (x.rank === 2) return { value: tf.clone(x), backward: (gradient) => ({ inputs: [tf.clone(gradient)] }) };
  const [n, height, width, channels] = x.shape as [number, number, number, number];
  return {
    value: tf.reshape(tf.transpose(x, [0, 3, 1, 2]), [n, channels * height * width]),
    backward: (gradient) => ({
      inputs: [tf.transpose(tf.reshape(gradient, [n, channels, height, width]), [0, 2, 3, 1])],
    }),
  };
};

/** Stacks channels or features: the last axis here. */
export const concat: Lowering<OperationOf<"concat">> = (_op, inputs) => {
  const axis = inputs[0]!.rank - 1;
  return {
    value: tf.concat([...inputs], axis),
    backward: (gradient) => ({
      inputs: tf.split(
        gradient,
        inputs.map((input) => input.shape[axis]!),
        axis,
      ),
    }),
  };
};

/** Some channels or features by their index: of the last axis here. */
export const select: Lowering<OperationOf<"select">> = ({ index }, inputs, context) => {
  const x = inputs[0]!;
  const axis = x.rank - 1;
  const take = (from: tf.Tensor, places: readonly number[]) =>
    tf.gather(from, tf.tensor1d([...places], "int32"), axis);
  const withZero = (of: tf.Tensor) => tf.concat([of, tf.zeros([...of.shape.slice(0, -1), 1])], axis);
  const own = index.map((unit) => (unit < 0 ? x.shape[axis]! : unit));
  return {
    value: tf.tidy(() => take(index.includes(-1) ? withZero(x) : x, own)),
    backward(gradient) {
      if (!context.inputGradientWanted) return { inputs: [undefined] };
      const back = tf.tidy(() => {
        const complete = withZero(gradient);
        return rounds(index, x.shape[axis]!)
          .map((places) => take(complete, places))
          .reduce((sum, next) => tf.add(sum, next));
      });
      return { inputs: [back] };
    },
  };
};

/**
 * For every unit of the input one position in the output, or the one after the last; further ones in further rounds.
 */
function rounds(index: readonly number[], unitCount: number): number[][] {
  const nowhere = () => new Array<number>(unitCount).fill(index.length);
  const found = [nowhere()];
  const metCount = new Array<number>(unitCount).fill(0);
  for (const [place, unit] of index.entries()) {
    if (unit < 0) continue;
    const round = metCount[unit]!++;
    found[round] ??= nowhere();
    found[round]![unit] = place;
  }
  return found;
}

/** Elements that change units and positions: one gather over an example's elements in core's order, and its transpose. */
export const rearrange: Lowering<OperationOf<"rearrange">> = (op, inputs, context) => {
  const x = inputs[0]!;
  const [n] = x.shape as [number];
  const moved = elementsMoved(op);
  const count = x.size / n;
  const input = inCoreOrder(x);
  const values = new Float32Array(n * moved.length);
  for (let k = 0; k < values.length; k++)
    values[k] = input[Math.floor(k / moved.length) * count + moved[k % moved.length]!]!;
  return {
    value: fromCoreOrder(values, [n, ...context.outputShape]),
    backward(gradient) {
      if (!context.inputGradientWanted) return { inputs: [undefined] };
      const dy = inCoreOrder(gradient);
      const dx = new Float32Array(x.size);
      for (let k = 0; k < dy.length; k++)
        dx[Math.floor(k / moved.length) * count + moved[k % moved.length]!]! += dy[k]!;
      const shape = x.rank === 4 ? [n, x.shape[3]!, x.shape[1]!, x.shape[2]!] : x.shape;
      return { inputs: [fromCoreOrder(dx, shape)] };
    },
  };
};

const inCoreOrder = (x: tf.Tensor) =>
  tf.tidy(() => (x.rank === 4 ? tf.transpose(x, [0, 3, 1, 2]) : x).dataSync() as Float32Array);

/** @param shape `[batch, channels, …]` */
function fromCoreOrder(values: Float32Array, shape: readonly number[]): tf.Tensor {
  return tf.tidy(() => {
    const tensor = tf.tensor(values, [...shape], "float32");
    return shape.length === 4 ? tf.transpose(tensor, [0, 2, 3, 1]) : tf.clone(tensor);
  });
}

/** Padding, slices and resizing of positions: plain loops over the terms of each position. */
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
