/** Every executor by its name; each is loaded when it is asked for. Adding one: a line here. */
import { availableParallelism } from "node:os";
import { unknownName } from "@phew/core";
import type { ExecutorFactory } from "./executor.ts";
import { loadTensorflowExecutor } from "./tensorflow.ts";

const loaders: Readonly<Record<string, () => Promise<ExecutorFactory>>> = {
  sparse: async () => {
    const { createSparseExecutor } = await import("./sparse/executor.ts");
    // its numbers do not depend on the number of threads
    return (options) => createSparseExecutor({ threadCount: availableParallelism(), ...options });
  },
  tensorflow: () => loadTensorflowExecutor(),
};

/** Names that {@link loadExecutor} knows, the default first. */
export const executorNames: readonly string[] = Object.keys(loaders);

/** @throws ArgumentError where the name is unknown, or what the backend throws where it is not to be had */
export async function loadExecutor(name: string): Promise<ExecutorFactory> {
  if (!Object.hasOwn(loaders, name)) throw unknownName("executor", name, executorNames);
  return loaders[name]!();
}
