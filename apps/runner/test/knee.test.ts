/** `phew knee` over made-up runs: which examples decide; and the control of a density that a run found. */
import path from "node:path";
import { RunWriter } from "@phew/runs";
import { beforeAll, describe, expect, it } from "vitest";
import { controlCommand } from "../src/settings/commandText.ts";
import { checkTrainConfig } from "../src/settings/files.ts";
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
    const command = controlCommand(given, "train", 0.295123456)!;
    expect(command).toBe("phew train lenet5 --validation 0.1 --density 0.2951235 --seed 3 --epochs 30");
  });

  it("is none of a run that was asked for its density", () => {
    expect(controlCommand(config({ rule: "rigl", density: 0.1 }), "train", 0.1)).toBeUndefined();
    expect(controlCommand(config({ density: 0.1 }), "train", 0.1)).toBeUndefined();
  });
});
