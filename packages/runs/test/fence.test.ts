/**
 * A process that was given up for dead, its run taken over and finished by another, changes nothing of that run when it
 * wakes, wherever it slept: between looking at its lock and writing too.
 */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { boolTensor, float32Tensor, writeSafetensors } from "@phew/formats";
import { type RunOptions, RunWriter, readStatus, runFolderOf } from "@phew/runs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type FolderLock, lockFolder, RUN_LOCK } from "../src/folderLock.ts";
import { ownProcess, processStart, signalOwner } from "../src/processes.ts";
import { makeOwnFolder } from "../src/replaceFile.ts";
import { trainEpoch, trainStarted } from "./trainingEvents.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "phew-fence-"));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(root, { recursive: true, force: true });
});

const options = (): RunOptions => ({
  root,
  experiment: "demo",
  name: "a",
  config: { model: "lenet5" },
  defaults: {},
  seed: 0,
});

const checkpointAt = (step: number) => ({
  step,
  progress: {},
  tensors: new Map([["fc.weight", float32Tensor([1], Float32Array.of(step))]]),
});

/** Names and bytes of all files below a folder, and the folders. */
function contents(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true }).map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path, entry.isFile() ? readFileSync(path).toString("base64") : "no file"];
    }),
  );
}

/** As a process that cannot be seen from here any more. */
function giveUp(folder: string): void {
  const path = join(folder, "lock");
  const owner = JSON.parse(readFileSync(path, "utf8"));
  // in place: whoever has it open has the same file
  writeFileSync(path, `${JSON.stringify({ ...owner, pid: 2 ** 22 + 1 })}\n`);
}

/** Takes the run over and finishes it. @returns what it then is */
async function finishedByAnother(folder: string): Promise<Record<string, string>> {
  giveUp(folder);
  const other = (await RunWriter.resume(options()))!;
  other.append(trainEpoch(2, 0.75));
  await other.write("masks.safetensors", keepsWeight(1));
  await other.keepCheckpoint(checkpointAt(2));
  await other.keepResult(checkpointAt(3).tensors, {});
  other.close({ state: "finished" });
  expect(readStatus(folder)?.state).toBe("finished");
  return contents(folder);
}

/** Writes the mask of a network of one weight. */
const keepsWeight = (kept: number) => (path: string) =>
  writeSafetensors(
    path,
    new Map([["fc.weight_mask", boolTensor([1], Uint8Array.of(kept))]]),
    {},
    { force: true },
  );

/** Everything a run is written by. */
const WRITES: readonly (readonly [string, (writer: RunWriter) => unknown])[] = [
  [
    "an event that marks progress",
    (w) => w.append({ kind: "train.step", epoch: 2, step: 9, loss: 1, rate: 1, imagesPerSecond: 1 }),
  ],
  ["an event with a heartbeat", (w) => w.append({ kind: "log", level: "info", message: "x" })],
  ["an epoch", (w) => w.append(trainEpoch(2, 0.1))],
  ["masks", (w) => w.write("masks.safetensors", keepsWeight(0))],
  ["a checkpoint", (w) => w.keepCheckpoint(checkpointAt(9))],
  ["the result", (w) => w.keepResult(checkpointAt(9).tensors, {})],
  ["a file of its own", (w) => w.write("best.safetensors", async (path) => writeFileSync(path, "mine"))],
  ["its end", (w) => w.close({ state: "finished" })],
  ["its failure", (w) => w.close({ state: "failed", failure: "x" })],
];

