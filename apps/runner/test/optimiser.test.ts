/** `--optimiser` wherever there are settings: the command line, config.json, recipes, sweeps; and runs of before. */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { optimisers } from "@phew/training/settings";
import { expect, it } from "vitest";
import { planSweep } from "../src/sweep/sweepPlan.ts";
import { phew, scratchFolder } from "./phew.ts";

const RUN = "train lenet5 --classes 3 --train-count 96 --test-count 32 --epochs 1 --density 0.1".split(" ");
const train = (folder: string, ...args: readonly string[]) =>
  phew([...RUN, "--threads", "1", "--no-figures", "--json", ...args], folder);

it("is in config.json and --json with all of its settings and no other's; the file is the same run", async () => {
  const folder = scratchFolder();
  const first = await train(folder, "--optimiser", "adamw", "--beta2", "0.99");
  expect(first.exitCode, first.stderr).toBe(0);
  const { folder: run, config } = JSON.parse(first.stdout);
  const { rate, settings } = optimisers.find(({ name }) => name === "adamw")!;
  const defaults = Object.fromEntries(Object.entries(settings).map(([name, each]) => [name, each.default]));
  expect(config).toMatchObject({ ...defaults, beta2: 0.99, rate, optimiser: "adamw" });
  expect(config).not.toHaveProperty("momentum");
  expect(config).not.toHaveProperty("nesterov");
  const file = path.join(folder, run, "config.json");
  expect(JSON.parse(readFileSync(file, "utf8")).config).toEqual(config);
  const again = await phew(["train", "--config", file, "--no-figures", "--json"], folder);
  expect(JSON.parse(again.stdout), again.stderr).toMatchObject({ folder: run, skipped: true });
});

it("is not named where it is the one that is taken anyway: the same run, whether it was asked for or not", async () => {
  const folder = scratchFolder();
  const plain = JSON.parse((await train(folder)).stdout);
  expect(plain.config).toMatchObject({ rate: 0.02, momentum: 0.9, nesterov: true, weightDecay: 1e-4 });
  expect(plain.config).not.toHaveProperty("optimiser");
  const asked = JSON.parse((await train(folder, "--optimiser", "sgd", "--weight-decay", "1e-4")).stdout);
  expect(asked).toMatchObject({ folder: plain.folder, skipped: true });
});

it.each([
  [
    ["--optimiser", "adamw", "--momentum", "0.9"],
    /^phew: --momentum: got 0\.9 for the optimiser adamw, expected none: adamw has beta1, beta2, epsilon, weightDecay\. Leave it out; it is a setting of sgd\b.*\.$/m,
  ],
  [["--optimiser", "adamw", "--no-nesterov"], /^phew: --no-nesterov: got false for the optimiser adamw/m],
  [
    ["--beta1", "0.5"],
    /^phew: --beta1: got 0\.5 for the optimiser sgd.* it is a setting of .*\badamw\b.*\.$/m,
  ],
  [["--optimiser", "adamv"], /^phew: --optimiser: got "adamv", expected one of sgd, adamw/m],
  [
    ["--optimiser", "adamw", "--recipe", "phew"],
    /^phew: momentum of the recipe phew: got 0\.9 for the optimiser adamw/m,
  ],
  [["--momentum", "0"], /^phew: Nesterov momentum: got a momentum of 0/m],
])("refuses %j before anything is written", async (args, message) => {
  const folder = scratchFolder();
  const { exitCode, stderr } = await train(folder, ...args);
  expect(stderr).toMatch(message);
  expect([1, 2]).toContain(exitCode);
  expect(readdirSync(folder)).toEqual([]);
});

it("may be a recipe's, and the axis of a sweep: each has its own rate and settings", async () => {
  const folder = scratchFolder();
  const recipe = path.join(folder, "adam.json");
  writeFileSync(recipe, JSON.stringify({ settings: { optimiser: "adamw", beta1: 0.8, epochs: 2 } }));
  const file = path.join(folder, "sweep.json");
  const plan = async (document: object) => {
    writeFileSync(file, JSON.stringify({ experiment: "axis", seeds: [0], ...document }));
    return (await planSweep(file, { runs: folder })).runs.map(({ config }) => config);
  };
  const settings = { model: "lenet5", density: 0.1, weightDecay: 0.05 };
  const [sgd, adamw] = await plan({ settings, grid: { optimiser: ["sgd", "adamw"] } });
  expect(sgd).toMatchObject({ rate: 0.02, momentum: 0.9, weightDecay: 0.05 });
  expect(sgd).not.toHaveProperty("optimiser");
  expect(adamw).toMatchObject({ optimiser: "adamw", beta1: 0.9, weightDecay: 0.05 });
  expect(adamw!.rate).toBe(optimisers.find(({ name }) => name === "adamw")!.rate);
  expect((await plan({ settings: { ...settings, recipe } }))[0]).toMatchObject({
    optimiser: "adamw",
    beta1: 0.8,
    epochs: 2,
  });
  const refused = plan({ settings: { ...settings, optimiser: "adamw", momentum: 0.5 } });
  await expect(refused).rejects.toThrow(/momentum: got 0\.5 for the optimiser adamw/);
});

// 12 epochs of 20 steps, killed after step 50 by a version whose executors knew momentum alone; the digest is of the
// checkpoint that the same version had at the end of an unbroken run
const RECORDED =
  "train lenet5 --classes 3 --train-count 320 --test-count 30 --epochs 12 --batch-size 16 --density 0.01";
const RECORDED_END = "440137f41e983053e7f96205dddbd0691d147df49f1ab3845a7d8e9411cb8f6b";

it("goes on with a run of before there were several, to the same bytes", async () => {
  const folder = scratchFolder();
  const run = path.join(folder, "runs", "train", "27d0479015-0");
  mkdirSync(path.join(run, "tb"), { recursive: true });
  const recorded = fileURLToPath(new URL("fixtures/momentumRun/", import.meta.url));
  for (const name of ["checkpoint.safetensors", "masks.safetensors", "events.jsonl"])
    writeFileSync(path.join(run, name), gunzipSync(readFileSync(`${recorded}${name}.gz`)));
  writeFileSync(path.join(run, "config.json"), readFileSync(`${recorded}config.json`));
  const tensorboard = gunzipSync(readFileSync(`${recorded}tensorboard.gz`));
  writeFileSync(path.join(run, "tb", "events.out.tfevents.1796045651.vm"), tensorboard);
  const args = [...RECORDED.split(" "), "--threads", "1", "--checkpoint-steps", "10", "--no-figures"];
  const { exitCode, stderr } = await phew(args, folder);
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toMatch(/resumed in epoch 3, after step 50/);
  const end = readFileSync(path.join(run, "checkpoint.safetensors"));
  expect(createHash("sha256").update(end).digest("hex")).toBe(RECORDED_END);
});
