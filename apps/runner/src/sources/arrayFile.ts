/** Reads files of named arrays for the data set `arrays`, which has no file formats itself. */
import { elementsOf, readTensors, toFloat32 } from "@phew/formats";
import type { NamedArray } from "@phew/training";

/** @param path of a `.npz` or safetensors file @throws ArgumentError if it is not one or is damaged */
export async function readArrays(path: string): Promise<ReadonlyMap<string, NamedArray>> {
  const { tensors } = await readTensors(path);
  return new Map(
    [...tensors].map(([name, tensor]) => {
      const { dtype, shape } = tensor;
      let values: Uint8Array | Float32Array | undefined;
      // converted on demand: a file may hold much that is not needed
      const array: NamedArray = {
        dtype,
        shape,
        get values() {
          values ??= dtype === "U8" ? (elementsOf(tensor) as Uint8Array) : toFloat32(tensor);
          return values;
        },
      };
      return [name, array];
    }),
  );
}
