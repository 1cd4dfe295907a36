/** Run folders read: whole, or followed while they are written. Tolerates half lines, unknown events and missing files. */
import { closeSync, existsSync, fstatSync, readdirSync, readSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { isRecord, name as nameText, settings } from "@phew/core/fields";
import { ArgumentError, counted, type TimedRunEvent } from "@phew/core/messages";
import type { RunConfig } from "./canonicalJson.ts";
import { parseEventLine } from "./eventLine.ts";
import { type RunSummary, summarise } from "./progress.ts";
import { initialRunState, type RunState, reduce } from "./reduce.ts";
import { modifiedT, openRegular } from "./regularFile.ts";
import { parseRunData } from "./runData.ts";
import { stateOfRun } from "./runLife.ts";
import { lifeOf, type RunLife, type RunStatus, readJson } from "./status.ts";

/** A run for a list, from `config.json` and `status.json` only. */
export interface RunEntry {
  readonly folder: string;
  readonly experiment: string;
  /** Name of the folder: hash and seed. */
  readonly id: string;
  readonly name: string;
  readonly config: RunConfig;
  readonly seed?: number;
  /** See {@link RunData}. */
  readonly dataDigest?: string;
  readonly life: RunLife;
  /** Absent if there is no `status.json`. */
  readonly status?: RunStatus;
  /** Why it failed. */
  readonly failure?: string;
  readonly summary: RunSummary;
  /** Milliseconds since the epoch of the last sign of life. */
  readonly updatedT: number;
  /** True: `config.json` is missing, or cannot be read, and `config` is empty. */
  readonly isConfigUnknown?: boolean;
  /** What of its folder cannot be read, and what that means, in sentences. */
  readonly faults?: readonly string[];
}

export interface RunRecord extends RunEntry {
  readonly state: RunState;
  /** Lines of `events.jsonl` that were no event and are left out. */
  readonly skippedCount: number;
}

const CHUNK_BYTES = 2 ** 20;
/** A line longer than this is no event, and is not held. */
const LINE_LIMIT = 2 ** 23;
/** Of a line longer than this the rest is jumped over: zeros without end, as a file with a hole in it has them. */
const JUMP_BYTES = 2 ** 27;
/** Behind what is wrong with the file. */
const NO_CONFIG = ": its settings are unknown, and it is in no mean and no figure";
const STATUS_OF_EVENTS =
  "its state and its results are those of its events, and its process and its newest checkpoint are unknown";
const NO_STATUS = "its state is that of its last event, and its progress is unknown";
const NO_EVENTS =
  "events.jsonl is missing: its accuracy is that of status.json, and its curves and masks are unknown";

/** Follows the `events.jsonl` of one run: each call returns the events since the last call. */
export class RunTail {
  readonly #path: string;
  #offset = 0;
  #file = 0;
  /** The parts of an incomplete line, and their total length in bytes. */
  #rest: Buffer[] = [];
  #restLength = 0;
  #skipped = 0;
  #sizeSeen = 0;

  constructor(folder: string) {
    this.#path = join(folder, "events.jsonl");
  }

  /** Lines that were no event: damaged, out of range, or of a later version. */
  get skippedCount(): number {
    return this.#skipped;
  }

  /** Read fraction of the file, 0 … 1. */
  get fraction(): number {
    return this.#sizeSeen === 0 ? 1 : Math.min(1, this.#offset / this.#sizeSeen);
  }

  /**
   * Whole new lines of the next `limit` bytes as events. `restarted`: the file was cut or replaced, and `events` are
   * those from its start. `more`: there is more to read now.
   */
  read(limit = CHUNK_BYTES): { events: TimedRunEvent[]; restarted: boolean; more: boolean } {
    let descriptor: number;
    try {
      descriptor = openRegular(this.#path);
    } catch {
      return { events: [], restarted: false, more: false };
    }
    try {
      const { size, ino } = fstatSync(descriptor);
      const restarted = size < this.#offset || (this.#file !== 0 && ino !== this.#file);
      if (restarted) this.#restart();
      this.#file = ino;
      this.#sizeSeen = size;
      const bytes = this.#readBytes(descriptor, Math.min(limit, size - this.#offset));
      const events = this.#parse(bytes);
      // a file that cannot be read further would be asked for it for ever
      return { events, restarted, more: this.#offset < size && bytes.length > 0 };
    } finally {
      closeSync(descriptor);
    }
  }

  #restart(): void {
    this.#offset = 0;
    this.#setRest([]);
    this.#skipped = 0;
  }

  #readBytes(descriptor: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(Math.max(0, length));
    let filled = 0;
    while (filled < bytes.length) {
      const count = readSync(descriptor, bytes, filled, bytes.length - filled, this.#offset);
      if (count === 0) break;
      filled += count;
      this.#offset += count;
    }
    return bytes.subarray(0, filled);
  }

  // lines are split as bytes: a chunk may end inside a character
  #parse(bytes: Buffer): TimedRunEvent[] {
    const first = bytes.indexOf(0x0a);
    if (first < 0) {
      this.#hold(bytes);
      return [];
    }
    const end = bytes.lastIndexOf(0x0a) + 1;
    const line =
      this.#restLength > LINE_LIMIT ? undefined : Buffer.concat([...this.#rest, bytes.subarray(0, first)]);
    const lines = bytes.toString("utf8", first + 1, end).split("\n");
    // behind the last line break
    lines.pop();
    this.#setRest([]);
    this.#hold(bytes.subarray(end));
    const events: TimedRunEvent[] = [];
    if (line === undefined) this.#skipped++;
    else this.#parseLine(line.toString("utf8"), events);
    for (const text of lines) this.#parseLine(text, events);
    return events;
  }

  #parseLine(line: string, events: TimedRunEvent[]): void {
    if (line.trim() === "") return;
    const event = parseEventLine(line);
    if (event) events.push(event);
    else this.#skipped++;
  }

  /** Keeps a piece of a line; of one that is no event by its length only how long it is. */
  #hold(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#rest.push(Buffer.from(piece));
    this.#restLength += piece.length;
    if (this.#restLength > LINE_LIMIT) this.#rest = [];
    if (this.#restLength > JUMP_BYTES) this.#offset = Math.max(this.#offset, this.#sizeSeen - CHUNK_BYTES);
  }

  #setRest(pieces: Buffer[]): void {
    this.#rest = pieces;
    this.#restLength = 0;
  }
}

