/** A run taken off the disk: all of it or nothing, and never under the hands of a process that works on it. */
import { randomUUID } from "node:crypto";
import { lstatSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ArgumentError } from "@phew/core/messages";
import { lockFolder, RUN_LOCK } from "../folderLock.ts";
import { readEntry } from "../readRun.ts";
import { writeFault } from "../replaceFile.ts";

/** What a run takes up. */
export interface FolderSize {
  readonly fileCount: number;
  /** The lengths of its files; links count as themselves. */
  readonly byteCount: number;
}

/** Folders that are on their way out; listings pass over them. */
const LEAVING = ".removed.";

export function folderSize(folder: string): FolderSize {
  let [fileCount, byteCount] = [0, 0];
  for (const item of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (item.isDirectory()) continue;
    fileCount++;
    byteCount += lstatSync(join(item.parentPath, item.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return { fileCount, byteCount };
}

/**
 * Removes a run folder with all that is in it, whoever put it there. It is gone in one step: renamed first, so that a
 * process killed meanwhile leaves no half run; what such a one left is taken away too.
 * @throws ArgumentError where the run is in other hands, the folder is a link or not a run folder, or it may not be removed
 */
export function removeRun(folder: string): FolderSize {
  requireRemovable(folder);
  const path = resolve(folder);
  const size = folderSize(path);
  const lock = lockFolder(path, RUN_LOCK);
  try {
    // it may have been begun anew before the lock was held
    requireRemovable(folder);
    renameSync(path, join(dirname(path), `${LEAVING}${randomUUID()}`));
  } catch (error) {
    throw writeFault(folder, error);
  } finally {
    lock.release();
  }
  takeAwayLeaving(dirname(path));
  return size;
}

/** @throws ArgumentError if a run is in progress, or the folder is a link or not a run folder */
export function requireRemovable(folder: string): void {
  const life = readEntry(folder, Date.now())?.life;
  const isLink = lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  if (life !== undefined && life !== "running" && !isLink) return;
  throw new ArgumentError(folder, {
    given: isLink ? "a link to a folder elsewhere" : life === undefined ? "no run" : "a run that is running",
    expected: "the folder of a run nobody works on",
    ...(life === "running" && { remedy: "Wait for it, or stop it first: Ctrl-C, or s in phew watch." }),
  });
}

function takeAwayLeaving(experiment: string): void {
  for (const name of readdirSync(experiment))
    if (name.startsWith(LEAVING)) rmSync(join(experiment, name), { recursive: true, force: true });
}
