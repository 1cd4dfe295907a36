import { spawn } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { homedir, hostname, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { boolTensor, float32Tensor, writeSafetensors } from "@phew/formats";
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
import { EventFile } from "../src/eventFile.ts";
import { trainEpoch, trainStarted } from "./trainingEvents.ts";

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
    ...over,
  };
}

const epoch = (n: number) => trainEpoch(n, n / 10);

const step = (n: number) =>
  ({ kind: "train.step", epoch: 1, step: n, loss: 1, rate: 0.1, imagesPerSecond: n }) as const;

const checkpointAt = (n: number) => ({
  step: n,
  progress: { sums: [0.1, n] },
  tensors: new Map([
    ["fc.weight", float32Tensor([2, 1], Float32Array.of(n, -n / 3))],
    ["optimiser.momentum/fc.weight", float32Tensor([2, 1], Float32Array.of(1 / n, 0))],
  ]),
});

/** A run of two epochs. */
function work(writer: RunWriter): void {
  begin(writer);
  for (const n of [1, 2]) writer.append(epoch(n));
}

function begin(writer: RunWriter): void {
  writer.append({ kind: "run.started", name: "phew 5 %", config: { method: "phew", density: 0.05 } });
  writer.append(trainStarted);
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
      "tb",
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
    work(writer);
    const before = readFileSync(writer.path("status.json"), "utf8");
    for (let n = 1; n <= 50; n++) writer.append(step(n));
    expect(readFileSync(writer.path("status.json"), "utf8")).toBe(before);
    writer.append(epoch(2));
    expect(readFileSync(writer.path("status.json"), "utf8")).not.toBe(before);
    writer.close({ state: "interrupted" });
  });

  it("goes on at its newest checkpoint: what came behind it is gone, a half line too", async () => {
    const first = RunWriter.open(options());
    begin(first);
    first.append(epoch(1));
    await first.keepCheckpoint(checkpointAt(1));
    first.append(step(2));
    first.append(epoch(2));
    first.close({ state: "interrupted" });
    appendFileSync(first.path("events.jsonl"), '{"t":12,"kind":"train.st');

    const second = (await RunWriter.resume(options()))!;
    expect(second.checkpoint).toEqual(checkpointAt(1));
    expect(second.state.epochs.length).toBe(1);
    expect(readFileSync(second.path("metrics.csv"), "utf8").trim().split("\n").length).toBe(2);
    second.append({ kind: "run.resumed", epoch: 2, step: 1 });
    second.append(epoch(2));
    second.close({ state: "finished" });
    expect([...readEvents(second.folder)].map((event) => event.kind)).toEqual([
      "run.started",
      "train.started",
      "train.epoch",
      "run.resumed",
      "train.epoch",
      "run.finished",
    ]);
    expect(readFileSync(second.path("metrics.csv"), "utf8").trim().split("\n").length).toBe(3);
    expect(await RunWriter.resume(options())).toBe(undefined);

    const third = RunWriter.open(options());
    third.close({ state: "finished" });
    expect([...readEvents(third.folder)].map((event) => event.kind)).toEqual(["run.finished"]);
    expect(existsSync(third.path("metrics.csv"))).toBe(false);
    expect(existsSync(third.path("checkpoint.safetensors"))).toBe(false);
  });

  it("begins again where no checkpoint had been kept", async () => {
    const first = RunWriter.open(options());
    work(first);
    first.close({ state: "failed", failure: "the cat" });
    const second = (await RunWriter.resume(options()))!;
    expect(second.checkpoint).toBe(undefined);
    expect([...readEvents(second.folder)]).toEqual([]);
    second.close({ state: "finished" });
  });

  it("keeps two checkpoints, and takes the older where the newer is torn, at any place", async () => {
    const first = RunWriter.open(options());
    begin(first);
    for (const n of [1, 2, 3]) {
      first.append(step(n));
      await first.keepCheckpoint(checkpointAt(n));
    }
    first.append(step(4));
    first.close({ state: "interrupted" });
    const names = ["checkpoint.safetensors", "checkpoint.previous.safetensors"];
    const [newest, older] = names.map((name) => readFileSync(first.path(name))) as [Buffer, Buffer];
    const events = readFileSync(first.path("events.jsonl"));
    const flipped = (at: number) => newest.map((byte, k) => (k === at ? byte ^ 1 : byte));
    const torn = [
      ...[0, 7, 8, 40, newest.length - 1].map((length) => newest.subarray(0, length)),
      ...[3, 20, newest.length >> 1, newest.length - 1].map(flipped),
      Buffer.alloc(newest.length),
    ];
    for (const bytes of torn) {
      writeFileSync(first.path(names[0]!), bytes);
      writeFileSync(first.path(names[1]!), older);
      writeFileSync(first.path("events.jsonl"), events);
      const resumed = (await RunWriter.resume(options()))!;
      expect(resumed.checkpoint).toEqual(checkpointAt(2));
      // the next one must not push the good one out in favour of the torn
      expect(readFileSync(first.path(names[0]!))).toEqual(older);
      resumed.close({ state: "interrupted" });
    }
    writeFileSync(first.path(names[0]!), newest.subarray(0, 40));
    writeFileSync(first.path("events.jsonl"), events);
    const none = (await RunWriter.resume(options()))!;
    expect(none.checkpoint).toBe(undefined);
    none.close({ state: "interrupted" });
  });

  it("takes no checkpoint that remembers more events than there are", async () => {
    const first = RunWriter.open(options());
    begin(first);
    await first.keepCheckpoint(checkpointAt(1));
    const { size } = statSync(first.path("events.jsonl"));
    first.append(step(2));
    await first.keepCheckpoint(checkpointAt(2));
    first.close({ state: "interrupted" });
    truncateSync(first.path("events.jsonl"), size + 3);
    const second = (await RunWriter.resume(options()))!;
    expect(second.checkpoint?.step).toBe(1);
    second.close({ state: "interrupted" });
  });

  it("takes up a checkpoint that was whole when its process died, before it had its name", async () => {
    const first = RunWriter.open(options());
    begin(first);
    await first.keepCheckpoint(checkpointAt(1));
    await first.keepCheckpoint(checkpointAt(2));
    first.close({ state: "interrupted" });
    renameSync(first.path("checkpoint.safetensors"), first.path("checkpoint.next.safetensors"));
    writeFileSync(first.path(".checkpoint.next.safetensors.1.0.partial"), "half");
    const second = (await RunWriter.resume(options()))!;
    expect(second.checkpoint?.step).toBe(2);
    expect(readdirSync(second.folder).filter((name) => name.includes("checkpoint"))).toEqual([
      "checkpoint.previous.safetensors",
      "checkpoint.safetensors",
    ]);
    second.close({ state: "finished" });
    expect(existsSync(second.path("checkpoint.previous.safetensors"))).toBe(false);
  });

  it("counts the time of all processes that worked on it, and names every machine", async () => {
    const first = RunWriter.open({ ...options(), threadCount: 1 });
    begin(first);
    await first.keepCheckpoint(checkpointAt(1));
    first.close({ state: "interrupted" });
    const file = readFileSync(first.path("environment.json"), "utf8");
    const same = (await RunWriter.resume({ ...options(), threadCount: 1 }))!;
    same.close({ state: "interrupted" });
    expect(readFileSync(first.path("environment.json"), "utf8")).toBe(file);
    const other = (await RunWriter.resume({ ...options(), threadCount: 2 }))!;
    other.close({ state: "finished" });
    expect(JSON.parse(readFileSync(first.path("environment.json"), "utf8"))).toMatchObject({
      threadCount: 1,
      resumed: [{ threadCount: 2, node: process.versions.node }],
    });
  });

  it("cuts a half line that is longer than it looks at in one piece", async () => {
    const first = RunWriter.open(options());
    begin(first);
    await first.keepCheckpoint(checkpointAt(1));
    const whole = readFileSync(first.path("events.jsonl"), "utf8");
    first.close({ state: "interrupted" });
    appendFileSync(first.path("events.jsonl"), `{"message":"${"x".repeat(200_000)}`);
    const second = (await RunWriter.resume(options()))!;
    second.close({ state: "finished" });
    expect(readFileSync(first.path("events.jsonl"), "utf8").startsWith(`${whole}{"t":`)).toBe(true);
  });

  it("keeps masks in place of those before", async () => {
    const writer = RunWriter.open(options());
    for (const mask of [Uint8Array.of(1, 0, 0, 0, 1, 1), Uint8Array.of(0, 0, 1, 0, 1, 1)]) {
      const tensors = new Map([["fc.weight_mask", boolTensor([2, 3], mask)]]);
      await writer.write("masks.safetensors", (path) => writeSafetensors(path, tensors));
    }
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
    const owner = { pid: child.pid, host: hostname(), token: "another" };
    writeFileSync(join(folder, "lock"), JSON.stringify(owner));
    const said = `a run that process ${child.pid} on ${hostname()} is working on`;
    expect(() => RunWriter.open(options())).toThrow(said);
    await expect(RunWriter.resume(options())).rejects.toThrow(said);
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
    RunWriter.open(options()).close({ state: "finished" });
    expect(readStatus(folder)?.state).toBe("finished");
    expect(readdirSync(folder).filter((name) => name.startsWith("lock"))).toEqual([]);
  });

  it("of a second writer in one process is said too", () => {
    const first = RunWriter.open(options());
    expect(() => RunWriter.open(options())).toThrow(`process ${process.pid} on ${hostname()}`);
    first.close({ state: "finished" });
    RunWriter.open(options()).close({ state: "finished" });
  });

  it("of a process elsewhere is its heartbeat, a minute at most", () => {
    const folder = runFolderOf(options());
    mkdirSync(folder, { recursive: true });
    const lock = join(folder, "lock");
    const owner = { pid: process.pid, host: "elsewhere", token: "another" };
    writeFileSync(lock, JSON.stringify(owner));
    expect(() => RunWriter.open(options())).toThrow(`process ${process.pid} on elsewhere is working on`);
    const before = new Date(Date.now() - 61_000);
    utimesSync(lock, before, before);
    RunWriter.open(options()).close({ state: "finished" });
  });

  it("is no process that had this number before this one", () => {
    const folder = runFolderOf(options());
    mkdirSync(folder, { recursive: true });
    for (const pid of [process.pid, process.ppid]) {
      const owner = { pid, host: hostname(), token: "another", started: "another boot 1" };
      writeFileSync(join(folder, "lock"), JSON.stringify(owner));
      if (pid === process.pid || process.platform === "linux")
        RunWriter.open(options()).close({ state: "finished" });
    }
  });

  it("is a lock that is being written, for ten seconds", () => {
    const folder = runFolderOf(options());
    mkdirSync(folder, { recursive: true });
    const lock = join(folder, "lock");
    writeFileSync(lock, "");
    expect(() => RunWriter.open(options())).toThrow("a run that another process is working on");
    const before = new Date(Date.now() - 11_000);
    utimesSync(lock, before, before);
    RunWriter.open(options()).close({ state: "finished" });
  });

  it("of a process that was given up for dead is the one that has the run now: it writes nothing more", async () => {
    const first = RunWriter.open(options());
    begin(first);
    const owner = { pid: 1, host: "elsewhere", token: "another" };
    writeFileSync(first.path("lock"), JSON.stringify(owner));
    const files = () => readdirSync(first.folder).map((name) => [name, statSync(first.path(name)).mtimeMs]);
    const before = files();
    await expect(first.keepCheckpoint(checkpointAt(1))).rejects.toThrow(
      "process 1 on elsewhere took over while this one showed no sign of life, and is working on",
    );
    expect(files()).toEqual(before);
    expect(() => first.close({ state: "finished" })).toThrow("process 1 on elsewhere");
    expect(readFileSync(first.path("lock"), "utf8")).toBe(JSON.stringify(owner));
  });

  it("gives one of many processes the run of one that is gone", async () => {
    const folder = runFolderOf(options());
    mkdirSync(folder, { recursive: true });
    const lock = join(folder, "lock");
    const source = fileURLToPath(new URL("../dist/folderLock.js", import.meta.url));
    const program = `import { lockFolder, RUN_LOCK } from ${JSON.stringify(source)};
      await new Promise((go) => process.stdin.once("data", go));
      try { lockFolder(${JSON.stringify(folder)}, RUN_LOCK); console.log("mine"); } catch { console.log("taken"); }
      await new Promise((go) => process.stdin.once("data", go)); process.exit();`;
    writeFileSync(lock, JSON.stringify({ pid: 2 ** 22 + 1, host: hostname(), token: "gone" }));
    const children = Array.from({ length: 6 }, () =>
      spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["pipe", "pipe", "inherit"] }),
    );
    await sleep(300);
    const answers = children.map(
      (child) => new Promise((said) => child.stdout.once("data", (d) => said(`${d}`.trim()))),
    );
    for (const child of children) child.stdin.write("go\n");
    expect((await Promise.all(answers)).sort()).toEqual(["mine", ...Array(5).fill("taken")]);
    for (const child of children) child.stdin.write("end\n");
  });

  it("of the folder is one line that says what to do", () => {
    writeFileSync(join(root, "demo"), "a file where the experiment should be");
    expect(() => RunWriter.open(options())).toThrow(
      /got a file where a folder should be.*Move what is there/,
    );
  });

  it.runIf(process.platform === "linux")("is a full disk, which spoils no line", () => {
    const file = new EventFile(join(root, "events.jsonl"), openSync("/dev/full", "a"));
    expect(() => file.append({ t: 1, ...epoch(1) })).toThrow(/no space left on the disk, .* Free some space/);
    file.close();
  });

  it("leaves no half file behind", () => {
    mkdirSync(join(root, "taken"));
    writeFileSync(join(root, "taken", "inside"), "");
    expect(() => replaceFile(join(root, "taken"), "text")).toThrow("a folder where a file should be");
    expect(readdirSync(root)).toEqual(["taken"]);
  });
});
