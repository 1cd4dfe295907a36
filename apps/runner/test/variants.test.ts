/** Weights that fit several variants of an architecture: asked for, said in what is written, and minded in what is read. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { initialise, zooModel } from "@phew/core";
import { float32Tensor, readSafetensors, writeSafetensors } from "@phew/formats";
import { beforeAll, describe, expect, it } from "vitest";
import { lastingFolder, phew } from "./phew.ts";

const folder = lastingFolder();
const source = ["w.safetensors", "--architecture", "mobilenet-v1", "--input", "3,32,32"];
const run = (...args: string[]) => phew(args, folder);

beforeAll(async () => {
  const network = zooModel("mobilenet-v1", { classCount: 2 });
  const weights = await initialise(network, { seed: 1 });
  const tensors = network.parameters.map(
    ({ name, shape }) => [name, float32Tensor(shape, weights.get(name)!)] as const,
  );
  await writeSafetensors(path.join(folder, "w.safetensors"), new Map(tensors), {});
});

describe("weights that fit several variants", () => {
  const magnitude = ["--method", "magnitude", "--density", "0.1"];
  it("are refused by every verb with exit code 2 until one is named", async () => {
    for (const args of [
      ["prune", ...source, ...magnitude],
      ["analyze", ...source],
      ["compare", ...source, "--method", "magnitude", "--density", "0.1"],
      ["prune", "mobilenet-v1", "--weights", "w.safetensors", "--input", "3,32,32", ...magnitude],
    ]) {
      const { exitCode, stderr } = await run(...args);
      expect([exitCode, stderr]).toEqual([
        2,
        expect.stringMatching(
          /fit 2 variants of mobilenet-v1.*conv1 \(cifar 1, imagenet 2\).*--variant cifar\|imagenet/,
        ),
      ]);
    }
  });

  it("are what the variant says, which masks and configuration hold; other variants' masks are refused", async () => {
    const pruned = await run(
      "prune",
      ...source,
      ...magnitude,
      "--variant",
      "imagenet",
      "--out",
      "k.safetensors",
      "--runs",
      "r",
      "--json",
    );
    expect(pruned.stderr).toBe("");
    expect((await readSafetensors(path.join(folder, "k.safetensors"))).metadata.variant).toBe("imagenet");
    const [{ folder: kept }] = JSON.parse(pruned.stdout).masks;
    const config = JSON.parse(readFileSync(path.join(folder, kept, "config.json"), "utf8"));
    expect([config.config.variant, config.config.input]).toEqual(["imagenet", "3,32,32"]);
    const masks = ["--masks", "k.safetensors"];
    const other = await run("export", ...source, ...masks, "--variant", "cifar", "--out", "z.safetensors");
    expect([other.exitCode, other.stderr]).toEqual([
      2,
      expect.stringMatching(/variant imagenet.*Give --variant imagenet/),
    ]);
    const written = await run(
      "export",
      ...source,
      ...masks,
      "--variant",
      "imagenet",
      "--out",
      "z.safetensors",
    );
    expect(written.exitCode).toBe(0);
    // what phew wrote says which it is
    const again = await run(
      "prune",
      "z.safetensors",
      ...source.slice(1),
      ...magnitude,
      "--out",
      "again.safetensors",
    );
    expect(again.exitCode).toBe(0);
    expect((await readSafetensors(path.join(folder, "again.safetensors"))).metadata.variant).toBe("imagenet");
  });

  it("are compared as the variant that is named", async () => {
    const traceOf = async (variant: string) => {
      const compared = await run(
        "compare",
        ...source,
        "--method",
        "magnitude",
        "--density",
        "0.1",
        "--variant",
        variant,
        "--json",
      );
      expect(compared.stderr).toBe("");
      return JSON.parse(compared.stdout).masks[0].pathKernelTrace;
    };
    expect(await traceOf("cifar")).not.toBe(await traceOf("imagenet"));
  });
});
