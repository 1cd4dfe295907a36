/** The data that a run was begun with, as its folder has them: so that it is gone on with, or called finished, with no others. */
import { join } from "node:path";
import { anyNumber, isRecord, list, optional, record, text } from "@phew/core/fields";
import { readJson } from "./status.ts";

/** In `config.json` beside the configuration: no part of it, and not of the run's hash. */
export interface RunData {
  /** SHA-256 of what was read; absent for sets that the program draws. */
  readonly digest?: string;
  /** Inputs were (pixel / 255 − mean) / std, one number a channel. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

const digestText = (value: unknown) => {
  const digest = text(71)(value);
  return digest !== undefined && /^sha256:[0-9a-f]{64}$/.test(digest) ? digest : undefined;
};

/** The data of a `config.json`; undefined where it says nothing of them that can be used. */
export const parseRunData = record<RunData>({
  digest: optional(digestText),
  mean: list(anyNumber, 4096),
  std: list(anyNumber, 4096),
});

/** Undefined where there is no run, or one of a version that did not keep it. */
export function readRunData(folder: string): RunData | undefined {
  const file = readJson(join(folder, "config.json"));
  return isRecord(file) ? parseRunData(file.data) : undefined;
}

/** The stamp of the files that the run last read its data from: equal ones hold the same, without reading them. */
export function readDataStamp(folder: string): string | undefined {
  const file = readJson(join(folder, "environment.json"));
  return isRecord(file) ? digestText(file.dataStamp) : undefined;
}
