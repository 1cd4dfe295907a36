/**
 * Which state a run is in. Whatever goes on with runs, lists them or takes their results asks here, so that all agree where
 * files are missing.
 */
import { closeSync, fstatSync, readSync } from "node:fs";
import { join } from "node:path";
import type { TimedRunEvent } from "@phew/core/messages";
import { parseEventLine } from "./eventLine.ts";
import { modifiedT, openRegular } from "./regularFile.ts";
import { lifeOf, type RunLife, type RunStatus, readStatus } from "./status.ts";

export interface StateOfRun {
  readonly life: RunLife;
  /** Its heartbeat; absent where `status.json` is missing or cannot be read. */
  readonly status?: RunStatus | undefined;
  /** Why it failed. */
  readonly failure?: string | undefined;
  /** Milliseconds since the epoch of the last sign of life; 0 where there is none. */
  readonly updatedT: number;
}

/** Runs without a `status.json` whose events are older than this are lost. */
const SILENT_MS = 60_000;

/**
 * The state of a run at the time `now` (milliseconds since the epoch): that of its heartbeat; without one, that of its last
 * event. A folder that is not there waits.
 */
export function stateOfRun(folder: string, now: number): StateOfRun {
  const status = readStatus(folder);
  if (status)
    return { life: lifeOf(status, now), status, failure: status.failure, updatedT: status.updatedT };
  const eventsT = modifiedT(join(folder, "events.jsonl"));
  const updatedT = eventsT ?? modifiedT(join(folder, "config.json")) ?? 0;
  if (eventsT === undefined) return { life: "waiting", updatedT };
  const end = lastEvent(folder);
  switch (end?.kind) {
    case "run.finished":
      return { life: "finished", updatedT };
    case "run.interrupted":
      return { life: "interrupted", updatedT };
    case "run.failed":
      return { life: "failed", failure: end.message, updatedT };
    default:
      return { life: now - updatedT > SILENT_MS ? "lost" : "running", updatedT };
  }
}

export function isFinished(folder: string): boolean {
  return stateOfRun(folder, Date.now()).life === "finished";
}

/** The last whole event, found in the last few kilobytes. */
export function lastEvent(folder: string): TimedRunEvent | undefined {
  const path = join(folder, "events.jsonl");
  try {
    const descriptor = openRegular(path);
    try {
      const { size } = fstatSync(descriptor);
      const bytes = Buffer.alloc(Math.min(size, 4096));
      readSync(descriptor, bytes, 0, bytes.length, size - bytes.length);
      const lines = bytes.toString("utf8").split("\n");
      return lines
        .reverse()
        .map(parseEventLine)
        .find((event) => event !== undefined);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return undefined;
  }
}
