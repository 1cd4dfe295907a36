/** `phew knee` over made-up runs: which examples decide; and the control of a density that a run found. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { RunWriter, readRun, runAccuracy } from "@phew/runs";
import { beforeAll, describe, expect, it } from "vitest";
import { isLong } from "../../../vitest.long.ts";
import { controlOf, trainCommand } from "../src/settings/commandText.ts";
import { checkTrainConfig } from "../src/settings/files.ts";
import { type AccuracyOf, halved, rungs, trainHalving } from "../src/sweep/halving.ts";
import type { SweepRun } from "../src/sweep/sweepTasks.ts";
import { lastingFolder, phew } from "./phew.ts";

const folder = lastingFolder();

/** Runs of densities and a dense network: a knee at 0.2 by validation, at 0.4 by test. */
function makeRuns(experiment: string, validated: boolean): void {
  for (const density of [0.1, 0.2, 0.4, 1]) {
    for (const seed of [0, 1, 2]) {
      const method = density === 1 ? "dense" : "phew";
      const own = { model: "mlp", dataset: "glyphs", method, density, ...(validated && { validation: 0.1 }) };
      const name = `${density} ${seed}`;
      const config = { ...own, seed };
      const place = { root: path.join(folder, "runs"), experiment, name, config: own, defaults: {}, seed };
      const writer = RunWriter.open(place);
      writer.append({ kind: "run.started", name, config });
      writer.append({
        ...{ kind: "train.epoch", epoch: 1, loss: 1, accuracy: 0.5, testLoss: 1, rate: 0.1, elapsedMs: 9 },
        testAccuracy: density < 0.4 ? 0.5 : 0.9,
        ...(validated && { validationLoss: 1, validationAccuracy: density < 0.2 ? 0.5 : 0.9 }),
      });
      writer.close({ state: "finished" });
    }
  }
}

beforeAll(() => {
  makeRuns("validated", true);
  makeRuns("tested", false);
});

describe("phew knee", () => {
  it.each([
    ["validated", "validation", 0.2],
    ["tested", "test", 0.4],
  ])("of %s runs goes by the %s examples, and says so", async (experiment, by, most) => {
    const found = await phew(
      ["knee", path.join("runs", experiment), "--tolerance", "0.01", "--json"],
      folder,
    );
    const document = JSON.parse(found.stdout);
    expect(document.by).toBe(by);
    // between the density that is not good enough and the one that is
    expect(document.knees[0].density).toBeLessThanOrEqual(most);
    expect(document.knees[0].density).toBeGreaterThan(0.9 * most);
    const { stdout } = await phew(["knee", path.join("runs", experiment)], folder);
    expect(stdout).toContain(`Accuracies are of the ${by} examples`);
  });
});

