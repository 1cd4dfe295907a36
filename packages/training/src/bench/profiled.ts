/** What an executor may tell of itself beyond {@link Executor}; a benchmark prints what is there. */
import type { Executor } from "../executor.ts";

/** Bytes by what they are for, known before the first step. */
export interface PlannedMemory {
  readonly activationBytes: number;
  readonly weightBytes: number;
  readonly optimiserBytes: number;
  /** All of it at the most. */
  readonly peakBytes: number;
}

/** Time that was spent on one kind of work of one layer. */
export interface LayerTime {
  /** Name of the layer's node. */
  readonly layer: string;
  /** `forward`, `backward`, `batch normalisation`, `update` … */
  readonly work: string;
  /** Of layers for which there are several kernels, the one that was chosen. */
  readonly kernel?: string;
  readonly milliseconds: number;
}

export interface Profiled {
  readonly threadCount?: number;
  readonly plan?: PlannedMemory;
  /** Measures the steps from now on; each is a little slower for it. */
  startTiming?(): void;
  /** Time of all steps since {@link startTiming}; ends the measuring. */
  endTiming?(): readonly LayerTime[];
}

export type ProfiledExecutor = Executor & Profiled;

/** One entry for each layer, kind of work and kernel that took any time, in the order in which they first come, a step's share. */
export function perStep(times: readonly LayerTime[], stepCount: number): LayerTime[] {
  const sums = new Map<string, LayerTime>();
  for (const time of times) {
    if (time.milliseconds === 0) continue;
    const key = JSON.stringify([time.layer, time.work, time.kernel]);
    const before = sums.get(key)?.milliseconds ?? 0;
    sums.set(key, { ...time, milliseconds: before + time.milliseconds / stepCount });
  }
  return [...sums.values()];
}
