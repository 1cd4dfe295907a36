/** Runs jobs on threads or in processes of our own; each takes the next job when it is done. */
import type { ChildProcess } from "node:child_process";
import type { Worker } from "node:worker_threads";
import { Failure } from "./failure.ts";

/** A worker's messages about its job: any number of `news`, then one `done` or `failed`. */
export type WorkerReport<News, Result> =
  | { readonly kind: "news"; readonly news: News }
  | { readonly kind: "done"; readonly result: Result }
  | { readonly kind: "failed"; readonly message: string };

/** A thread is ended at once; a process gets a signal, and writes a checkpoint first. */
const stop = (worker: Worker | ChildProcess) =>
  "terminate" in worker ? worker.terminate() : worker.kill("SIGTERM");
/** Ends a worker that has no job. */
const dismiss = (worker: Worker | ChildProcess) =>
  "terminate" in worker ? worker.terminate() : worker.connected && worker.disconnect();

interface PoolOptions<News, Result> {
  readonly signal: AbortSignal;
  /** @param job index among the jobs */
  readonly onNews: (news: News, job: number) => void;
  /** As soon as a job is done, in the order in which they end. */
  readonly onResult?: (result: Result, job: number) => void;
}

/**
 * Starts the jobs in their order, each on the next worker that is free. The workers end with the last job.
 * @returns results in the order of the jobs
 * @throws the first failure, after all threads have ended and all processes were asked to; `signal.reason`
 */
export async function inPool<News, Result>(
  jobs: readonly object[],
  workers: readonly (Worker | ChildProcess)[],
  { signal, onNews, onResult }: PoolOptions<News, Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const stopAll = () => Promise.all(workers.map(stop));
  signal.addEventListener("abort", stopAll, { once: true });
  try {
    await Promise.all(
      workers.map(async (worker) => {
        while (next < jobs.length && !signal.aborted) {
          const job = next++;
          const result = await resultOf<News, Result>(worker, jobs[job]!, (news) => onNews(news, job));
          results[job] = result;
          onResult?.(result, job);
        }
        await dismiss(worker);
      }),
    );
  } catch (error) {
    await stopAll();
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", stopAll);
  }
  signal.throwIfAborted();
  return results;
}

function resultOf<News, Result>(
  worker: Worker | ChildProcess,
  job: object,
  onNews: (news: News) => void,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const finish = (act: () => void) => {
      worker.off("message", onMessage).off("error", onError).off("exit", onExit);
      act();
    };
    const onMessage = (report: WorkerReport<News, Result>) => {
      if (report.kind === "news") onNews(report.news);
      else if (report.kind === "done") finish(() => resolve(report.result));
      else finish(() => reject(new Failure(report.message)));
    };
    const onError = (error: Error) => finish(() => reject(error));
    const onExit = (code: number | null, signal?: string | null) => {
      const how = signal ?? `exit code ${code}`;
      finish(() => reject(new Failure(`a worker ended with ${how} before its job did`)));
    };
    worker.on("message", onMessage).on("error", onError).on("exit", onExit);
    if ("postMessage" in worker) worker.postMessage(job);
    else worker.send(job);
  });
}
