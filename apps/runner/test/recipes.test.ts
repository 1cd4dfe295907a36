import { writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { QUIET_DEFAULTS } from "../src/settings/configuration.ts";
import { listRecipes, readRecipe } from "../src/settings/files.ts";
import { filesBelow, phew, readText, scratchFolder } from "./phew.ts";

const train = (folder: string, ...args: string[]) =>
  phew(
    [
      "train",
      "lenet5",
      "--density",
      "0.1",
      "--train-count",
      "64",
      "--test-count",
      "32",
      "--no-figures",
      ...args,
    ],
    folder,
  );

describe("recipes", () => {
  it("come with a source each, and PHEW's is as its authors' code has it", () => {
    const recipes = listRecipes();
    expect([...recipes.keys()]).toEqual(["grasp-vgg", "phew", "short", "synflow"]);
    for (const { source, summary } of recipes.values())
      expect(`${source}${summary}`.length).toBeGreaterThan(40);
    expect(readRecipe("phew").settings).toEqual({
      epochs: 160,
      batchSize: 128,
      rate: 0.1,
      momentum: 0.9,
      nesterov: true,
      weightDecay: 1e-4,
      schedule: "step",
      drops: [0.5, 0.75],
      dropFactor: 0.1,
      augmentation: "usual",
    });
    // of 160 epochs: 60 and 120
    expect(readRecipe("synflow").settings.drops!.map((drop) => drop * 160)).toEqual([60, 120]);
  });

  it.each([
    ['{"settings":{"epoch":3}}', /settings\.epoch: got an unknown name.*Did you mean "epochs"/],
    ['{"settings":{"epochs":0}}', /settings\.epochs: got 0, expected a whole number of at least 1/],
    ['{"settings":{"augmentation":"crop"}}', /settings\.augmentation: got "crop", expected none, usual/],
    ['{"settings":{"model":"lenet5"}}', /settings\.model: got an unknown name/],
    ['{"setting":{}}', /got (an unknown name|nothing)/],
    ["{", /broken JSON/],
    ["[]", /recipe\.json/],
  ])("refuses %s", (text, message) => {
    const file = path.join(scratchFolder(), "recipe.json");
    writeFileSync(file, text);
    expect(() => readRecipe(file)).toThrow(message);
  });

  it("names the nearest where there is none of a name", () => {
    expect(() => readRecipe("pehw")).toThrow(/recipe: got "pehw".*Did you mean "phew"/);
  });

  it("go behind the command line and before the defaults; the run's hash knows values alone", async () => {
    const folder = scratchFolder();
    const settings = {
      epochs: 3,
      batchSize: 16,
      nesterov: false,
      validation: 0.25,
      patience: 2,
      clipNorm: 1,
    };
    writeFileSync(path.join(folder, "own.json"), JSON.stringify({ settings }));
    const outcome = await train(folder, "--recipe", "own.json", "--epochs", "1", "--json");
    expect(outcome.stderr).toBe("");
    const { config, folder: run } = JSON.parse(outcome.stdout);
    expect(config).toMatchObject({ ...QUIET_DEFAULTS, ...settings, epochs: 1 });
    expect(filesBelow(path.join(folder, run))).toContain("best.safetensors");
    // the same settings given one by one are the same run
    const flags = ["--batch-size", "16", "--no-nesterov", "--validation", "0.25", "--patience", "2"];
    const again = await train(folder, ...flags, "--clip-norm", "1", "--epochs", "1", "--json");
    expect(JSON.parse(again.stdout)).toMatchObject({ skipped: true, folder: run });
    const events = readText(path.join(folder, run, "events.jsonl"));
    expect(events).toMatch(/"validationAccuracy":/);
    expect(events).toMatch(/"testAccuracy5":/);
    expect(readText(path.join(folder, run, "metrics.csv")).split("\n")[0]).toBe(
      "epoch,loss,accuracy,validation_loss,validation_accuracy,validation_accuracy5," +
        "test_loss,test_accuracy,test_accuracy5,rate",
    );
  });

  it("keep the hash of a configuration that says nothing new", async () => {
    const folder = scratchFolder();
    const plain = JSON.parse((await train(folder, "--epochs", "1", "--json")).stdout);
    const outcome = await train(
      folder,
      "--epochs",
      "1",
      "--schedule",
      "step",
      "--warmup-epochs",
      "0",
      "--json",
    );
    expect(JSON.parse(outcome.stdout)).toMatchObject({ skipped: true, folder: plain.folder });
  });

  it("refuse patience where nothing is set aside, before anything is written", async () => {
    const folder = scratchFolder();
    const { exitCode, stderr } = await train(folder, "--patience", "3");
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/patience: got a data set without validation examples.*--validation 0\.1/);
  });
});
