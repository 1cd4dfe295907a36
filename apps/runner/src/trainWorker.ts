/** A process of the pool: takes one run after the other from its parent. */
import { describeFailure } from "./failure.ts";
import { interruptSignal } from "./progress.ts";
import { runTraining } from "./runTraining.ts";
import type { WorkerOrder, WorkerReport } from "./trainPool.ts";

const signal = interruptSignal();
const report = (message: WorkerReport) => process.send?.(message);

process.on("message", async ({ config, place }: WorkerOrder) => {
  try {
    report({
      kind: "done",
      result: await runTraining(config, place, {
        signal,
        onEvent: (event) => report({ kind: "event", event }),
      }),
    });
  } catch (error) {
    report({ kind: "failed", message: describeFailure(error).message });
  }
});
// the parent is gone or has no more work
process.on("disconnect", () => process.exit(0));
