/** The masks of an ONNX model with weights and masks side by side, as `--form original+masks` writes it. */
import { ArgumentError } from "@phew/core";
import { boolTensor, type Tensor, type Tensors } from "../tensor.ts";
import { turnedWeight } from "../turnedWeight.ts";
import { readOnnx } from "./importOnnx.ts";
import { tensorOf } from "./tensors.ts";
import { product } from "./values.ts";

/**
 * @returns `<parameter>_mask` for each parameter that has one, in the network's layout
 * @throws ArgumentError if the file is not an ONNX model, or holds no masks
 */
export async function onnxMasks(path: string): Promise<Tensors> {
  const { network, onnx } = await readOnnx(path);
  const masks = new Map<string, Tensor>();
  for (const { name } of network.parameters) {
    const part = onnx.parts.initializers.get(`${name}_mask`);
    if (part === undefined) continue;
    const mask = tensorOf(part, onnx.externalData);
    const { transposed, groups } = onnx.parameters.get(name)!;
    masks.set(`${name}_mask`, transposed ? turnedWeight(mask, groups) : mask);
  }
  for (const { parts = [] } of onnx.uses) {
    const whole = onnx.parts.initializers.get(`${parts[0]?.name}_mask`);
    if (whole === undefined) continue;
    const { data } = tensorOf(whole, onnx.externalData);
    for (const { name, shape, placeOf } of parts)
      masks.set(
        `${name}_mask`,
        boolTensor(
          shape,
          Uint8Array.from({ length: product(shape) }, (_, k) => data[placeOf(k)]!),
        ),
      );
  }
  if (masks.size > 0) return masks;
  throw new ArgumentError(path, {
    given: "an ONNX model without masks",
    expected:
      "one with <weight>_orig and <weight>_mask, as --form original+masks writes it, or a file of masks",
    remedy: "Where its pruned weights are zeros, take them with --masks-from-zeros.",
  });
}
