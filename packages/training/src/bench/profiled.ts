/** Optional data of an executor beyond {@link Executor}; a benchmark prints what is present. */
import type { Executor, LayerTime, PlannedMemory } from "../executor.ts";
import { median } from "./race.ts";

export interface Profiled {
  readonly threadCount?: number;
}

export type { LayerTime, PlannedMemory };

export type ProfiledExecutor = Executor & Profiled;

/**
 * The median step, layer by layer: one entry for each layer, kind of work and kernel that took any time, in the order
 * in which they first come.
 * @param steps times of each step; all have the same entries, some of them more than once
 */
export function medianStep(steps: readonly (readonly LayerTime[])[]): LayerTime[] {
  const sums = steps.map((times) => {
    const byKind = new Map<string, LayerTime>();
    for (const time of times) {
      const key = JSON.stringify([time.layer, time.work, time.kernel]);
      const before = byKind.get(key)?.milliseconds ?? 0;
      byKind.set(key, { ...time, milliseconds: before + time.milliseconds });
    }
    return byKind;
  });
  return Array.from(sums[0]!, ([key, time]) => ({
    ...time,
    milliseconds: median(sums.map((byKind) => byKind.get(key)!.milliseconds)),
  })).filter(({ milliseconds }) => milliseconds > 0);
}
