/** The job arrays of a sweep, as its own folder keeps them. */
import { join } from "node:path";
import { list, name, record } from "@phew/core/fields";
import { readJson } from "../status.ts";

/** A job array and the tasks of its elements, in order. */
export interface SubmittedArray {
  readonly jobId: string;
  readonly ids: readonly string[];
}

export const JOB_ID = /^[1-9]\d{0,17}$/;
export const ARRAYS_FILE = "slurm.json";

const arrayOf = record<SubmittedArray>({
  jobId: (value) => (typeof value === "string" && JOB_ID.test(value) ? value : undefined),
  ids: list(name, 10_000_000),
});
const parseArrays = record<{ readonly arrays: readonly SubmittedArray[] }>({
  arrays: list(arrayOf, 100_000),
});

/** Those that were submitted last; none where nothing was. @param own the sweep's own folder, see `sweepFolder` */
export function readArrays(own: string): readonly SubmittedArray[] {
  return parseArrays(readJson(join(own, ARRAYS_FILE)))?.arrays ?? [];
}
