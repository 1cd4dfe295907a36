/** Whether the work that was started with the screen is done. */
import type { RunEntry } from "@phew/runs";

/**
 * True if no run runs or waits, and one has ended since: before, those of another time may be all there are.
 * @param startedT milliseconds since the epoch
 */
export function isWorkOver(runs: readonly RunEntry[], startedT: number): boolean {
  return (
    runs.some(({ updatedT }) => updatedT >= startedT) &&
    !runs.some(({ life }) => life === "running" || life === "waiting")
  );
}
