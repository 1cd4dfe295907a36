/**
 * What a sweep leaves of itself in its own folder, beside its runs: `plan.json` with every run that it will begin, and
 * `failures.json` with those that ended before they had a folder. Readers see its waiting runs by it, and start it again.
 */
import { readdirSync } from "node:fs";
import { hostname } from "node:os";
import { basename, join, resolve } from "node:path";
import {
  type Fields,
  isRecord,
  list,
  message,
  moment,
  name,
  optional,
  record,
  settings,
  text,
  whole,
} from "@phew/core/fields";
import type { RunConfig } from "../canonicalJson.ts";
import { ownerFields, ownerLives, type ProcessOwner } from "../processes.ts";
import type { RunEntry } from "../readRun.ts";
import { modifiedT } from "../regularFile.ts";
import { replaceFile } from "../replaceFile.ts";
import { readJson } from "../status.ts";
import { isPoolActive } from "./poolLock.ts";
import { ARRAYS_FILE, readArrays, type SubmittedArray } from "./slurmArrays.ts";
import { sweepFolder } from "./tasks.ts";

export interface PlannedRun {
  readonly id: string;
  readonly config: RunConfig;
  readonly seed?: number | undefined;
  /** Expected before any run of the sweep had ended, in milliseconds. */
  readonly estimateMs?: number | undefined;
}

export interface SweepRecord {
  /** The sweep file, absolute, and the options that `phew sweep` was called with behind it. */
  readonly file: string;
  readonly options: readonly string[];
  /** Where it was called: paths in the file are taken from there. */
  readonly calledFrom: string;
  readonly executor: string;
  /** Most runs at a time; absent where the executor decides. */
  readonly atATime?: number | undefined;
  /** Milliseconds since the epoch, of the last time that it was called. */
  readonly submittedT: number;
  /** When it was cancelled, or its command ended, if that was later. */
  readonly cancelledT?: number | undefined;
  /** The process that begins the runs itself, where that is not `phew sweep`: the executor is {@link COMMAND}. */
  readonly owner?: ProcessOwner | undefined;
  /** True: runs that began before are done again. */
  readonly isAgain?: boolean | undefined;
  /** All its runs, in the order in which they begin. */
  readonly runs: readonly PlannedRun[];
}

/** A sweep for a screen. */
export interface SweepEntry {
  readonly experiment: string;
  /** Of the experiment. */
  readonly folder: string;
  readonly record: SweepRecord;
  /** True if its waiting runs will start: the process of its pool runs, or the queue still has them. */
  readonly isActive: boolean;
  /** The job arrays of Slurm that have its runs. */
  readonly arrays: readonly SubmittedArray[];
  /** Why runs ended before they had a folder, by id. */
  readonly failures: ReadonlyMap<string, string>;
}

/** Executor of the plan of a command, such as `phew imp`, that is no sweep: screens show it, and neither start nor stop it. */
export const COMMAND = "command";

const PLAN_FILE = "plan.json";
const FAILURES_FILE = "failures.json";
const RUN_LIMIT = 1_000_000;
const PATH_LIMIT = 4096;

const plannedFields: Fields<PlannedRun> = {
  id: (value) => (typeof value === "string" && /^(?!\.+$)[\w.-]{1,255}$/.test(value) ? value : undefined),
  config: settings,
  seed: optional(whole()),
  estimateMs: optional(whole()),
};
const recordFields: Fields<SweepRecord> = {
  file: text(PATH_LIMIT),
  options: list(text(PATH_LIMIT), 1000),
  calledFrom: text(PATH_LIMIT),
  executor: name,
  atATime: optional(whole(1)),
  submittedT: moment,
  cancelledT: optional(moment),
  owner: optional(record<ProcessOwner>(ownerFields)),
  isAgain: optional((value) => (typeof value === "boolean" ? value : undefined)),
  runs: list(record<PlannedRun>(plannedFields), RUN_LIMIT),
};
const parseRecord = record<SweepRecord>(recordFields);

/** @param own the sweep's own folder, see `sweepFolder`, which is there */
export function writeSweepRecord(own: string, record: SweepRecord): void {
  replaceFile(join(own, FAILURES_FILE), "{}\n");
  replaceFile(join(own, PLAN_FILE), `${JSON.stringify(record)}\n`);
}

/** Records that the sweep was cancelled; does nothing if it has no record. */
export function noteCancelled(own: string, cancelledT: number): void {
  const record = readSweepRecord(own);
  if (record) replaceFile(join(own, PLAN_FILE), `${JSON.stringify({ ...record, cancelledT })}\n`);
}

/** @param failures reasons by id, all of this submission */
export function writeSweepFailures(own: string, failures: ReadonlyMap<string, string>): void {
  replaceFile(join(own, FAILURES_FILE), `${JSON.stringify(Object.fromEntries(failures))}\n`);
}

/** Undefined where there is none, or it is not valid. */
export function readSweepRecord(own: string): SweepRecord | undefined {
  return parseRecord(readJson(join(own, PLAN_FILE)));
}

