/** Files of examples: what is as good as what is wanted, and what is said of the rest. */
import { describe, expect, it } from "vitest";
import { float32Tensor, readBatch, type Tensor, writeSafetensors } from "../src/index.ts";
import { scratchFolder } from "./scratch.ts";

const scratch = scratchFolder();
const x = float32Tensor([3, 2], Float32Array.of(1, 2, 3, 4, 5, 6));
const classes = (...shape: number[]): Tensor => ({
  dtype: "I64",
  shape,
  data: new Uint8Array(BigInt64Array.of(2n, 0n, 1n).buffer),
});
const read = async (name: string, tensors: Record<string, Tensor>) => {
  const file = scratch(`${name}.safetensors`);
  await writeSafetensors(file, new Map(Object.entries(tensors)));
  return readBatch(file, { classCount: 3 });
};

describe("a batch", () => {
  it.each([[[3]], [[3, 1]]])("has classes of shape %j", async (shape) => {
    const { y } = await read(`classes${shape.length}`, { x, y: classes(...shape) });
    expect([...y!]).toEqual([2, 0, 1]);
  });

  it.each([[[1, 3]], [[3, 1, 1]]])("with classes of shape %j is refused", async (shape) => {
    await expect(read(`odd${shape.length}`, { x, y: classes(...shape) })).rejects.toThrow(
      /tensor "y": got I64 of shape \[.*\], expected I64 of shape \[3\]/,
    );
  });

  it.each([[[0, 2]], [[0, 3, 16, 16]]])("of shape %j holds no example, which is said", async (shape) => {
    const empty = float32Tensor(shape, new Float32Array());
    await expect(read(`empty${shape.length}`, { x: empty })).rejects.toThrow(
      /tensor "x": got no example \(F32 of shape \[0, .*\]\), expected at least one/,
    );
  });
});
