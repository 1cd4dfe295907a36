/** Tasks in processes of this machine, a few at a time. Another process that works on one of them is waited for. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ArgumentError, counted } from "@phew/core/messages";
import { lockFolder, lockOwner } from "../folderLock.ts";
import { nameOf } from "../lostLock.ts";
import { signalOwner } from "../processes.ts";
import { makeOwnFolder, writeFault } from "../replaceFile.ts";
import { HEARTBEAT_MS } from "../status.ts";
import type { ExecutorStatus, Submission, SubmitOptions, SweepExecutor } from "./executor.ts";
import { isOwnerActive, POOL_LOCK } from "./poolLock.ts";
import {
  lastLines,
  logFile,
  requireLogPlace,
  runningHere,
  type SweepTask,
  stopRunning,
  taskStatus,
} from "./tasks.ts";

export interface PoolSettings {
  /** The sweep's own folder; see `sweepFolder`. */
  readonly folder: string;
  /** Tasks at a time, at least 1. */
  readonly processCount: number;
}

const TICK_MS = 250;

/** Numbers of processes and threads that use all cores; given values are unchanged. */
export function shareCores(
  coreCount: number,
  taskCount: number,
  given: { readonly processes?: number | undefined; readonly threads?: number | undefined },
): { processCount: number; threadCount: number } {
  const { processes, threads } = given;
  const wanted = processes ?? Math.max(1, Math.floor(coreCount / (threads ?? 1)));
  const processCount = Math.max(1, Math.min(wanted, taskCount));
  return { processCount, threadCount: threads ?? Math.max(1, Math.floor(coreCount / processCount)) };
}

export function localPool({ folder, processCount }: PoolSettings): SweepExecutor {
  return {
    name: "pool",
    logs: (task) => logFile(folder, task.id),

    async submit(tasks, options) {
      const other = await this.status();
      if (other?.active) {
        throw new ArgumentError(dirname(folder), {
          given: `a sweep that ${other.text}`,
          expected: "one that nobody runs",
          remedy: "Wait for it, or stop it with --cancel.",
        });
      }
      for (const own of [folder, join(folder, "logs")]) makeOwnFolder(own);
      const lock = lockFolder(folder, POOL_LOCK, { processCount });
      const heart = setInterval(() => lock.renew(), HEARTBEAT_MS).unref();
      try {
        return await runAll(tasks, folder, processCount, options, () => lock.requireHeld());
      } finally {
        clearInterval(heart);
        lock.release();
      }
    },

    async status(): Promise<ExecutorStatus | undefined> {
      const owner = lockOwner(folder, POOL_LOCK);
      if (owner === undefined) return undefined;
      const active = isOwnerActive(folder, owner);
      const text = active
        ? `${nameOf(owner)} runs, ${owner.processCount ?? "some"} at a time`
        : `${nameOf(owner)} ran, which is gone`;
      return { active, queued: new Set(), text };
    },

    async cancel(tasks) {
      const owner = lockOwner(folder, POOL_LOCK);
      if (owner === undefined) return stopped(tasks) ?? "nothing of it runs on this machine";
      if (!isOwnerActive(folder, owner)) {
        // lock files of ended processes do no harm, but the state is checked
        lockFolder(folder, POOL_LOCK).release();
        return `${stopped(tasks) ?? "nothing of it runs on this machine"}; took away what ${nameOf(owner)} left, which is gone`;
      }
      if (owner.host !== hostname()) {
        return `${nameOf(owner)} runs it: stop it there; where it is gone, it counts as gone after a minute without a sign of life`;
      }
      // the pool only, which stops its runs: a second signal would end them without a checkpoint
      const count = runningHere(tasks).length;
      if (signalOwner(owner, "SIGTERM"))
        return `asked ${runs(count)} and process ${owner.pid}, which runs them, to stop`;
      return `asked nothing to stop: process ${owner.pid} is not known for certain to be the one that runs it; stop it by hand`;
    },
  };
}

function stopped(tasks: readonly SweepTask[]): string | undefined {
  const count = stopRunning(tasks);
  return count === 0 ? undefined : `asked ${runs(count)} to stop`;
}

const runs = (count: number): string => counted(count, "run");