/** The events of a run, all in order. */
export function* readEvents(folder: string): Generator<TimedRunEvent> {
  yield* eventsOf(new RunTail(folder));
}

function* eventsOf(tail: RunTail): Generator<TimedRunEvent> {
  for (let more = true; more; ) {
    const read = tail.read();
    yield* read.events;
    more = read.more;
  }
}

/** A run with its events folded. @throws ArgumentError if the folder is not a run */
export function readRun(folder: string): RunRecord {
  const entry = readEntry(folder, Date.now());
  if (!entry) {
    throw new ArgumentError(folder, {
      given: "a folder without config.json or events.jsonl",
      expected: "the folder of a run",
    });
  }
  let state = initialRunState(entry.name);
  const tail = new RunTail(folder);
  for (const event of eventsOf(tail)) state = reduce(state, event);
  const known = entry.status?.summary.testAccuracy;
  // the events are gone: what is left of the result
  if (state.eventCount === 0 && known !== undefined) state = { ...state, finalTestAccuracy: known };
  return { ...entry, state, skippedCount: tail.skippedCount };
}

/** The run of a folder for a list; undefined if the folder is not a run. */
export function readEntry(folder: string, now: number): RunEntry | undefined {
  const file = readJson(join(folder, "config.json"));
  if (!isRecord(file) && modifiedT(join(folder, "events.jsonl")) === undefined) return undefined;
  const { life, status, failure, updatedT } = stateOfRun(folder, now);
  const fields = isRecord(file) ? file : {};
  const path = resolve(folder);
  const id = basename(path);
  const name = status?.name || nameText(fields.name) || id;
  const known = settings(fields.config);
  const config = known ?? {};
  const dataDigest = parseRunData(fields.data)?.digest;
  const summary = status?.summary ?? unattendedSummary(folder, config, life, now);
  const faults = faultsOf(folder, known !== undefined, status, life);
  return {
    folder,
    experiment: nameText(fields.experiment) ?? basename(dirname(path)),
    id,
    name,
    config,
    ...(Number.isSafeInteger(fields.seed) ? { seed: fields.seed as number } : {}),
    ...(dataDigest === undefined ? {} : { dataDigest }),
    ...(known === undefined ? { isConfigUnknown: true } : {}),
    ...(faults.length === 0 ? {} : { faults }),
    life,
    ...(status && { status }),
    ...(failure !== undefined && { failure }),
    summary,
    updatedT,
  };
}

