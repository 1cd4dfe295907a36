/** Report of a network's benchmark. */
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
  readonly baseline?: ContenderReport | undefined;
  /** Why there is no baseline though one was asked for. */
  readonly baselineUnavailable?: string | undefined;
  /** How many times as fast as the baseline. */
  readonly ratio?: Ratio | undefined;
  readonly limits?: MachineLimits | undefined;
  /** Kernels of the sparse executor by layer, if that was timed. */
  readonly kernels?: readonly LayerPlan[] | undefined;
  /** Load average of the minute before; 0 if the system does not report it. */
  readonly loadAverage: number;
}

/** Multiply-adds that a task needs; products with padding are not among them. */
export interface Work {
  /** Of one image's forward pass. */
  readonly denseMultiplyAdds: number;
  readonly keptMultiplyAdds: number;
  /** The second over the first. */
  readonly share: number;
  /** By layer, multiply-adds of kept weights for one image: forward, and for the whole step. */
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
  /** Weights in its computation: kept weights, all weights, or all weights times their masks. */
  readonly weights: "kept" | "all" | "masked";
  readonly threadCount?: number | undefined;
  /** 10^9 operations a second of its median round, two for a multiply-add that counts: of kept weights, or of all. */
  readonly gigaflops: number;
  readonly memory: MemoryUse;
  readonly plan?: PlannedMemory | undefined;
  /** Of one step, by layer and kind of work, as a mean over threads. */
  readonly times?: readonly LayerTime[] | undefined;
}
