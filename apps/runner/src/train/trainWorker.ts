/** A process of the pool: takes one run after the other from its parent. */
import type { RunEvent } from "@phew/core";
import { describeFailure, Interrupted } from "../failure.ts";
import { printFailuresInOneLine } from "../output/failureLine.ts";
import type { WorkerReport } from "../pool.ts";
import { type RunResult, runTraining } from "./runTraining.ts";
import type { PoolJob } from "./trainPool.ts";

printFailuresInOneLine();
const stopping = new AbortController();
const { signal } = stopping;
const stop = () => stopping.abort(new Interrupted("stopped"));
let busy = false;
// a terminal sends these to the parent too, which passes on a SIGTERM
for (const name of ["SIGINT", "SIGHUP"] as const) process.on(name, () => undefined);
process.on("SIGTERM", () => (busy ? stop() : process.exit(0)));
// gone with the parent
const report = (message: WorkerReport<RunEvent, RunResult>) =>
  process.connected && process.send?.(message, () => undefined);

process.on("message", async ({ config, place }: PoolJob) => {
  busy = true;
  try {
    report({
      kind: "done",
      result: await runTraining(config, place, {
        signal,
        onEvent: (event) => report({ kind: "news", news: event }),
      }),
    });
  } catch (error) {
    report({ kind: "failed", message: describeFailure(error).message });
  }
  busy = false;
  if (!process.connected) process.exit(0);
  // after the messages
  if (signal.aborted) process.disconnect();
});
// the parent has no more work, or is gone: then what runs keeps a checkpoint
process.on("disconnect", () => {
  if (!busy) process.exit(0);
  stop();
});
