/** A thread of a comparison: takes one job after the other from its parent. */
import { parentPort, workerData } from "node:worker_threads";
import { describeFailure } from "../failure.ts";
import type { WorkerReport } from "../pool.ts";
import { type CompareJob, type ComparePlan, type CompareResult, CompareRunner } from "./compareJob.ts";

/** Progress of a job. */
export interface CompareNews {
  /** The completed fraction of the job, 0 … 1. */
  readonly fraction: number;
  readonly doing: string;
}

const runner = new CompareRunner(workerData as ComparePlan);
const report = (message: WorkerReport<CompareNews, CompareResult>) => parentPort?.postMessage(message);

parentPort?.on("message", async (job: CompareJob) => {
  try {
    const result = await runner.run(job, (fraction, doing) =>
      report({ kind: "news", news: { fraction, doing } }),
    );
    report({ kind: "done", result });
  } catch (error) {
    report({ kind: "failed", message: describeFailure(error).message });
  }
});
