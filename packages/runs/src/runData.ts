/** The data of a run, as recorded in its folder: it is resumed, and counts as finished, only with the same data. */
import { join } from "node:path";
import { anyNumber, isRecord, list, optional, record, text } from "@phew/core/fields";
import { readJson } from "./status.ts";

/** In `config.json` beside the configuration: no part of it, and not of the run's hash. */
export interface RunData {
  /** SHA-256 of the files read; absent for generated data sets. */
  readonly digest?: string;
  /** Inputs were (pixel / 255 − mean) / std, one number a channel. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

const digestText = (value: unknown) => {
  const digest = text(71)(value);
  return digest !== undefined && /^sha256:[0-9a-f]{64}$/.test(digest) ? digest : undefined;
};

/** The data of a `config.json`; undefined if it does not contain them in usable form. */
export const parseRunData = record<RunData>({
  digest: optional(digestText),
  mean: list(anyNumber, 4096),
  std: list(anyNumber, 4096),
});

/** Undefined if there is no run, or if its version did not record the data. */
export function readRunData(folder: string): RunData | undefined {
  const file = readJson(join(folder, "config.json"));
  return isRecord(file) ? parseRunData(file.data) : undefined;
}

/** The stamp of the files that the run last read its data from: equal ones hold the same, without reading them. */
export function readDataStamp(folder: string): string | undefined {
  const file = readJson(join(folder, "environment.json"));
  return isRecord(file) ? digestText(file.dataStamp) : undefined;
}
