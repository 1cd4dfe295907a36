/** The runs of a sweep as tasks: command, folder and state of each. */
import { closeSync, fstatSync, lstatSync, readSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { ArgumentError } from "@phew/core/messages";
import type { RunConfig } from "../canonicalJson.ts";
import { signalOwner } from "../processes.ts";
import type { RunSummary } from "../progress.ts";
import { readEntry } from "../readRun.ts";
import { openRegular } from "../regularFile.ts";
import { stateOfRun } from "../runLife.ts";
import type { RunLife, RunStatus } from "../status.ts";

/**
 * One run of a sweep. Its command may be repeated: it does nothing for a finished run and resumes an unfinished one.
 */
export interface SweepTask {
  /** Name of its folder: letters, digits, '.', '_' and '-'. */
  readonly id: string;
  /** What a person calls it: what it differs in from the others of the sweep. */
  readonly name: string;
  readonly folder: string;
  readonly experiment: string;
  readonly config: RunConfig;
  /** Program and arguments; exit code 130 if it stopped at a checkpoint. */
  readonly command: readonly string[];
}

/** `waiting` if no process has begun it. */
export type TaskState = RunLife | "waiting";

export interface TaskStatus {
  readonly task: SweepTask;
  readonly state: TaskState;
  readonly status?: RunStatus | undefined;
  /** Why it failed. */
  readonly failure?: string | undefined;
  /** Absent before it has a folder. */
  readonly summary?: RunSummary;
}

const TAIL_BYTES = 4096;

/** The state of a task at the time `now` (milliseconds since the epoch), from its run folder only. */
export function taskStatus(task: SweepTask, now: number): TaskStatus {
  const { life, status, failure } = stateOfRun(task.folder, now);
  if (status) return { task, state: life, status, failure, summary: status.summary };
  const entry = readEntry(task.folder, now);
  return entry === undefined
    ? { task, state: "waiting" }
    : { task, state: entry.life, failure, summary: entry.summary };
}

/** What processes of this machine work on, of these tasks. */
export function runningHere(tasks: readonly SweepTask[]): RunStatus[] {
  return tasks.flatMap((task) => {
    const { state, status } = taskStatus(task, Date.now());
    return state === "running" && status?.host === hostname() ? [status] : [];
  });
}

/**
 * Asks the processes of this computer that work on any of the tasks to stop at a checkpoint, or with SIGKILL ends them.
 * @returns how many
 */
export function stopRunning(tasks: readonly SweepTask[], signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): number {
  return runningHere(tasks).filter((status) => signalOwner(status, signal)).length;
}

/** Folder for a sweep's own files; listings of runs skip it. */
export function sweepFolder(root: string, experiment: string): string {
  return join(root, experiment, ".sweep");
}

/** The output of a task, over all its starts. */
export function logFile(folder: string, id: string): string {
  return join(folder, "logs", `${id}.log`);
}

/** @throws ArgumentError if something in place of a log would redirect the output */
export function requireLogPlace(file: string): void {
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (found === undefined || found.isFile()) return;
  throw new ArgumentError(file, {
    given: "a link, pipe, folder or device in the place of a log",
    expected: "a file, or nothing",
    remedy: "Take it away.",
  });
}

/** The last lines of a file, at most `count`; none if the file does not exist. */
export function lastLines(file: string, count: number): string[] {
  let descriptor: number;
  try {
    descriptor = openRegular(file);
  } catch {
    return [];
  }
  try {
    const { size } = fstatSync(descriptor);
    const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES * Math.ceil(count / 20)));
    readSync(descriptor, bytes, 0, bytes.length, size - bytes.length);
    const lines = bytes.toString("utf8").trimEnd().split("\n");
    return lines.slice(-count).filter((line) => line.trim() !== "");
  } finally {
    closeSync(descriptor);
  }
}
