/** Workers of the pool that answer, fail, or end without a message. */
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { inPool } from "../src/pool.ts";

/** Squares `value`; a negative one ends the thread, with no error. */
const SCRIPT = `
const { parentPort } = require("node:worker_threads");
parentPort.on("message", ({ value }) => {
  if (value < 0) return process.exit(3);
  parentPort.postMessage({ kind: "news", news: value });
  if (value === 0) return parentPort.postMessage({ kind: "failed", message: "no value" });
  parentPort.postMessage({ kind: "done", result: value ** 2 });
});`;

async function squares(values: readonly number[], signal = new AbortController().signal) {
  const workers = [1, 2].map(() => new Worker(SCRIPT, { eval: true }));
  const news: number[] = [];
  const ended: (readonly number[])[] = [];
  const jobs = values.map((value) => ({ value }));
  const results = await inPool<number, number>(jobs, workers, {
    signal,
    onNews: (value, job) => (news[job] = value),
    onResult: (result, job) => ended.push([job, result]),
  });
  return { results, news, ended };
}

describe("a pool of workers", () => {
  it("gives results in the order of the jobs, and tells of each once", async () => {
    const { results, news, ended } = await squares([3, 1, 2, 5]);
    expect(results).toEqual([9, 1, 4, 25]);
    expect(news).toEqual([3, 1, 2, 5]);
    expect(ended.toSorted()).toEqual([9, 1, 4, 25].map((result, job) => [job, result]));
  });

  it("fails with a worker's message, and when a worker ends without one", async () => {
    await expect(squares([1, 0, 2])).rejects.toThrow("no value");
    await expect(squares([1, -1, 2])).rejects.toThrow("a worker ended with exit code 3 before its job did");
  });

  it("throws the signal's reason", async () => {
    const reason = new Error("stopped");
    await expect(squares([1, 2], AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
