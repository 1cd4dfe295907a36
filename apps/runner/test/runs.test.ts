/** `phew runs`: the runs that are kept. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { isFinished, RunWriter, runFolderOf } from "@phew/runs";
import { shellWords, writeSweepRecord } from "@phew/runs/sweeps";
import { Command } from "commander";
import { beforeAll, describe, expect, it } from "vitest";
import { commandLineSettings, withAllSettings } from "../src/settings/commandLine.ts";
import { trainCommand } from "../src/settings/commandText.ts";
import { identityOf } from "../src/settings/configuration.ts";
import { checkTrainConfig } from "../src/settings/files.ts";
import { configOf, placeOf } from "../src/verbs/train.ts";
import { filesBelow, lastingFolder, phew, readText, scratchFolder } from "./phew.ts";

const folder = lastingFolder();

async function json(...args: string[]) {
  const { exitCode, stdout, stderr } = await phew([...args, "--json"], folder);
  expect(exitCode, stderr).toBe(0);
  return JSON.parse(stdout);
}

async function refused(args: readonly string[], message: RegExp, where = folder) {
  const { exitCode, stderr, stdout } = await phew(args, where);
  expect(stdout).toBe("");
  expect(stderr).toMatch(message);
  return exitCode;
}

const quick = "--train-count 16 --test-count 8 --epochs 1 --threads 1 --no-figures".split(" ");
let [sparse, dense]: string[] = [];

beforeAll(async () => {
  const train = async (...args: string[]) => (await json("train", "mlp", ...quick, ...args)).folder as string;
  sparse = await train("--density", "0.25", "--option", "bias=square", "--rate", "0.05");
  dense = await train("--method", "dense", "--seed", "3", "--no-nesterov", "--experiment", "whole");
});

describe("list", () => {
  it("has what runs differ in as columns, and what filters choose as rows", async () => {
    const { stdout } = await phew(["runs"], folder);
    const [shared, , head, rule, ...rows] = stdout.split("\n");
    expect(shared).toMatch(/^all: mlp · glyphs · /);
    const columns = [
      "id",
      "experiment",
      "state",
      "method",
      "density",
      "rate",
      "nesterov",
      "seed",
      "accuracy (last epoch)",
      "bias",
    ];
    for (const column of columns) expect(head!.split(/ {2,}/), column).toContain(column);
    expect(head).not.toMatch(/momentum|model|epochs/);
    expect(rule).toMatch(/^─/);
    expect(rows[0]).toMatch(new RegExp(`^${path.basename(sparse!)} +finished +train +phew`));
    expect(rows[1]).toMatch(new RegExp(`^${path.basename(dense!)} +finished +whole +dense`));
    const folders = async (...filters: string[]) =>
      (await json("runs", "list", ...filters)).runs.map((run: { folder: string }) => run.folder);
    expect(await folders()).toEqual([sparse, dense]);
    expect(await folders("--sort", "density,-rate")).toEqual([sparse, dense]);
    expect(await folders("--sort", "-density")).toEqual([dense, sparse]);
    expect(await folders("density<0.5", "options.bias=square")).toEqual([sparse]);
    expect(await folders("seed=3")).toEqual([dense]);
    expect(await folders("state=failed")).toEqual([]);
    expect((await phew(["runs", "state=failed"], folder)).stdout).toBe("0 runs of 2 below runs.\n");
  });

  it("says what a single run is too, and names settings as other tables do", async () => {
    const { stdout } = await phew(["runs", "seed=3"], folder);
    expect(stdout).toMatch(/^all: mlp · glyphs · .*train count 16.* · dense .*no nesterov.* · seed 3\n/);
    const named = await phew(["runs", "train-count=16", "bias=square", "--columns", "id,trainCount"], folder);
    expect(named.stdout).toMatch(/^id +train count\n/);
    expect(named.stdout).toMatch(/\n1 run of 2 below runs\.\n$/);
  });

  it("says how many runs of sweeps have no folder yet", async () => {
    const own = path.join(folder, "half", "s", ".sweep");
    mkdirSync(own, { recursive: true });
    const runs = [0, 1].map((seed) => ({ id: `0123456789-${seed}`, config: { model: "mlp", seed }, seed }));
    const calledFrom = { file: "s.json", options: [], calledFrom: folder, executor: "pool", submittedT: 5 };
    writeSweepRecord(own, { ...calledFrom, runs });
    mkdirSync(path.join(folder, "half", "s", "0123456789-0"));
    writeFileSync(path.join(folder, "half", "s", "0123456789-0", "config.json"), '{"config":{}}');
    const { stdout } = await phew(["runs", "--runs", "half"], folder);
    expect(stdout).toMatch(/\n1 run below half\. 1 more waits in a sweep: phew watch shows it\.\n$/);
    expect((await json("runs", "list", "--runs", "half")).waitingCount).toBe(1);
  });

  it("names configurations in JSON by what differs, with their means", async () => {
    const { runs, configurations } = await json("runs", "list");
    expect(new Set(runs.map((run: { configuration: string }) => run.configuration)).size).toBe(2);
    for (const { name, ids, accuracy } of configurations) {
      const own = runs.filter((run: { configuration: string }) => run.configuration === name);
      expect(ids).toEqual(own.map((run: { id: string }) => run.id));
      expect(accuracy).toEqual({ count: 1, mean: own[0].accuracy });
    }
  });

  it("shows the columns that are asked for, in this order", async () => {
    const { stdout } = await phew(["runs", "list", "--columns", "density, id", "--sort", "-density"], folder);
    expect(
      stdout
        .split("\n")
        .slice(0, 4)
        .map((line) => line.trim().split(/ {2,}/)),
    ).toEqual([
      ["density", "id"],
      ["───────", "─".repeat(12)],
      ["100 %", path.basename(dense!)],
      ["25 %", path.basename(sparse!)],
    ]);
    expect(await json("runs", "list", "--columns", "method", "--sort", "method")).toEqual({
      runs: [{ method: "dense" }, { method: "phew" }],
      foundCount: 2,
    });
  });

  it("refuses what nothing is called, and a folder that is not there", async () => {
    expect(await refused(["runs", "list", "methd=phew"], /got "methd".*Did you mean "method"/)).toBe(1);
    expect(await refused(["runs", "list", "--sort", "-acuracy"], /--sort: got "acuracy".*"accuracy"/)).toBe(
      1,
    );
    expect(await refused(["runs", "list", "--columns", "ID"], /--columns: got "ID"/)).toBe(1);
    expect(await refused(["runs", "list", "--runs", "nowhere"], /nowhere: .*not there/)).toBe(1);
  });
});

describe("show", () => {
  it("has configuration, state, results, files, environment, and the command that does the run again", async () => {
    const id = path.basename(sparse!).slice(0, 4);
    const shown = await json("runs", "show", id);
    const config = JSON.parse(readText(path.join(folder, sparse!, "config.json"))).config;
    expect(shown).toMatchObject({ folder: sparse, state: "finished", experiment: "train", seed: 0, config });
    expect(shown.command).toBe(
      "phew train mlp --train-count 16 --test-count 8 --density 0.25 --option bias=square --epochs 1 --rate 0.05",
    );
    expect(shown.process).toMatchObject({ pid: process.pid });
    expect(shown.results.test_accuracy).toBe(shown.accuracy);
    expect(shown.epochs).toHaveLength(1);
    expect(shown.environment).toMatchObject({ node: process.versions.node, threadCount: 1 });
    const { size } = statSync(path.join(folder, sparse!, "masks.safetensors"));
    expect(shown.files).toContainEqual({ name: "masks.safetensors", bytes: size });
    const { stdout } = await phew(["runs", "show", id], folder);
    expect(stdout).toMatch(/^command +phew train mlp .*--option bias=square/m);
    expect(stdout).toMatch(/^rate +0\.05 +0\.02$/m);
    expect(stdout).toMatch(/^momentum +0\.9 +0\.9$/m);
    expect(stdout).toMatch(/^node +\d/m);
    const again = await json(...shellWords(shown.command)!.slice(1), "--threads", "1");
    expect(again).toMatchObject({ folder: sparse, skipped: true });
  });

  // those of settings.test.ts
  const recorded = JSON.parse(
    readFileSync(fileURLToPath(new URL("recordedRuns.json", import.meta.url)), "utf8"),
  ) as readonly { folder: string; config: Record<string, unknown> }[];

  it.each(recorded)("the command of $folder leads to that folder", async ({ folder: own, config }) => {
    const line = trainCommand(checkTrainConfig("config.json", config), path.dirname(own));
    const command = withAllSettings(new Command().exitOverride().argument("[model]"), "train");
    command.parse(shellWords(line)!.slice(2), { from: "user" });
    const settings = commandLineSettings(command);
    const read = await configOf(command.args[0], settings);
    const { experiment } = placeOf(settings.values, "train");
    expect(runFolderOf(identityOf(read, { root: "", experiment }))).toBe(path.normalize(own));
  });

  it("shows a run of which only events are left, and no more than is known", async () => {
    const where = scratchFolder();
    mkdirSync(path.join(where, "runs", "e", "aa-0"), { recursive: true });
    writeFileSync(
      path.join(where, "runs", "e", "aa-0", "events.jsonl"),
      '{"t":1,"kind":"run.interrupted"}\nno event\n',
    );
    const { stdout, exitCode } = await phew(["runs", "show", "aa"], where);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^state +interrupted$/m);
    expect(stdout).toMatch(/^1 line of events\.jsonl left out/m);
    expect(stdout).not.toMatch(/undefined|NaN|command/);
  });
});

it("diff has the settings in which two runs differ, and their results", async () => {
  const { settings, results } = await json("runs", "diff", sparse!, dense!);
  expect(settings).toEqual(
    expect.arrayContaining([
      { name: "experiment", a: "train", b: "whole" },
      { name: "method", a: "phew", b: "dense" },
      { name: "density", a: 0.25, b: 1 },
      { name: "rate", a: 0.05, b: 0.02 },
      { name: "nesterov", a: true, b: false },
      { name: "seed", a: 0, b: 3 },
      { name: "options.bias", a: "square", b: undefined },
    ]),
  );
  expect(settings).toHaveLength(7);
  const accuracies = (await json("runs")).runs.map(({ accuracy }: { accuracy: number }) => accuracy);
  expect(results).toContainEqual({ name: "test_accuracy", a: accuracies[0], b: accuracies[1] });
  const { stdout } = await phew(["runs", "diff", sparse!, dense!], folder);
  expect(stdout).toMatch(/^rate +0\.05 +0\.02$/m);
  expect((await phew(["runs", "diff", sparse!, sparse!], folder)).stdout).toMatch(/^No setting differs\./);
});

it("tag and note write beside the run, and leave its bytes and its id", async () => {
  const contents = () => {
    const names = filesBelow(path.join(folder, sparse!)).filter((name) => name !== "notes.json");
    return names.map((name) => [name, readText(path.join(folder, sparse!, name))]);
  };
  const before = contents();
  const id = path.basename(sparse!);
  await json("runs", "tag", id, dense!, "+paper", "+draft");
  expect((await phew(["runs", "tag", id, "-draft"], folder)).stdout).toBe(`${sparse}: paper\n`);
  expect((await json("runs", "list", "tag=draft")).runs).toHaveLength(1);
  expect((await json("runs", "tag", "tag=paper", "+seen")).runs).toMatchObject([
    { folder: sparse, tags: ["paper", "seen"] },
    { folder: dense, tags: ["paper", "draft", "seen"] },
  ]);
  await json("runs", "note", id, "as in figure 3");
  expect((await phew(["runs", "note", id, "two\nlines"], folder)).stdout).toMatch(
    /as in figure 3\n\d{4}-.* two\n +lines\n$/,
  );
  expect((await json("runs", "list", "note~FIGURE")).runs).toMatchObject([{ folder: sparse }]);
  expect(contents()).toEqual(before);
  expect((await json("runs", "note", id, "--clear")).notes).toEqual([]);
  expect(await refused(["runs", "tag", "+paper"], /expected a run beside the tags/)).toBe(2);
  expect(await refused(["runs", "tag", id, "+a b"], /tag: got "a b"/)).toBe(1);
  expect(await refused(["runs", "note", id, " "], /note: got nothing/)).toBe(1);
});

describe("remove", () => {
  function kept(where: string, seed: number, state: "finished" | "failed" | "running", config: object = {}) {
    const root = path.join(where, "runs");
    const all = { method: "phew", density: 0.5, seed, ...config };
    const writer = RunWriter.open({ root, experiment: "e", name: "phew", config: all, defaults: {}, seed });
    if (state !== "running") writer.close({ state });
    return { writer, name: path.relative(where, writer.folder) };
  }

  it("does not without --yes where there is nobody to ask", async () => {
    const where = scratchFolder();
    const { name } = kept(where, 0, "finished");
    expect(await refused(["runs", "remove", name], /no terminal to ask at, expected --yes/, where)).toBe(2);
    const tried = await phew(["runs", "remove", name, "--dry-run"], where);
    expect(tried.stdout).toMatch(/^Would remove .*bytes/);
    expect(existsSync(path.join(where, name, "config.json"))).toBe(true);
  });

  it("says what it removed and how many bytes, and leaves the others", async () => {
    const where = scratchFolder();
    const [bad, good] = [kept(where, 0, "failed"), kept(where, 1, "finished")];
    const bytes = filesBelow(path.join(where, bad.name))
      .map((file) => statSync(path.join(where, bad.name, file)).size)
      .reduce((sum, size) => sum + size, 0);
    const { stdout, exitCode } = await phew(["runs", "remove", "state=failed", "--yes"], where);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`Removed ${bad.name}: ${bytes.toLocaleString("en-GB")} bytes (`);
    expect(readdirSync(path.join(where, "runs", "e"))).toEqual([path.basename(good.name)]);
  });

  it("never touches one that is running, nor any beside it", async () => {
    const where = scratchFolder();
    const [live, done] = [kept(where, 0, "running"), kept(where, 1, "finished")];
    expect(
      await refused(["runs", "remove", done.name, live.name, "--yes"], /a run that is running/, where),
    ).toBe(1);
    expect(existsSync(path.join(where, done.name, "config.json"))).toBe(true);
    live.writer.close({ state: "finished" });
  });

  it("warns of runs that are made of it", async () => {
    const where = scratchFolder();
    const first = kept(where, 0, "finished");
    const second = kept(where, 1, "finished", { startWeights: `${first.name}@rewind` });
    const { stderr } = await phew(["runs", "remove", first.name, "--dry-run"], where);
    expect(stderr).toMatch(
      new RegExp(`^warning: ${second.name} has its startWeights from ${first.name}@rewind`),
    );
    expect((await phew(["runs", "remove", second.name, "--dry-run"], where)).stderr).toBe("");
  });

  it("takes names or filters, and nothing that chooses none", async () => {
    const where = scratchFolder();
    const { name } = kept(where, 0, "finished");
    expect(await refused(["runs", "remove", "state=failed", "--yes"], /some run of 1 .*meets/, where)).toBe(
      1,
    );
    expect(await refused(["runs", "remove", name, "seed=0", "--yes"], /but not both/, where)).toBe(1);
    expect(await refused(["runs", "remove", "zz", "--yes"], /got "zz"/, where)).toBe(1);
    expect(existsSync(path.join(where, name, "config.json"))).toBe(true);
  });
});

it("watch --once --json has the same runs, and of one run its layers and log", async () => {
  const all = await json("watch", "--once");
  expect(all.runs).toEqual(expect.arrayContaining((await json("runs", "list")).runs));
  expect(all.runs).toHaveLength(2);
  const [one] = (await json("watch", sparse!, "--once")).runs;
  expect(one.layers.map(({ name }: { name: string }) => name)).toEqual([
    "fc1.weight",
    "fc2.weight",
    "fc3.weight",
  ]);
  expect(one.log.at(-1).text).toMatch(/^finished after/);
  expect(await refused(["watch", "--json"], /--json: got it without --once/)).toBe(2);
});

it("without a folder of runs, all that only read say so and end alike", async () => {
  const empty = scratchFolder();
  const verbs = ["watch --once", "watch --once --json", "runs", "runs list --json", "report", "knee runs"];
  for (const verb of verbs) {
    const message = /^phew: runs: got a folder that is not there, expected a folder of runs/;
    expect(await refused(verb.split(" "), message, empty), verb).toBe(1);
  }
  mkdirSync(path.join(empty, "runs"));
  for (const verb of verbs.slice(0, 4)) expect((await phew(verb.split(" "), empty)).exitCode, verb).toBe(0);
});

it("has rules, dots and signs in ASCII where the locale has no UTF-8, and names and CSV as they are", async () => {
  const place = scratchFolder();
  const named = path.join(place, "läufe");
  cpSync(path.join(folder, sparse!), path.join(named, "e/a-0"), { recursive: true });
  cpSync(path.join(folder, dense!), path.join(named, "e/b-0"), { recursive: true });
  for (const line of ["runs list --columns id,accuracy,folder", "runs show a-0", "report --no-figures"]) {
    const words = line.startsWith("report")
      ? [...line.split(" "), named]
      : [...line.split(" "), "--runs", named];
    const { stdout, stderr } = await phew(words, place, { LC_ALL: "C" });
    expect(stdout, stderr).toMatch(/^--[- ]+$/m);
    expect(stdout.replaceAll("läufe", ""), line).toMatch(/^[\n -~]+$/);
    const usual = await phew(words, place, { LC_ALL: "C.UTF-8" });
    expect(usual.stdout).toMatch(/^──[─ ]+$/m);
    expect(usual.stdout.length).toBe(stdout.length);
  }
  const csv = ["report", named, "--no-figures", "--format", "csv"];
  expect((await phew(csv, place, { LC_ALL: "C" })).stdout).toBe((await phew(csv, place)).stdout);
});

it("a finished run without status.json is finished for all", async () => {
  const place = scratchFolder();
  const own = path.join(place, "runs/train", path.basename(sparse!));
  cpSync(path.join(folder, sparse!), own, { recursive: true });
  rmSync(path.join(own, "status.json"));
  const before = readText(path.join(own, "events.jsonl"));
  const again = await phew(["train", own, "--threads", "1", "--json"], place);
  expect([again.exitCode, again.stderr]).toEqual([0, ""]);
  expect(readText(path.join(own, "events.jsonl"))).toBe(before);
  expect(isFinished(own)).toBe(true);
  const list = await phew(["runs"], place);
  expect(list.stdout).toMatch(/ finished /);
  expect(list.stderr).toMatch(/status\.json is missing: its state and its results are those of its events/);
  // takes the weights of finished runs alone
  expect((await phew(["analyze", own], place)).exitCode).toBe(0);
});

it("is trained on in its own folder, wherever that is, and a folder under another name is refused", async () => {
  const place = scratchFolder();
  const id = path.basename(sparse!);
  const own = path.join("archive", "mine", id);
  cpSync(path.join(folder, sparse!), path.join(place, own), { recursive: true });
  const before = statSync(path.join(place, own, "events.jsonl")).ino;
  const again = await phew(["train", own, "--threads", "1", "--force", "--no-figures"], place);
  expect([again.exitCode, again.stderr]).toEqual([0, expect.stringContaining(own)]);
  expect(statSync(path.join(place, own, "events.jsonl")).ino).not.toBe(before);
  expect(readdirSync(place)).toEqual(["archive"]);
  cpSync(path.join(place, own), path.join(place, "archive/mine/copy"), { recursive: true });
  const copied = await phew(["train", "archive/mine/copy"], place);
  expect(copied.exitCode).toBe(2);
  expect(copied.stderr).toMatch(
    new RegExp(`archive/mine/copy, whose name is not the id .* one called ${id}`),
  );
  // where it is to be done is said: there
  const there = await phew(
    ["train", "archive/mine/copy", "--runs", "new", "--threads", "1", "--no-figures"],
    place,
  );
  expect(there.exitCode, there.stderr).toBe(0);
  expect(readdirSync(path.join(place, "new/mine"))).toEqual([id]);
});

describe("folders that something is wrong with", () => {
  const damaged = "damaged";
  const UNKNOWN =
    /2 runs are in no mean and no figure, since their settings are unknown: \S+7240553099-0 \(config\.json cannot be read\), \S+gone \(config\.json is missing\)/g;
  beforeAll(() => {
    for (const [name, file] of [
      ["7240553099-0", "config.json"],
      ["7240553099-1", "status.json"],
      ["7240553099-2", ""],
      ["copy", ""],
      ["other", ""],
      ["gone", ""],
    ]) {
      const copy = path.join(folder, damaged, name!);
      cpSync(path.join(folder, name === "other" ? dense! : sparse!), copy, { recursive: true });
      if (file !== "") writeFileSync(path.join(copy, file!), "{");
      if (name === "gone") rmSync(path.join(copy, "config.json"));
    }
  });

  it("are listed without defaults in place of what cannot be read, and in no mean twice", async () => {
    const { stdout, stderr } = await phew(["runs", "list", "--runs", damaged], folder);
    expect(stdout).toMatch(/^all but 2 whose settings are unknown: mlp · glyphs · /);
    expect(stdout).toMatch(/7240553099-0 +finished .* unknown +unknown /);
    expect(stderr.match(UNKNOWN)).toHaveLength(1);
    expect(stderr).toMatch(
      /7240553099-1: status\.json cannot be read: its state and its results are those of its events/,
    );
    expect(stderr).toMatch(/copy has the configuration and the seed of \S+7240553099-2 /);
    const { runs, configurations, warnings } = await json("runs", "list", "--runs", damaged);
    expect(configurations.map(({ ids }: { ids: string[] }) => ids.length).sort()).toEqual([1, 1, 1, 3]);
    for (const { ids, accuracy } of configurations)
      expect(accuracy.count, ids).toBe(ids[0] === "gone" || ids[0] === "7240553099-0" ? 0 : 1);
    expect(warnings).toHaveLength(4);
    expect(runs.filter(({ faults }: { faults?: string[] }) => faults !== undefined)).toHaveLength(3);
    expect((await json("runs", "list", "--runs", damaged, "momentum=0.9")).runs).toHaveLength(4);
    const once = await phew(["watch", damaged, "--once"], folder);
    expect(once.stdout.match(UNKNOWN)).toHaveLength(1);
  });

  it("are in a report once, in all its forms", async () => {
    const place = scratchFolder();
    const links = path.join(place, "tb");
    const { copies, runs, unknown } = await json(
      ...["report", damaged, "--no-figures", "--out", place, "--tensorboard", links],
    );
    const ids = runs.map(({ id }: { id: string }) => id);
    expect([copies, ids.length, new Set(ids).size]).toEqual([2, 2, 2]);
    expect(unknown).toEqual(["damaged/7240553099-0", "damaged/gone"]);
    expect(readdirSync(links)).toHaveLength(2);
    const rows = readText(path.join(place, "report.csv")).trimEnd().split("\n");
    expect(rows).toHaveLength(3);
    const { stdout } = await phew(["report", damaged, "--html", "--no-figures", "--out", place], folder);
    expect(stdout).toMatch(/copy has the configuration and the seed of \S+ .*: it is left out\./);
    expect(stdout.match(UNKNOWN)).toHaveLength(1);
    const page = readText(path.join(place, "report.html"));
    expect(page).toContain("report of 2 runs");
    expect(page).toMatch(/copy has the configuration and the seed of/);
  });

  it("are shown, two by the name that results give them", async () => {
    const { stdout } = await phew(["runs", "show", "7240553099-1,2", "--runs", damaged], folder);
    expect(stdout.match(/^run +\S+-\d$/gm)).toHaveLength(2);
    expect(stdout).toMatch(/cannot be read +status\.json/);
    const { runs } = await json("runs", "show", "7240553099-0,2", "--runs", damaged);
    expect(runs.map(({ id }: { id: string }) => id)).toEqual(["7240553099-0", "7240553099-2"]);
    expect(runs[0].faults).toEqual([
      "config.json cannot be read: its settings are unknown, and it is in no mean and no figure",
    ]);
    expect(runs[0].config).toEqual({});
  });
});
