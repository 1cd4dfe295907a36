/**
 * One process works on a run: the file `lock` says which. It is made in one step or not at all, renewed as long as its
 * process works, and taken over only from a process that is gone. A process that finds its lock in other hands has been
 * given up for dead (a machine that slept, a network that was cut): it stops before it writes anything more.
 */
import { randomUUID } from "node:crypto";
import {
  closeSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { ArgumentError, errorCode, writeFault } from "@phew/core";
import { processLives, processStart } from "./processes.ts";
import { STALE_MS } from "./status.ts";

interface Owner {
  readonly pid: number;
  readonly host: string;
  /** Tells this lock from a later one of the same process number. */
  readonly token: string;
  /** When the process began, in its machine's own count; absent where the system does not tell. */
  readonly started?: string;
}

export interface RunLock {
  /** Shows processes of other machines that this one lives. */
  renew(): void;
  /** @throws ArgumentError where another process has taken the run over */
  requireHeld(): void;
  release(): void;
}

/** A lock that is no JSON is being written just now, unless it is older than this. */
const WRITING_MS = 10_000;
const ATTEMPTS = 8;

/** Locks of this process. */
const held = new Set<string>();

/** @throws ArgumentError where a living process has the run, or the folder cannot be written */
export function lockRun(folder: string): RunLock {
  const path = join(folder, "lock");
  const started = processStart(process.pid);
  const owner: Owner = {
    pid: process.pid,
    host: hostname(),
    token: randomUUID(),
    ...(started === undefined ? {} : { started }),
  };
  const text = `${JSON.stringify(owner)}\n`;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (create(path, text)) return new HeldLock(path, folder, owner.token, text);
    const found = read(path);
    if (found === undefined) continue;
    const other = parse(found);
    if (lives(path, folder, other)) throw taken(folder, other);
    takeAway(path, found, owner.token);
  }
  throw taken(folder, undefined);
}

class HeldLock implements RunLock {
  readonly #path: string;
  readonly #folder: string;
  readonly #token: string;
  readonly #text: string;
  #descriptor: number | undefined;

  constructor(path: string, folder: string, token: string, text: string) {
    this.#path = path;
    this.#folder = folder;
    this.#token = token;
    this.#text = text;
    this.#descriptor = openSync(path, "r+");
    held.add(token);
  }

  renew(): void {
    // the same bytes: only the time of the file changes, by the clock of the disk that it lies on
    if (this.#descriptor !== undefined) writeSync(this.#descriptor, this.#text, 0);
  }

  requireHeld(): void {
    const found = read(this.#path);
    if (found === this.#text) return;
    throw taken(this.#folder, found === undefined ? undefined : parse(found));
  }

  release(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
    held.delete(this.#token);
    if (read(this.#path) === this.#text) rmSync(this.#path, { force: true });
  }
}

function create(path: string, text: string): boolean {
  let made = false;
  try {
    closeSync(openSync(path, "wx"));
    made = true;
    writeFileSync(path, text);
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST" && !made) return false;
    if (made) rmSync(path, { force: true });
    throw writeFault(path, error);
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw writeFault(path, error);
  }
}

function parse(text: string): Owner | undefined {
  try {
    const owner = JSON.parse(text) as Partial<Owner> | null;
    const usable =
      typeof owner?.pid === "number" && typeof owner.host === "string" && typeof owner.token === "string";
    return usable ? (owner as Owner) : undefined;
  } catch {
    return undefined;
  }
}

function lives(path: string, folder: string, owner: Owner | undefined): boolean {
  if (owner === undefined) return age(path, folder) <= WRITING_MS;
  if (owner.host !== hostname()) return age(path, folder) <= STALE_MS;
  // a process of an earlier start of this machine, or container, may have had this one's number
  if (owner.pid === process.pid) return held.has(owner.token);
  if (!processLives(owner.pid)) return false;
  const started = processStart(owner.pid);
  return owner.started === undefined || started === undefined || started === owner.started;
}

/** Milliseconds since the lock was renewed, by one clock: that of the disk. */
function age(path: string, folder: string): number {
  const probe = join(folder, `.lock.${process.pid}.partial`);
  try {
    writeFileSync(probe, "");
    return statSync(probe).mtimeMs - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
  } catch (error) {
    throw writeFault(probe, error);
  } finally {
    rmSync(probe, { force: true });
  }
}

/** Removes the lock that was read as `found`, and no other that has taken its place since. */
function takeAway(path: string, found: string, token: string): void {
  const aside = `${path}.${token}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return;
    throw writeFault(path, error);
  }
  if (read(aside) !== found) {
    try {
      linkSync(aside, path);
    } catch {
      // somebody has the run by now; who lost the lock finds out
    }
  }
  rmSync(aside, { force: true });
}

function taken(folder: string, owner: Owner | undefined): ArgumentError {
  const who = owner === undefined ? "another process" : `process ${owner.pid} on ${owner.host}`;
  return new ArgumentError(folder, {
    given: `a run that ${who} is working on`,
    expected: "a run nobody works on",
    remedy: "Wait for it, stop it, or choose another experiment.",
  });
}