async function runAll(
  tasks: readonly SweepTask[],
  folder: string,
  processCount: number,
  { signal, onTick, onFailure }: SubmitOptions,
  requireHeld: () => void,
): Promise<Submission> {
  const failures = new Map<string, string>();
  const children = new Set<ChildProcess>();
  // runs in progress count, whichever process started them
  const running = (task: SweepTask) => taskStatus(task, Date.now()).state === "running";
  const queue = [...tasks].sort((a, b) => Number(running(b)) - Number(running(a)));
  const stop = () => {
    for (const child of children) child.kill("SIGTERM");
    stopRunning(tasks.filter((task) => !ownedBy(children, task)));
  };
  signal.addEventListener("abort", stop, { once: true });
  const ticker = onTick && setInterval(onTick, TICK_MS);
  try {
    await Promise.all(
      Array.from({ length: Math.min(processCount, queue.length) }, async () => {
        for (let task = queue.shift(); task && !signal.aborted; task = queue.shift()) {
          requireHeld();
          const failure = await attend(task, folder, children, signal);
          if (failure === undefined) continue;
          failures.set(task.id, failure);
          onFailure?.(failures);
        }
      }),
    );
  } finally {
    clearInterval(ticker);
    signal.removeEventListener("abort", stop);
  }
  signal.throwIfAborted();
  const text = `${tasks.length - failures.size} of ${counted(tasks.length, "run")} done, ${processCount} at a time`;
  return { ended: true, text, failures };
}

/** Waits for the end of a task. @returns the reason if it did not complete */
async function attend(
  task: SweepTask,
  folder: string,
  children: Set<ChildProcess>,
  signal: AbortSignal,
): Promise<string | undefined> {
  while (!signal.aborted) {
    const before = taskStatus(task, Date.now()).state;
    if (before === "finished") return undefined;
    if (before === "running") {
      await sleep(TICK_MS);
      continue;
    }
    const end = await carryOut(task, folder, children);
    if (end.code === 0) return undefined;
    if (end.fault !== undefined) return end.fault;
    const { state, status, failure } = taskStatus(task, Date.now());
    // another process was quicker to take the run
    if (state === "running" && status?.pid !== end.pid) continue;
    // or has finished it, since this one slept
    if (state === "finished" && status?.pid !== end.pid) return undefined;
    if (state === "interrupted") return "stopped before its end";
    // stopped with the sweep before it had a folder: it still waits
    if (signal.aborted && state === "waiting" && isStopped(end)) return undefined;
    const [lastLine] = lastLines(logFile(folder, task.id), 1);
    const how = end.signal ? `ended by ${end.signal}` : `ended with exit code ${end.code}`;
    return (state === "failed" ? failure : undefined) ?? (end.signal ? how : (lastLine ?? how));
  }
  return undefined;
}

/** Ended by the signal of the pool: at once, or by a handler that found nothing to keep. */
function isStopped({ code, signal }: ProcessEnd): boolean {
  return signal === "SIGTERM" || code === 130 || code === 143;
}

interface ProcessEnd {
  readonly pid: number | undefined;
  readonly code: number | null;
  readonly signal: string | null;
  /** Why it could not even begin. */
  readonly fault?: string;
}

function carryOut(task: SweepTask, folder: string, children: Set<ChildProcess>): Promise<ProcessEnd> {
  const [program, ...args] = task.command as [string, ...string[]];
  const file = logFile(folder, task.id);
  const log = openLog(file);
  return new Promise((resolve) => {
    // in a group of its own: Ctrl-C of the terminal reaches it once, through the pool
    const child = spawn(program, args, { stdio: ["ignore", log, log], detached: true });
    closeSync(log);
    children.add(child);
    child.on("error", (error) => {
      children.delete(child);
      resolve({ pid: undefined, code: null, signal: null, fault: error.message });
    });
    child.on("exit", (code, signal) => {
      children.delete(child);
      resolve({ pid: child.pid, code, signal });
    });
  });
}

/** Opens for appending. @throws ArgumentError if that fails, or if a link or another kind of file is in its place */
function openLog(file: string): number {
  const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  requireLogPlace(file);
  try {
    return openSync(file, O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW | O_NONBLOCK, 0o666);
  } catch (error) {
    throw writeFault(file, error);
  }
}

function ownedBy(children: ReadonlySet<ChildProcess>, task: SweepTask): boolean {
  const pid = taskStatus(task, Date.now()).status?.pid;
  return [...children].some((child) => child.pid === pid);
}
