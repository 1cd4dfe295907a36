/**
 * Estimates the time of runs: from the same configuration with other seeds, if there are any; else from a run's work
 * (multiply-adds of its training) times the median of time / work over finished runs of the same kind.
 */
import type { RunEntry } from "../readRun.ts";
import { lastEvent } from "../runLife.ts";

/** The data of a run that an estimate needs. */
export interface RunWork {
  /** Equal for runs of one configuration and any seed. */
  readonly configuration: string;
  /** Runs of one kind take time in proportion to their work. */
  readonly kind: string;
  /** Multiply-adds of the whole training. */
  readonly multiplyAdds: number;
  /** Assumed multiply-adds per millisecond if no run of the kind has finished. */
  readonly usualRate: number;
}

export interface Estimate {
  /** Milliseconds of each run, in the order given. */
  readonly runMs: readonly number[];
  /** Runs by the source of their estimate: their configuration with other seeds, other runs by work, work alone. */
  readonly sources: Readonly<Record<"same" | "scaled" | "guessed", number>>;
  /** Number of finished runs used. */
  readonly finishedCount: number;
}

export function estimateRuns(
  runs: readonly RunWork[],
  finished: readonly { readonly work: RunWork; readonly elapsedMs: number }[],
): Estimate {
  const sameMs = medians(finished.map(({ work, elapsedMs }) => [work.configuration, elapsedMs]));
  const msPerWork = medians(
    finished.map(({ work, elapsedMs }) => [work.kind, elapsedMs / work.multiplyAdds]),
  );
  const sources = { same: 0, scaled: 0, guessed: 0 };
  const runMs = runs.map(({ configuration, kind, multiplyAdds, usualRate }) => {
    const same = sameMs.get(configuration);
    const scale = msPerWork.get(kind);
    sources[same !== undefined ? "same" : scale !== undefined ? "scaled" : "guessed"]++;
    return same ?? multiplyAdds * (scale ?? 1 / usualRate);
  });
  return { runMs, sources, finishedCount: finished.length };
}

/** Time that a finished run was worked on, by all its processes; undefined for others. */
export function elapsedOf({ life, folder }: RunEntry): number | undefined {
  const end = life === "finished" ? lastEvent(folder) : undefined;
  return end?.kind === "run.finished" && end.elapsedMs > 0 ? end.elapsedMs : undefined;
}

/** Time of all of them, `processCount` at a time, the first ones first. */
export function makespan(runMs: readonly number[], processCount: number): number {
  const busyMs = Array.from({ length: Math.max(1, processCount) }, () => 0);
  for (const ms of runMs) busyMs[busyMs.indexOf(Math.min(...busyMs))]! += ms;
  return Math.max(...busyMs);
}

/** How sure an estimate is, for a person. */
export function describeSources({ sources, finishedCount }: Estimate): string {
  const { same, scaled, guessed } = sources;
  const parts = [
    same > 0
      ? `${same} from the same configuration with other seeds (good to a fifth on a like machine)`
      : "",
    scaled > 0
      ? `${scaled} scaled by multiply-adds from ${finishedCount} finished (may be out by a factor of 2)`
      : "",
    guessed > 0 ? `${guessed} from multiply-adds alone (may be out by a factor of 5)` : "",
  ];
  return parts.filter(Boolean).join("; ");
}

function medians(pairs: readonly (readonly [string, number])[]): Map<string, number> {
  const byKey = new Map<string, number[]>();
  for (const [key, value] of pairs) {
    const values = byKey.get(key);
    if (values) values.push(value);
    else byKey.set(key, [value]);
  }
  return new Map([...byKey].map(([key, values]) => [key, median(values)]));
}

/** @param values at least one */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
