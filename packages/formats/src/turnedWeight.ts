/**
 * Weights that a file has with inputs first. A dense one is `[in, out]`. A transposed convolution is stored as
 *   `[in, out/groups, …kernel]`, and is here the convolution that computes the same over an input with zeros between
 *   its positions: `[out, in/groups, …kernel]`, its kernel read backwards along each axis.
 * Each of the two functions is its own inverse.
 */
import { bitsOf, permuted } from "./onnx/constants.ts";
import { product } from "./onnx/values.ts";
import { bytesOf, type Tensor } from "./tensor.ts";

export function turnedDims([first, second, ...kernel]: readonly number[], groups: number): number[] {
  return [second! * groups, first! / groups, ...kernel];
}

export function turnedWeight(tensor: Tensor, groups: number): Tensor {
  const { dtype, shape } = tensor;
  if (shape.length === 2 && groups === 1) return permuted(tensor, [1, 0]);
  const [rows, columns, ...kernel] = shape as [number, number, ...number[]];
  const taps = product(kernel);
  const perGroup = rows / groups;
  const elements = bitsOf(tensor);
  const turned = elements.slice();
  for (let row = 0, from = 0; row < rows; row++) {
    const group = Math.floor(row / perGroup);
    for (let column = 0; column < columns; column++) {
      const kernelAt = (group * columns + column) * perGroup + (row - group * perGroup);
      for (let last = (kernelAt + 1) * taps - 1, tap = 0; tap < taps; tap++)
        turned[last - tap] = elements[from++]!;
    }
  }
  return { dtype, shape: turnedDims(shape, groups), data: bytesOf(turned) };
}
