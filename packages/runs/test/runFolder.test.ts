import { spawn } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir, hostname, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { Masks, NetworkBuilder } from "@phew/core";
import {
  configHash,
  listRuns,
  type RunOptions,
  RunWriter,
  readEvents,
  readRun,
  readStatus,
  replaceFile,
  runFolderOf,
} from "@phew/runs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "phew-runs-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function options(over: Partial<RunOptions> = {}): RunOptions {
  const config = { model: "lenet5", method: "phew", density: 0.05, epochs: 2, seed: 7 };
  return {
    root,
    experiment: "demo",
    name: "phew 5 %",
    config,
    defaults: { epochs: 2 },
    seed: 7,
    existing: "restart",
    ...over,
  };
}

const epoch = (n: number) =>
  ({
    kind: "train.epoch",
    epoch: n,
    loss: 1,
    accuracy: 0.5,
    testLoss: 1,
    testAccuracy: n / 10,
    rate: 0.1,
    elapsedMs: 9,
  }) as const;

/** A run of two epochs. */
function work(writer: RunWriter, from = 1): void {
  writer.append({ kind: "run.started", name: "phew 5 %", config: { method: "phew", density: 0.05 } });
  writer.append({
    kind: "train.started",
    executor: "x",
    epochCount: 2,
    stepsPerEpoch: 1,
    batchSize: 1,
    trainCount: 1,
    testCount: 1,
  });
  for (let n = from; n <= 2; n++) writer.append(epoch(n));
}

describe("a run folder", () => {
  it("is named by experiment, hash and seed, the same for the same configuration", () => {
    const folder = runFolderOf(options());
    expect(folder).toBe(join(root, "demo", `${configHash(options().config, { epochs: 2 })}-7`));
    expect(runFolderOf(options({ name: "another" }))).toBe(folder);
    expect(runFolderOf(options({ seed: 8 }))).toBe(folder.replace(/7$/, "8"));
  });

  it.each([["../elsewhere"], [".."], [""], ["a/b"], ["a b"]])(
    "refuses the experiment name %j",
    (experiment) => {
      expect(() => runFolderOf(options({ experiment }))).toThrow("experiment: got");
    },
  );

  it.each([[-1], [0.5], [Number.NaN]])("refuses the seed %d", (seed) => {
    expect(() => runFolderOf(options({ seed }))).toThrow("seed: got");
  });

  it("holds, after a whole run, configuration, environment, events, metrics and a final status", () => {
    const writer = RunWriter.open(options());
    work(writer);
    writer.close({ state: "finished" });
    expect(readdirSync(writer.folder).sort()).toEqual([
      "config.json",
      "environment.json",
      "events.jsonl",
      "metrics.csv",
      "status.json",
    ]);
    expect(JSON.parse(readFileSync(writer.path("config.json"), "utf8"))).toMatchObject({
      experiment: "demo",
      seed: 7,
      config: { density: 0.05 },
    });
    expect([...readEvents(writer.folder)].map((event) => event.kind)).toEqual([
      "run.started",
      "train.started",
      "train.epoch",
      "train.epoch",
      "run.finished",
    ]);
    expect(readFileSync(writer.path("metrics.csv"), "utf8").split("\n")[2]).toBe("2,1,0.5,1,0.2,0.1");
    expect(readStatus(writer.folder)).toMatchObject({
      state: "finished",
      name: "phew 5 %",
      pid: process.pid,
      host: hostname(),
      summary: { phase: "finished", fraction: 1, testAccuracy: 0.2, epoch: 2, epochCount: 2 },
    });
    expect(listRuns(root)[0]).toMatchObject({ life: "finished", experiment: "demo", seed: 7 });
  });

  it("describes the machine without naming the user or a path", () => {
    const writer = RunWriter.open(options());
    writer.close({ state: "finished" });
    const text = readFileSync(writer.path("environment.json"), "utf8");
    const environment: unknown = JSON.parse(text);
    expect(environment).toMatchObject({
      node: process.versions.node,
      version: expect.stringMatching(/^\d+\.\d+/),
    });
    expect(text).not.toContain(homedir());
    expect(text).not.toContain(process.cwd());
    expect(text).not.toContain(`"${userInfo().username}"`);
  });

  it("says running, with the progress, while the writer is open, and why it failed once it is closed", () => {
    const writer = RunWriter.open(options());
    expect(readStatus(writer.folder)).toMatchObject({ state: "running", summary: { phase: "waiting" } });
    work(writer);
    expect(listRuns(root)[0]).toMatchObject({
      life: "running",
      summary: { phase: "training", testAccuracy: 0.2 },
    });
    writer.close({ state: "failed", failure: "loss is NaN at step 3" });
    expect(readStatus(writer.folder)).toMatchObject({ state: "failed", failure: "loss is NaN at step 3" });
    expect(readRun(writer.folder).state.failure).toBe("loss is NaN at step 3");
    writer.close({ state: "finished" });
    expect(readStatus(writer.folder)?.state).toBe("failed");
    expect(() => writer.append(epoch(3))).toThrow("append after close");
  });

  it("renews its heartbeat at most once a second on steps, at once on news", () => {
    const writer = RunWriter.open(options());
    const step = (n: number) =>
      writer.append({ kind: "train.step", epoch: 1, step: n, loss: 1, rate: 0.1, imagesPerSecond: n });
    work(writer);
    const before = readFileSync(writer.path("status.json"), "utf8");
    for (let n = 1; n <= 50; n++) step(n);
    expect(readFileSync(writer.path("status.json"), "utf8")).toBe(before);
    writer.append(epoch(2));
    expect(readFileSync(writer.path("status.json"), "utf8")).not.toBe(before);
    writer.close({ state: "interrupted" });
  });

  it("is emptied by a restart, and goes on after a half line by a resume", () => {
    const first = RunWriter.open(options());
    work(first);
    first.close({ state: "interrupted" });
    appendFileSync(first.path("events.jsonl"), '{"t":12,"kind":"train.st');

    const second = RunWriter.open(options({ existing: "resume" }));
    expect(second.state.epochs.length).toBe(2);
    work(second, 2);
    second.close({ state: "finished" });
    const lines = readFileSync(second.path("events.jsonl"), "utf8").split("\n");
    expect(lines.slice(0, -1).map((line) => JSON.parse(line).kind)).toEqual([
      "run.started",
      "train.started",
      "train.epoch",
      "train.epoch",
      "run.interrupted",
      "run.started",
      "train.started",
      "train.epoch",
      "run.finished",
    ]);
    expect(readFileSync(second.path("metrics.csv"), "utf8").trim().split("\n").length).toBe(3);

    const third = RunWriter.open(options());
    third.close({ state: "finished" });
    expect([...readEvents(third.folder)].map((event) => event.kind)).toEqual(["run.finished"]);
    expect(existsSync(third.path("metrics.csv"))).toBe(false);
  });

  it("cuts a half line that is longer than it looks at in one piece", () => {
    const first = RunWriter.open(options());
    first.close({ state: "interrupted" });
    const whole = readFileSync(first.path("events.jsonl"), "utf8");
    appendFileSync(first.path("events.jsonl"), `{"message":"${"x".repeat(200_000)}`);
    RunWriter.open(options({ existing: "resume" })).close({ state: "finished" });
    expect(readFileSync(first.path("events.jsonl"), "utf8").startsWith(`${whole}{"t":`)).toBe(true);
  });

  it("keeps masks as safetensors", async () => {
    const builder = new NetworkBuilder("tiny", [3]);
    const network = builder.build(builder.dense("fc", builder.input, 2));
    const writer = RunWriter.open(options());
    const origin = {
      method: "phew",
      options: {},
      seed: 7,
      requestedDensity: 0.5,
      weightsDigest: "0",
      version: "0",
    };
    await writer.saveMasks(new Masks(network, Uint8Array.of(1, 0, 0, 0, 1, 1)), origin);
    await writer.saveMasks(new Masks(network, Uint8Array.of(0, 0, 1, 0, 1, 1)), origin);
    writer.close({ state: "finished" });
    const file = readFileSync(writer.path("masks.safetensors"));
    expect([...file.subarray(-6)]).toEqual([0, 0, 1, 0, 1, 1]);
    expect(file.toString("latin1")).toContain('"fc.weight_mask"');
  });
});

