/** A mask as a file stores it, of any type. */
import { ArgumentError } from "@phew/core";
import { elementsOf, type Tensor, toFloat32 } from "./tensor.ts";

/** A mask's elements as bytes. @throws ArgumentError for another shape, or values other than 0 and 1 */
export function maskBytes(subject: string, tensor: Tensor, shape: readonly number[]): Uint8Array {
  const fits = tensor.shape.length === shape.length && tensor.shape.every((n, axis) => n === shape[axis]);
  if (!fits) {
    throw new ArgumentError(subject, {
      given: `shape [${tensor.shape.join(", ")}]`,
      expected: `[${shape.join(", ")}], the parameter's`,
      remedy: "Check that the architecture, the number of classes and the input size are those of the masks.",
    });
  }
  const isHalf = tensor.dtype === "F16" || tensor.dtype === "BF16";
  const values = isHalf ? toFloat32(tensor) : elementsOf(tensor);
  const bytes = new Uint8Array(values.length);
  for (let k = 0; k < bytes.length; k++) {
    const value = Number(values[k]);
    if (value !== 0 && value !== 1) {
      throw new ArgumentError(`${subject}, element ${k}`, {
        given: `${value}`,
        expected: "0 (removed) or 1 (kept)",
      });
    }
    bytes[k] = value;
  }
  return bytes;
}
