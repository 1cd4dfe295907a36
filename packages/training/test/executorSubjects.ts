/** Every executor, and every backend of those that have several: what holds for one must hold for all. */
import { NetworkBuilder } from "@phew/core";
import type { Executor, ExecutorOptions } from "../src/executor.ts";
import { createSparseExecutor } from "../src/sparse/run/executor.ts";
import { loadTensorflowExecutor } from "../src/tensorflow.ts";
import { backends } from "./tensorflowBackends.ts";

/** What a test must say; the rest is Nesterov with decay, batches of up to 64, seed 0. */
export type SubjectOptions = Partial<ExecutorOptions> & Pick<ExecutorOptions, "network" | "weights">;

export interface Subject {
  /** Says why it is skipped where it is not present. */
  readonly heading: string;
  readonly present: boolean;
  make(options: SubjectOptions): Promise<Executor>;
}

/** Two layers whose gradient is beyond float32 for an input of 1e30, though the loss is not. */
export function overflowing(): Pick<ExecutorOptions, "network" | "weights"> {
  const b = new NetworkBuilder("overflow", [1]);
  const network = b.build(
    b.dense("second", b.dense("first", b.input, 1, { bias: false }), 2, { bias: false }),
  );
  const weights = new Map([
    ["first.weight", Float32Array.of(0)],
    ["second.weight", Float32Array.of(1e20, -1e20)],
  ]);
  return { network, weights };
}

const usual = {
  optimiser: { name: "sgd", settings: { momentum: 0.9, nesterov: true, weightDecay: 5e-4 } },
  batchSize: 64,
  seed: 0,
};

const sparse = (threadCount: number): Subject => ({
  heading: `sparse, threads: ${threadCount}`,
  present: true,
  make: (options) => createSparseExecutor({ ...usual, threadCount, ...options }),
});

/** For `describe.each`. */
export const subjects: readonly Subject[] = [
  sparse(1),
  sparse(3),
  ...backends.map(({ backend, heading, present }) => ({
    heading: `tensorflow, ${heading}`,
    present,
    make: async (options: SubjectOptions) =>
      (await loadTensorflowExecutor(backend))({ ...usual, ...options }),
  })),
];
