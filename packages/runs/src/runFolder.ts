/**
 * A run on disk: `runs/<experiment>/<hash>-<seed>/` with `config.json`, `environment.json`, `events.jsonl`
 * (append-only), `status.json` (heartbeat), `metrics.csv`, `tb/`, its checkpoints, and its results
 * (`masks.safetensors`, `report.*`). Appended events are in the file when the call returns; docs/runs.md lists what
 * survives which failures.
 */
import { existsSync, lstatSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { duration, isRecord, MESSAGE_LIMIT, record, whole } from "@phew/core/fields";
import { ArgumentError, type RunEvent } from "@phew/core/messages";
import type { Tensors } from "@phew/formats/tensors";
import { configHash, type RunConfig } from "./canonicalJson.ts";
import {
  CHECKPOINT,
  CHECKPOINT_FILES,
  type Checkpoint,
  keepCheckpoint,
  newestCheckpoint,
  PREVIOUS,
} from "./checkpointFile.ts";
import { writeEnvironment } from "./environment.ts";
import { EventFile, fileLength } from "./eventFile.ts";
import { type FolderLock, lockFolder, RUN_LOCK } from "./folderLock.ts";
import { metricsCsv } from "./metricsCsv.ts";
import { ownProcess } from "./processes.ts";
import { summarise } from "./progress.ts";
import { readRun } from "./readRun.ts";
import { initialRunState, type RunState, reduce } from "./reduce.ts";
import { makeFolder, replaceFile, writeFault } from "./replaceFile.ts";
import type { RunData } from "./runData.ts";
import { isFinished } from "./runLife.ts";
import { ownOutputFile } from "./runOutput.ts";
import { HEARTBEAT_MS, type RunnerState, type RunStatus } from "./status.ts";
import { endFields, keepRecords, type TensorboardEnd, TensorboardFile } from "./tensorboardFile.ts";

export interface RunIdentity {
  /** The folder above all experiments, `runs`. */
  readonly root: string;
  /** Letters, digits, `.`, `_` and `-`. */
  readonly experiment: string;
  /**
   * All that determines what the run computes. Lists and the screen show `model`, `dataset`, `method`, `density`,
   * `seed` and `epochs` from it.
   */
  readonly config: RunConfig;
  /** Values that are left out of the hash where `config` has them unchanged. */
  readonly defaults: RunConfig;
  /** Whole number ≥ 0. */
  readonly seed: number;
}

export interface RunOptions extends RunIdentity {
  /** Name of the run for people: `phew 5 %`. */
  readonly name: string;
  /** For `environment.json`; absent if irrelevant. */
  readonly threadCount?: number;
  /** Its data, for `config.json`. */
  readonly data?: RunData;
  /** Written to `environment.json`. */
  readonly dataStamp?: string;
}

/** State of a run at a checkpoint; `progress` is any JSON of the caller. */
export interface RunCheckpoint {
  readonly step: number;
  readonly progress: unknown;
  readonly tensors: Tensors;
}

/**
 * The folder of a run: the same configuration has the same folder. @throws ArgumentError for an unusable name or seed
 */
export function runFolderOf(identity: RunIdentity): string {
  const { root, experiment, seed } = identity;
  if (!/^[\w.-]+$/.test(experiment) || /^\.+$/.test(experiment)) {
    throw new ArgumentError("experiment", {
      given: JSON.stringify(experiment),
      expected: "a folder name of letters, digits, '.', '_' and '-'",
    });
  }
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new ArgumentError("seed", { given: `${seed}`, expected: "a whole number from 0 to 2^53 − 1" });
  }
  return join(root, experiment, `${configHash(identity.config, identity.defaults)}-${seed}`);
}

/** Positions in the run's own files at a checkpoint. */
interface Bookmark {
  readonly step: number;
  readonly eventsLength: number;
  readonly tensorboard: TensorboardEnd;
  readonly stepsPerEpoch: number;
  readonly elapsedMs: number;
  readonly progress: unknown;
}

const METADATA_KEY = "phew.state";

