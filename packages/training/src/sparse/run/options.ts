/** Options of the sparse executor. */
import type { CopyOptions } from "../../sharedWeights.ts";
import type { LayerKernel } from "../plan/kernelChoice.ts";

export interface SparseExecutorOptions extends CopyOptions {
  /** Fused multiply-add if the runtime has relaxed SIMD: faster, but not the same bits on every machine. */
  readonly fastMath?: boolean;
  /** Used wherever it can compute a layer; absent: the one with the least estimated time. */
  readonly kernel?: LayerKernel;
  /** Initial content of memory that a step writes before it reads; for tests of this. Default zeros. */
  readonly unwritten?: number;
}