interface KnownSweep {
  readonly stamp: string;
  readonly entry: SweepEntry;
  /** Made once, so that lists can be compared by identity. */
  readonly planned: ReadonlyMap<string, RunEntry>;
}

/** The sweeps at or below a folder, kept up to date: what has not changed is not read again. */
export class SweepList {
  readonly #root: string;
  #known = new Map<string, KnownSweep>();

  constructor(root: string) {
    this.#root = root;
  }

  get sweeps(): SweepEntry[] {
    return [...this.#known.values()].map(({ entry }) => entry);
  }

  /**
   * Reads again what has changed.
   * @param runs those that have folders
   * @returns runs of the sweeps that have none, or are to be done again: they wait, or failed before they had one
   */
  refresh(runs: readonly RunEntry[]): RunEntry[] {
    const known = new Map<string, KnownSweep>();
    for (const folder of this.#experiments(runs)) {
      const sweep = this.#read(folder);
      if (sweep) known.set(folder, sweep);
    }
    this.#known = known;
    if (known.size === 0) return [];
    const begun = new Map(runs.map((run) => [run.folder, run]));
    return [...known.values()].flatMap(({ planned, entry: { record } }) =>
      [...planned].flatMap(([folder, entry]) => (hasBegun(begun.get(folder), record) ? [] : [entry])),
    );
  }

  #experiments(runs: readonly RunEntry[]): string[] {
    const root = this.#root;
    if (modifiedT(planFile(root)) !== undefined) return [join(root)];
    // an experiment without a sweep, however many runs it has, or one run
    if (runs.some(({ folder }) => folder === root || join(folder, "..") === join(root))) return [];
    try {
      const names = readdirSync(root, { withFileTypes: true }).filter((item) => !item.name.startsWith("."));
      return names
        .map((item) => join(root, item.name))
        .filter((folder) => modifiedT(planFile(folder)) !== undefined)
        .sort();
    } catch {
      return [];
    }
  }

  #read(folder: string): KnownSweep | undefined {
    const own = ownFolderOf(folder);
    const stamp = [PLAN_FILE, FAILURES_FILE, ARRAYS_FILE].map((file) => modifiedT(join(own, file))).join(" ");
    const before = this.#known.get(folder);
    if (before?.stamp !== stamp) return known(folder, own, stamp);
    const isActive = isGoingOn(before.entry.record, own);
    return isActive === before.entry.isActive ? before : { ...before, entry: { ...before.entry, isActive } };
  }
}

function hasBegun(run: RunEntry | undefined, { isAgain, submittedT, cancelledT }: SweepRecord): boolean {
  if (run === undefined) return false;
  return !isAgain || cancelledT !== undefined || (run.status?.startedT ?? 0) >= submittedT;
}

function planFile(experiment: string): string {
  return join(ownFolderOf(experiment), PLAN_FILE);
}

function ownFolderOf(experiment: string): string {
  return sweepFolder(experiment, ".");
}

function known(folder: string, own: string, stamp: string): KnownSweep | undefined {
  const record = readSweepRecord(own);
  if (record === undefined) return undefined;
  const failures = readFailures(own);
  const experiment = basename(resolve(folder));
  const entry = {
    experiment,
    folder,
    record,
    isActive: isGoingOn(record, own),
    arrays: record.executor === "slurm" ? readArrays(own) : [],
    failures,
  };
  const planned = record.runs.map((run) => plannedEntry(folder, experiment, record, run, failures));
  return { stamp, entry, planned: new Map(planned.map((run) => [run.folder, run])) };
}

function isGoingOn({ executor, cancelledT, owner }: SweepRecord, own: string): boolean {
  if (executor === COMMAND) {
    return cancelledT === undefined && owner?.host === hostname() && ownerLives(owner);
  }
  return executor === "pool" ? isPoolActive(own) : cancelledT === undefined;
}

function readFailures(own: string): ReadonlyMap<string, string> {
  const reasons = readJson(join(own, FAILURES_FILE));
  return new Map(
    Object.entries(isRecord(reasons) ? reasons : {}).flatMap(([id, reason]) => {
      const known = message(reason);
      return known === undefined ? [] : [[id, known] as const];
    }),
  );
}

function plannedEntry(
  folder: string,
  experiment: string,
  { submittedT }: SweepRecord,
  { id, config, seed }: PlannedRun,
  failures: ReadonlyMap<string, string>,
): RunEntry {
  const failure = failures.get(id);
  const life = failure === undefined ? "waiting" : "failed";
  const { method, density } = config;
  return {
    folder: join(folder, id),
    experiment,
    id,
    name: id,
    config,
    ...(seed === undefined ? {} : { seed }),
    life,
    ...(failure !== undefined && { failure }),
    summary: {
      phase: life,
      fraction: 0,
      ...(typeof method === "string" ? { method } : {}),
      ...(typeof density === "number" ? { requestedDensity: density } : {}),
    },
    updatedT: submittedT,
  };
}
