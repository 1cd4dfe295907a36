/** What the process of a run printed, where that went into a file. */
import { fstatSync, readlinkSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, resolve } from "node:path";
import type { RunEntry } from "./readRun.ts";
import { lastLines, logFile, sweepFolder } from "./sweeps/tasks.ts";

export interface RunOutput {
  readonly file: string;
  /** The last {@link LINE_COUNT}, oldest first, blank ones left out. */
  readonly lines: readonly string[];
}

const LINE_COUNT = 2000;

/**
 * The file that this process's standard error goes to; undefined for a terminal, a pipe, and if the system cannot report it.
 * @see proc(5), /proc/pid/fd
 */
export function ownOutputFile(): string | undefined {
  try {
    return fstatSync(2).isFile() ? readlinkSync("/proc/self/fd/2") : undefined;
  } catch {
    return undefined;
  }
}

/** A file with what a run's process printed, and what changes when it is written to. */
export interface OutputFile {
  readonly file: string;
  readonly stamp: string;
}

/**
 * Where a run's output is: the log of its sweep, or the file that its process's standard error goes to, on its computer.
 * @returns undefined where there is none
 */
export function findOutput({
  folder,
  id,
  status,
}: Pick<RunEntry, "folder" | "id" | "status">): OutputFile | undefined {
  const experiment = dirname(resolve(folder));
  const log = logFile(sweepFolder(dirname(experiment), basename(experiment)), id);
  const own = status?.host === hostname() ? status.output : undefined;
  for (const file of [log, own]) {
    const found = file === undefined ? undefined : statSync(file, { throwIfNoEntry: false });
    if (file !== undefined && found?.isFile())
      return { file, stamp: `${file} ${found.size} ${found.mtimeMs}` };
  }
  return undefined;
}

/** Reads it; of a line that was written over, as progress is, what it was at last. */
export function readOutput(file: string): RunOutput {
  const lines = lastLines(file, LINE_COUNT).map((line) => line.trimEnd());
  return { file, lines: lines.map((line) => line.slice(line.lastIndexOf("\r") + 1)) };
}