describe("successive halving", () => {
  it("keeps half of the densities, nearest to the knee, those on either side of it in any case", () => {
    expect(halved([0.4, 0.01, 0.02, 0.05, 0.1, 0.2], 0.06)).toEqual([0.02, 0.05, 0.1]);
    // 0.99 is nearer to 0.5 than 0.01 is, but the neighbours of 0.5 go first
    expect(halved([0.01, 0.8, 0.9, 0.99], 0.5)).toEqual([0.01, 0.8]);
    expect(halved([0.1, 0.2, 0.4], undefined)).toEqual([0.2, 0.4]);
    expect(halved([0.1, 0.2, 0.4], 0.05)).toEqual([0.1, 0.2]);
    expect(halved([0.1, 0.2], 0.5)).toEqual([0.1, 0.2]);
  });

  it("has 1, 2, 4 … seeds in its rungs, all in the last", () => {
    expect(rungs([7, 8, 9, 10, 11])).toEqual([[7], [7, 8], [7, 8, 9, 10], [7, 8, 9, 10, 11]]);
    expect(rungs([3])).toEqual([[3]]);
  });

  it("trains few seeds of densities far from the knee, and finds the knee of all runs", async () => {
    const densities = [0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8];
    const all = [0, 1, 2, 3].flatMap((seed) =>
      [...densities, 1].map((density) => {
        const config = { method: density === 1 ? "dense" : "phew", density, seed };
        return { id: `${density}-${seed}`, config } as unknown as SweepRun;
      }),
    );
    const trained: string[] = [];
    // as good as dense from 0.1 on
    const accuracyOf: AccuracyOf = ({ config }) => (config.density < 0.1 ? 0.5 : 0.9);
    const train = async (rung: readonly SweepRun[]) => void trained.push(...rung.map(({ id }) => id));
    const needed = await trainHalving(all, 0.01, train, accuracyOf);
    const seedsOf = (density: number) => needed.filter(({ config }) => config.density === density).length;
    // rungs of 8, 4 and 2 densities with 1, 2 and 4 seeds
    expect(densities.map(seedsOf)).toEqual([1, 1, 4, 4, 2, 2, 1, 1]);
    expect(seedsOf(1)).toBe(4);
    expect(new Set(trained)).toEqual(new Set(needed.map(({ id }) => id)));
  });

  const sweepOf = (densities: readonly number[], seeds: number) => ({
    settings: {
      ...{ model: "mlp", dataset: "glyphs", epochs: 1, trainCount: 60, testCount: 20, batchSize: 20 },
      validation: 0.2,
    },
    grid: { density: densities },
    list: [{ method: "dense" }],
    seeds,
  });

  it.each([
    ["one seed, which all densities need", [0.1, 0.3], 1, 3, 0],
    ...(isLong
      ? [["two seeds, of which half of the densities need one", [0.02, 0.1, 0.3, 0.6], 2, 8, 2] as const]
      : []),
  ] as const)(
    "of a sweep file with %s, trains these and no other, once",
    async (_, densities, seeds, trained, saved) => {
      const file = `halved${seeds}.json`;
      writeFileSync(path.join(folder, file), JSON.stringify(sweepOf(densities, seeds)));
      const args = ["knee", file, "--tolerance", "0.2", "--workers", "2"];
      const { stdout, stderr, exitCode } = await phew(args, folder);
      expect(exitCode, stderr).toBe(0);
      expect(stdout).toContain(
        `Successive halving trained ${trained} of ${trained + saved} runs: ${saved} saved.`,
      );
      const again = JSON.parse((await phew([...args, "--json"], folder)).stdout);
      expect(again).toMatchObject({ by: "validation", trained, saved });
      expect(again.knees[0].runCount).toBe(trained - seeds);
    },
  );

  it("refuses what would do nothing, and a sweep without a knee", async () => {
    const refused = async (...args: string[]) => {
      const { stderr, exitCode } = await phew(["knee", ...args], folder);
      expect([1, 2]).toContain(exitCode);
      return stderr;
    };
    expect(await refused("runs", "--workers", "2")).toContain(
      "--workers: got 2 beside the folder runs, of which nothing is trained, expected it beside a sweep file",
    );
    writeFileSync(
      path.join(folder, "flat.json"),
      JSON.stringify({ settings: { model: "mlp", density: 0.1 } }),
    );
    expect(await refused("flat.json")).toContain("flat.json: got 1 density, no dense network");
  });
});

const USUAL = { seed: 0, epochs: 10, batchSize: 64, rate: 0.02, executor: "sparse" };

describe("the control of a density that was found", () => {
  const config = (own: object) =>
    checkTrainConfig("config", {
      model: "lenet5",
      dataset: "glyphs",
      method: "phew",
      density: 1,
      ...USUAL,
      ...own,
    });

  it("is the same training with masks of that density that stay", () => {
    const given = config({
      rule: "path-find",
      ruleOptions: { growth: 0.4 },
      validation: 0.1,
      epochs: 30,
      seed: 3,
    });
    const command = trainCommand(controlOf(given, 0.295123456)!, "train");
    expect(command).toBe("phew train lenet5 --validation 0.1 --density 0.2951235 --seed 3 --epochs 30");
  });

  it("is none of a run that was asked for its density", () => {
    expect(controlOf(config({ rule: "rigl", density: 0.1 }), 0.1)).toBeUndefined();
    expect(controlOf(config({ density: 0.1 }), 0.1)).toBeUndefined();
  });

  it("is trained behind the run, unless it is not wanted", async () => {
    const train = [
      ...[
        "train",
        "mlp",
        "--dataset",
        "glyphs",
        "--train-count",
        "60",
        "--test-count",
        "20",
        "--epochs",
        "4",
      ],
      ...[
        "--density",
        "auto",
        "--rule",
        "pals",
        "--method",
        "erk",
        "--validation",
        "0.2",
        "--no-figures",
        "--json",
      ],
    ];
    const alone = JSON.parse((await phew([...train, "--no-control"], folder)).stdout);
    expect(alone.controlRun).toBeUndefined();
    const { config, controlRun } = JSON.parse((await phew(train, folder)).stdout);
    const { rule: _, ruleOptions: __, ...kept } = config;
    expect({ ...controlRun.config, density: 0 }).toEqual({ ...kept, density: 0 });
    const { config: written, state } = readRun(path.join(folder, controlRun.folder));
    expect([written.density, written.rule]).toEqual([controlRun.config.density, undefined]);
    expect(controlRun.testAccuracy).toBe(runAccuracy(state));
  });
});
