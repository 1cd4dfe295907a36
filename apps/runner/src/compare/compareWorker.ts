/** A thread of a comparison: takes one job after the other from its parent. */
import { parentPort, workerData } from "node:worker_threads";
import { describeFailure } from "../failure.ts";
import { type CompareJob, type ComparePlan, type CompareResult, CompareRunner } from "./compareJob.ts";

/** Thread to parent. */
export type CompareReport =
  | { readonly kind: "progress"; readonly fraction: number; readonly doing: string }
  | { readonly kind: "done"; readonly result: CompareResult }
  | { readonly kind: "failed"; readonly message: string };

const runner = new CompareRunner(workerData as ComparePlan);
const report = (message: CompareReport) => parentPort?.postMessage(message);

parentPort?.on("message", async (job: CompareJob) => {
  try {
    const result = await runner.run(job, (fraction, doing) => report({ kind: "progress", fraction, doing }));
    report({ kind: "done", result });
  } catch (error) {
    report({ kind: "failed", message: describeFailure(error).message });
  }
});
