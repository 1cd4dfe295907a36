/** What a benchmark of a network says. */
import type { MachineLimits } from "@phew/engine";
import type { LayerPlan } from "./kernelPlan.ts";
import type { LayerTime, PlannedMemory } from "./profiled.ts";
import type { Pace, Ratio } from "./race.ts";
import type { BenchMode, MemoryUse } from "./task.ts";

export interface BenchReport {
  readonly mode: BenchMode;
  /** Name of the network. */
  readonly network: string;
  /** A pruning method, or `dense`. */
  readonly method: string;
  readonly requestedDensity: number;
  /** Kept fraction of the prunable weights. */
  readonly density: number;
  readonly seed: number;
  readonly batchSize: number;
  readonly work: Work;
  readonly ours: ContenderReport;
  readonly baseline?: ContenderReport;
  /** Why there is no baseline though one was asked for. */
  readonly baselineUnavailable?: string;
  /** How many times as fast as the baseline. */
  readonly ratio?: Ratio;
  readonly limits?: MachineLimits;
  /** Kernels of the sparse executor by layer, where it was the one that was timed. */
  readonly kernels?: readonly LayerPlan[];
  /** Programs that wanted to run during the minute before; 0 where the system does not tell. */
  readonly loadAverage: number;
}

/** Multiply-adds that a task needs; products with padding are not among them. */
export interface Work {
  /** Of one image on its way forward. */
  readonly denseMultiplyAdds: number;
  readonly keptMultiplyAdds: number;
  /** The second over the first. */
  readonly share: number;
  /** By layer, kept ones of one image: on its way forward, and in the whole of a step. */
  readonly layers: readonly LayerWork[];
}

export interface LayerWork {
  /** Name of the layer's node. */
  readonly layer: string;
  /** Kept fraction of its weights. */
  readonly density: number;
  readonly forwardMultiplyAdds: number;
  readonly stepMultiplyAdds: number;
}

export interface ContenderReport extends Pace {
  readonly name: string;
  readonly backend: string;
  /** What it computes with: kept weights, all weights, or all weights times their masks. */
  readonly weights: "kept" | "all" | "masked";
  readonly threadCount?: number;
  /** 10^9 operations a second of its median round, two for a multiply-add that counts: of kept weights, or of all. */
  readonly gigaflops: number;
  readonly memory: MemoryUse;
  readonly plan?: PlannedMemory;
  /** Of one step, by layer and kind of work, as a mean over threads. */
  readonly times?: readonly LayerTime[];
}