describe("a process that wakes behind another that finished its run", () => {
  it.each([
    ["looks at its lock", false],
    ["had looked at its lock just before it slept", true],
  ])("and %s, changes no byte of it", async (_, hasLooked) => {
    for (const [what, write] of WRITES) {
      const first = RunWriter.open(options());
      first.append(trainStarted);
      first.append(trainEpoch(1));
      await first.keepCheckpoint(checkpointAt(1));
      first.append(trainEpoch(2, 0.2));
      const after = await finishedByAnother(first.folder);
      if (hasLooked) lookAway();
      await Promise.resolve()
        .then(() => write(first))
        .catch(() => undefined);
      vi.restoreAllMocks();
      expect(contents(first.folder), what).toEqual(after);
      try {
        first.close({ state: "interrupted" });
      } catch {
        // in other hands
      }
      expect(contents(first.folder), what).toEqual(after);
      rmSync(first.folder, { recursive: true });
    }
  });

  const here = `process ${process.pid} on ${hostname()}`;
  const moment = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`;
  const takenBy = (folder: string) => {
    giveUp(folder);
    return RunWriter.open(options());
  };
  const rewritten = (folder: string, change: object, age = 0) => {
    const lock = join(folder, "lock");
    const owner = JSON.parse(readFileSync(lock, "utf8"));
    writeFileSync(lock, JSON.stringify({ ...owner, token: "x", ...change }));
    utimesSync(lock, new Date(Date.now() - age), new Date(Date.now() - age));
  };

  it.each<[state: string, act: (folder: string) => unknown, given: string, remedy: string]>([
    [
      "finished by another",
      (folder) => finishedByAnother(folder),
      `a run that ${here} took over: it finished it at ${moment}`,
      "Nothing is left to do: its results are in the folder.",
    ],
    [
      "stopped by another",
      (folder) => takenBy(folder).close({ state: "interrupted" }),
      `a run that ${here} took over: it was stopped at ${moment}`,
      "Run the same command again",
    ],
    [
      "failed in other hands",
      (folder) => takenBy(folder).close({ state: "failed", failure: "no disk" }),
      `a run that ${here} took over: it failed at ${moment}: no disk`,
      "Mend what it says",
    ],
    [
      "left by another without a word",
      (folder) => {
        giveUp(folder);
        lockFolder(folder, RUN_LOCK).release();
        rmSync(join(folder, "status.json"));
      },
      "a run that another process took over, and has left since",
      "Run the same command again",
    ],
    [
      "worked on by another of this machine",
      (folder) => rewritten(folder, { pid: process.ppid, started: processStart(process.ppid) }),
      `a run that process ${process.ppid} on ${hostname()} took over while this one showed no sign of life, and is working on`,
      "Wait for it, or stop it.",
    ],
    [
      "worked on elsewhere",
      (folder) => rewritten(folder, { host: "elsewhere" }, 5_000),
      `a run that process ${process.pid} on elsewhere took over while this one showed no sign of life, and is working on`,
      "Wait for it, or stop it there.",
    ],
    [
      "taken over elsewhere, and not heard of since",
      (folder) => rewritten(folder, { host: "elsewhere" }, 3_600_000),
      `a run that process ${process.pid} on elsewhere took over, of which there has been no sign of life since ${moment}`,
      "Wait for it; where it is gone, run the same command again.",
    ],
    [
      "taken over by a process that was killed",
      (folder) => rewritten(folder, { pid: 2 ** 22 + 1 }),
      `a run that process ${2 ** 22 + 1} on ${hostname()} took over, and that process is gone before its end`,
      "Run the same command again",
    ],
    [
      "just being taken over",
      (folder) => {
        for (const name of readdirSync(folder).filter((name) => name.startsWith(".gate.")))
          rmSync(join(folder, name), { recursive: true });
      },
      "a run that another process is just taking over",
      "Wait for it.",
    ],
    [
      "without its lock",
      (folder) => rmSync(join(folder, "lock")),
      "a run whose lock is gone: removed by hand, or by a process that is just taking it over",
      "Run the same command again",
    ],
    [
      "without its folder",
      (folder) => rmSync(folder, { recursive: true }),
      "a run whose folder is gone",
      "it begins anew",
    ],
  ])("says what became of a run that is %s", async (_, act, given, remedy) => {
    const first = RunWriter.open(options());
    first.append(trainStarted);
    await first.keepCheckpoint(checkpointAt(1));
    await act(first.folder);
    const said = new RegExp(
      `^[^:]*: got ${given}, expected a run that is still this process's own\\. .*${remedy}`,
    );
    expect(() => first.append(trainEpoch(1))).toThrow(said);
    await expect(first.write("a", async () => undefined)).rejects.toThrow(said);
    await expect(first.keepCheckpoint(checkpointAt(2))).rejects.toThrow(said);
    expect(() => first.close({ state: "finished" })).toThrow(said);
  });

  it("makes no gate again that was removed, whichever folder it makes", () => {
    const lock = lockFolder(root, RUN_LOCK);
    const [gate] = readdirSync(root).filter((name) => name.startsWith(".gate."));
    makeOwnFolder(lock.place("tb"));
    rmSync(join(root, gate!), { recursive: true });
    for (const name of ["tb", "tb/inner", "other", "other/inner"])
      expect(() => makeOwnFolder(lock.place(name)), name).toThrow(
        /got no such folder|does not exist|no such/,
      );
    expect(readdirSync(root).sort()).toEqual(["lock", "tb"]);
  });

  it("says who has the run", async () => {
    const first = RunWriter.open(options());
    await first.keepCheckpoint(checkpointAt(1));
    const owner = { ...ownProcess(), host: "elsewhere", token: "x" };
    rmSync(first.path("lock"));
    writeFileSync(first.path("lock"), JSON.stringify(owner));
    await expect(first.write("a", async () => undefined)).rejects.toThrow(
      `process ${process.pid} on elsewhere`,
    );
    expect(() => first.append(trainEpoch(1))).toThrow(`process ${process.pid} on elsewhere`);
  });
});

