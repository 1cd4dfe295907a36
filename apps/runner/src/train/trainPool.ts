/** Trains runs side by side, each in its own process; a process takes the next run when it is done. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { RunEvent } from "@phew/core";
import { Interrupted } from "../failure.ts";
import type { TrainConfig } from "../settings/configuration.ts";
import type { RunPlace } from "./runMaterial.ts";
import type { RunResult } from "./runTraining.ts";

export interface PoolJob {
  readonly config: TrainConfig;
  readonly place: RunPlace;
}

/** Parent to child. */
export type WorkerOrder = PoolJob;

/** Child to parent. */
export type WorkerReport =
  | { readonly kind: "event"; readonly event: RunEvent }
  | { readonly kind: "done"; readonly result: RunResult }
  | { readonly kind: "failed"; readonly message: string };

export interface PoolOptions {
  readonly processCount: number;
  readonly onEvent?: (job: number, event: RunEvent) => void;
  readonly signal: AbortSignal;
}

/**
 * Runs all jobs, the first ones first.
 * @returns results in the order of the jobs
 * @throws the first failure, after the other processes have been stopped; Interrupted where `signal` fired
 */
export async function trainInPool(jobs: readonly PoolJob[], options: PoolOptions): Promise<RunResult[]> {
  const results: RunResult[] = [];
  let next = 0;
  const children = Array.from({ length: Math.min(options.processCount, jobs.length) }, () =>
    fork(fileURLToPath(new URL("./trainWorker.js", import.meta.url)), {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    }),
  );
  const stopAll = () => {
    for (const child of children) child.kill("SIGTERM");
  };
  options.signal.addEventListener("abort", stopAll, { once: true });
  try {
    await Promise.all(
      children.map(async (child) => {
        while (next < jobs.length && !options.signal.aborted) {
          const job = next++;
          results[job] = await runIn(child, jobs[job]!, (event) => options.onEvent?.(job, event));
        }
        child.disconnect();
      }),
    );
  } catch (error) {
    stopAll();
    if (options.signal.aborted) throw new Interrupted("stopped; runs that were finished are kept");
    throw error;
  } finally {
    options.signal.removeEventListener("abort", stopAll);
  }
  if (options.signal.aborted) throw new Interrupted("stopped; runs that were finished are kept");
  return results;
}

function runIn(child: ChildProcess, job: PoolJob, onEvent: (event: RunEvent) => void): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const finish = (act: () => void) => {
      child.off("message", onMessage);
      child.off("exit", onExit);
      act();
    };
    const onMessage = (report: WorkerReport) => {
      if (report.kind === "event") onEvent(report.event);
      else if (report.kind === "done") finish(() => resolve(report.result));
      else finish(() => reject(new Error(report.message)));
    };
    const onExit = (code: number | null, signal: string | null) =>
      finish(() =>
        reject(
          new Error(`the process of a run ended with ${signal ?? `exit code ${code}`} before the run did`),
        ),
      );
    child.on("message", onMessage);
    child.on("exit", onExit);
    child.send(job satisfies WorkerOrder);
  });
}
