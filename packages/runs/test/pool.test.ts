/** The local pool, with runs that only count: failures, interruption, and a submitting process that is killed. */
import { type ChildProcess, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { localPool, type SweepTask, taskStatus } from "../src/sweeps/index.ts";

const script = fileURLToPath(new URL("./fakeRun.mjs", import.meta.url));
const never = new AbortController().signal;

function scratchFolder(): string {
  // blanks and quotes, as in folders of people
  const folder = mkdtempSync(join(tmpdir(), "phew's pool-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

function fakeTasks(
  folder: string,
  count: number,
  stepCount: number,
  crashing: readonly number[] = [],
): SweepTask[] {
  return Array.from({ length: count }, (_, k) => {
    const runFolder = join(folder, `run-${k}`);
    const mode = crashing.includes(k) ? ["crash"] : [];
    return {
      id: `run-${k}`,
      name: `run ${k}`,
      folder: runFolder,
      experiment: "e",
      config: { seed: k },
      command: [process.execPath, script, runFolder, `${stepCount}`, ...mode],
    };
  });
}

const states = (tasks: readonly SweepTask[]) => tasks.map((task) => taskStatus(task, Date.now()).state);
const startsOf = (task: SweepTask) => readFileSync(join(task.folder, "starts"), "utf8").trim().split("\n");

async function until(holds: () => boolean): Promise<void> {
  for (const start = Date.now(); !holds(); await sleep(10)) {
    if (Date.now() - start > 300_000) throw new Error("what the test waits for did not come");
  }
}

it("runs all tasks, and the others where one crashes; a log keeps what each printed", async () => {
  const folder = scratchFolder();
  const tasks = fakeTasks(folder, 5, 3, [1]);
  const pool = localPool({ folder: join(folder, ".sweep"), processCount: 2 });
  const failedIds: string[] = [];
  const onFailure = (failures: ReadonlyMap<string, string>) => failedIds.push(...failures.keys());
  const submission = await pool.submit(tasks, { signal: never, onFailure });
  expect(states(tasks)).toEqual(["finished", "failed", "finished", "finished", "finished"]);
  expect(failedIds).toEqual(["run-1"]);
  expect(submission).toMatchObject({ ended: true, text: "4 of 5 runs done, 2 at a time" });
  expect([...submission.failures]).toEqual([["run-1", "made to fail"]]);
  expect(readFileSync(pool.logs(tasks[1]!), "utf8")).toBe("made to fail\n");
  expect(await pool.status()).toBeUndefined();
});

it("leaves a run waiting that was stopped before it had a folder", async () => {
  const folder = scratchFolder();
  const [first] = fakeTasks(folder, 1, 3) as [SweepTask];
  const slow = { ...first, command: [...first.command, "slow"] };
  const pool = localPool({ folder: join(folder, ".sweep"), processCount: 1 });
  const stop = new AbortController();
  const failedIds: string[] = [];
  const onFailure = (failures: ReadonlyMap<string, string>) => failedIds.push(...failures.keys());
  const submission = pool.submit([slow], { signal: stop.signal, onFailure });
  void until(() => existsSync(`${first.folder}.begun`)).then(() => stop.abort());
  await expect(submission).rejects.toThrow();
  expect(failedIds).toEqual([]);
  expect(states([slow])).toEqual(["waiting"]);
});

it("counts a run as done that another process took over and finished while its own was suspended", async () => {
  const folder = scratchFolder();
  const [first] = fakeTasks(folder, 1, 3) as [SweepTask];
  const taken = { ...first, command: [...first.command, "taken"] };
  const pool = localPool({ folder: join(folder, ".sweep"), processCount: 1 });
  const { failures, text } = await pool.submit([taken], { signal: never });
  expect([...failures]).toEqual([]);
  expect(text).toBe("1 of 1 run done, 1 at a time");
});

it("tells of a program that is not there, as a failure of its run alone", async () => {
  const folder = scratchFolder();
  const [first, second] = fakeTasks(folder, 2, 1) as [SweepTask, SweepTask];
  const broken = { ...first, command: [join(folder, "no such program")] };
  const pool = localPool({ folder: join(folder, ".sweep"), processCount: 1 });
  const { failures } = await pool.submit([broken, second], { signal: never });
  expect(failures.get("run-0")).toMatch(/ENOENT/);
  expect(states([second])).toEqual(["finished"]);
});

it("never runs more than its limit at a time", async () => {
  const folder = scratchFolder();
  const tasks = fakeTasks(folder, 6, 4);
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, states(tasks).filter((state) => state === "running").length);
  }, 5);
  await localPool({ folder: join(folder, ".sweep"), processCount: 2 }).submit(tasks, { signal: never });
  clearInterval(watch);
  expect([1, 2]).toContain(most);
});

it("passes an interruption on once, starts nothing more, and goes on from there when it is submitted again", async () => {
  const folder = scratchFolder();
  const tasks = fakeTasks(folder, 3, 20);
  const interruption = new AbortController();
  const pool = localPool({ folder: join(folder, ".sweep"), processCount: 2 });
  const submitted = pool.submit(tasks, { signal: interruption.signal });
  await until(() => existsSync(join(tasks[1]!.folder, "step")) && existsSync(join(tasks[0]!.folder, "step")));
  interruption.abort(new Error("Ctrl-C"));
  await expect(submitted).rejects.toThrow("Ctrl-C");
  expect(states(tasks)).toEqual(["interrupted", "interrupted", "waiting"]);
  await pool.submit(tasks, { signal: never });
  expect(states(tasks)).toEqual(["finished", "finished", "finished"]);
  expect(startsOf(tasks[0]!).length).toBe(2);
  expect(startsOf(tasks[0]!)[1]).not.toMatch(/from 0$/);
});

it("goes on after the submitting process was killed: its runs are waited for, not begun twice", async () => {
  const folder = scratchFolder();
  const tasks = fakeTasks(folder, 4, 30);
  const submitter = submitElsewhere(folder, tasks);
  await until(() => states(tasks).filter((state) => state === "running").length === 2);
  submitter.kill("SIGKILL");
  await new Promise((resolve) => submitter.on("exit", resolve));
  const pool = localPool({ folder: join(folder, ".sweep"), processCount: 2 });
  expect(await pool.status()).toMatchObject({ active: false });
  await pool.submit(tasks, { signal: never });
  expect(states(tasks)).toEqual(tasks.map(() => "finished"));
  expect(tasks.map((task) => startsOf(task).length)).toEqual([1, 1, 1, 1]);
});

it("does not submit what another process submits, and cancels it", async () => {
  const folder = scratchFolder();
  const tasks = fakeTasks(folder, 3, 500);
  const submitter = submitElsewhere(folder, tasks);
  const ended = new Promise((resolve) => submitter.on("exit", resolve));
  await until(() => states(tasks).filter((state) => state === "running").length === 2);
  const pool = localPool({ folder: join(folder, ".sweep"), processCount: 2 });
  await expect(pool.submit(tasks, { signal: never })).rejects.toThrow(/process \d+ on .* runs, 2 at a time/);
  expect(await pool.cancel(tasks)).toMatch(/^asked 2 runs and process \d+, which runs them, to stop$/);
  await ended;
  await until(() => !states(tasks).includes("running"));
  expect(states(tasks)).toEqual(["interrupted", "interrupted", "waiting"]);
  expect(await pool.cancel(tasks)).toBe("nothing of it runs on this machine");
});

describe("a sweep that a process elsewhere had in hand", () => {
  const left = (folder: string, more: object) => {
    mkdirSync(join(folder, ".sweep"), { recursive: true });
    const path = join(folder, ".sweep", "pool.json");
    writeFileSync(path, JSON.stringify(more));
    return path;
  };
  const elsewhere = { pid: 7, host: "a-container", token: "x", processCount: 2 };

  it("is refused while it gives signs of life, which cancel says, and can be cancelled and carried out a minute behind the last", async () => {
    const folder = scratchFolder();
    const tasks = fakeTasks(folder, 2, 1);
    const path = left(folder, elsewhere);
    const pool = localPool({ folder: join(folder, ".sweep"), processCount: 2 });
    await expect(pool.submit(tasks, { signal: never })).rejects.toThrow(
      "process 7 on a-container runs, 2 at a time",
    );
    expect(await pool.cancel(tasks)).toMatch(/^process 7 on a-container runs it: stop it there/);
    const before = new Date(Date.now() - 61_000);
    utimesSync(path, before, before);
    expect(await pool.status()).toMatchObject({
      active: false,
      text: "process 7 on a-container ran, which is gone",
    });
    expect(await pool.cancel(tasks)).toBe(
      "nothing of it runs on this machine; took away what process 7 on a-container left, which is gone",
    );
    expect(existsSync(path)).toBe(false);
    // of a clock that was set back since
    left(folder, elsewhere);
    const later = new Date(Date.now() + 86_400_000);
    utimesSync(path, later, later);
    await pool.submit(tasks, { signal: never });
    expect(states(tasks)).toEqual(["finished", "finished"]);
  });

  it("is carried out by one of two that take it over at once", async () => {
    const folder = scratchFolder();
    const tasks = fakeTasks(folder, 2, 40);
    const path = left(folder, { ...elsewhere, host: hostname(), pid: 2 ** 22 + 1 });
    const submitters = [submitElsewhere(folder, tasks), submitElsewhere(folder, tasks)];
    const codes = await Promise.all(submitters.map((child) => new Promise((gone) => child.on("exit", gone))));
    expect(codes.sort()).toEqual([0, 130]);
    expect(tasks.map((task) => startsOf(task).length)).toEqual([1, 1]);
    expect(existsSync(path)).toBe(false);
  });

  it.each([
    [{ pid: 1.5, host: hostname(), token: "x" }],
    [{ pid: -1, host: hostname(), token: "x" }],
    [{ pid: 0, host: hostname() }],
    [{ pid: 1e300, host: hostname(), token: "x" }],
    [{ pid: process.pid, host: hostname(), token: "x", started: "another boot 1" }],
    [{ pid: 1, host: hostname(), token: "x", started: "another boot 1" }],
    [{ pid: "7", host: [], token: {} }],
    [null],
    [[]],
  ])("by what its file says (%j) sends no signal to anybody", async (document) => {
    const folder = scratchFolder();
    const task = fakeTasks(folder, 1, 1)[0]!;
    mkdirSync(task.folder, { recursive: true });
    const running = {
      state: "running",
      name: "a",
      startedT: 1,
      updatedT: Date.now(),
      summary: { phase: "training", fraction: 0 },
    };
    writeFileSync(join(task.folder, "status.json"), JSON.stringify({ ...running, ...document }));
    left(folder, document as object);
    const kill = vi.spyOn(process, "kill");
    const pool = localPool({ folder: join(folder, ".sweep"), processCount: 2 });
    expect(await pool.cancel([task])).toMatch(/^nothing of it runs on this machine/);
    expect(kill.mock.calls.filter(([, signal]) => signal !== 0)).toEqual([]);
    expect(kill.mock.calls.filter(([pid]) => !(pid >= 1))).toEqual([]);
    kill.mockRestore();
  });
});

it("follows no link in the place of a log or of its folder", async () => {
  const folder = scratchFolder();
  const tasks = fakeTasks(folder, 1, 1);
  const target = join(folder, "a letter");
  writeFileSync(target, "dear");
  mkdirSync(join(folder, ".sweep", "logs"), { recursive: true });
  symlinkSync(target, join(folder, ".sweep", "logs", `${tasks[0]!.id}.log`));
  const pool = localPool({ folder: join(folder, ".sweep"), processCount: 1 });
  await expect(pool.submit(tasks, { signal: never })).rejects.toThrow(
    "a link, pipe, folder or device in the place of a log",
  );
  rmSync(join(folder, ".sweep", "logs"), { recursive: true });
  symlinkSync(folder, join(folder, ".sweep", "logs"));
  await expect(pool.submit(tasks, { signal: never })).rejects.toThrow("a link to a folder elsewhere");
  expect(readFileSync(target, "utf8")).toBe("dear");
});

/** A process that submits the tasks; SIGTERM interrupts it as Ctrl-C does. */
function submitElsewhere(folder: string, tasks: readonly SweepTask[]): ChildProcess {
  const entry = new URL("../dist/sweeps/index.js", import.meta.url).href;
  const program = `
    import { localPool } from ${JSON.stringify(entry)};
    const controller = new AbortController();
    process.on("SIGTERM", () => controller.abort(new Error("stopped")));
    const pool = localPool({ folder: ${JSON.stringify(join(folder, ".sweep"))}, processCount: 2 });
    await pool.submit(${JSON.stringify(tasks)}, { signal: controller.signal }).catch(() => process.exit(130));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: "ignore" });
  onTestFinished(() => {
    child.kill("SIGKILL");
    for (const task of tasks) {
      const { state, status } = taskStatus(task, Date.now());
      if (state === "running" && status) process.kill(status.pid, "SIGKILL");
    }
  });
  return child;
}
