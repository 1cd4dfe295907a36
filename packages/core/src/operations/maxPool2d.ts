/**
 * Greatest value of each window, padding ignored. In a path sum the path goes through the first greatest value of a
 * window, as in PyTorch.
 */

import { type OperationDefinition, type PathSumInputs, POOLS } from "./definition.ts";
import { throughGreatest } from "./greatest.ts";
import { throughWindow } from "./repeats.ts";
import { slidePool, type Window } from "./spatial.ts";

export interface MaxPool2d extends Window {
  readonly kind: "maxPool2d";
  /** Rounds the output size up, as PyTorch's ceil_mode. */
  readonly ceil?: boolean;
}

/** Index into the input of the greatest element of every window. */
function winners(op: MaxPool2d, given: PathSumInputs): Int32Array {
  const [channels, height, width] = given.inputShapes[0]! as [number, number, number];
  const [, outHeight, outWidth] = given.outputShape as [number, number, number];
  const input = given.inputs[0]!;
  const winner = new Int32Array(channels * outHeight * outWidth);
  for (let c = 0, k = 0; c < channels; c++) {
    for (let p = 0; p < outHeight; p++) {
      for (let q = 0; q < outWidth; q++, k++) {
        let best = -1;
        for (let r = 0; r < op.kernel[0]; r++) {
          const y = p * op.stride[0] - op.padding[0] + r * op.dilation[0];
          if (y < 0 || y >= height) continue;
          for (let s = 0; s < op.kernel[1]; s++) {
            const x = q * op.stride[1] - op.padding[1] + s * op.dilation[1];
            if (x < 0 || x >= width) continue;
            const at = (c * height + y) * width + x;
            if (best < 0 || input[at]! > input[best]!) best = at;
          }
        }
        winner[k] = best;
      }
    }
  }
  return winner;
}

export const maxPool2d: OperationDefinition<MaxPool2d> = {
  ...POOLS,
  kind: "maxPool2d",
  shape: (op, inputs, node) => [inputs[0]![0]!, ...slidePool(op, inputs[0]!, node, op.ceil)],
  repeats: (op, inputs, output) => throughWindow(op, inputs[0]!, output),
  ...throughGreatest(winners),
};
