/** Runs the jobs of a comparison on threads; the results have the order of the jobs. */

import { Worker } from "node:worker_threads";
import { counted } from "@phew/runs";
import { inPool } from "../pool.ts";
import type { CompareJob, ComparePlan, CompareResult } from "./compareJob.ts";
import type { CompareNews } from "./compareWorker.ts";

export interface ComparePoolOptions {
  readonly workerCount: number;
  readonly signal: AbortSignal;
  /** @param fraction of all jobs, 0 … 1 */
  readonly onProgress: (fraction: number, doing: string) => void;
  /** As soon as a job is done, in the order in which they end. */
  readonly onResult?: (result: CompareResult) => void;
}

/** @throws the first failure, after all threads have ended; `signal.reason` */
export async function compareInPool(
  plan: ComparePlan,
  jobs: readonly CompareJob[],
  { workerCount, signal, onProgress, onResult }: ComparePoolOptions,
): Promise<CompareResult[]> {
  const done = jobs.map(() => 0);
  const update = (job: number, fraction: number, doing: string) => {
    done[job] = fraction;
    onProgress(done.reduce((sum, part) => sum + part, 0) / jobs.length, doing);
  };
  const workers = Array.from(
    { length: Math.min(workerCount, jobs.length) },
    () => new Worker(new URL("./compareWorker.js", import.meta.url), { workerData: plan }),
  );
  let ended = 0;
  return inPool<CompareNews, CompareResult>(jobs, workers, {
    signal,
    onNews: ({ fraction, doing }, job) => update(job, fraction, doing),
    onResult: (result, job) => {
      onResult?.(result);
      update(job, 1, `${++ended} of ${counted(jobs.length, "part")}`);
    },
  });
}
