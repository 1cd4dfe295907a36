/** The order of examples in an epoch: a function of seed, epoch and number of examples. */
import { Random } from "@phew/engine";

/** Away from the streams that dropout takes; augmentation begins at twice this. */
const ORDER_STREAM = 2 ** 50;

/** A uniformly random order of 0 … count − 1. @param epoch 1-based */
export function epochOrder(count: number, seed: number, epoch: number): Uint32Array {
  const order = firstExamples(count);
  new Random(seed, ORDER_STREAM + epoch).shuffleInto(order);
  return order;
}

/** 0 … count − 1 */
export function firstExamples(count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, k) => k);
}
