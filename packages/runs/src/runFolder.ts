/**
 * A run on disk: `runs/<experiment>/<hash>-<seed>/` with `config.json`, `environment.json`, `events.jsonl` (append-only),
 * `status.json` (heartbeat), `metrics.csv` and what the run makes (`masks.safetensors`, `report.*`).
 * Writes are synchronous and in order: what was appended is in the file when the call returns.
 */
import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { ArgumentError, type Masks, type RunEvent } from "@phew/core";
import type { MaskOrigin } from "@phew/formats";
import { configHash, type RunConfig } from "./canonicalJson.ts";
import { describeEnvironment } from "./environment.ts";
import { writeEventLine } from "./eventLine.ts";
import { metricsCsv } from "./metricsCsv.ts";
import { summarise } from "./progress.ts";
import { readRun } from "./readRun.ts";
import { initialRunState, type RunState, reduce } from "./reduce.ts";
import { makeFolder, replaceFile, writeFault } from "./replaceFile.ts";
import { HEARTBEAT_MS, lifeOf, type RunnerState, readStatus } from "./status.ts";

export interface RunIdentity {
  /** The folder above all experiments, `runs`. */
  readonly root: string;
  /** Letters, digits, `.`, `_` and `-`. */
  readonly experiment: string;
  /**
   * All that decides what the run computes. Lists and the screen show `model`, `dataset`, `method`, `density`, `seed`
   * and `epochs` from it where they are there.
   */
  readonly config: RunConfig;
  /** Values that are left out of the hash where `config` has them unchanged. */
  readonly defaults: RunConfig;
  /** Whole number ≥ 0. */
  readonly seed: number;
}

export interface RunOptions extends RunIdentity {
  /** What a person calls it: `phew 5 %`. */
  readonly name: string;
  /** `restart` empties a folder that is there; `resume` goes on behind its last whole event. */
  readonly existing: "restart" | "resume";
}

/** Where a run lies: the same configuration finds its own folder. @throws ArgumentError for an unusable name or seed */
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

/** Writes one run. Between {@link RunWriter.open} and {@link close} its heartbeat says that it is alive. */
export class RunWriter {
  readonly folder: string;
  readonly #startedT: number;
  readonly #heart: ReturnType<typeof setInterval>;
  #events: number | undefined;
  #state: RunState;
  #beatT = 0;
  #runnerState: RunnerState = "running";

  /**
   * Makes or takes over the folder and writes `config.json`, `environment.json` and the first heartbeat.
   * @throws ArgumentError where another living process has the run, or the folder cannot be written
   */
  static open(options: RunOptions): RunWriter {
    const folder = runFolderOf(options);
    requireFree(folder);
    makeFolder(folder);
    if (options.existing === "restart") clear(folder);
    const { experiment, name, seed, config } = options;
    replaceFile(join(folder, "config.json"), toJson({ experiment, name, seed, config }));
    replaceFile(join(folder, "environment.json"), toJson(describeEnvironment()));
    return new RunWriter(folder, name);
  }

