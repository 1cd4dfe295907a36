/** Iterative magnitude pruning as runs: nested masks, rewound weights, and a schedule that goes on where it stopped. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { initialise, keepTop, type Masks, ownInitialisation, type Weights, zooModel } from "@phew/core";
import { readMasks, readWeights } from "@phew/formats";
import { listRuns, type RunEntry, SweepList } from "@phew/runs";
import { expect, it } from "vitest";
import { densityAfter, usualRoundCount } from "../src/train/impRounds.ts";
import { bin, phew, scratchFolder } from "./phew.ts";

const TRAINING = "--classes 4 --train-count 128 --test-count 32 --epochs 2 --batch-size 32 --seed 3";
const IMP = `imp lenet5 ${TRAINING} --density 0.05 --rounds 3 --rewind-step 2 --json`.split(" ");
const network = zooModel("lenet5", { classCount: 4, inputShape: [1, 28, 28] });
const COUNTS = [1, 2, 3].map((round) => Math.floor(densityAfter(round, 3, 0.05) * network.prunableCount));

interface Round {
  readonly folder: string;
  readonly skipped: boolean;
  readonly keptCount: number;
}

const done = async (args: readonly string[], folder: string) => {
  const { exitCode, stdout, stderr } = await phew(args, folder);
  expect(exitCode, stderr).toBe(0);
  return JSON.parse(stdout);
};
const roundsOf = async (folder: string): Promise<Round[]> => (await done(IMP, folder)).rounds;

/** The run of one pruned training that keeps the weights it begins with. */
const pruned = async (given: string, folder: string): Promise<string> =>
  (
    await done(
      `train lenet5 ${TRAINING} --method magnitude --rewind-step 0 --no-figures --json ${given}`.split(" "),
      folder,
    )
  ).folder;

function expectEqualWhereKept(masks: Masks, begun: Weights, source: Weights): void {
  for (const parameter of network.prunable) {
    const mask = masks.of(parameter);
    const [values, from] = [begun.get(parameter.name)!, source.get(parameter.name)!];
    expect(values.filter((_, k) => mask[k] === 1)).toEqual(from.filter((_, k) => mask[k] === 1));
  }
}

it("keeps exactly what each round is to keep, of what the one before kept, and rewinds it bit for bit", async () => {
  const folder = scratchFolder();
  const rounds = await roundsOf(folder);
  expect(rounds.map(({ keptCount }) => keptCount)).toEqual([network.prunableCount, ...COUNTS]);
  const at = (round: number, name: string) => path.join(folder, rounds[round]!.folder, name);
  const masks = await Promise.all(rounds.map((_, k) => readMasks(at(k, "masks.safetensors"), network)));
  for (const k of [1, 2, 3])
    expect(masks[k]!.bytes.every((byte, at) => byte <= masks[k - 1]!.bytes[at]!)).toBe(true);

  // every round prunes by what the one before was trained to
  const { config } = JSON.parse(readFileSync(at(2, "config.json"), "utf8"));
  expect(config).toMatchObject({
    scoreWeights: `${rounds[1]!.folder}@final`,
    startWeights: `${rounds[0]!.folder}@rewind`,
    within: rounds[1]!.folder,
  });
  const trained = await readWeights(at(0, "checkpoint.safetensors"), network);
  const best = keepTop(network, (name) => trained.get(name)!, COUNTS[0]!, { magnitude: true });
  expect(masks[1]!.bytes).toEqual(best.bytes);

  const [dense] = rounds.map((round) => round.folder);
  const density = densityAfter(1, 3, 0.05);
  const rewound = await pruned(
    `--density ${density} --score-weights ${dense} --start-weights ${dense}@rewind`,
    folder,
  );
  const early = await readWeights(at(0, "rewind.safetensors"), network);
  const begun = (run: string) => readWeights(path.join(folder, run, "rewind.safetensors"), network);
  expectEqualWhereKept(best, await begun(rewound), early);

  const initial = await initialise(network, { seed: 3, initialisation: ownInitialisation(network) });
  const fresh = await pruned(`--density ${density} --score-weights ${dense}`, folder);
  expectEqualWhereKept(best, await begun(fresh), initial);
  const weight = network.prunable[0]!.name;
  expect(early.get(weight)).not.toEqual(initial.get(weight));
  expect(early.get(weight)).not.toEqual(trained.get(weight));
});