describe("what stands in the way", () => {
  it("of a second process is said with the number of the first, while that lives", async () => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    const folder = runFolderOf(options());
    mkdirSync(folder, { recursive: true });
    const status = {
      state: "running",
      name: "",
      pid: child.pid,
      host: hostname(),
      updatedT: Date.now(),
      summary: {},
    };
    writeFileSync(join(folder, "status.json"), JSON.stringify(status));
    expect(() => RunWriter.open(options())).toThrow(
      `a run that process ${child.pid} on ${hostname()} is working on`,
    );
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
    RunWriter.open(options()).close({ state: "finished" });
    expect(readStatus(folder)?.state).toBe("finished");
  });

  it("of the folder is one line that says what to do", () => {
    writeFileSync(join(root, "demo"), "a file where the experiment should be");
    expect(() => RunWriter.open(options())).toThrow(
      /got a file where a folder should be.*Move what is there/,
    );
  });

  it.runIf(process.platform === "linux")("is a full disk, which spoils no line", () => {
    const writer = RunWriter.open(options());
    writer.close({ state: "finished" });
    rmSync(writer.path("events.jsonl"));
    symlinkSync("/dev/full", writer.path("events.jsonl"));
    const full = RunWriter.open(options({ existing: "resume" }));
    expect(() => full.append(epoch(1))).toThrow(/no space left on the disk, .* Free some space/);
    expect(() => full.close({ state: "failed", failure: "full" })).toThrow("no space left");
  });

  it("leaves no half file behind", () => {
    mkdirSync(join(root, "taken"));
    writeFileSync(join(root, "taken", "inside"), "");
    expect(() => replaceFile(join(root, "taken"), "text")).toThrow("a folder where a file should be");
    expect(readdirSync(root)).toEqual(["taken"]);
  });
});