/** Of files that are there and cannot be read, and of those that a run which has ended lacks. */
function faultsOf(
  folder: string,
  hasConfig: boolean,
  status: RunStatus | undefined,
  life: RunLife,
): string[] {
  const isThere = (name: string) => modifiedT(join(folder, name)) !== undefined;
  const isUnderWay = life === "running" || life === "waiting";
  const faults: string[] = [];
  if (!hasConfig)
    faults.push(`config.json ${isThere("config.json") ? "cannot be read" : "is missing"}${NO_CONFIG}`);
  const noStatus = isUnderWay || life === "lost" ? NO_STATUS : STATUS_OF_EVENTS;
  if (status === undefined && isThere("status.json")) faults.push(`status.json cannot be read: ${noStatus}`);
  else if (status === undefined && !isUnderWay) faults.push(`status.json is missing: ${noStatus}`);
  if (!isUnderWay && !isThere("events.jsonl")) faults.push(NO_EVENTS);
  return faults;
}

type FaultyRun = Pick<RunEntry, "folder" | "faults" | "isConfigUnknown">;

/** A line for each, headed by the folder; runs whose settings are unknown share one that counts them. */
export function faultLines(runs: readonly FaultyRun[]): string[] {
  const isOther = (fault: string) => !fault.endsWith(NO_CONFIG);
  return [
    ...unknownLines(runs),
    ...runs.flatMap(({ folder, faults = [] }) =>
      faults.filter(isOther).map((fault) => `${folder}: ${fault}`),
    ),
  ];
}

/** At most one line, with the folders of the runs whose settings are unknown. */
export function unknownLines(runs: readonly FaultyRun[]): string[] {
  const unknown = runs.filter(({ isConfigUnknown }) => isConfigUnknown);
  if (unknown.length === 0) return [];
  const [are, their] = unknown.length === 1 ? ["is", "its"] : ["are", "their"];
  const places = unknown.map(({ folder, faults = [] }) => {
    const fault = faults.find((each) => each.endsWith(NO_CONFIG));
    return fault === undefined ? folder : `${folder} (${fault.slice(0, -NO_CONFIG.length)})`;
  });
  return [
    `${counted(unknown.length, "run")} ${are} in no mean and no figure, since ${their} settings are unknown: ${places.join(", ")}`,
  ];
}

/** Every run folder at or below `root`, by experiment and then by name of the folder: a run, an experiment or all. */
export function findRunFolders(root: string): string[] {
  return [...runFolders(root)];
}

function* runFolders(root: string): Generator<string> {
  if (isRunFolder(root)) {
    yield root;
    return;
  }
  for (const name of folderNames(root)) {
    const folder = join(root, name);
    if (isRunFolder(folder)) yield folder;
    else
      for (const inner of folderNames(folder))
        if (isRunFolder(join(folder, inner))) yield join(folder, inner);
  }
}

/** All runs at or below `root`. @throws ArgumentError where `root` is no folder */
export function listRuns(root: string): RunEntry[] {
  requireFolder(root);
  const now = Date.now();
  return [...runFolders(root)].flatMap((folder) => readEntry(folder, now) ?? []);
}

interface KnownRun {
  /** When its files were written, as they were read. */
  readonly stamp: string;
  readonly entry: RunEntry;
}

