import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { RunWriter, writeEventLine } from "@phew/runs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { followPlain, printOnce } from "../src/plainWatch.ts";
import { RunWatcher } from "../src/runWatcher.ts";
import { fakeEvents } from "./fakeRuns.ts";
import { fakeOptions } from "./fakeStates.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "phew-watch-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function open(seed: number, experiment = "demo"): RunWriter {
  return RunWriter.open({
    root,
    experiment,
    name: `phew 5 % seed ${seed}`,
    config: { method: "phew", density: 0.05, seed },
    defaults: {},
    seed,
  });
}

/** Writes a made-up run to its end, or to the event before `end`. */
function write(writer: RunWriter, seed: number, end = "run.finished"): void {
  for (const event of fakeEvents(fakeOptions({ seed, model: "lenet5", epochCount: 2 }))) {
    if (event.kind === end) break;
    writer.append(event);
  }
}

async function followed(path = root): Promise<string[]> {
  const lines: string[] = [];
  await followPlain(path, (line) => lines.push(line));
  return lines;
}

describe("watching without a terminal", () => {
  it("tells a finished run from its start, one line for each noteworthy event, without control characters", async () => {
    const writer = open(0);
    write(writer, 0);
    writer.close({ state: "finished" });
    const lines = await followed(writer.folder);
    expect(lines.map((line) => line.replace(/^\d\d:\d\d:\d\d /, ""))).toEqual([
      "started",
      "pruning by phew: keep 3,073 of 61,470 weights (5 %)",
      "pruned by phew: kept 3,072 weights (5 %), 991 walks in 2.5 s",
      "training on tensorflow (tfjs-wasm): 2 epochs of 40 steps, batch 128",
      expect.stringMatching(/^epoch 1: loss 0\.\d+, test loss 0\.\d+, test accuracy 7\d\.\d %$/),
      expect.stringMatching(/^epoch 2: /),
      expect.stringMatching(/^trained: test accuracy 9\d\.\d % after 8\.0 s$/),
      expect.stringMatching(/^finished after /),
    ]);
  });

  it("follows a live run to its end", async () => {
    const writer = open(0);
    write(writer, 0, "train.started");
    const lines: string[] = [];
    const done = followPlain(root, (line) => lines.push(line));
    await delay(50);
    expect(lines.at(-1)).toContain("pruned by phew");
    writer.append({ kind: "log", level: "info", message: "half way" });
    appendFileSync(
      writer.path("events.jsonl"),
      writeEventLine({ t: 1, kind: "log", level: "info", message: "cut in two" }).slice(0, 30),
    );
    while (!lines.some((line) => line.includes("half way"))) await delay(20);
    expect(lines.join("\n")).not.toContain("cut in");
    appendFileSync(
      writer.path("events.jsonl"),
      writeEventLine({ t: 1, kind: "log", level: "info", message: "cut in two" }).slice(30),
    );
    writer.close({ state: "failed", failure: "no more data" });
    await done;
    expect(lines.slice(-2).map((line) => line.slice(9))).toEqual(["cut in two", "failed: no more data"]);
  });

  it("tells how several runs stand, then what is new of the live ones and of those that come", async () => {
    const ended = open(0);
    write(ended, 0);
    ended.close({ state: "finished" });
    const live = open(1);
    write(live, 1, "train.finished");
    const lines: string[] = [];
    const done = followPlain(root, (line) => lines.push(line));
    expect(lines.map((line) => line.slice(9))).toEqual([
      expect.stringMatching(/^phew 5 % · seed 0: finished, test accuracy 9/),
      expect.stringMatching(/^phew 5 % · seed 1: running, epoch 2\/2, test accuracy 9/),
    ]);
    const late = open(2);
    late.append({ kind: "log", level: "info", message: "late" });
    live.close({ state: "interrupted" });
    while (!lines.some((line) => line.includes("late"))) await delay(20);
    late.close({ state: "finished" });
    await done;
    expect(lines.slice(2).map((line) => line.slice(9))).toEqual(
      expect.arrayContaining([
        "phew 5 % · seed 1: interrupted",
        "phew 5 % · seed 2: late",
        expect.stringMatching(/^phew 5 % · seed 2: finished after/),
      ]),
    );
    expect(lines.filter((line) => line.includes("seed 1: epoch")).length).toBe(0);
  });

  it("counts runs that ended before instead of listing very many", async () => {
    for (let seed = 0; seed < 25; seed++) open(seed).close({ state: seed < 20 ? "finished" : "interrupted" });
    expect(await followed()).toEqual(["25 runs ended before: 20 finished, 5 interrupted"]);
  });

  it("says that there are no runs, and refuses a folder that is not there", async () => {
    const lines: string[] = [];
    const following = followPlain(root, (line) => {
      lines.push(line);
      // it waits for the first run
      if (lines.length === 1) open(0).close({ state: "finished" });
    });
    await following;
    expect(lines[0]).toBe(`No runs in ${root} yet. Start one first: phew train --help tells how.`);
    expect(lines.length).toBeGreaterThan(1);
    await expect(followed(join(root, "nowhere"))).rejects.toThrow("a folder that is not there");
  });

  it("prints the present state as a table, of a single run its layers too", () => {
    const writer = open(0);
    write(writer, 0, "train.epoch");
    const lines: string[] = [];
    printOnce(root, (line) => lines.push(line));
    expect(lines.slice(0, 2)).toEqual(["phew 5 %", ""]);
    expect(lines[2]).toMatch(/^state +progress +test accuracy \(last epoch\) +folder$/);
    expect(lines[4]).toMatch(/^running +\d+ % +– /);
    expect(lines.find((line) => line.startsWith("fc1.weight"))).toMatch(
      /^fc1\.weight +120×400 +\d+ +3\.\d+ % +\d/,
    );
    writer.close({ state: "finished" });
  });
});

