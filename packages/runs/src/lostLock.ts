/** Finds out what happened to a folder that another process took over while this one was presumed dead. */
import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { type ArgumentFault, formatMoment } from "@phew/core/messages";
import { ownerLives, type ProcessOwner } from "./processes.ts";
import { STALE_MS } from "./status.ts";

/** State in which the other process left the folder. */
export interface LockEnd {
  readonly owner: ProcessOwner;
  /** "finished it at 2026-11-30 14:03:09" */
  readonly what: string;
  /** What to do then; a whole sentence. */
  readonly remedy: string;
}

export interface LostLock {
  readonly folder: string;
  /** What was locked: "run". */
  readonly noun: string;
  /** Content of the lock file now. */
  readonly lock: "own" | "other" | "none";
  /** The other owner of the lock, if it can be read. */
  readonly owner: ProcessOwner | undefined;
  /** Milliseconds since it was renewed. */
  readonly age: number;
  /** Whether the paths by which this process writes still work: a process that takes over removes them. */
  readonly hasGate: boolean;
  /** State in which it was left; undefined if unknown. */
  readonly end: LockEnd | undefined;
}

const AGAIN = "Run the same command again: it goes on where the work was left.";

export function lostFault(lost: LostLock): ArgumentFault {
  const { folder, noun, lock, owner, hasGate, end } = lost;
  const expected = `a ${noun} that is still this process's own`;
  const fault = (given: string, remedy: string) => ({ given: `a ${noun} ${given}`, expected, remedy });
  if (!existsSync(folder)) {
    return fault("whose folder is gone", "Run the same command again: it begins anew.");
  }
  if (lock === "own") return fault("that another process is just taking over", `Wait for it. ${AGAIN}`);
  if (lock === "other") return fault(...takenOver(owner, lost.age));
  if (end !== undefined) return fault(`that ${nameOf(end.owner)} took over: it ${end.what}`, end.remedy);
  if (hasGate) {
    return fault("whose lock is gone: removed by hand, or by a process that is just taking it over", AGAIN);
  }
  return fault("that another process took over, and has left since", AGAIN);
}

function takenOver(owner: ProcessOwner | undefined, age: number): [given: string, remedy: string] {
  const took = `that ${owner === undefined ? "another process" : nameOf(owner)} took over`;
  const working = `${took} while this one showed no sign of life, and is working on`;
  if (owner === undefined) return [working, "Wait for it, or stop it."];
  if (owner.host !== hostname()) {
    if (age <= STALE_MS) return [working, "Wait for it, or stop it there."];
    const since = formatMoment(Date.now() - age);
    return [
      `${took}, of which there has been no sign of life since ${since}`,
      `Wait for it; where it is gone, run the same command again.`,
    ];
  }
  if (ownerLives(owner)) return [working, "Wait for it, or stop it."];
  return [`${took}, and that process is gone before its end`, AGAIN];
}

/** "process 12 on this-machine" */
export function nameOf({ pid, host }: ProcessOwner): string {
  return `process ${pid} on ${host}`;
}
