/** Some channels or features by their index: of the last axis here. */
import * as tf from "@tensorflow/tfjs-core";
import type { Lowering, OperationOf } from "./lowering.ts";

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
