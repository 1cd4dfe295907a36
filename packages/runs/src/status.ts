/** The heartbeat of a run, `status.json`: who works on it, how far it is, and whether that is still true. */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { processLives } from "./processes.ts";
import type { RunSummary } from "./progress.ts";

export type RunnerState = "running" | "finished" | "failed" | "interrupted";

export interface RunStatus {
  readonly state: RunnerState;
  readonly name: string;
  readonly pid: number;
  readonly host: string;
  /** Milliseconds since the epoch. */
  readonly startedT: number;
  readonly updatedT: number;
  readonly summary: RunSummary;
  /** The newest checkpoint, where the run has one: steps taken by then, and when it was kept. */
  readonly checkpoint?: { readonly step: number; readonly t: number };
  /** Why it failed. */
  readonly failure?: string;
}

/**
 * What became of a run: as its status says; `lost` where it says running and nobody is there any more, `waiting` where
 * nobody has begun it.
 */
export type RunLife = RunnerState | "lost" | "waiting";

/** The writer renews the heartbeat at least this often while the process can run at all. */
export const HEARTBEAT_MS = 1000;
/** A heartbeat this old from another machine, whose processes cannot be asked for, is a lost run. */
export const STALE_MS = 60_000;
/** So is one this old of a process that lives here: its number has been given to another by now. */
export const STALE_ALIVE_MS = 600_000;

const STATES: readonly string[] = ["running", "finished", "failed", "interrupted"];

/** The status of a run folder; undefined where there is none or it cannot be read as one. */
export function readStatus(folder: string): RunStatus | undefined {
  return parseStatus(readJson(join(folder, "status.json")));
}

/**
 * What a status says at the time `now` (milliseconds since the epoch).
 * @param isAlive whether a process of this machine runs
 */
export function lifeOf(
  status: RunStatus,
  now: number,
  isAlive: (pid: number) => boolean = processLives,
): RunLife {
  if (status.state !== "running") return status.state;
  const age = now - status.updatedT;
  if (status.host !== hostname()) return age > STALE_MS ? "lost" : "running";
  return isAlive(status.pid) && age <= STALE_ALIVE_MS ? "running" : "lost";
}

/** The JSON document in a file; undefined where it is missing, unreadable or no JSON. */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

function parseStatus(value: unknown): RunStatus | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const status = value as Partial<Record<keyof RunStatus, unknown>>;
  const usable =
    typeof status.state === "string" &&
    STATES.includes(status.state) &&
    typeof status.pid === "number" &&
    typeof status.host === "string" &&
    typeof status.updatedT === "number" &&
    typeof status.summary === "object" &&
    status.summary !== null;
  if (!usable) return undefined;
  return {
    name: "",
    startedT: status.updatedT as number,
    ...(status as object),
    summary: soundSummary(status.summary as object),
  } as RunStatus;
}

/** JSON writes NaN as null; in a summary that is the same as absent. So is a list of warnings that is none. */
function soundSummary(summary: object): object {
  const usable = ([key, value]: [string, unknown]) =>
    value !== null &&
    (key !== "warnings" || (Array.isArray(value) && value.every((w) => typeof w === "string")));
  return Object.fromEntries(Object.entries(summary).filter(usable));
}
