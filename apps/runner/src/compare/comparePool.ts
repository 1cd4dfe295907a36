/** The jobs of a comparison on threads, the results in the order of the jobs whatever order they end in. */

import { Worker } from "node:worker_threads";
import { counted } from "@phew/runs";
import { Failure } from "../failure.ts";
import type { CompareJob, ComparePlan, CompareResult } from "./compareJob.ts";
import type { CompareReport } from "./compareWorker.ts";

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
  const results: CompareResult[] = [];
  const done = jobs.map(() => 0);
  const update = (job: number, fraction: number, doing: string) => {
    done[job] = fraction;
    onProgress(done.reduce((sum, part) => sum + part, 0) / jobs.length, doing);
  };
  let next = 0;
  const workers = Array.from(
    { length: Math.min(workerCount, jobs.length) },
    () => new Worker(new URL("./compareWorker.js", import.meta.url), { workerData: plan }),
  );
  try {
    await Promise.all(
      workers.map(async (worker) => {
        while (next < jobs.length) {
          const job = next++;
          results[job] = await runIn(worker, jobs[job]!, signal, (fraction, doing) =>
            update(job, fraction, doing),
          );
          onResult?.(results[job]!);
          update(job, 1, `${done.filter((part) => part === 1).length} of ${counted(jobs.length, "part")}`);
        }
      }),
    );
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return results;
}

function runIn(
  worker: Worker,
  job: CompareJob,
  signal: AbortSignal,
  onFraction: (fraction: number, doing: string) => void,
): Promise<CompareResult> {
  return new Promise((resolve, reject) => {
    const finish = (act: () => void) => {
      worker.off("message", onMessage);
      worker.off("error", onError);
      signal.removeEventListener("abort", onAbort);
      act();
    };
    const onMessage = (report: CompareReport) => {
      if (report.kind === "progress") onFraction(report.fraction, report.doing);
      else if (report.kind === "done") finish(() => resolve(report.result));
      else finish(() => reject(new Failure(report.message)));
    };
    const onError = (error: Error) => finish(() => reject(error));
    const onAbort = () => finish(() => reject(signal.reason));
    if (signal.aborted) return reject(signal.reason);
    worker.on("message", onMessage);
    worker.on("error", onError);
    signal.addEventListener("abort", onAbort, { once: true });
    worker.postMessage(job);
  });
}