/** As if each look at the lock had been just before it was lost. */
function lookAway(): void {
  const folder = runFolderOf({ ...options(), experiment: "another" });
  mkdirSync(folder, { recursive: true });
  const lock = lockFolder(folder, RUN_LOCK);
  vi.spyOn(Object.getPrototypeOf(lock) as FolderLock, "requireHeld").mockImplementation(() => undefined);
  lock.release();
}

describe("a process that wakes while it takes a run over", () => {
  it("neither removes nor makes anything where another was quicker", () => {
    const folder = runFolderOf(options());
    mkdirSync(folder, { recursive: true });
    const lock = lockFolder(folder, RUN_LOCK);
    giveUp(folder);
    RunWriter.open(options()).close({ state: "finished" });
    const after = contents(folder);
    for (const name of ["events.jsonl", "status.json", "tb"]) {
      expect(() => rmSync(lock.place(name), { recursive: true })).toThrow("ENOENT");
      expect(() => writeFileSync(lock.place(`${name}.new`), "")).toThrow("ENOENT");
    }
    lock.release();
    expect(contents(folder)).toEqual(after);
  });

  it("leaves the lock of the quicker one alone", () => {
    const folder = runFolderOf(options());
    mkdirSync(folder, { recursive: true });
    const first = lockFolder(folder, RUN_LOCK);
    giveUp(folder);
    const second = lockFolder(folder, RUN_LOCK);
    first.release();
    second.requireHeld();
    second.release();
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("a lock from elsewhere", () => {
  it("that looks old is not taken while it is renewed, whatever clocks say", async () => {
    const folder = runFolderOf(options());
    mkdirSync(folder, { recursive: true });
    const path = join(folder, "lock");
    for (const seconds of [-100_000, 100_000]) {
      writeFileSync(path, JSON.stringify({ ...ownProcess(), host: "elsewhere", token: "x" }));
      const set = (t: number) => utimesSync(path, new Date(t), new Date(t));
      set(Date.now() + 1000 * seconds);
      // renewed by a process whose clock is wrong, while this one waits without yielding
      const { spawn } = await import("node:child_process");
      const program = `const { utimesSync } = require("node:fs"); let k = ${Date.now() + 1000 * seconds};
        setInterval(() => { k += 500; utimesSync(process.argv[1], new Date(k), new Date(k)); }, 50); console.log("begun");`;
      const child = spawn(process.execPath, ["-e", program, path], { stdio: ["ignore", "pipe", "ignore"] });
      await new Promise((begun) => child.stdout.once("data", begun));
      expect(() => lockFolder(folder, RUN_LOCK)).toThrow("on elsewhere is working on");
      child.kill("SIGKILL");
      await new Promise((gone) => child.once("exit", gone));
      rmSync(path);
    }
  }, 300_000);

  it("is renewed though the clock is set back while its process works", async () => {
    const writer = RunWriter.open(options());
    const lock = writer.path("lock");
    const before = new Date(Date.now() - 50_000);
    const now = vi.spyOn(Date, "now");
    now.mockReturnValue(Date.now() - 3_600_000);
    utimesSync(lock, before, before);
    await vi.waitUntil(() => statSync(lock).mtimeMs > before.getTime() + 1000, { timeout: 300_000 });
    now.mockRestore();
    writer.close({ state: "interrupted" });
  }, 300_000);
});

describe("a signal", () => {
  const own = ownProcess();
  it("is sent to nobody but the very process that a file names", () => {
    const kill = vi.spyOn(process, "kill").mockReturnValue(true);
    const parent = { pid: process.ppid, host: hostname(), started: processStart(process.ppid)! };
    for (const pid of [-1, 0, 1, 1.5, Number.NaN, -process.ppid, 2 ** 40, process.pid])
      expect(signalOwner({ ...own, pid }, "SIGTERM")).toBe(false);
    // its number given to another since, or nothing known of it
    expect(signalOwner({ ...parent, started: `${parent.started}0` }, "SIGTERM")).toBe(false);
    expect(signalOwner({ pid: parent.pid, host: parent.host }, "SIGTERM")).toBe(false);
    expect(signalOwner({ ...parent, host: "elsewhere" }, "SIGTERM")).toBe(false);
    expect(kill).not.toHaveBeenCalled();
    expect(signalOwner(parent, "SIGTERM")).toBe(true);
    expect(kill.mock.calls).toEqual([[process.ppid, "SIGTERM"]]);
  });
});
