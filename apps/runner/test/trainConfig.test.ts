/** A run's configuration as a file: what `phew train --config` takes, and what it refuses. */
import { copyFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { checkTrainConfig } from "../src/settings/files.ts";
import { phew, scratchFolder } from "./phew.ts";

const settings = {
  model: "lenet5",
  dataset: "glyphs",
  method: "magnitude",
  density: 0.1,
  seed: 3,
  epochs: 1,
  batchSize: 32,
  rate: 0.02,
  executor: "sparse",
  classCount: 3,
  trainCount: 64,
  testCount: 32,
};

it("runs in the folder of its configuration, once: a second time it is skipped with exit code 0", async () => {
  const folder = scratchFolder();
  writeFileSync(path.join(folder, "mine.json"), JSON.stringify({ experiment: "sweep", config: settings }));
  const args = ["train", "--no-figures", "--json", "--config"];
  const first = await phew([...args, "mine.json"], folder);
  expect(first.exitCode, first.stderr).toBe(0);
  const { folder: run, skipped } = JSON.parse(first.stdout);
  expect({ run: path.dirname(run), skipped }).toEqual({ run: path.join("runs", "sweep"), skipped: false });

  // the file that the run wrote names the same run
  copyFileSync(path.join(folder, run, "config.json"), path.join(folder, "again.json"));
  const second = await phew([...args, "again.json"], folder);
  expect(second.exitCode, second.stderr).toBe(0);
  expect(JSON.parse(second.stdout)).toMatchObject({ folder: run, skipped: true });

  // where it lies is said first of all, and not of a run that there is nothing left to do for
  const command = ["train", "--no-figures", "--config", "mine.json"];
  expect((await phew([...command, "--force"], folder)).stderr).toMatch(
    `${run}: its data come first (glyphs)\nstarted\n`,
  );
  expect((await phew(command, folder)).stderr).not.toContain("come first");
});

it("refuses settings beside the file, a file that is none, and a run without a model", async () => {
  const folder = scratchFolder();
  writeFileSync(path.join(folder, "half.json"), '{"config": {');
  const failed = async (...args: string[]) => {
    const { exitCode, stderr } = await phew(["train", ...args], folder);
    return `${exitCode} ${stderr.trim()}`;
  };
  expect(await failed("--config", "half.json", "--rate", "1")).toMatch(
    /^2 .*--config: got together with --rate/,
  );
  expect(await failed("resnet20", "--config", "half.json")).toMatch(/^2 .*together with resnet20/);
  expect(await failed("--config", "half.json")).toMatch(/^1 phew: half.json: got broken JSON/);
  expect(await failed("--config", "none.json")).toMatch(/^1 phew: none.json: got no such file/);
  expect(await failed()).toMatch(/^2 .*<model>: got nothing/);
});

it.each([
  [{ rte: 1 }, /x: rte: got an unknown name.*Did you mean "rate"\?/],
  [{ rate: "0.1" }, /x: rate: got "0\.1", expected a number of at least 0/],
  [{ rate: undefined }, /x: rate: got nothing/],
  [{ density: 5 }, /x: density: got 5, expected the fraction of weights kept/],
  [{ epochs: 1.5 }, /x: epochs: got 1.5, expected a whole number of at least 1/],
  [{ drops: [0.5, 1] }, /x: drops\[1\]: got 1, expected a fraction above 0 and below 1/],
  [{ options: { granularity: [] } }, /x: options\.granularity: got \[\], expected an object/],
])("names the field at fault: %j", (change, message) => {
  expect(() => checkTrainConfig("x", { ...settings, ...change })).toThrow(message);
});

it("puts the defaults in where a file is silent", () => {
  expect(checkTrainConfig("x", settings)).toMatchObject({
    ...settings,
    options: {},
    momentum: 0.9,
    nesterov: true,
    weightDecay: 1e-4,
    drops: [0.5, 0.75],
    dropFactor: 0.1,
    labelSmoothing: 0,
    schedule: "step",
    endRate: 0,
    warmupEpochs: 0,
    clipNorm: 0,
    augmentation: "none",
    validation: 0,
    patience: 0,
  });
});