/** Writes one run; no other process can write it meanwhile. The heartbeat is renewed until {@link close}. */
export class RunWriter {
  readonly folder: string;
  /** The checkpoint at which the run resumes; absent if it starts. */
  readonly checkpoint?: RunCheckpoint;
  readonly #lock: FolderLock;
  readonly #process = ownProcess();
  readonly #output = ownOutputFile();
  readonly #startedT = Date.now();
  /** Start by a monotonic clock, like all durations here. */
  readonly #startedAt = performance.now();
  /** Milliseconds of work before this process had it. */
  readonly #elapsedBefore: number;
  readonly #events: EventFile;
  readonly #tensorboard: TensorboardFile;
  readonly #heart: ReturnType<typeof setInterval>;
  #state: RunState;
  #beatAt = -Infinity;
  #runnerState: RunnerState = "running";
  #kept: RunStatus["checkpoint"];

  /**
   * Makes or empties the folder and begins the run.
   * @throws ArgumentError where another living process has the run, or the folder cannot be written
   */
  static open(options: RunOptions): RunWriter {
    const { folder, lock } = takeFolder(options);
    try {
      clear(lock);
      return new RunWriter(folder, lock, options);
    } catch (error) {
      throw released(lock, error);
    }
  }

  /**
   * Resumes at the newest complete checkpoint: everything written after it is removed. Starts if there is none.
   * @returns undefined if the run has finished
   * @throws ArgumentError as {@link open}
   */
  static async resume(options: RunOptions): Promise<RunWriter | undefined> {
    const { folder, lock } = takeFolder(options);
    try {
      if (isFinished(folder)) {
        removeLeft(lock);
        lock.release();
        return undefined;
      }
      const found = await newestCheckpoint(lock.place.bind(lock), (checkpoint) =>
        reaches(folder, bookmarkOf(checkpoint)),
      );
      const bookmark = found && bookmarkOf(found);
      if (found === undefined || bookmark === undefined) {
        clear(lock);
        return new RunWriter(folder, lock, options);
      }
      return new RunWriter(folder, lock, options, { ...bookmark, tensors: found.tensors });
    } catch (error) {
      throw released(lock, error);
    }
  }

  private constructor(
    folder: string,
    lock: FolderLock,
    options: RunOptions,
    from?: Bookmark & Pick<RunCheckpoint, "tensors">,
  ) {
    this.folder = folder;
    this.#lock = lock;
    this.#elapsedBefore = from?.elapsedMs ?? 0;
    const { experiment, name, seed, config, data } = options;
    writeEnvironment(this.#place("environment.json"), options, from !== undefined);
    replaceFile(this.#place("config.json"), toJson({ experiment, name, seed, config, data }), {
      durable: true,
    });
    this.#events = EventFile.begin(this.#place("events.jsonl"), from?.eventsLength);
    if (from !== undefined) keepRecords(this.#place("tb"), from.tensorboard);
    this.#state = from === undefined ? initialRunState(name) : readRun(folder).state;
    const layers = this.#state.mask?.layers.map((layer) => layer.name) ?? [];
    this.#tensorboard = new TensorboardFile(
      this.#place("tb"),
      basename(folder).replace(/-\d+$/, ""),
      from && { step: from.step, stepsPerEpoch: from.stepsPerEpoch, layers },
    );
    if (from !== undefined) {
      const { step, progress, tensors } = from;
      this.checkpoint = { step, progress, tensors };
      this.#kept = { step, t: this.#startedT };
      this.#writeMetrics();
    }
    this.#beat();
    this.#heart = setInterval(() => this.#beatUnlessFaulty(), HEARTBEAT_MS).unref();
  }

  /** The state of the run from its events. */
  get state(): RunState {
    return this.#state;
  }

  /** Number of steps at the newest checkpoint; undefined if there is none. */
  get keptStep(): number | undefined {
    return this.#kept?.step;
  }

  /** Path of a file of this run, to read it; {@link write} writes one. */
  path(name: string): string {
    return join(this.folder, name);
  }

