/** phew sweep as a user calls it: what it shows before, on the pool, on Slurm, and what it refuses. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { checks, pruners } from "@phew/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isLong } from "../../../vitest.long.ts";
import { sweepShape } from "../src/settings/files.ts";
import { planSweep } from "../src/sweep/sweepPlan.ts";
import { checkRuns } from "../src/sweep/sweepTasks.ts";
import { bin, phew, readText, scratchFolder } from "./phew.ts";
import { type SlurmMachine, slurmMissing, startSlurm } from "./slurmMachine.ts";

const settings = {
  model: "lenet5",
  dataset: "glyphs",
  classCount: 3,
  trainCount: 48,
  testCount: 24,
  epochs: 1,
  batchSize: 16,
};

function sweepFile(folder: string, document: object): string {
  const file = path.join(folder, "sweep.json");
  writeFileSync(file, JSON.stringify(document));
  return file;
}

async function json(args: readonly string[], folder: string, environment = {}) {
  const { stdout, stderr } = await phew([...args, "--json"], folder, environment);
  expect(stdout, stderr).not.toBe("");
  return JSON.parse(stdout);
}

const results = (folder: string) =>
  ["txt", "csv", "md"].map((end) => readText(path.join(folder, `results.${end}`)));

describe("a sweep of 6 runs", () => {
  const file = {
    experiment: "both",
    settings,
    grid: { method: ["phew"], density: [0.1, 0.05] },
    list: [{ method: "dense" }],
    seeds: 2,
  };
  // both executors have it, and paths with a blank in them
  let folder = "";
  let slurm: SlurmMachine | undefined;
  const missing = slurmMissing();

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "phew sweep-"));
    if (missing === undefined) slurm = await startSlurm();
  });
  afterAll(async () => {
    await slurm?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("shows its runs and an estimate, carries them out on the pool, and skips them the second time", async () => {
    sweepFile(folder, file);
    const before = await json(["sweep", "sweep.json", "--dry-run"], folder);
    expect(before.runs.length).toBe(6);
    expect(before.sources).toEqual({ same: 0, scaled: 0, guessed: 6 });
    expect(existsSync(path.join(folder, "runs"))).toBe(false);

    const done = await json(["sweep", "sweep.json", "--runs", "on pool", "--workers", "3"], folder);
    expect(done.runs.map((run: { state: string }) => run.state)).toEqual(Array(6).fill("finished"));
    expect(done.results.length).toBe(3);
    expect(done.results.every((row: { seeds: number }) => row.seeds === 2)).toBe(true);

    // figures are left when it ends, of all its runs
    const drawn = done.files.filter((name: string) => name.endsWith(".svg"));
    expect(drawn.map((name: string) => path.basename(name))).toEqual(
      expect.arrayContaining(["accuracy-over-density.svg", "learning-curves.svg", "layer-widths.svg"]),
    );
    for (const name of drawn) expect(readText(path.join(folder, name))).toContain("<svg");

    const statusFile = path.join(folder, "on pool", "both", done.runs[0].id, "status.json");
    const status = readText(statusFile);
    expect((await phew(["sweep", "sweep.json", "--runs", "on pool"], folder)).stdout).toMatch(
      /both: 6 runs: 6 finished/,
    );
    expect(readText(statusFile)).toBe(status);
    const after = await json(["sweep", "sweep.json", "--runs", "on pool", "--dry-run"], folder);
    expect(after).toMatchObject({ totalMs: 0, sources: { same: 0, scaled: 0, guessed: 0 } });
  });

  it.skipIf(missing !== undefined)(
    `gives the same table on Slurm, byte for byte${missing ? `: ${missing}` : ""}`,
    async () => {
      const { environment, ask } = slurm!;
      const args = ["sweep", "sweep.json", "--runs", "on slurm", "--on", "slurm"];
      const submitted = await json(
        [...args, "--throttle", "3", "--sbatch", "--time=10 --comment='two words'"],
        folder,
        environment,
      );
      expect(submitted.hands[0]).toMatch(/^job \d+ of Slurm: /);
      // what is in the queue is not submitted again
      expect((await phew(args, folder, environment)).stdout).toMatch(
        /nothing to submit; \d+ runs in the queue already/,
      );
      await queueEmpty(ask);
      const after = await json([...args, "--status"], folder, environment);
      expect(after.runs.map((run: { state: string }) => run.state)).toEqual(Array(6).fill("finished"));
      expect(results(path.join(folder, "on slurm", "both"))).toEqual(
        results(path.join(folder, "on pool", "both")),
      );
    },
  );

  it.runIf(missing === undefined && isLong)(
    `on Slurm, checkpoints and goes back into the queue when Slurm signals that the time is up, and is cancelled${missing ? `: ${missing}` : ""}`,
    async () => {
      const { environment, ask } = slurm!;
      const long = {
        experiment: "long",
        settings: { ...settings, trainCount: 6000, epochs: 500, density: 0.1 },
      };
      writeFileSync(path.join(folder, "long.json"), JSON.stringify(long));
      const args = ["sweep", "long.json", "--on", "slurm"];
      const submitted = await json(args, folder, environment);
      const run = path.join(submitted.folder, submitted.runs[0].id);
      const jobId = submitted.hands[0].match(/job (\d+)/)[1];
      await until(() => statusOf(run)?.summary?.phase === "training");
      ask("scancel", "--signal=USR1", "--batch", `${jobId}_0`);
      await until(() => statusOf(run)?.state === "interrupted");
      const first = statusOf(run).pid;
      await until(() => statusOf(run)?.state === "running" && statusOf(run).pid !== first);
      const log = path.join(submitted.folder, ".sweep", "logs", `${submitted.runs[0].id}.log`);
      expect(readText(log)).toMatch(/time limit: back into the queue/);
      expect((await phew(["sweep", "long.json"], folder, environment)).stderr).toMatch(
        /a sweep in other hands: job/,
      );

      await until(() => statusOf(run)?.summary?.phase === "training");
      expect((await phew([...args, "--cancel"], folder, environment)).stdout).toMatch(
        /cancelled 1 run in the queue of Slurm/,
      );
      await queueEmpty(ask);
      await until(() => statusOf(run)?.state === "interrupted");
    },
  );
});

it("lists what failed with its error, goes on with the others, and runs it again with --retry", async () => {
  const folder = scratchFolder();
  sweepFile(folder, {
    settings: { ...settings, density: 0.1 },
    // a rate at which the weights leave the numbers
    zip: [{ rate: [1e30, 0.02] }],
  });
  const first = await phew(["sweep", "sweep.json"], folder);
  expect(first.exitCode).toBe(1);
  expect(first.stdout).toMatch(/sweep: 2 runs: 1 finished, 1 failed\./);
  // while it goes on
  expect(first.stderr).toMatch(/^failed: rate 1e\+30: .* \(runs\/sweep\/[0-9a-f]+-0\)$/m);
  expect(first.stdout).toMatch(
    /1 run did not succeed .*\n {2}[0-9a-f]+-0 {2}rate 1e\+30: .*(loss|number|diverge)/i,
  );
  const started = (id: string) =>
    JSON.parse(readText(path.join(folder, "runs", "sweep", id, "status.json"))).startedT as number;
  const { failures } = await json(["sweep", "sweep.json"], folder);
  expect(failures.length).toBe(1);
  const before = started(failures[0].id);
  const again = await phew(["sweep", "sweep.json", "--retry", "--quiet"], folder);
  expect([again.exitCode, again.stderr]).toEqual([1, ""]);
  expect(started(failures[0].id)).toBeGreaterThan(before);
  expect((await phew(["sweep", "sweep.json", "--logs"], folder)).stdout).toContain(failures[0].id);
  expect((await phew(["sweep", "sweep.json", "--logs", "nobody"], folder)).exitCode).toBe(2);
});

describe("a sweep file", () => {
  const plan = async (document: object) => {
    const folder = scratchFolder();
    const shared = { model: "mlp", dataset: "glyphs", trainCount: 640, testCount: 20, epochs: 9 };
    const file = sweepFile(folder, {
      ...document,
      settings: { ...shared, ...(document as Fields).settings },
    });
    return await planSweep(file, { runs: path.join(folder, "runs") });
  };
  type Fields = { readonly settings?: object };

  it("is told where options belong, of each method, check and rule, and settings that stand outside", async () => {
    const all = [
      ...[...pruners.values()].flatMap(({ options = {} }) => Object.keys(options)),
      ...[...checks.values()].flatMap(({ options = {} }) => Object.keys(options)),
      ...["alpha", "zeta", "heat", "grow"],
    ].filter((name) => !Object.hasOwn(sweepShape, name));
    expect(all).toContain("bias");
    for (const name of all)
      await expect(plan({ grid: { [name]: ["a", 1] } }), name).rejects.toThrow(
        new RegExp(
          `: grid\\.${name}: got an option of the .*"(o|checkO|ruleO)ptions": \\[\\{ "${name}": "a" \\}, \\{ "${name}": 1 \\}\\]`,
        ),
      );
    await expect(plan({ list: [{ bias: "square" }] })).rejects.toThrow(
      /: list\[0\]\.bias: got an option of the method phew, .*Write "options": \{ "bias": "square" \}\./,
    );
    await expect(plan({ density: [0.1, 0.2] })).rejects.toThrow(
      /Put it into "grid": \{ "density": \[0\.1,0\.2\] \}/,
    );
  });

  it("may leave settings out in some of its runs, and the density to a rule that finds it", async () => {
    const rulesOf = async (document: object) => (await plan(document)).runs.map(({ config }) => config.rule);
    const settings = { density: 0.1 };
    expect(await rulesOf({ settings, grid: { rule: ["none", "set", null] } })).toEqual([undefined, "set"]);
    const { runs } = await plan({ settings, grid: { check: ["none", "shuffle"], init: [null, "normal"] } });
    expect(runs.map(({ config }) => [config.check, config.init])).toEqual([
      [undefined, undefined],
      [undefined, "normal"],
      ["shuffle", undefined],
      ["shuffle", "normal"],
    ]);
    const auto = { rule: "path-find", validation: 0.1 };
    const [found, asked] = (await plan({ settings: auto, grid: { density: ["auto", null, 0.5] } })).runs;
    expect([found!.config.density, asked!.config.density]).toEqual([1, 0.5]);
    await expect(plan({ settings: { density: "auto" } })).rejects.toThrow(
      /density: got "auto" without a rule that finds it.*"rule": "path-find" and "validation": 0\.1/,
    );
  });
});

it("is interrupted by Ctrl-C with 130, and its runs with it, at a checkpoint", async () => {
  const folder = scratchFolder();
  sweepFile(folder, { settings: { ...settings, density: 0.1, epochs: 400 }, seeds: 2 });
  const child = spawn(process.execPath, [bin, "sweep", "sweep.json"], { cwd: folder, stdio: "ignore" });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const ids = (await json(["sweep", "sweep.json", "--dry-run"], folder)).runs.map(
    (run: { id: string }) => run.id,
  );
  const folders = ids.map((id: string) => path.join(folder, "runs", "sweep", id));
  await until(() => folders.every((run: string) => statusOf(run)?.summary?.phase === "training"));
  child.kill("SIGINT");
  expect(await ended).toBe(130);
  expect(folders.map((run: string) => statusOf(run).state)).toEqual(["interrupted", "interrupted"]);
  expect((await phew(["sweep", "sweep.json", "--status"], folder)).stdout).toMatch(/2 runs: 2 interrupted/);
});

it.each<[string, object, RegExp]>([
  [
    "a dense run of another density",
    { grid: { method: ["dense", "phew"], density: [0.1] } },
    /density: got 0\.1 for a dense run.*Put .* into "list"/,
  ],
  ["no density", { settings: {} }, /density: got nothing.*such as 0\.05/],
  [
    "a density that keeps no weight",
    { grid: { density: [0.1, 1e-7] } },
    /run \{.*1e-7.*\}: density: got 1e-7, less than one of [\d,]+ weights/,
  ],
  [
    "an option of another method",
    { list: [{ density: 0.1 }, { density: 0.1, method: "magnitude", options: { bias: "square" } }] },
    /option of magnitude/,
  ],
  [
    "a data set whose files are not there",
    { list: [{ density: 0.1 }, { density: 0.1, dataset: "mnist", dataDir: "/nowhere" }] },
    /mnist.*nowhere/,
  ],
  [
    "an unknown model",
    { settings: { model: "lenet6" } },
    /settings\.model: got "lenet6".*Did you mean "lenet5"\?/,
  ],
])("refuses %s before any run is begun", async (_, document, message) => {
  const folder = scratchFolder();
  const own = "settings" in document ? (document.settings as object) : {};
  const small = { model: "lenet5", trainCount: 48, testCount: 24 };
  const file = sweepFile(folder, { ...document, settings: { ...small, ...own } });
  const check = async () =>
    checkRuns(file, (await planSweep(file, { runs: path.join(folder, "runs") })).runs);
  await expect(check()).rejects.toThrow(message);
  expect(existsSync(path.join(folder, "runs"))).toBe(false);
});

it("takes what a run does not say from its recipe, each of a grid of recipes too", async () => {
  const folder = scratchFolder();
  writeFileSync(path.join(folder, "own.json"), JSON.stringify({ settings: { epochs: 7, rate: 0.3 } }));
  const own = path.join(folder, "own.json");
  const { epochs: _, ...left } = settings;
  const document = {
    settings: { ...left, density: 0.1, momentum: 0.5 },
    grid: { recipe: ["phew", own], rate: [0.1, 0.2] },
  };
  const plan = (changed: object) =>
    planSweep(sweepFile(folder, { ...document, ...changed }), { runs: path.join(folder, "runs") });
  const { runs } = await plan({});
  expect(runs.map(({ config }) => config)).toMatchObject(
    [
      [160, 0.1],
      [160, 0.2],
      [7, 0.1],
      [7, 0.2],
    ].map(([epochs, rate]) => ({ epochs, rate, batchSize: 16, momentum: 0.5, weightDecay: 1e-4 })),
  );
  // the run is what it trains with, whoever said so
  expect(runs[0]!.config).not.toHaveProperty("recipe");
  const spelt = { ...left, ...{ density: 0.1, momentum: 0.5, epochs: 7, rate: 0.2 } };
  expect((await plan({ settings: spelt, grid: {} })).runs[0]!.id).toBe(runs[3]!.id);
  await expect(plan({ grid: { recipe: ["phwe"] } })).rejects.toThrow(
    /recipe: got "phwe".*Did you mean "phew"/,
  );
  await expect(plan({ grid: { recipe: ["none.json"] } })).rejects.toThrow(/none\.json: got no such file/);
  const { properties } = JSON.parse((await phew(["sweep", "--schema"], folder)).stdout);
  expect(properties.settings.properties.recipe.description).toMatch(/name of a recipe/);
});

it("refuses the command line of a sweep without a file, and options of sbatch with an open quote", async () => {
  const folder = scratchFolder();
  sweepFile(folder, { settings: { ...settings, density: 0.1 } });
  expect(await phew(["sweep"], folder)).toMatchObject({
    exitCode: 2,
    stderr: expect.stringMatching(/<file>: got nothing/),
  });
  expect(await phew(["sweep", "sweep.json", "--sbatch", "--comment='x"], folder)).toMatchObject({
    exitCode: 2,
  });
});

function statusOf(run: string) {
  try {
    return JSON.parse(readFileSync(path.join(run, "status.json"), "utf8"));
  } catch {
    return undefined;
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (const start = Date.now(); !holds(); await sleep(50)) {
    if (Date.now() - start > 200_000) throw new Error("what the test waits for did not come");
  }
}

async function queueEmpty(ask: SlurmMachine["ask"]): Promise<void> {
  await until(() => ask("squeue", "--noheader").trim() === "");
}
