/** Trains runs side by side, each in its own process; a process takes the next run when it is done. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { RunEvent } from "@phew/core";
import { Interrupted } from "../failure.ts";
import { inPool } from "../pool.ts";
import type { TrainConfig } from "../settings/configuration.ts";
import type { RunPlace } from "./runMaterial.ts";
import type { RunResult } from "./runTraining.ts";

export interface PoolJob {
  readonly config: TrainConfig;
  readonly place: RunPlace;
}

export interface TrainPoolOptions {
  readonly processCount: number;
  readonly onEvent: (event: RunEvent, job: number) => void;
  readonly signal: AbortSignal;
}

/**
 * Runs all jobs, the first ones first.
 * @returns results in the order of the jobs
 * @throws the first failure, after the other processes were asked to stop; Interrupted where `signal` fired
 */
export async function trainInPool(
  jobs: readonly PoolJob[],
  { processCount, onEvent, signal }: TrainPoolOptions,
): Promise<RunResult[]> {
  const children = Array.from({ length: Math.min(processCount, jobs.length) }, () =>
    fork(fileURLToPath(new URL("./trainWorker.js", import.meta.url)), {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    }),
  );
  try {
    return await inPool(jobs, children, { signal, onNews: onEvent });
  } catch (error) {
    throw signal.aborted ? new Interrupted("stopped; runs that were finished are kept") : error;
  }
}
