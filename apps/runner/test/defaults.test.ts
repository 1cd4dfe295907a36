/** Defaults of the user's own: `phew.config.json` and variables `PHEW_…`. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { type Environment, phew, readText, scratchFolder } from "./phew.ts";

const QUICK = "--train-count 16 --test-count 8 --threads 1 --no-figures".split(" ");

function writeDefaults(folder: string, defaults: unknown): void {
  const text = typeof defaults === "string" ? defaults : JSON.stringify(defaults);
  writeFileSync(path.join(folder, "phew.config.json"), text);
}

/** The configuration that a run was given, and the notes on defaults. */
async function trained(folder: string, line: string, environment: Environment = {}, where = folder) {
  const args = ["train", ...line.split(" ").filter(Boolean), ...QUICK];
  const { stderr, stdout, exitCode } = await phew(args, where, environment);
  expect(exitCode, stderr).toBe(0);
  const run = /Everything is in ([^,]*\d)[,.]/.exec(stdout)![1]!;
  const { config, experiment } = JSON.parse(readText(path.join(where, run, "config.json")));
  return { run, config, experiment, note: /^note: defaults from .*$/m.exec(stderr)?.[0] };
}

describe("the order of what is taken", () => {
  it("is the command line, the recipe, variables, the file, what is built in", async () => {
    const folder = scratchFolder();
    writeDefaults(folder, {
      density: 0.5,
      epochs: 3,
      rate: 0.5,
      batchSize: 4,
      momentum: 0.5,
      drops: [],
      weightDecay: 0,
    });
    writeFileSync(path.join(folder, "recipe.json"), JSON.stringify({ settings: { batchSize: 8 } }));
    const { config, note } = await trained(folder, "mlp --epochs 1 --recipe recipe.json", {
      PHEW_RATE: "0.25",
      PHEW_EPOCHS: "2",
      PHEW_NESTEROV: "no",
      PHEW_SEED: "",
    });
    expect(config).toMatchObject({
      ...{ epochs: 1, batchSize: 8, rate: 0.25, nesterov: false },
      ...{ density: 0.5, momentum: 0.5, drops: [], weightDecay: 0, method: "phew", seed: 0 },
    });
    // the recipe overrides the batch size later
    const [variables, keys] = note!.replace("note: defaults from ", "").split(", phew.config.json: ");
    expect(variables!.split(", ").sort()).toEqual(["PHEW_NESTEROV", "PHEW_RATE"]);
    expect(keys!.split(", ").sort()).toEqual(["batchSize", "density", "drops", "momentum", "weightDecay"]);
  });

  it("gives the run that the command line would, which its config.json carries on elsewhere", async () => {
    const folder = scratchFolder();
    const said = await trained(
      folder,
      "mlp --density 0.5 --epochs 1 --rate 0.1 --option bias=square --seed 2",
    );
    writeDefaults(folder, { epochs: 1, options: { bias: "square" }, threads: 1, limit: "10m" });
    const taken = await trained(folder, "mlp", { PHEW_DENSITY: "0.5", PHEW_RATE: "0.1", PHEW_SEED: "2" });
    expect(taken.run).toBe(said.run);
    expect(taken.config).toEqual(said.config);
    // with other defaults around it
    const other = scratchFolder();
    writeDefaults(other, { epochs: 9, experiment: "other", runs: "there" });
    const file = path.join(folder, said.run, "config.json");
    const { stdout, stderr } = await phew(["train", "--config", file, ...QUICK.slice(4)], other, {
      PHEW_RATE: "3",
    });
    expect(stdout, stderr).toContain(`Everything is in there/${said.run.replace(/^runs\//, "")}`);
  });

  it("takes the file of the nearest folder above", async () => {
    const folder = scratchFolder();
    const inner = path.join(folder, "a", "b");
    mkdirSync(inner, { recursive: true });
    writeDefaults(folder, { density: 0.5, epochs: 1 });
    expect(await trained(folder, "mlp", {}, inner)).toMatchObject({
      config: { density: 0.5, epochs: 1 },
      note: "note: defaults from ../../phew.config.json: density, epochs",
    });
    writeDefaults(path.join(folder, "a"), { density: 0.25, epochs: 1 });
    expect((await trained(folder, "mlp", {}, inner)).config.density).toBe(0.25);
  });
});

describe("a default yields", () => {
  it("to the command line, where the two do not go together", async () => {
    const folder = scratchFolder();
    writeDefaults(folder, {
      method: "phew",
      density: 0.5,
      options: { bias: "square" },
      epochs: 1,
      momentum: 0.5,
    });
    expect((await trained(folder, "mlp --method dense")).config).toMatchObject({
      density: 1,
      options: {},
      momentum: 0.5,
    });
    expect((await trained(folder, "mlp --method random")).config).toMatchObject({
      density: 0.5,
      options: {},
    });
    expect((await trained(folder, "mlp --optimiser adamw")).config).not.toHaveProperty("momentum");
    const other = await phew("prune mlp --method snip --density 0.5".split(" "), folder, {
      PHEW_DATASET: "glyphs",
    });
    expect(other.stderr).toMatch(/--batch/);
  });
});

