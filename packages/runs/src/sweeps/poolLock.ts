/** Which process has a sweep in its hands. */
import { hostname } from "node:os";
import { CLOCK_MS, type LockKind, type LockOwner, lockAge, lockOwner } from "../folderLock.ts";
import { ownerLives } from "../processes.ts";
import { STALE_MS } from "../status.ts";

export const POOL_LOCK: LockKind = { file: "pool.json", noun: "sweep" };

/** Whether a pool works on the sweep. @param folder the sweep's own, see `sweepFolder` */
export function isPoolActive(folder: string): boolean {
  const owner = lockOwner(folder, POOL_LOCK);
  return owner !== undefined && isOwnerActive(folder, owner);
}

/** Whether the process of the sweep still runs, as far as this computer can tell. */
export function isOwnerActive(folder: string, owner: LockOwner): boolean {
  if (owner.host === hostname()) return ownerLives(owner);
  // one that is still to come is that of a clock that was set: whether it changes is seen when the lock is taken
  const age = lockAge(folder, POOL_LOCK);
  return age > -CLOCK_MS && age <= STALE_MS;
}
