/** Mean of each window: the sum divided by the window's size, or by the number of its elements inside the input. */

import { NO_GRADIENTS, type OperationDefinition, type PathSumInputs, POOLS } from "./definition.ts";
import { throughWindow } from "./repeats.ts";
import { elementCount } from "./shape.ts";
import { slidePool, type Window } from "./spatial.ts";

export interface AveragePool2d extends Window {
  readonly kind: "averagePool2d";
  /** True (PyTorch's default): padding counts as zeros in the mean. */
  readonly countPadding: boolean;
  readonly ceil?: boolean;
}

/** Calls `visit` with (output, input, 1 / divisor) for every element of every window. */
function forEachElement(
  op: AveragePool2d,
  given: PathSumInputs,
  visit: (k: number, at: number, share: number) => void,
): void {
  const [channels, height, width] = given.inputShapes[0]! as [number, number, number];
  const [, outHeight, outWidth] = given.outputShape as [number, number, number];
  for (let c = 0, k = 0; c < channels; c++) {
    for (let p = 0; p < outHeight; p++) {
      const top = p * op.stride[0] - op.padding[0];
      const bottom = Math.min(top + op.kernel[0], height + op.padding[2]);
      for (let q = 0; q < outWidth; q++, k++) {
        const left = q * op.stride[1] - op.padding[1];
        const right = Math.min(left + op.kernel[1], width + op.padding[3]);
        const insideRows = Math.min(bottom, height) - Math.max(top, 0);
        const insideColumns = Math.min(right, width) - Math.max(left, 0);
        const share = 1 / (op.countPadding ? (bottom - top) * (right - left) : insideRows * insideColumns);
        for (let y = Math.max(top, 0); y < Math.min(bottom, height); y++) {
          for (let x = Math.max(left, 0); x < Math.min(right, width); x++)
            visit(k, (c * height + y) * width + x, share);
        }
      }
    }
  }
}

export const averagePool2d: OperationDefinition<AveragePool2d> = {
  ...POOLS,
  kind: "averagePool2d",
  shape: (op, inputs, node) => [inputs[0]![0]!, ...slidePool(op, inputs[0]!, node, op.ceil)],
  repeats: (op, inputs, output) => throughWindow(op, inputs[0]!, output),
  pathForward(op, given) {
    const output = new Float64Array(elementCount(given.outputShape));
    const input = given.inputs[0]!;
    forEachElement(op, given, (k, at, share) => {
      output[k]! += input[at]! * share;
    });
    return output;
  },
  pathBackward(op, given, _output, gradient) {
    const inputGradient = new Float64Array(elementCount(given.inputShapes[0]!));
    forEachElement(op, given, (k, at, share) => {
      inputGradient[at]! += gradient[k]! * share;
    });
    return { inputs: [inputGradient], parameters: NO_GRADIENTS };
  },
};
