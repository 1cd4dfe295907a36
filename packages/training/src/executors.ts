/** Every executor by its name; each is loaded when it is asked for. Adding one: a line here. */
import { availableParallelism } from "node:os";
import { ArgumentError, unknownName } from "@phew/core";
import type { ExecutorFactory } from "./executor.ts";
import { withRecurrentLayers } from "./recurrentLayers.ts";
import { withSharedWeights } from "./sharedWeights.ts";
import { loadTensorflowExecutor } from "./tensorflow.ts";

/** How an executor computes, beside what. */
export interface ExecutorVariant {
  /**
   * Fused multiply-add (relaxed SIMD): faster, but not the same bits on every machine. Only for the sparse executor.
   */
  readonly fastMath?: boolean | undefined;
}

const loaders: Readonly<Record<string, (variant: ExecutorVariant) => Promise<ExecutorFactory>>> = {
  sparse: async ({ fastMath = false }) => {
    const { createSparseExecutor } = await import("./sparse/run/executor.ts");
    // its numbers do not depend on the number of threads
    return withSharedWeights((options) => {
      const { threadCount = availableParallelism() } = options;
      return createSparseExecutor({ ...options, threadCount, fastMath });
    });
  },
  tensorflow: ({ fastMath = false }) => {
    if (fastMath) {
      throw new ArgumentError("fast math", {
        given: "the tensorflow executor",
        expected: "the sparse executor",
        remedy: "Leave the option out, or take the sparse executor.",
      });
    }
    return loadTensorflowExecutor();
  },
};

/** Names that {@link loadExecutor} accepts, the default first. */
export const executorNames: readonly string[] = Object.keys(loaders);

/**
 * @throws ArgumentError if the name is unknown or the executor has no such variant, or the backend's error if it is
 * not available. A factory throws EngineError if fast math is requested and the runtime has no relaxed SIMD.
 */
export async function loadExecutor(name: string, variant: ExecutorVariant = {}): Promise<ExecutorFactory> {
  if (!Object.hasOwn(loaders, name)) throw unknownName("executor", name, executorNames);
  return withRecurrentLayers(await loaders[name]!(variant));
}