  #place(name: string): string {
    return this.#lock.place(name);
  }

  /**
   * Appends an event with the present time.
   * @throws ArgumentError if the disk is full, or if another process has taken the run over
   */
  append(event: RunEvent): void {
    if (!this.#events.isOpen) throw new Error(`append after close: ${event.kind}`);
    const timed = { t: Date.now(), ...event };
    this.#events.append(timed);
    this.#tensorboard.append(timed);
    this.#state = reduce(this.#state, timed);
    if (event.kind === "train.epoch") this.#writeMetrics();
    if (event.kind === "train.step" || event.kind === "prune.progress") this.#beatIfDue();
    else this.#beat();
  }

  /**
   * Writes a file of the run, in place of one that is there.
   * @param act writes it whole under the path that it is given
   * @throws ArgumentError where another process has taken the run over; what `act` throws
   */
  async write(name: string, act: (path: string) => Promise<void>): Promise<void> {
    this.#lock.requireHeld();
    const whole = this.#place(`.${name}.${this.#lock.token}.partial`);
    await this.#fenced(name, async () => {
      await act(whole);
      renameSync(whole, this.#place(name));
    });
  }

  /** If another process has taken the run over, that is reported, and not that files are missing. */
  async #fenced(name: string, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#lock.requireHeld();
      throw error instanceof ArgumentError ? new ArgumentError(this.path(name), error.fault) : error;
    }
  }

  /**
   * Writes a checkpoint: from now on the run resumes here, however it ends.
   * @param metadata further metadata of the file, for its readers
   * @throws ArgumentError if the disk is full, or if another process has taken the run over
   */
  async keepCheckpoint(
    { step, progress, tensors }: RunCheckpoint,
    metadata: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    this.#lock.requireHeld();
    const bookmark: Bookmark = {
      step,
      eventsLength: this.#events.flush(),
      tensorboard: this.#tensorboard.flush(),
      stepsPerEpoch: this.#state.training?.stepsPerEpoch ?? 1,
      elapsedMs: this.#elapsedMs,
      progress,
    };
    await this.#keep(tensors, { ...metadata, [METADATA_KEY]: JSON.stringify(bookmark) });
    this.#kept = { step, t: Date.now() };
    this.#beat();
  }

  /** Writes the run's results in place of its checkpoint. */
  async keepResult(tensors: Tensors, metadata: Readonly<Record<string, string>>): Promise<void> {
    this.#lock.requireHeld();
    await this.#keep(tensors, metadata);
  }

  async #keep(tensors: Tensors, metadata: Readonly<Record<string, string>>): Promise<void> {
    await this.#fenced(CHECKPOINT, () => keepCheckpoint(this.#place.bind(this), tensors, metadata));
  }

  /**
   * Ends the run: its last event, its last heartbeat. Later calls do nothing.
   * @throws ArgumentError if they cannot be written: the run can then be resumed
   */
  close(end: { readonly state: Exclude<RunnerState, "running">; readonly failure?: string }): void {
    if (!this.#events.isOpen) return;
    clearInterval(this.#heart);
    this.#runnerState = end.state;
    try {
      this.append(this.#lastEvent(end.state, end.failure));
      if (end.state === "finished") {
        this.#events.flush();
        this.#beat({ durable: true });
        removeLeft(this.#lock);
      }
    } finally {
      this.#events.close();
      this.#tensorboard.close();
      this.#lock.release();
    }
  }

  get #elapsedMs(): number {
    return this.#elapsedBefore + Math.round(performance.now() - this.#startedAt);
  }

  #lastEvent(state: Exclude<RunnerState, "running">, failure = "unknown reason"): RunEvent {
    switch (state) {
      case "finished":
        return { kind: "run.finished", elapsedMs: this.#elapsedMs };
      case "failed":
        return { kind: "run.failed", message: failure.slice(0, MESSAGE_LIMIT) };
      case "interrupted":
        return { kind: "run.interrupted" };
    }
  }

  #writeMetrics(): void {
    this.#replace("metrics.csv", metricsCsv(this.#state.epochs));
  }

  /** A full disk, or a lost run, is reported by the next write. */
  #beatUnlessFaulty(): void {
    try {
      this.#beatIfDue();
    } catch {
      // once more in a second
    }
  }

  #beatIfDue(): void {
    if (performance.now() - this.#beatAt >= HEARTBEAT_MS) this.#beat();
  }

  #beat(options: { readonly durable?: boolean } = {}): void {
    this.#beatAt = performance.now();
    const now = Date.now();
    this.#lock.requireHeld();
    this.#lock.renew();
    const status: RunStatus = {
      state: this.#runnerState,
      name: this.#state.name,
      ...this.#process,
      startedT: this.#startedT,
      updatedT: now,
      summary: summarise(this.#state, now),
      ...(this.#kept === undefined ? {} : { checkpoint: this.#kept }),
      ...(this.#state.failure === undefined ? {} : { failure: this.#state.failure }),
      ...(this.#output === undefined ? {} : { output: this.#output }),
    };
    this.#replace("status.json", toJson(status), options);
  }

  #replace(name: string, content: string, options: { readonly durable?: boolean } = {}): void {
    try {
      replaceFile(this.#place(name), content, options);
    } catch (error) {
      this.#lock.requireHeld();
      throw error;
    }
  }
}

/**
 * Writes further results of a finished run while no other process has it, and removes leftovers of a process that was
 * killed after its end.
 * @param act receives the folder's path for writing: append a `/` and a name
 * @returns undefined if another process has the run, if it is not finished, or if it may not be written
 */
export async function withFinishedRun<T>(
  folder: string,
  act: (place: string) => Promise<T>,
): Promise<T | undefined> {
  let lock: FolderLock;
  try {
    lock = lockFolder(folder, RUN_LOCK);
  } catch (error) {
    if (error instanceof ArgumentError) return undefined;
    throw error;
  }
  try {
    if (!isFinished(folder)) {
      lock.release();
      return undefined;
    }
    removeLeft(lock);
    const result = await act(lock.place("."));
    lock.release();
    return result;
  } catch (error) {
    throw released(lock, error);
  }
}

/**
 * Releases a lock after a failure. @returns the error to throw: that another process has the run, if that is the
 * cause
 */
function released(lock: FolderLock, error: unknown): unknown {
  try {
    lock.requireHeld();
    return error;
  } catch (taken) {
    return taken;
  } finally {
    lock.release();
  }
}

/** Whether a finished run has nothing left of the work on it: neither a lock nor a checkpoint before its last. */
export function isTidy(folder: string): boolean {
  return !existsSync(join(folder, RUN_LOCK.file)) && !existsSync(join(folder, PREVIOUS));
}

function takeFolder(identity: RunIdentity): { folder: string; lock: FolderLock } {
  const folder = runFolderOf(identity);
  makeFolder(folder);
  return { folder, lock: lockFolder(folder, RUN_LOCK) };
}

const parseBookmark = record<Bookmark>({
  step: whole(),
  eventsLength: whole(),
  tensorboard: record<TensorboardEnd>(endFields),
  stepsPerEpoch: whole(),
  elapsedMs: duration,
  // whoever keeps it knows what it is
  progress: (value) => value ?? undefined,
});

/** Undefined if it is not a valid checkpoint of a run. */
function bookmarkOf({ metadata }: Pick<Checkpoint, "metadata">): Bookmark | undefined {
  try {
    const value: unknown = JSON.parse(metadata[METADATA_KEY] ?? "");
    return isRecord(value) ? parseBookmark(value) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the run's files reach at least the checkpoint's positions. */
function reaches(folder: string, bookmark: Bookmark | undefined): boolean {
  if (bookmark === undefined) return false;
  const { eventsLength, tensorboard } = bookmark;
  return (
    fileLength(join(folder, "events.jsonl")) >= eventsLength &&
    fileLength(join(folder, "tb", tensorboard.file)) >= tensorboard.length
  );
}

/** Removes files of an earlier run in this folder; files with other names stay. */
function clear(lock: FolderLock): void {
  const made = [
    "events.jsonl",
    "status.json",
    "metrics.csv",
    "masks.safetensors",
    "initial-masks.safetensors",
    "environment.json",
    "best.safetensors",
    "rewind.safetensors",
    ...CHECKPOINT_FILES,
  ];
  try {
    for (const name of made) rmSync(lock.place(name), { recursive: true, force: true });
    removeFolder(lock, "tb");
  } catch (error) {
    lock.requireHeld();
    throw writeFault(lock.place("."), error);
  }
}

/** One file after the other, each by a path of the lock's own. */
function removeFolder(lock: FolderLock, name: string): void {
  const found = lstatSync(lock.place(name), { throwIfNoEntry: false });
  if (found?.isDirectory())
    for (const inner of readdirSync(lock.place(name)))
      rmSync(lock.place(`${name}/${inner}`), { recursive: true, force: true });
  rmSync(lock.place(name), { recursive: true, force: true });
}

/** Files that a finished run does not need. */
function removeLeft(lock: FolderLock): void {
  rmSync(lock.place(PREVIOUS), { force: true });
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
