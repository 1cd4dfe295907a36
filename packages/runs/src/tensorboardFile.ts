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
import type { TimedRunEvent } from "@phew/core/messages";
import { makeOwnFolder, writeFault } from "./replaceFile.ts";
import { startOfFile } from "./startOfFile.ts";
import { restartRecord, scalarRecord, versionRecord } from "./tensorboardRecord.ts";

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

export class TensorboardFile {
  readonly #path: string;
  readonly #name: string;
  #descriptor: number | undefined;
  #stepsPerEpoch = 1;

  /**
   * @param folder `tb/`, as the owner of the run writes to it @param step the checkpoint's if a run is resumed;
   * undefined at the start
   */
  constructor(folder: string, step: number | undefined, stepsPerEpoch = 1) {
    makeOwnFolder(folder);
    const t = Date.now();
    this.#name = nextName(folder, t);
    this.#path = `${folder}/${this.#name}`;
    this.#stepsPerEpoch = stepsPerEpoch;
    try {
      this.#descriptor = openSync(this.#path, "ax");
    } catch (error) {
      throw writeFault(this.#path, error);
    }
    this.#write(versionRecord(t));
    if (step !== undefined) this.#write(restartRecord(t, step + 1));
  }

  /** Writes the scalars of step and epoch events; other events are ignored. */
  append(event: TimedRunEvent): void {
    switch (event.kind) {
      case "train.started":
        this.#stepsPerEpoch = event.stepsPerEpoch;
        return;
      case "train.step":
        this.#write(
          scalarRecord(event.t, event.step, { "train/step_loss": event.loss, "train/rate": event.rate }),
        );
        return;
      case "train.epoch": {
        const { validationLoss, validationAccuracy } = event;
        this.#write(
          scalarRecord(event.t, event.epoch * this.#stepsPerEpoch, {
            "train/loss": event.loss,
            "train/accuracy": event.accuracy,
            ...(validationLoss === undefined ? {} : { "validation/loss": validationLoss }),
            ...(validationAccuracy === undefined ? {} : { "validation/accuracy": validationAccuracy }),
            "test/loss": event.testLoss,
            "test/accuracy": event.testAccuracy,
          }),
        );
        return;
      }
      case "prune.finished":
        this.#write(
          scalarRecord(event.t, 0, {
            "mask/density": event.density,
            ...Object.fromEntries(
              event.layers.map((layer) => [`mask/density/${layer.name}`, layer.keptCount / layer.count]),
            ),
          }),
        );
    }
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
