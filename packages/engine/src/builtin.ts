/** A module of Node, without an import that browsers or bundlers would fail on; undefined elsewhere. */
export function builtin<Module>(id: string): Module | undefined {
  const { process } = globalThis as unknown as {
    process?: { getBuiltinModule?(id: string): Module | undefined };
  };
  return process?.getBuiltinModule?.(id);
}

/** What is used of a thread of Node. */
export interface Worker {
  once(event: "message" | "error", listener: (value: unknown) => void): void;
  unref(): void;
  terminate(): Promise<number>;
}

export interface WorkerThreads {
  readonly Worker: {
    new (code: string, options: { eval: true; workerData: unknown; execArgv: readonly string[] }): Worker;
  };
}

export const workerThreads = () => builtin<WorkerThreads>("node:worker_threads");