  private constructor(folder: string, name: string) {
    this.folder = folder;
    this.#startedT = Date.now();
    const path = join(folder, "events.jsonl");
    try {
      this.#state = existsSync(path) ? readRun(folder).state : initialRunState(name);
      this.#events = openSync(path, "a+");
      cutHalfLine(this.#events);
    } catch (error) {
      throw writeFault(path, error);
    }
    this.#beat();
    this.#heart = setInterval(() => this.#beatIfDue(), HEARTBEAT_MS).unref();
  }

  /** The run as a reader of its events sees it. */
  get state(): RunState {
    return this.#state;
  }

  /** Path of a file of this run. */
  path(name: string): string {
    return join(this.folder, name);
  }

  /** Appends an event with the present time. @throws ArgumentError where the disk is full */
  append(event: RunEvent): void {
    if (this.#events === undefined) throw new Error(`append after close: ${event.kind}`);
    const timed = { t: Date.now(), ...event };
    writeLine(this.#events, this.path("events.jsonl"), writeEventLine(timed));
    this.#state = reduce(this.#state, timed);
    if (event.kind === "train.epoch") replaceFile(this.path("metrics.csv"), metricsCsv(this.#state.epochs));
    if (event.kind === "train.step" || event.kind === "prune.progress") this.#beatIfDue();
    else this.#beat();
  }

  /** Writes `masks.safetensors`, in place of one that is there. */
  async saveMasks(masks: Masks, origin: MaskOrigin): Promise<void> {
    // watching a run needs no file formats
    const { writeMasks } = await import("@phew/formats");
    await writeMasks(this.path("masks.safetensors"), masks, origin, { force: true });
  }

  /** Ends the run: its last event, its last heartbeat. Later calls do nothing. */
  close(end: { readonly state: Exclude<RunnerState, "running">; readonly failure?: string }): void {
    if (this.#events === undefined) return;
    clearInterval(this.#heart);
    this.#runnerState = end.state;
    try {
      this.append(this.#lastEvent(end.state, end.failure));
    } finally {
      closeSync(this.#events);
      this.#events = undefined;
    }
  }

  #lastEvent(state: Exclude<RunnerState, "running">, failure = "unknown reason"): RunEvent {
    switch (state) {
      case "finished":
        return { kind: "run.finished", elapsedMs: Date.now() - this.#startedT };
      case "failed":
        return { kind: "run.failed", message: failure };
      case "interrupted":
        return { kind: "run.interrupted" };
    }
  }

  #beatIfDue(): void {
    if (Date.now() - this.#beatT >= HEARTBEAT_MS) this.#beat();
  }

  #beat(): void {
    this.#beatT = Date.now();
    const status = {
      state: this.#runnerState,
      name: this.#state.name,
      pid: process.pid,
      host: hostname(),
      startedT: this.#startedT,
      updatedT: this.#beatT,
      summary: summarise(this.#state, this.#beatT),
      ...(this.#state.failure === undefined ? {} : { failure: this.#state.failure }),
    };
    replaceFile(this.path("status.json"), toJson(status));
  }
}

function requireFree(folder: string): void {
  const status = readStatus(folder);
  if (status && status.pid !== process.pid && lifeOf(status, Date.now()) === "running") {
    throw new ArgumentError(folder, {
      given: `a run that process ${status.pid} on ${status.host} is working on`,
      expected: "a run nobody works on",
      remedy: "Wait for it, stop it, or choose another experiment.",
    });
  }
}

/** Removes what an earlier run of this folder left; files of other names stay. */
function clear(folder: string): void {
  const made = [
    "events.jsonl",
    "status.json",
    "metrics.csv",
    "masks.safetensors",
    "checkpoint.safetensors",
    "tb",
  ];
  for (const name of made) rmSync(join(folder, name), { recursive: true, force: true });
}

/** Takes away the half line that a killed process left at the end. */
function cutHalfLine(descriptor: number): void {
  const chunk = Buffer.alloc(65_536);
  const { size } = fstatSync(descriptor);
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - chunk.length);
    const count = readSync(descriptor, chunk, 0, end - start, start);
    const lineBreak = chunk.subarray(0, count).lastIndexOf(0x0a);
    if (lineBreak >= 0 || start === 0) {
      if (start + lineBreak + 1 < size) ftruncateSync(descriptor, start + lineBreak + 1);
      return;
    }
    end = start;
  }
}

/** Writes all of the line, or nothing and an error. */
function writeLine(descriptor: number, path: string, line: string): void {
  const bytes = Buffer.from(line);
  const { size } = fstatSync(descriptor);
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done);
  } catch (error) {
    shorten(descriptor, size);
    throw writeFault(path, error);
  }
}

function shorten(descriptor: number, size: number): void {
  try {
    ftruncateSync(descriptor, size);
  } catch {
    // readers skip the half line
  }
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
