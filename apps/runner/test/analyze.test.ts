/** `phew analyze` as a user calls it. */
import path from "node:path";
import { zooModel } from "@phew/core";
import { readSafetensors, toFloat32 } from "@phew/formats";
import { describe, expect, it } from "vitest";
import { phew, scratchFolder, sharedFile } from "./phew.ts";

async function done(args: readonly string[], cwd: string): Promise<string> {
  const { exitCode, stdout, stderr } = await phew(args, cwd);
  expect(exitCode, stderr).toBe(0);
  return stdout;
}

async function masks(folder: string): Promise<[string, string]> {
  for (const method of ["phew", "random"]) {
    await done(
      ["prune", "resnet20", "--method", method, "--density", "0.02", "--out", `${method}.safetensors`],
      folder,
    );
  }
  return ["phew.safetensors", "random.safetensors"];
}

describe("phew analyze", () => {
  it("fits 80 columns, histograms and several masks included, and draws plainly with --ascii", async () => {
    const folder = scratchFolder();
    const [a, b] = await masks(folder);
    for (const ascii of [[], ["--ascii"]]) {
      const text = await done(
        ["analyze", "resnet20", "--masks", `${a},${b}`, "--histograms", ...ascii],
        folder,
      );
      const lines = text.split("\n");
      expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThanOrEqual(80);
      expect(text.includes("█")).toBe(ascii.length === 0);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: whatever is not ASCII is looked for
      if (ascii.length > 0) expect(text).toMatch(/^[\x00-\x7f]*$/);
      expect(text).toMatch(/walks through a unit \(\d+ walks counted/);
      expect(text).toContain("collapsed layers");
    }
  });

  it("says how much masks overlap, beside chance", async () => {
    const folder = scratchFolder();
    const [a, b] = await masks(folder);
    const found = JSON.parse(
      await done(
        [
          "analyze",
          "resnet20",
          "--masks",
          a,
          "--masks",
          b,
          "--masks",
          a,
          "--without",
          "trace,walks",
          "--json",
        ],
        folder,
      ),
    );
    expect(found.analyses).toHaveLength(3);
    expect(found.analyses[0].pathKernelTrace).toBeUndefined();
    expect(found.analyses[0].walks).toBeUndefined();
    const [ab, aa] = found.overlaps;
    expect(aa).toMatchObject({ a, b: a, jaccard: 1 });
    expect(ab.jaccard).toBeLessThan(0.05);
    expect(Math.abs(ab.standardScore)).toBeLessThan(5);
    expect(ab.layers).toHaveLength(22);
  });

  it("gives all measures as JSON, and the share of every weight as a file", async () => {
    const folder = scratchFolder();
    const [a] = await masks(folder);
    const found = JSON.parse(
      await done(
        ["analyze", "resnet20", "--masks", a, "--trace-shares", "shares.safetensors", "--json"],
        folder,
      ),
    );
    expect(found.walks.layers).toHaveLength(22);
    expect(found.walks.walkCount).toBeGreaterThan(200);
    expect(found).toMatchObject({ ineffectiveCount: 0, collapsedLayers: [] });
    for (const field of ["tracePerWeight", "squaredPathSum", "pathSum", "logPathCount", "effectiveDensity"])
      expect(found[field], field).toBeGreaterThan(0);
    const { tensors } = await readSafetensors(path.join(folder, "shares.safetensors"));
    let sum = 0;
    for (const { name } of zooModel("resnet20").prunable)
      for (const share of toFloat32(tensors.get(name)!)) sum += share;
    expect(sum / found.pathKernelTrace).toBeCloseTo(1, 5);
  });

  it.skipIf(sharedFile("golden") === undefined)(
    "measures the loss gradient and the neural tangent kernel on a batch (the shared test data is absent)",
    async () => {
      const folder = scratchFolder();
      const [onnx, batch] = ["model.onnx", "batch.safetensors"].map(
        (file) => sharedFile("golden", "mlp", file)!,
      ) as [string, string];
      const args = ["analyze", onnx, "--batch", batch];
      const found = JSON.parse(await done([...args, "--json"], folder));
      expect(found.gradients.norm).toBeGreaterThan(0);
      expect(found.gradients.layers).toHaveLength(3);
      expect(found.ntk).toMatchObject({ exact: false, probeCount: 16 });
      expect(found.ntk.weightTrace).toBeLessThan(found.ntk.trace);
      const text = await done([...args, "--probes", "4", "--without", "gradients,trace", "--ascii"], folder);
      expect(text).toMatch(/neural tangent kernel trace {2}\S+ \+- /);
      expect(text).not.toContain("loss");
    },
  );

  it.each([
    [["analyze", "lenet5", "--without", "tracee"], /--without: got "tracee".*Did you mean "trace"/],
    [["analyze", "lenet5", "--without", "fans", "--histograms"], /--histograms/],
    [["analyze", "lenet5", "--without", "trace", "--trace-shares", "x.safetensors"], /--trace-shares/],
    [
      ["analyze", "lenet5", "--masks", "a,b", "--trace-shares", "x.safetensors"],
      /--trace-shares: got it for 2 masks/,
    ],
  ])("refuses %j", async (args, message) => {
    const { exitCode, stderr, stdout } = await phew(args, scratchFolder());
    expect(stderr).toMatch(message);
    expect(stdout).toBe("");
    expect(exitCode).toBe(2);
  });
});
