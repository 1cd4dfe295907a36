/** PyTorch's exports, written in every form and run by onnxruntime: what PyTorch users do with the command's files. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { maskedWeights } from "@phew/core";
import { describe, expect, it } from "vitest";
import { parseSafetensors, readOnnx, toFloat32, writeOnnx } from "../src/index.ts";
import { ONNX_FORMS } from "../src/onnx/exportOnnx.ts";
import { describe as describeTensor, externalPlace } from "../src/onnx/tensors.ts";
import { ELEMENT_BYTES } from "../src/tensor.ts";
import { masksFor } from "./masks.ts";
import { distance, hasRuntime, predict, type RuntimeCase, runOnnx } from "./onnxRun.ts";
import { scratchFolder } from "./scratch.ts";

const FIXTURES = new URL("./fixtures/torch/", import.meta.url).pathname;
const files = readdirSync(FIXTURES).filter((file) => file.endsWith(".onnx"));
const scratch = scratchFolder();
/** Exported files, to be run by onnxruntime at the end, with the outputs they must give. */
const written: (RuntimeCase & { readonly expected: Float64Array })[] = [];

/** An input and PyTorch's output for it. */
function exampleFor(file: string): { x: Float32Array; y: Float32Array } {
  const path = join(FIXTURES, file.replace(/-[a-z]+\.onnx$/, ".safetensors"));
  const { tensors } = parseSafetensors(new Uint8Array(readFileSync(path)), path);
  return { x: toFloat32(tensors.get("x")!), y: toFloat32(tensors.get("y")!) };
}

describe.each(files)("%s", (file) => {
  const { x, y } = exampleFor(file);
  const count = x.length / (3 * 8 * 8);

  it("gives PyTorch's output", async () => {
    const { network, weights } = await readOnnx(FIXTURES + file);
    expect(distance(predict(network, weights, x, count), y)).toBeLessThan(1e-5);
  });

  it.each(ONNX_FORMS)("%s: written and read again it predicts as the masked network", async (form) => {
    const model = await readOnnx(FIXTURES + file);
    for (const seed of [1, 2, 3]) {
      const masks = masksFor(model.network, seed * 31 + file.length);
      const path = scratch(`${seed}-${form}-${file}`);
      await writeOnnx(path, model, masks, form);
      const expected = predict(model.network, maskedWeights(model.weights, masks), x, count);
      const again = await readOnnx(path);
      for (const part of again.onnx.parts.initializers.values()) {
        if (externalPlace(part) === undefined) continue;
        const { dtype, count: elements } = describeTensor(part);
        expect(elements * ELEMENT_BYTES[dtype], part.name).toBeGreaterThanOrEqual(1024);
        expect(["I64", "I32"], part.name).not.toContain(dtype);
      }
      expect(distance(predict(again.network, again.weights, x, count), expected)).toBeLessThan(1e-5);
      written.push({ name: basename(path), model: path, x, shape: [count, 3, 8, 8], expected });
    }
  });
});

describe("in onnxruntime", () => {
  it.skipIf(!hasRuntime)(
    "every form of every export is valid and gives the masked network's output (skipped without onnxruntime)",
    () => {
      expect(written.length).toBe(files.length * ONNX_FORMS.length * 3);
      const outputs = runOnnx(scratch("ran"), written);
      for (const { name, expected } of written)
        expect(distance(outputs.get(name)!, expected), name).toBeLessThan(1e-5);
    },
  );
});