it("verbs take what they have as options, several densities among them, and the folder of runs", async () => {
  const folder = scratchFolder();
  writeDefaults(folder, { density: 0.25, runs: "kept", epochs: 1, dataDir: "nowhere" });
  const pruned = async (line: string, environment: Environment, where: string) => {
    const { stdout } = await phew([...line.split(" "), "--json"], where, environment);
    return JSON.parse(stdout).masks.map((mask: object) => ({ ...mask, elapsedMs: 0 }));
  };
  const said = await pruned("prune mlp --density 0.25 --seed 5", {}, scratchFolder());
  expect(await pruned("prune mlp", { PHEW_SEED: "5" }, folder)).toEqual(said);
  expect(await pruned("prune mlp", { PHEW_SEED: "6" }, folder)).not.toEqual(said);
  const { run } = await trained(folder, "mlp");
  expect(run).toMatch(/^kept\//);
  for (const line of ["runs list", "watch --once", "report --no-figures"]) {
    const { stdout, exitCode } = await phew(line.split(" "), folder);
    expect(exitCode).toBe(0);
    expect(stdout, line).toContain(path.basename(run));
  }
  // the folder is that of the file, wherever phew is called below it, and a theme may stand beside it
  const below = path.join(folder, "below");
  mkdirSync(below);
  writeDefaults(folder, { runs: "kept", theme: "light" });
  const ascii = await phew(["watch", "--once"], below, { LC_ALL: "C" });
  expect(ascii.stdout, ascii.stderr).toContain(path.join("..", run));
  expect(ascii.stdout).toMatch(/^[\n -~]+$/);
  expect((await phew(["watch", "--once"], below, { PHEW_THEME: "pink" })).stderr).toMatch(
    /^phew: PHEW_THEME: got "?pink/m,
  );
  writeDefaults(folder, { runs: "kept", theme: "pink" });
  expect((await phew(["watch", "--once"], below)).stderr).toMatch(/^phew: .*theme: .*terminal/m);
  writeDefaults(folder, { runs: "kept" });
  expect((await phew(["runs", "list", "--runs", "runs"], folder)).stderr).toMatch(/runs: .*not there/);
  const quiet = await phew(["runs", "list"], folder, { PHEW_QUIET: "1" });
  expect(quiet.stderr).toMatch(/^note: defaults from phew\.config\.json: runs/);
  expect((await phew(["analyze", "mlp"], folder, { PHEW_QUIET: "yes" })).stderr).toBe("");
});

describe("errors name the file or variable and the setting, before any work", () => {
  it.each<[unknown, Environment, RegExp, number]>([
    ['{ "epochs": ', {}, /^phew: phew\.config\.json: got broken JSON/, 1],
    [{ epohcs: 1 }, {}, /^phew: phew\.config\.json: epohcs: got an unknown name.*Did you mean "epochs"/, 1],
    [{ epochs: "1" }, {}, /^phew: phew\.config\.json: epochs: got "1", expected a whole number/, 1],
    [{ density: 5 }, {}, /^phew: phew\.config\.json: density: got 5, expected the fraction/, 1],
    [{ limit: "long" }, {}, /^phew: phew\.config\.json: limit: got "long"/, 2],
    [{ force: true }, {}, /^phew: phew\.config\.json: force: got an unknown name/, 1],
    [[], {}, /^phew: phew\.config\.json/, 1],
    [{}, { PHEW_EPOHCS: "1" }, /^phew: PHEW_EPOHCS: .*Did you mean PHEW_EPOCHS/, 2],
    [{}, { PHEW_TEST_COUNT: "few" }, /^phew: PHEW_TEST_COUNT: got "few"/, 2],
    [{}, { PHEW_TEST_CONUT: "9" }, /^phew: PHEW_TEST_CONUT: .*Did you mean PHEW_TEST_COUNT\?/, 2],
    [{}, { PHEW_EPOCHS: "few" }, /^phew: PHEW_EPOCHS: got "few"/, 2],
    [{}, { PHEW_DENSITY: "5%" }, /^phew: PHEW_DENSITY: got "5%".*pass 0\.05/, 2],
    [{}, { PHEW_METHOD: "phwe" }, /^phew: PHEW_METHOD: got "phwe".*Did you mean "phew"/, 2],
    [{}, { PHEW_STRICT: "maybe" }, /^phew: PHEW_STRICT: got "maybe", expected 1 or 0/, 2],
    [{}, { PHEW_FORCE: "1" }, /^phew: PHEW_FORCE: got a variable of no setting/, 2],
    [{}, { PHEW_OPTION: "bias" }, /^phew: PHEW_OPTION: got "bias", expected name=value/, 2],
  ])("%j %j", async (defaults, environment, message, exitCode) => {
    const folder = scratchFolder();
    writeDefaults(folder, defaults);
    const outcome = await phew("train mlp --density 0.5 --epochs 1".split(" "), folder, environment);
    expect(outcome).toMatchObject({ exitCode, stdout: "" });
    expect(outcome.stderr).toMatch(message);
    expect(outcome.stderr.trimEnd().split("\n")).toHaveLength(1);
  });
});

it("variables that name a setting, and that a sweep does not take, are named", async () => {
  const folder = scratchFolder();
  const settings = { model: "mlp", dataset: "glyphs", trainCount: 16, testCount: 8, epochs: 1, density: 0.5 };
  writeFileSync(path.join(folder, "sweep.json"), JSON.stringify({ settings }));
  const variables = { PHEW_TEST_COUNT: "4", PHEW_THREADS: "1" };
  const { stderr, exitCode } = await phew(["sweep", "sweep.json", "--dry-run"], folder, variables);
  expect([exitCode, stderr]).toEqual([
    0,
    "note: defaults from PHEW_THREADS\nnote: PHEW_TEST_COUNT not used: runs of a sweep have the settings of its file alone\n",
  ]);
});
