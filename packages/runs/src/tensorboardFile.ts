/**
 * `tb/`: the scalars of a run for TensorBoard. Every process that works on the run starts a new file, so that a
 * TensorBoard that follows an older one keeps working; records after the checkpoint are removed from the older files.
 */

import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  rmSync,
  writeSync,
} from "node:fs";
import { hostname } from "node:os";
import { text, whole } from "@phew/core/fields";
import type { EventOf, LayerMeasure, TimedRunEvent } from "@phew/core/messages";
import { makeOwnFolder, writeFault } from "./replaceFile.ts";
import { startOfFile } from "./startOfFile.ts";
import { runHparams } from "./tensorboardHparams.ts";
import {
  restartRecord,
  scalarRecord,
  sessionEndRecord,
  sessionStartRecord,
  versionRecord,
} from "./tensorboardRecord.ts";

/** End of a run's records. */
export interface TensorboardEnd {
  /** Name of the last file. */
  readonly file: string;
  /** Its length in bytes. */
  readonly length: number;
}

const PREFIX = "events.out.tfevents.";

/** A bookmark's end; the name is one of a file of the folder. */
export const endFields = {
  file: (value: unknown) => {
    const name = text(300)(value);
    return name?.startsWith(PREFIX) && !/[/\\\0]/.test(name) ? name : undefined;
  },
  length: whole(),
};

/** What the events before a checkpoint said, of a run that is resumed at it. */
export interface TensorboardStart {
  readonly step: number;
  readonly stepsPerEpoch: number;
  /** Names of the prunable parameters, in the order of the network. */
  readonly layers: readonly string[];
}

export class TensorboardFile {
  readonly #path: string;
  readonly #name: string;
  #descriptor: number | undefined;
  readonly #group: string;
  #stepsPerEpoch: number;
  #layers: readonly string[];

  /**
   * @param folder `tb/`, as the owner of the run writes to it
   * @param group the run's id without its seed
   * @param start of a run that is resumed
   */
  constructor(folder: string, group: string, start?: TensorboardStart) {
    this.#group = group;
    this.#stepsPerEpoch = start?.stepsPerEpoch ?? 1;
    this.#layers = start?.layers ?? [];
    makeOwnFolder(folder);
    const t = Date.now();
    this.#name = nextName(folder, t);
    this.#path = `${folder}/${this.#name}`;
    try {
      this.#descriptor = openSync(this.#path, "ax");
    } catch (error) {
      throw writeFault(this.#path, error);
    }
    this.#write(versionRecord(t));
    if (start !== undefined) this.#write(restartRecord(t, start.step + 1));
  }

  /** Writes the run's settings, and the scalars of its mask, steps and epochs; other events are ignored. */
  append(event: TimedRunEvent): void {
    switch (event.kind) {
      case "run.started":
        this.#write(sessionStartRecord(event.t, this.#group, runHparams(event.config)));
        return;
      case "run.finished":
      case "run.failed":
        this.#write(sessionEndRecord(event.t, event.kind === "run.finished"));
        return;
      case "train.started":
        this.#stepsPerEpoch = event.stepsPerEpoch;
        return;
      case "train.step":
        this.#scalars(event.t, event.step, {
          "train/step_loss": event.loss,
          "train/rate": event.rate,
          "train/images_per_second": event.imagesPerSecond,
        });
        return;
      case "train.epoch":
        this.#scalars(event.t, event.epoch * this.#stepsPerEpoch, epochScalars(event, this.#layers));
        return;
      case "prune.finished":
        this.#layers = event.layers.map(({ name }) => name);
        this.#scalars(event.t, 0, maskScalars(event));
    }
  }

  #scalars(t: number, step: number, values: Readonly<Record<string, number | undefined>>): void {
    const present = Object.entries(values).filter((each): each is [string, number] => each[1] !== undefined);
    this.#write(scalarRecord(t, step, Object.fromEntries(present)));
  }

  /** Flushes written records to the disk. */
  flush(): TensorboardEnd {
    try {
      fsyncSync(this.#descriptor!);
      return { file: this.#name, length: fstatSync(this.#descriptor!).size };
    } catch (error) {
      throw writeFault(this.#path, error);
    }
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  /** All of the record, or nothing. */
  #write(bytes: Buffer): void {
    const descriptor = this.#descriptor!;
    const { size } = fstatSync(descriptor);
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done);
    } catch (error) {
      shorten(descriptor, size);
      throw writeFault(this.#path, error);
    }
  }
}

function epochScalars(event: EventOf<"train.epoch">, layers: readonly string[]) {
  const norms = event.gradientNorms ?? [];
  return {
    "train/loss": event.loss,
    "train/accuracy": event.accuracy,
    "validation/loss": event.validationLoss,
    "validation/accuracy": event.validationAccuracy,
    "test/loss": event.testLoss,
    "test/accuracy": event.testAccuracy,
    ...(norms.length === layers.length &&
      Object.fromEntries(layers.map((name, l) => [`gradient_norm/${name}`, norms[l]]))),
  };
}

/** Traces as logarithms: a scalar is a float32, which traces of deep networks leave. */
function maskScalars({ density, layers, measures }: EventOf<"prune.finished">) {
  const finite = (value: number | undefined) => (Number.isFinite(value) ? value : undefined);
  const each = (what: string, of: (layer: LayerMeasure) => number) =>
    Object.fromEntries(layers.map((layer) => [`mask/${what}/${layer.name}`, of(layer)]));
  return {
    "mask/density": density,
    "mask/log10_trace": finite(measures && (measures.log10Trace ?? Math.log10(measures.pathKernelTrace))),
    "mask/log10_relative_trace": finite(
      measures && (measures.log10RelativeTrace ?? Math.log10(measures.relativeTrace)),
    ),
    "mask/mean_width": measures?.meanWidth,
    ...each("density", ({ keptCount, count }) => keptCount / count),
    ...each("width", ({ width }) => width),
  };
}

/**
 * Removes records after `end`. The last file is replaced by a new one of the same name, since a process presumed dead
 * may have it open.
 */
export function keepRecords(folder: string, end: TensorboardEnd): void {
  makeOwnFolder(folder);
  closeSync(startOfFile(`${folder}/${end.file}`, end.length));
  for (const name of recordFiles(folder)) if (name > end.file) rmSync(`${folder}/${name}`, { force: true });
}

function shorten(descriptor: number, size: number): void {
  try {
    ftruncateSync(descriptor, size);
  } catch {
    // readers skip half a record
  }
}

/** TensorBoard reads the files of a folder in the order of their names. */
function nextName(folder: string, t: number): string {
  const last = recordFiles(folder).at(-1);
  const seconds = Math.max(Math.floor(t / 1000), last === undefined ? 0 : secondsOf(last) + 1);
  return `${PREFIX}${String(seconds).padStart(10, "0")}.${hostname()}`;
}

function recordFiles(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.startsWith(PREFIX))
      .sort();
  } catch {
    return [];
  }
}

function secondsOf(name: string): number {
  return Number.parseInt(name.slice(PREFIX.length), 10) || 0;
}