it("is killed between rounds, goes on by the same command to the same bytes, and then has nothing to do", async () => {
  const [whole, broken] = [scratchFolder(), scratchFolder()];
  const expected = await roundsOf(whole);
  const child = spawn(process.execPath, [bin, ...IMP], { cwd: broken, stdio: "ignore" });
  const over = new Promise((resolve) => child.on("close", resolve));
  const begun = () => {
    const runs = path.join(broken, "runs", "imp");
    return existsSync(runs) ? readdirSync(runs).filter((name) => !name.startsWith(".")).length : 0;
  };
  while (begun() < 2 && child.exitCode === null) await sleep(2);
  child.kill("SIGKILL");
  await over;
  const rounds = await roundsOf(broken);
  expect(rounds[0]!.skipped).toBe(true);
  expect(rounds.map((round) => round.folder)).toEqual(expected.map((round) => round.folder));
  for (const { folder } of rounds) {
    for (const name of ["checkpoint.safetensors", "masks.safetensors", "config.json"]) {
      const bytes = (root: string) => readFileSync(path.join(root, folder, name));
      expect(bytes(broken).equals(bytes(whole)), `${folder}/${name}`).toBe(true);
    }
  }
  expect((await roundsOf(broken)).every(({ skipped }) => skipped)).toBe(true);
});

it("refuses, before any training, what cannot be taken from another run", async () => {
  const folder = scratchFolder();
  const run = (await done(`train lenet5 ${TRAINING} --method dense --no-figures --json`.split(" "), folder))
    .folder;
  const failed = async (args: string) => {
    const { exitCode, stderr } = await phew(args.split(" "), folder);
    return `${exitCode} ${stderr.trim().split("\n").at(-1)}`;
  };
  const train = `train lenet5 ${TRAINING} --density 0.1`;
  expect(await failed(`${train} --score-weights none`)).toMatch(
    /^1 phew: weights to prune by "none": got no such file/,
  );
  expect(await failed(`${train} --start-weights ${run}@rewind`)).toMatch(
    /got a run without rewind\.safetensors.*--rewind-step or --rewind-epoch/,
  );
  expect(await failed(`train mlp ${TRAINING} --density 0.1 --start-weights ${run}`)).toMatch(
    /got a run of lenet5, expected one of mlp/,
  );
  expect(
    await failed(`train mlp ${TRAINING} --density 0.1 --score-weights ${run}/checkpoint.safetensors`),
  ).toMatch(/^1 phew: .*missing|^1 phew: .*got/);
  expect(await failed(`${train} --method random --within ${run}`)).toMatch(
    /method random: got a mask to choose the weights within/,
  );
  expect(await failed(`imp lenet5 ${TRAINING} --density 0.1 --method random`)).toMatch(
    /^1 phew: method random: got a mask to choose/,
  );
  expect(await failed(`imp lenet5 ${TRAINING} --density 0.1 --rewind-epoch 9`)).toMatch(
    /^1 phew: rewinding: got to epoch 9/,
  );
  expect(readdirSync(path.join(folder, "runs"))).toEqual(["train"]);
  expect(readdirSync(path.join(folder, "runs", "train"))).toHaveLength(1);

  // a configuration means the bytes it was made for
  const config = JSON.parse(readFileSync(path.join(folder, run, "config.json"), "utf8")).config;
  const sourceDigests = { scoreWeights: `sha256:${"0".repeat(64)}` };
  const changed = { ...config, method: "magnitude", density: 0.1, scoreWeights: run, sourceDigests };
  writeFileSync(path.join(folder, "changed.json"), JSON.stringify({ config: changed }));
  expect(await failed("train --config changed.json")).toMatch(
    /got another file than the configuration was made for/,
  );
});

it("takes by default as many rounds as remove a fifth each", () => {
  expect([1, 0.8, 0.64, 0.5, 0.05].map(usualRoundCount)).toEqual([1, 1, 2, 4, 14]);
});

it("leaves its rounds as a plan, of which screens know those that wait, and none once it has ended", async () => {
  const folder = scratchFolder();
  const child = spawn(process.execPath, [bin, ...IMP], { cwd: folder, stdio: "ignore" });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const experiment = path.join(folder, "runs", "imp");
  const list = new SweepList(experiment);
  const waiting = () => (existsSync(experiment) ? list.refresh(listRuns(experiment)) : []);
  let seen: readonly RunEntry[] = [];
  while (seen.length < 3 && child.exitCode === null) {
    seen = waiting();
    await sleep(5);
  }
  expect(seen.slice(-3).map(({ id, life, config }) => [id, life, config.density])).toEqual(
    [1, 2, 3].map((round) => [`round-${round}`, "waiting", densityAfter(round, 3, 0.05)]),
  );
  expect(list.sweeps[0]).toMatchObject({ isActive: true, record: { executor: "command", atATime: 1 } });
  expect(list.sweeps[0]!.record.runs.every(({ estimateMs }) => estimateMs! > 0)).toBe(true);
  expect(await ended).toBe(0);
  expect(waiting()).toEqual([]);
  expect(list.sweeps[0]!.isActive).toBe(false);
  expect(list.sweeps[0]!.record.runs.map(({ id }) => id).sort()).toEqual(
    listRuns(experiment).map(({ id }) => id),
  );
});
