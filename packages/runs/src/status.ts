/** The heartbeat of a run, `status.json`: its process, its progress, and whether both are still current. */
import { hostname } from "node:os";
import { join } from "node:path";
import {
  duration,
  type Fields,
  fraction,
  isRecord,
  list,
  message,
  moment,
  name,
  oneOf,
  optional,
  record,
  text,
  whole,
} from "@phew/core/fields";
import { ownerFields, ownerLives, type ProcessOwner } from "./processes.ts";
import type { RunSummary } from "./progress.ts";
import type { RunPhase } from "./reduce.ts";
import { readBounded } from "./regularFile.ts";

export type RunnerState = "running" | "finished" | "failed" | "interrupted";

export interface RunStatus extends ProcessOwner {
  readonly state: RunnerState;
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly startedT: number;
  readonly updatedT: number;
  readonly summary: RunSummary;
  /** The newest checkpoint, if the run has one: its number of steps, and its time. */
  readonly checkpoint?: { readonly step: number; readonly t: number };
  /** Why it failed. */
  readonly failure?: string;
  /** The file of its machine that its process prints to, where it is one. */
  readonly output?: string;
}

/**
 * State of a run from its status; `lost` if the status is running but the process has ended, `waiting` if it has not
 * begun.
 */
export type RunLife = RunnerState | "lost" | "waiting";

/** The writer renews the heartbeat at least this often while the process can run at all. */
export const HEARTBEAT_MS = 1000;
/** If a heartbeat from another computer, whose processes cannot be checked, is this old, the run is lost. */
export const STALE_MS = 60_000;
/** So it is for a living process of this computer with an unknown start time: its number may have been reused. */
export const STALE_ALIVE_MS = 600_000;

/** A JSON file of a run folder is no longer. */
const JSON_LIMIT = 2 ** 24;

const STATES: readonly RunnerState[] = ["running", "finished", "failed", "interrupted"];
const PHASES: readonly RunPhase[] = ["waiting", "pruning", "training", "finished", "failed", "interrupted"];

const summaryFields: Fields<RunSummary> = {
  phase: oneOf(PHASES),
  method: optional(name),
  requestedDensity: optional(fraction),
  density: optional(fraction),
  fraction,
  leftMs: optional(duration),
  epoch: optional(whole()),
  epochCount: optional(whole()),
  testAccuracy: optional(fraction),
  warnings: optional(list(message, 1000)),
};

const statusFields: Fields<RunStatus> = {
  ...ownerFields,
  state: oneOf(STATES),
  name,
  startedT: moment,
  updatedT: moment,
  summary: record<RunSummary>(summaryFields),
  checkpoint: optional(record<{ step: number; t: number }>({ step: whole(), t: moment })),
  failure: optional(message),
  output: optional(text(4096)),
};

const parseStatus = record<RunStatus>(statusFields);

/** The status of a run folder; undefined if there is none or if it is not valid. */
export function readStatus(folder: string): RunStatus | undefined {
  const value = readJson(join(folder, "status.json"));
  return isRecord(value) ? parseStatus({ name: "", startedT: value.updatedT, ...value }) : undefined;
}

/**
 * The state of a run at the time `now` (milliseconds since the epoch).
 * @param isAlive whether a process of this computer runs
 */
export function lifeOf(
  status: RunStatus,
  now: number,
  isAlive: (owner: ProcessOwner) => boolean = ownerLives,
): RunLife {
  if (status.state !== "running") return status.state;
  const age = now - status.updatedT;
  if (status.host !== hostname()) return age > STALE_MS ? "lost" : "running";
  const isSame = status.started !== undefined || age <= STALE_ALIVE_MS;
  return isSame && isAlive(status) ? "running" : "lost";
}

/** The JSON document in a file; undefined if it is missing, unreadable, not a regular file, too long or not JSON. */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(readBounded(path, JSON_LIMIT).toString("utf8"));
  } catch {
    return undefined;
  }
}
