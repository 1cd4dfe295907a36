/** Arrays of one's own, from real files through the command: the same run from .npz and from safetensors. */
import { mkdirSync } from "node:fs";
import path from "node:path";
import { type Tensor, writeNpz, writeSafetensors } from "@phew/formats";
import { expect, it } from "vitest";
import { phew, readText, scratchFolder } from "./phew.ts";

/** Grey images of 28 × 28 whose upper, middle or lower third is bright; y is which. */
function part(count: number): Record<"x" | "y", Tensor> {
  const y = Array.from({ length: count }, (_, k) => k % 3);
  const pixels = y.flatMap((third, k) =>
    Array.from({ length: 784 }, (_, p) => (Math.floor(p / 280) === third ? 200 : (p * 31 + k * 17) % 60)),
  );
  return {
    x: { dtype: "U8", shape: [count, 1, 28, 28], data: Uint8Array.from(pixels) },
    y: { dtype: "I64", shape: [count], data: new Uint8Array(BigInt64Array.from(y, BigInt).buffer) },
  };
}

it("are trained on alike from one .npz and from a folder of safetensors, augmented", async () => {
  const folder = scratchFolder();
  const [train, test] = [part(96), part(30)];
  const whole = { x_train: train.x, y_train: train.y, x_test: test.x, y_test: test.y };
  await writeNpz(path.join(folder, "all.npz"), new Map(Object.entries(whole)));
  mkdirSync(path.join(folder, "parts"));
  for (const [name, tensors] of Object.entries({ train, test }))
    await writeSafetensors(
      path.join(folder, "parts", `${name}.safetensors`),
      new Map(Object.entries(tensors)),
    );
  const run = async (dataDir: string) => {
    const options = ["--density", "0.2", "--epochs", "4", "--batch-size", "16", "--validation", "0.25"];
    const args = ["train", "lenet5", "--dataset", "arrays", "--data-dir", dataDir, ...options];
    const { stdout, stderr } = await phew(
      [...args, "--augmentation", "crop1+flip", "--no-figures", "--json"],
      folder,
    );
    expect(stdout, stderr).not.toBe("");
    return JSON.parse(stdout) as { folder: string; testAccuracy: number; config: { augmentation: string } };
  };
  const [npz, safetensors] = [await run("all.npz"), await run("parts")];
  expect(npz.config.augmentation).toBe("crop1+flip");
  // chance is 1/3
  expect(npz.testAccuracy).toBeGreaterThan(0.9);
  const metrics = (result: { folder: string }) => readText(path.join(folder, result.folder, "metrics.csv"));
  expect(metrics(safetensors)).toBe(metrics(npz));
  expect(safetensors.folder).not.toBe(npz.folder);
});
