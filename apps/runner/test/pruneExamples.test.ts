/** `phew prune` by methods that look at examples, as a user runs it. */
import path from "node:path";
import { zooModel } from "@phew/core";
import { readSafetensors, toFloat32 } from "@phew/formats";
import { describe, expect, it } from "vitest";
import { phew, scratchFolder, sharedFile } from "./phew.ts";

const model = sharedFile("golden", "resnet-small", "model.onnx");
const batch = sharedFile("golden", "resnet-small", "batch.safetensors");
const golden = sharedFile("golden", "resnet-small", "scores.safetensors");

describe("methods that look at examples", () => {
  it("say which options give them some, before any work", async () => {
    for (const method of ["snip", "grasp"]) {
      const { exitCode, stderr } = await phew([
        "prune",
        "resnet152",
        "--method",
        method,
        "--density",
        "0.05",
      ]);
      expect(exitCode).toBe(2);
      expect(stderr).toContain("--batch FILE with x and y, or --dataset NAME with --data-dir FOLDER");
    }
  });

  it("are those alone: others say that they look at none", async () => {
    const args = ["prune", "lenet5", "--density", "0.05", "--dataset", "glyphs"];
    const { exitCode, stderr } = await phew(args);
    expect([exitCode, stderr]).toEqual([
      0,
      "note: --dataset is not looked at: no method here looks at examples.\n",
    ]);
    expect((await phew([...args, "--method", "snip"])).stderr).toBe("");
  });

  it("take those of a data set, the same for the same seed", async () => {
    const folder = scratchFolder();
    const prune = (out: string, ...more: string[]) =>
      phew(
        [
          "prune",
          "lenet5",
          "--method",
          "snip",
          "--density",
          "0.05",
          "--dataset",
          "glyphs",
          "--scores",
          out,
          ...more,
        ],
        folder,
      );
    expect((await prune("a.safetensors", "--seed", "3")).exitCode).toBe(0);
    await prune("b.safetensors", "--seed", "3");
    await prune("c.safetensors", "--seed", "3", "--samples-per-class", "11");
    const [a, b, c] = await Promise.all(
      ["a", "b", "c"].map(async (name) => readSafetensors(path.join(folder, `${name}.safetensors`))),
    );
    const first = zooModel("lenet5").prunable[0]!.name;
    const scores = (file: typeof a) => toFloat32(file!.tensors.get(first)!);
    expect(scores(b)).toEqual(scores(a));
    expect(scores(c)).not.toEqual(scores(a));
  });

  it.skipIf(model === undefined).each(["snip", "grasp", "synflow", "synflow-l2", "magnitude"])(
    "%s writes PyTorch's scores (skipped without ../shared/golden)",
    async (method) => {
      const folder = scratchFolder();
      const args = ["prune", model!, "--method", method, "--density", "0.2", "--batch", batch!];
      expect((await phew([...args, "--scores", "s.safetensors"], folder)).exitCode).toBe(0);
      const ours = (await readSafetensors(path.join(folder, "s.safetensors"))).tensors;
      const theirs = (await readSafetensors(golden!)).tensors;
      expect(ours.size).toBe(7);
      for (const [name, tensor] of ours) {
        const expected = toFloat32(theirs.get(`${method.replace("-", "_")}.${name}`)!);
        const largest = expected.reduce((most, score) => Math.max(most, Math.abs(score)), 0);
        const worst = toFloat32(tensor).reduce(
          (most, score, k) => Math.max(most, Math.abs(score - expected[k]!)),
          0,
        );
        expect(worst, name).toBeLessThan((method === "grasp" ? 1e-3 : 1e-4) * largest);
      }
    },
  );
});
