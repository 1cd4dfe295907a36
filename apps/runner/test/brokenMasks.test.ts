/** What is said of masks that cut outputs off or collapse a layer, by every verb that makes or takes masks. */

import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { filesBelow, phew, scratchFolder } from "./phew.ts";

const equalMagnitudes = fileURLToPath(new URL("./fixtures/equal-magnitudes.onnx", import.meta.url));
const lost = ["lenet5", "--method", "magnitude", "--density", "0.0005"];
const tiny = ["--epochs", "1", "--train-count", "64", "--test-count", "32", "--classes", "10"];
const warning =
  /the output is cut off from the input: .*through 5 layers \(conv1\.weight.*What helps: a greater density/;

describe("a mask that cuts the output off", () => {
  it("is warned of by prune, export and analyze, with the layers and what helps, in --json too", async () => {
    const folder = scratchFolder();
    const masks = path.join(folder, "masks.safetensors");
    const pruned = await phew([
      "prune",
      equalMagnitudes,
      "--method",
      "magnitude",
      "--density",
      "0.3",
      "--out",
      masks,
    ]);
    expect(pruned.exitCode).toBe(0);
    expect(pruned.stderr).toMatch(
      /^warning: the output is cut off .*through 2 layers \(a, b\).*What helps: /m,
    );
    const analyzed = await phew(["analyze", equalMagnitudes, "--masks", masks, "--json"]);
    expect(JSON.parse(analyzed.stdout).warnings).toEqual([expect.stringMatching(/cut off/)]);
    const out = path.join(folder, "m.safetensors");
    const exported = await phew([
      "export",
      equalMagnitudes,
      "--masks",
      masks,
      "--form",
      "masks",
      "--out",
      out,
    ]);
    expect(exported.stderr).toMatch(/^warning: the output is cut off/m);
    const outcome = await phew(["prune", ...lost, "--json"]);
    expect(JSON.parse(outcome.stdout).masks[0].warnings).toEqual([expect.stringMatching(warning)]);
    expect(outcome.stderr).toBe("");
  });

  it("is an error with --strict, before anything is written or trained", async () => {
    const folder = scratchFolder();
    for (const verb of [
      ["prune", ...lost, "--out", path.join(folder, "masks.safetensors")],
      ["compare", "lenet5", "--method", "magnitude", "--density", "0.0005", "--out", path.join(folder, "c")],
    ]) {
      const { exitCode, stderr } = await phew([...verb, "--strict"]);
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(/^phew: masks by magnitude: got masks with a fault \(the output is cut off/m);
    }
    expect(filesBelow(folder)).toEqual([]);
    const runs = path.join(folder, "runs");
    const trained = await phew(["train", ...lost, ...tiny, "--runs", runs, "--strict"]);
    expect(trained.exitCode).toBe(1);
    expect(trained.stderr).toMatch(/masks by magnitude: .*cut off/);
    expect(trained.stderr).not.toMatch(/training on/);
  });

  it("is warned of by train, sweep and compare, stands in the run and the sweep's status, and is an error with --strict where the runs were finished before", async () => {
    const folder = scratchFolder();
    const runs = path.join(folder, "runs");
    const trained = await phew(["train", ...lost, ...tiny, "--runs", runs, "--no-figures"]);
    expect(trained.exitCode).toBe(0);
    expect(trained.stderr).toMatch(/^warning: the output is cut off/m);
    const again = await phew(["train", ...lost, ...tiny, "--runs", runs, "--no-figures", "--json"]);
    expect(JSON.parse(again.stdout)).toMatchObject({
      skipped: true,
      warnings: [expect.stringMatching(warning)],
    });
    const strict = await phew(["train", ...lost, ...tiny, "--runs", runs, "--no-figures", "--strict"]);
    expect(strict.exitCode).toBe(1);
    expect(strict.stdout).toBe("");
    expect(strict.stderr).toMatch(
      /^phew: \S+: got masks with a fault \(the output is cut off.*conv1\.weight/m,
    );
    const sweep = path.join(folder, "sweep.json");
    const settings = { model: "lenet5", epochs: 1, trainCount: 64, testCount: 32, classCount: 10 };
    writeFileSync(
      sweep,
      JSON.stringify({ settings, grid: { method: ["magnitude"], density: [0.0005, 0.5] } }),
    );
    const swept = await phew(["sweep", sweep, "--runs", runs]);
    expect(swept.stdout).toMatch(/^1 warning:\n {2}\S+ {2}0\.05 %: the output is cut off/m);
    const status = await phew(["sweep", sweep, "--runs", runs, "--status", "--json"]);
    expect(JSON.parse(status.stdout).warnings).toEqual([
      expect.objectContaining({ message: expect.stringMatching(warning) }),
    ]);
    const sweptAgain = await phew(["sweep", sweep, "--runs", runs, "--strict"]);
    expect(sweptAgain.exitCode).toBe(1);
    expect(sweptAgain.stderr).toMatch(/"density":0\.0005.*got masks with a fault \(the output is cut off/);
    const compared = await phew([
      "compare",
      "lenet5",
      "--method",
      "magnitude,phew",
      "--density",
      "0.0005,0.5",
    ]);
    expect(compared.stderr).toMatch(/^warning: magnitude at 0\.05 % \(seed 0\): the output is cut off/m);
    expect(compared.stderr).not.toMatch(/at 50 %/);
  });
});