/** The list of runs, kept up to date at little cost: only files that changed are read again, and if need be in parts. */
export class RunList {
  readonly #root: string;
  /** In the order of their folders. */
  #known = new Map<string, KnownRun>();
  #round: Iterator<void> | undefined;

  /**
   * @param mayBeMissing if `root` does not exist, there are no runs yet
   * @throws ArgumentError if `root` is not a folder
   */
  constructor(root: string, mayBeMissing = false) {
    this.#root = root;
    if (!mayBeMissing || existsSync(root)) requireFolder(root);
  }

  /** Whether all folders have been read; otherwise the next refresh continues where the last one ended. */
  get isComplete(): boolean {
    return this.#round === undefined;
  }

  /**
   * The runs at the time `now`, by experiment and then by name of the folder.
   * @param budgetMs after this time, and at least one folder, it stops: other runs are unchanged, or missing for now
   */
  refresh(now: number, budgetMs = Infinity): RunEntry[] {
    const endMs = performance.now() + budgetMs;
    this.#round ??= this.#lookedAt(now);
    do {
      if (this.#round.next().done) this.#round = undefined;
    } while (this.#round && performance.now() < endMs);
    return [...this.#known.values()].map(({ entry }) => entry);
  }

  /** Looks at one folder after the other. */
  *#lookedAt(now: number): Generator<void> {
    const found = new Map<string, KnownRun>();
    for (const folder of runFolders(this.#root)) {
      const stamp = `${modifiedT(join(folder, "status.json"))} ${modifiedT(join(folder, "config.json"))}`;
      const before = this.#known.get(folder);
      const entry = before?.stamp === stamp ? aged(before.entry, now) : readEntry(folder, now);
      if (entry) {
        found.set(folder, { stamp, entry });
        this.#known.set(folder, { stamp, entry });
      }
      yield;
    }
    // without those that are gone
    this.#known = found;
  }
}

/** A run with unchanged files may have been lost meanwhile. */
function aged(entry: RunEntry, now: number): RunEntry {
  if (!entry.status) {
    const hasEnded = entry.summary.phase === entry.life && entry.life !== "waiting";
    const isSame = hasEnded && modifiedT(join(entry.folder, "events.jsonl")) === entry.updatedT;
    return isSame ? entry : (readEntry(entry.folder, now) ?? entry);
  }
  const life = lifeOf(entry.status, now);
  return life === entry.life ? entry : { ...entry, life };
}

/** Progress of a run without a heartbeat: one that has ended is read once, its events contain what its heartbeat would. */
function unattendedSummary(folder: string, config: RunConfig, life: RunLife, now: number): RunSummary {
  if (life === "finished" || life === "failed" || life === "interrupted")
    return summaryOf(folder, config, now);
  const { method, density } = config;
  return {
    phase: "waiting",
    fraction: 0,
    ...(typeof method === "string" ? { method } : {}),
    ...(typeof density === "number" ? { requestedDensity: density } : {}),
  };
}

function summaryOf(folder: string, config: RunConfig, now: number): RunSummary {
  let state: RunState = { ...initialRunState(""), config };
  for (const event of readEvents(folder)) state = reduce(state, event);
  return summarise(state, now);
}

function isRunFolder(folder: string): boolean {
  return (
    modifiedT(join(folder, "config.json")) !== undefined ||
    modifiedT(join(folder, "events.jsonl")) !== undefined
  );
}

function folderNames(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((item) => !item.name.startsWith(".") && (item.isDirectory() || item.isSymbolicLink()))
      .map((item) => item.name)
      .sort();
  } catch {
    return [];
  }
}

function requireFolder(root: string): void {
  let present: "folder" | "file" | "nothing";
  try {
    present = statSync(root).isDirectory() ? "folder" : "file";
  } catch {
    present = "nothing";
  }
  if (present === "folder") return;
  throw new ArgumentError(root, {
    given: present === "file" ? "a file" : "a folder that is not there",
    expected: "a folder of runs, an experiment or a run",
    remedy: "Name one, or start a run first: phew train --help.",
  });
}
