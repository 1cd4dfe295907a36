/** `phew compare` as a user calls it. */
import path from "node:path";
import { describe, expect, it } from "vitest";
import { filesBelow, phew, readText, scratchFolder } from "./phew.ts";

const ARGS = ["compare", "lenet5", "--method", "phew,random,erk+shuffle,phew:bias=square"];

async function done(args: readonly string[], cwd: string): Promise<string> {
  const { exitCode, stdout, stderr } = await phew(args, cwd);
  expect(exitCode, stderr).toBe(0);
  return stdout;
}

describe("phew compare", () => {
  it("sets methods, their variants and checked masks side by side, in tables and figures", async () => {
    const folder = scratchFolder();
    const args = [...ARGS, "--density", "0.05,0.02", "--seed", "0..1", "--overlaps", "--out", "out"];
    const text = await done(args, folder);
    expect(Math.max(...text.split("\n").map((line) => [...line].length))).toBeLessThanOrEqual(80);
    for (const word of ["phew:bias=square", "erk+shuffle", "5 %", "2 %", "×÷", "by chance"])
      expect(text).toContain(word);
    expect(filesBelow(path.join(folder, "out"))).toEqual([
      "comparison.md",
      "comparison.txt",
      "layer-densities.png",
      "layer-densities.svg",
      "layer-widths.png",
      "layer-widths.svg",
      "masks.csv",
      "mean-width.png",
      "mean-width.svg",
      "path-kernel-trace.png",
      "path-kernel-trace.svg",
      "trace-against-width.png",
      "trace-against-width.svg",
    ]);
    expect(
      readText(path.join(folder, "out", "masks.csv"))
        .trim()
        .split("\n"),
    ).toHaveLength(1 + 4 * 2 * 2);
    const again = await phew(args, folder);
    expect(again.stderr).toMatch(/a file that exists/);
    expect(again.exitCode).toBe(1);
  });

  it("gives the same measures for any number of threads, and those of prune and analyze", async () => {
    const folder = scratchFolder();
    const measures = async (workers: string) => {
      const found = JSON.parse(
        await done([...ARGS, "--density", "0.05", "--seed", "0,3", "--workers", workers, "--json"], folder),
      );
      return found.masks.map(({ elapsedMs: _, ...rest }: { elapsedMs: number }) => rest);
    };
    const masks = await measures("1");
    expect(await measures("2")).toEqual(masks);
    await done(["prune", "lenet5", "--density", "0.05", "--seed", "3", "--out", "m.safetensors"], folder);
    const alone = JSON.parse(await done(["analyze", "lenet5", "--masks", "m.safetensors", "--json"], folder));
    const own = masks.find(
      (mask: { method: string; seed: number }) => mask.method === "phew" && mask.seed === 3,
    );
    for (const key of ["pathKernelTrace", "relativeTrace", "meanWidth", "density", "logPathCount"])
      expect(own[key]).toBe(alone[key]);
  });

  it("gives methods that look at examples a data set, the network taking its inputs and classes", async () => {
    const args = ["--method", "phew,snip:samples=2", "--density", "0.1", "--dataset", "glyphs", "--json"];
    const found = JSON.parse(await done(["compare", "lenet5", ...args], scratchFolder()));
    expect(found.masks.map((mask: { method: string }) => mask.method)).toEqual(["phew", "snip:samples=2"]);
    expect(found.masks[1].walkCount).toBeUndefined();
  });
});
