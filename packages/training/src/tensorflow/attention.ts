/** Softmax attention in batched matrices `[batch · windows, heads, tokens, depth]`; its gradient by the same products. */
import * as tf from "@tensorflow/tfjs-core";
import { image, type Lowering, type OperationOf } from "./lowering.ts";

type Attention = OperationOf<"attention">;

/** `[batch, windows, tokens, heads · depth]` → `[batch · windows, heads, tokens, depth]` */
function byHead(x: tf.Tensor4D, heads: number): tf.Tensor4D {
  const [n, windows, tokens, units] = x.shape;
  const divided = tf.reshape(x, [n * windows, tokens, heads, units / heads]);
  return tf.transpose(divided, [0, 2, 1, 3]) as tf.Tensor4D;
}

/** Back, as `like` lies. */
function together(x: tf.Tensor, like: readonly number[]): tf.Tensor {
  return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [...like]);
}

/** For each image and window what is added to scores: `[batch · windows, heads or 1, queries, keys]`. */
function maskOf({ mask }: Attention, count: number, windows: number): tf.Tensor4D | undefined {
  if (mask === undefined) return undefined;
  const [heads, own, queries, keys] = mask.shape;
  const byWindow = tf.transpose(tf.tensor4d([...mask.values], [heads, own, queries, keys]), [1, 0, 2, 3]);
  const whole = tf.tile(byWindow, [own === windows ? 1 : windows, 1, 1, 1]);
  return tf.tile(whole, [count, 1, 1, 1]) as tf.Tensor4D;
}

/** Weights by which values are averaged; a query without a key has none. */
function weightsOf(op: Attention, queries: tf.Tensor4D, keys: tf.Tensor4D): tf.Tensor {
  const [n, windows] = queries.shape;
  const scores = tf.mul(tf.matMul(byHead(queries, op.heads), byHead(keys, op.heads), false, true), op.scale);
  const mask = maskOf(op, n, windows);
  const masked = mask === undefined ? scores : tf.add(scores, mask);
  const most = tf.maximum(tf.max(masked, -1, true), -3.4e38);
  const powers = tf.exp(tf.sub(masked, most));
  return tf.divNoNan(powers, tf.sum(powers, -1, true));
}

export const attention: Lowering<Attention> = (op, inputs, context) => {
  const [queries, keys, values] = [0, 1, 2].map((k) => image([inputs[k]!]));
  const [q, k, v] = [queries!, keys!, values!];
  const [n, windows, tokens] = q.shape;
  const shape = [n, windows, tokens, context.outputShape[0]!];
  return {
    value: tf.tidy(() => together(tf.matMul(weightsOf(op, q, k), byHead(v, op.heads)), shape)),
    backward: (gradient) => {
      const weights = weightsOf(op, q, k);
      const dy = byHead(gradient as tf.Tensor4D, op.heads);
      const dWeights = tf.matMul(dy, byHead(v, op.heads), false, true);
      const mean = tf.sum(tf.mul(weights, dWeights), -1, true);
      const dScores = tf.mul(tf.mul(weights, tf.sub(dWeights, mean)), op.scale);
      return {
        inputs: [
          together(tf.matMul(dScores, byHead(k, op.heads)), q.shape),
          together(tf.matMul(dScores, byHead(q, op.heads), true), k.shape),
          together(tf.matMul(weights, dy, true), v.shape),
        ],
      };
    },
  };
};