describe("the watcher", () => {
  it("reads the list again at most four times a second, and a run at every call", () => {
    const writer = open(0);
    const watcher = new RunWatcher(root);
    watcher.refresh(10_000);
    const before = watcher.runs;
    const second = open(1);
    watcher.refresh(10_200);
    expect(watcher.runs).toBe(before);
    watcher.refresh(Date.now() + 100_000);
    expect(watcher.runs.length).toBe(2);
    expect(watcher.follow(writer.folder).state.phase).toBe("waiting");
    writer.append({ kind: "prune.started", method: "phew", density: 0.1, keepCount: 5, prunableCount: 50 });
    expect(watcher.follow(writer.folder).state.phase).toBe("pruning");
    writer.close({ state: "finished" });
    second.close({ state: "finished" });
  });

  it("reads a long log piece by piece, and starts again when a run does", () => {
    const folder = join(root, "demo", "long-0");
    mkdirSync(folder, { recursive: true });
    const line = writeEventLine({ t: 1, kind: "log", level: "info", message: "x".repeat(1000) });
    writeFileSync(join(folder, "events.jsonl"), line.repeat(2000));
    const watcher = new RunWatcher(root);
    const first = watcher.follow(folder);
    expect(first.loaded).toBeLessThan(1);
    expect(first.loaded).toBeGreaterThan(0.1);
    let shown = first;
    while (shown.loaded < 1) shown = watcher.follow(folder);
    expect(shown.state.eventCount).toBe(2000);
    writeFileSync(join(folder, "events.jsonl"), line);
    expect(watcher.follow(folder).state.eventCount).toBe(1);
  });

  it("keeps a bounded number of runs in memory, and still shows any of them right", () => {
    const folders = Array.from({ length: 30 }, (_, k) => {
      const folder = join(root, "demo", `${k}-0`);
      mkdirSync(folder, { recursive: true });
      writeFileSync(
        join(folder, "events.jsonl"),
        writeEventLine({ t: 1, kind: "run.failed", message: `reason ${k}` }),
      );
      return folder;
    });
    const watcher = new RunWatcher(root);
    for (const folder of [...folders, ...folders]) {
      expect(watcher.follow(folder).state.failure).toBe(`reason ${folders.indexOf(folder)}`);
      expect(watcher.followedCount).toBeLessThanOrEqual(8);
    }
    expect(existsSync(folders[0]!)).toBe(true);
  });
});

it("has no runs yet in an empty folder, and refuses what is none", () => {
  const empty = join(root, "empty");
  mkdirSync(empty);
  const lines: string[] = [];
  printOnce(empty, (line) => lines.push(line));
  expect(lines).toEqual([`No runs in ${empty} yet. Start one first: phew train --help tells how.`]);
  expect(() => printOnce(join(root, "none"), () => undefined)).toThrow(/is not there/);
  const file = join(root, "file");
  writeFileSync(file, "");
  expect(() => printOnce(file, () => undefined)).toThrow(/a file/);
});
