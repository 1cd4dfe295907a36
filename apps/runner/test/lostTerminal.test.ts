/** Work outlives what it was started from: a terminal that is closed, a pipe that nobody reads, a full disk under a log. */
import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import { bin, scratchFolder } from "./phew.ts";

const TRAIN =
  "train lenet5 --classes 4 --train-count 320 --test-count 32 --batch-size 32 --density 0.2 --threads 1 --no-figures".split(
    " ",
  );

/** The statuses of all runs that have one, hidden folders left out. */
function statusesOf(folder: string) {
  const below = (name: string) => (existsSync(name) ? readdirSync(name) : []);
  const runs = path.join(folder, "runs");
  return below(runs).flatMap((experiment) =>
    below(path.join(runs, experiment)).flatMap((id) => {
      try {
        return [JSON.parse(readFileSync(path.join(runs, experiment, id, "status.json"), "utf8"))];
      } catch {
        return [];
      }
    }),
  );
}

const statusOf = (folder: string) => statusesOf(folder)[0];

it("a training goes on to its end where the reader of standard error has gone", async () => {
  const folder = scratchFolder();
  const child = spawn(process.execPath, [bin, ...TRAIN, "--epochs", "2"], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
  });
  // as `2>&1 >/dev/null | head -1` does
  child.stderr.once("data", () => child.stderr.destroy());
  expect(await new Promise((resolve) => child.on("exit", resolve))).toBe(0);
  expect(statusOf(folder).state).toBe("finished");
});

it.runIf(process.platform === "linux")(
  "a training goes on to its end where standard error cannot be written (/dev/full)",
  async () => {
    const folder = scratchFolder();
    const full = openSync("/dev/full", "w");
    const child = spawn(process.execPath, [bin, ...TRAIN, "--epochs", "1"], {
      cwd: folder,
      stdio: ["ignore", "ignore", full],
    });
    closeSync(full);
    expect(await new Promise((resolve) => child.on("exit", resolve))).toBe(0);
    expect(statusOf(folder).state).toBe("finished");
  },
);

const IMP = TRAIN.map((arg) => (arg === "train" ? "imp" : arg)).filter((arg) => arg !== "--no-figures");

it.skipIf(process.platform === "win32").each([
  ["a training", [...TRAIN, "--epochs", "400"]],
  ["a round of imp", [...IMP, "--epochs", "400", "--rounds", "1"]],
  ["a run of a sweep", ["sweep", "sweep.json"]],
])(
  "%s keeps a checkpoint and says 130 when its terminal is closed, which sends SIGHUP twice",
  async (_, args) => {
    const folder = scratchFolder();
    const settings = {
      model: "lenet5",
      classCount: 4,
      trainCount: 320,
      testCount: 32,
      density: 0.2,
      epochs: 400,
    };
    writeFileSync(path.join(folder, "sweep.json"), JSON.stringify({ settings }));
    const child = spawn(process.execPath, [bin, ...args], {
      cwd: folder,
      stdio: ["ignore", "ignore", "ignore"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    const ended = new Promise((resolve) => child.on("exit", (code, signal) => resolve(code ?? signal)));
    // in the midst of an epoch, behind the checkpoint before the first step
    while (!(statusOf(folder)?.summary?.epoch > 0 && statusOf(folder).checkpoint)) await sleep(20);
    const { step } = statusOf(folder).checkpoint;
    child.kill("SIGHUP");
    child.kill("SIGHUP");
    expect(await ended).toBe(130);
    expect(statusOf(folder).state).toBe("interrupted");
    expect(statusOf(folder).checkpoint.step).toBeGreaterThan(step);
  },
);

it.skipIf(process.platform === "win32")(
  "runs of a pool keep a checkpoint each when a signal reaches the pool and them alike, as from a terminal",
  async () => {
    const folder = scratchFolder();
    const args = ["demo", "--workers", "2", "--json"];
    // a group of its own, as a shell makes for a job
    const child = spawn(process.execPath, [bin, ...args], { cwd: folder, stdio: "ignore", detached: true });
    onTestFinished(() => void child.kill("SIGKILL"));
    const ended = new Promise((resolve) => child.on("exit", (code, name) => resolve(code ?? name)));
    const states = () => statusesOf(folder);
    const isTraining = (status: { checkpoint?: object; summary: { epoch?: number } }) =>
      status.checkpoint !== undefined && (status.summary.epoch ?? 0) > 0;
    while (!(states().length >= 2 && states().every(isTraining))) await sleep(10);
    process.kill(-child.pid!, "SIGHUP");
    expect(await ended).toBe(130);
    const endStates = states().map(({ state }) => state);
    expect(endStates.length).toBeGreaterThanOrEqual(2);
    expect(endStates.filter((state) => state !== "interrupted" && state !== "finished")).toEqual([]);
  },
);
