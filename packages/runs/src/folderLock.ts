/**
 * Ensures that one process at a time works on a folder (a run, a sweep): a lock file names its owner. It is created
 * atomically, renewed while its process works, and taken over only from a process that has ended. A process that
 * finds another owner's lock was presumed dead (its computer slept, or its network failed) and must not write any
 * more. Since it may have slept between the check and the write, a check alone is not enough:
 * Every path by which the owner writes leads through a folder of its own, its gate (`.gate.<token>/../events.jsonl`).
 * A process that takes over first removes all other gates, and the system then refuses all paths through them. Open
 * files are protected because the new owner makes new files of all that it continues. (Windows resolves `..` by
 * itself: there is only the check.)
 */
import { randomUUID } from "node:crypto";
import {
  closeSync,
  existsSync,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { isRecord, optional, record, text, whole } from "@phew/core/fields";
import { ArgumentError, errorCode, formatMoment } from "@phew/core/messages";
import { type LockEnd, lostFault, nameOf } from "./lostLock.ts";
import { ownerFields, ownerLives, ownProcess, type ProcessOwner } from "./processes.ts";
import { readBounded } from "./regularFile.ts";
import { removePartials, writeFault } from "./replaceFile.ts";
import { HEARTBEAT_MS, type RunnerState, readStatus, STALE_MS } from "./status.ts";

export interface LockOwner extends ProcessOwner {
  /** Distinguishes this lock from a later one with the same process number. */
  readonly token: string;
  /** Of a sweep: runs at a time. */
  readonly processCount?: number;
}

/** Which lock of a folder. */
export interface LockKind {
  /** Name of its file. */
  readonly file: string;
  /** What is locked: "run". */
  readonly noun: string;
  /** State in which its last owner left it, if its files say. */
  end?(folder: string): LockEnd | undefined;
}

export const RUN_LOCK: LockKind = { file: "lock", noun: "run", end: endOfRun };

/** What to do about a run that another process has ended. */
const END_REMEDIES: Readonly<Record<Exclude<RunnerState, "running">, string>> = {
  finished: "Nothing is left to do: its results are in the folder.",
  interrupted: "Run the same command again: it goes on where the work was left.",
  failed: "Mend what it says, and run the same command again: it goes on where the work was left.",
};

function endOfRun(folder: string): LockEnd | undefined {
  const status = readStatus(folder);
  if (status === undefined || status.state === "running") return undefined;
  const { state, updatedT, failure } = status;
  const at = `at ${formatMoment(updatedT)}`;
  const what = {
    finished: `finished it ${at}`,
    interrupted: `was stopped ${at}`,
    failed: `failed ${at}${failure === undefined ? "" : `: ${failure}`}`,
  };
  return { owner: status, what: what[state], remedy: END_REMEDIES[state] };
}

export interface FolderLock {
  /** Unique to this lock: for names of files that no other process writes. */
  readonly token: string;
  /** The path by which the owner writes a file of the folder; below, `/` parts. It leads nowhere once the lock is lost. */
  place(name: string): string;
  /** Shows processes of other machines that this one lives. */
  renew(): void;
  /** @throws ArgumentError if another process has taken the folder over, with its present state if that is known */
  requireHeld(): void;
  release(): void;
}

/** A lock that is no JSON is being written just now, on a file system without links, unless it is older than this. */
const WRITING_MS = 10_000;
/** So long a lock that looks old is watched: whether its time changes, whatever clocks say. */
const WATCH_MS = 2.5 * HEARTBEAT_MS;
/** What clocks and the times of files may differ by. */
export const CLOCK_MS = 2000;
const ATTEMPTS = 8;
const LOCK_LIMIT = 4096;
const GATE = ".gate.";

/** Locks of this process. */
const held = new Set<string>();

const parseLock = record<LockOwner>({
  ...ownerFields,
  token: text(64),
  processCount: optional(whole(1)),
});

/**
 * @param more further content of the lock file
 * @throws ArgumentError if a living process has the folder, or if it cannot be written
 */
export function lockFolder(
  folder: string,
  kind: LockKind,
  more: Pick<LockOwner, "processCount"> = {},
): FolderLock {
  const owner: LockOwner = { ...ownProcess(), token: randomUUID(), ...more };
  const lock = new HeldLock(folder, kind, owner);
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      lock.openGate();
      if (lock.create()) return lock;
      const found = read(join(folder, kind.file));
      if (found === undefined) continue;
      const other = parseText(found);
      if (lives(folder, kind, found, lock)) throw taken(folder, kind, other);
      takeAway(folder, kind, found, lock);
    }
    throw taken(folder, kind, undefined);
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** The owner of the folder, from its lock; undefined if there is none, or if it cannot be read. */
export function lockOwner(folder: string, kind: LockKind): LockOwner | undefined {
  try {
    const found = read(join(folder, kind.file));
    return found === undefined ? undefined : parseText(found);
  } catch {
    return undefined;
  }
}

/** Milliseconds since a lock's owner renewed it, by this computer's clock; 0 if there is none. */
export function lockAge(folder: string, kind: LockKind): number {
  const found = statSync(join(folder, kind.file), { throwIfNoEntry: false });
  return found === undefined ? 0 : Date.now() - found.mtimeMs;
}

class HeldLock implements FolderLock {
  readonly token: string;
  readonly #folder: string;
  readonly #kind: LockKind;
  readonly #gate: string;
  readonly #text: string;
  #descriptor: number | undefined;

  constructor(folder: string, kind: LockKind, owner: LockOwner) {
    this.#folder = folder;
    this.#kind = kind;
    this.token = owner.token;
    this.#gate = join(folder, `${GATE}${owner.token}`);
    this.#text = `${JSON.stringify(owner)}\n`;
  }

  // not joined: that would take the gate out of the path
  place(name: string): string {
    return `${this.#gate}/../${name}`;
  }

  openGate(): void {
    try {
      mkdirSync(this.#gate, { recursive: true });
    } catch (error) {
      throw writeFault(this.#folder, error);
    }
  }

  /** @returns false if a lock exists */
  create(): boolean {
    const path = this.place(this.#kind.file);
    const whole = join(this.#gate, this.#kind.file);
    try {
      // a process may be killed at any moment: the lock appears whole, or not at all
      this.#write(whole);
      if (!isLinked(whole, path)) this.#write(path);
      rmSync(whole, { force: true });
    } catch (error) {
      const code = errorCode(error);
      // ENOENT: a process that had the folder meanwhile has removed the gate
      if (code !== "EEXIST" && code !== "ENOENT") {
        this.release();
        throw writeFault(join(this.#folder, this.#kind.file), error);
      }
      this.#close();
      rmSync(whole, { force: true });
      return false;
    }
    held.add(this.token);
    // from here on, an existing gate and a held lock show that no process has taken over
    this.openGate();
    this.requireHeld();
    this.#closeOtherGates();
    return true;
  }

  #write(path: string): void {
    this.#close();
    this.#descriptor = openSync(path, "wx");
    writeSync(this.#descriptor, this.#text);
  }

  #close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #closeOtherGates(): void {
    try {
      for (const name of readdirSync(this.place("")))
        if (name.startsWith(GATE) && !this.#gate.endsWith(name))
          rmSync(this.place(name), { recursive: true, force: true });
      removePartials(this.place(""));
    } catch (error) {
      this.requireHeld();
      throw writeFault(this.#folder, error);
    }
  }

  renew(): void {
    // writes the same bytes: only the modification time changes, by the clock of the file system
    if (this.#descriptor !== undefined) writeSync(this.#descriptor, this.#text, 0);
  }

  requireHeld(): void {
    const [folder, kind] = [this.#folder, this.#kind];
    // first: a process that sleeps between the two would else name an old owner for a gate that went meanwhile
    const hasGate = existsSync(this.#gate);
    const found = read(join(folder, kind.file));
    if (found === this.#text && hasGate) return;
    const lock = found === undefined ? "none" : found === this.#text ? "own" : "other";
    const owner = found === undefined ? undefined : parseText(found);
    const end = kind.end?.(folder);
    throw new ArgumentError(
      folder,
      lostFault({ folder, noun: kind.noun, lock, owner, age: lockAge(folder, kind), hasGate, end }),
    );
  }

  release(): void {
    if (this.#descriptor !== undefined) {
      this.#close();
      held.delete(this.token);
      const path = this.place(this.#kind.file);
      try {
        if (read(path) === this.#text) rmSync(path, { force: true });
      } catch {
        // taken over, or a disk that is gone
      }
    }
    rmSync(this.#gate, { recursive: true, force: true });
  }
}

/** @returns false where the file system has no links @throws EEXIST if `path` exists */
function isLinked(whole: string, path: string): boolean {
  try {
    linkSync(whole, path);
    return true;
  } catch (error) {
    if (["EEXIST", "ENOENT"].includes(errorCode(error) ?? "")) throw error;
    return false;
  }
}

function read(path: string): string | undefined {
  try {
    return readBounded(path, LOCK_LIMIT).toString("utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw writeFault(path, error);
  }
}

function parseText(text: string): LockOwner | undefined {
  try {
    const owner: unknown = JSON.parse(text);
    return isRecord(owner) ? parseLock(owner) : undefined;
  } catch {
    return undefined;
  }
}

function lives(folder: string, kind: LockKind, found: string, by: FolderLock): boolean {
  const owner = parseText(found);
  if (owner === undefined) return Math.abs(age(folder, kind, by)) <= WRITING_MS;
  if (owner.host !== hostname()) return beats(folder, kind, by);
  // a process of an earlier start of this machine, or container, may have had this one's number
  if (owner.pid === process.pid) return held.has(owner.token);
  return ownerLives(owner);
}

/**
 * Whether a process on another computer renews its lock. Clocks may differ, so an old or a future time is not enough:
 * the function watches whether it changes.
 */
function beats(folder: string, kind: LockKind, by: FolderLock): boolean {
  const before = age(folder, kind, by);
  if (before >= -CLOCK_MS && before <= STALE_MS) return true;
  const path = join(folder, kind.file);
  const modified = () => statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  const first = modified();
  const end = performance.now() + WATCH_MS;
  const pause = new Int32Array(new SharedArrayBuffer(4));
  while (performance.now() < end) {
    Atomics.wait(pause, 0, 0, 100);
    if (modified() !== first) return true;
  }
  return false;
}

/** Milliseconds since the lock was renewed, by one clock: that of the disk. */
function age(folder: string, kind: LockKind, by: FolderLock): number {
  const probe = by.place(`.${kind.file}.${by.token}.partial`);
  let descriptor: number | undefined;
  try {
    descriptor = openSync(probe, "wx");
    const now = fstatSync(descriptor).mtimeMs;
    return now - (statSync(join(folder, kind.file), { throwIfNoEntry: false })?.mtimeMs ?? 0);
  } catch (error) {
    // the gate is gone: somebody has just taken the folder
    if (errorCode(error) === "ENOENT") return 0;
    throw writeFault(probe, error);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
    rmSync(probe, { force: true });
  }
}

/** Removes the lock that was read as `found`, and no other that has taken its place since. */
function takeAway(folder: string, kind: LockKind, found: string, by: FolderLock): void {
  const path = join(folder, kind.file);
  const aside = `${path}.${by.token}`;
  try {
    renameSync(by.place(kind.file), aside);
    if (read(aside) !== found) linkSync(aside, path);
  } catch (error) {
    // gone, or taken by another process; the old owner notices
    const code = errorCode(error);
    if (code !== "ENOENT" && code !== "EEXIST") throw writeFault(path, error);
  } finally {
    rmSync(aside, { force: true });
  }
}

function taken(folder: string, { noun }: LockKind, owner: LockOwner | undefined): ArgumentError {
  const who = owner === undefined ? "another process" : nameOf(owner);
  return new ArgumentError(folder, {
    given: `a ${noun} that ${who} is working on`,
    expected: `a ${noun} nobody works on`,
    remedy: "Wait for it, stop it, or choose another experiment.",
  });
}
