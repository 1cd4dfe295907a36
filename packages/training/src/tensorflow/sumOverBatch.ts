import * as tf from "@tensorflow/tfjs-core";

/** Σ over all axes but the last: `[channels]`. As a matrix product, which the backends compute fastest. */
export function sumOverBatch(gradient: tf.Tensor): tf.Tensor1D {
  const channels = gradient.shape[gradient.rank - 1]!;
  const rows = gradient.size / channels;
  return tf.tidy(() =>
    tf.reshape(tf.matMul(tf.ones([1, rows]), tf.reshape(gradient, [rows, channels])), [channels]),
  );
}
