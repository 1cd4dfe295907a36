/**
 * Measures the limits of the computer by loops that keep one part of it busy on several threads: benchmarks compare
 * kernels with these. Node only. A multiply-add counts as two operations.
 */

import { hash } from "./border/probe.ts";
import { type Worker, workerThreads } from "./builtin.ts";
import { EngineError } from "./errors.ts";
import { fitting, readWasm, type WasmFile } from "./wasmFile.ts";
import { type WasmModule, webAssembly } from "./webAssembly.ts";

/** Sums over all threads, 10^9 per second. */
export interface MachineLimits {
  readonly threadCount: number;
  /** Operations of 128-bit multiply-adds with all operands in registers. */
  readonly registerGigaflops: number;
  /** The same if each multiply-add loads one factor from the first-level cache: the limit of a rows kernel. */
  readonly cacheGigaflops: number;
  /** Bytes read sequentially from more memory than the caches hold. */
  readonly memoryGigabytes: number;
}

/** Bytes each thread reads from its first-level cache, and from memory. */
const CACHE_BYTES = 16_384;
const MEMORY_BYTES = 2 ** 26;
const LOOP_MS = 120;

/**
 * All threads start each loop together. Loops within a core count by their best interval, those of shared memory by
 * the median.
 */
const WORKER = `
const { parentPort, workerData } = require("node:worker_threads");
const { module, meetings, threadCount, cacheBytes, memoryBytes, loopMs } = workerData;
const memory = new WebAssembly.Memory({ initial: memoryBytes / 65536 + 1, maximum: 65536 });
const wasm = new WebAssembly.Instance(module, { env: { memory, abort() {} } }).exports;
const start = Math.ceil(wasm.heapBase() / 128) * 128;
wasm.fill(start, memoryBytes, 1);
const loops = [
  { work: 2 * 48 * 2e5, run: () => wasm.multiplyAddRegisters(2e5), best: true },
  {
    work: 2 * (cacheBytes / 4) * 500,
    run() { for (let k = 0; k < 500; k++) wasm.multiplyAddLoads(start, cacheBytes); },
    best: true,
  },
  { work: memoryBytes, run: () => wasm.multiplyAddLoads(start, memoryBytes), best: false },
];
const rates = loops.map(({ work, run, best }, loop) => {
  run();
  Atomics.add(meetings, loop, 1);
  while (Atomics.load(meetings, loop) < threadCount) Atomics.wait(meetings, loop, 0, 1);
  const stretches = [];
  const end = performance.now() + loopMs;
  for (let now = performance.now(); now < end || stretches.length < 5; ) {
    run();
    const later = performance.now();
    stretches.push(work / (later - now) / 1e6);
    now = later;
  }
  stretches.sort((a, b) => a - b);
  return best ? stretches.at(-1) : stretches[stretches.length >> 1];
});
parentPort.postMessage(rates);
`;

/**
 * Takes about half a second, and 64 MiB per thread.
 * @param threadCount number of busy threads, at least 1
 * @throws EngineError without worker threads, or if the build is missing
 */
export async function measureMachine(threadCount: number): Promise<MachineLimits> {
  const threads = workerThreads();
  if (threads === undefined) {
    throw new EngineError("measureMachine", { given: "a runtime without worker threads", expected: "Node" });
  }
  const workerData = {
    module: await probeModule(),
    meetings: new Int32Array(new SharedArrayBuffer(12)),
    threadCount,
    cacheBytes: CACHE_BYTES,
    memoryBytes: MEMORY_BYTES,
    loopMs: LOOP_MS,
  };
  const workers = Array.from(
    { length: threadCount },
    () => new threads.Worker(WORKER, { eval: true, workerData, execArgv: [] }),
  );
  try {
    const rates = await Promise.all(workers.map(ratesOf));
    const total = (loop: number) => rates.reduce((sum, ofThread) => sum + ofThread[loop]!, 0);
    return {
      threadCount,
      registerGigaflops: total(0),
      cacheGigaflops: total(1),
      memoryGigabytes: total(2),
    };
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

function ratesOf(worker: Worker): Promise<readonly number[]> {
  return new Promise((resolve, reject) => {
    worker.once("message", (rates) => resolve(rates as readonly number[]));
    worker.once("error", reject);
  });
}

const PROBE_WASM: WasmFile = {
  name: "probe.wasm",
  expected: "the compiled loops",
  remedy: "Build them with `npm run setup`.",
  border: hash,
};

async function probeModule(): Promise<WasmModule> {
  const bytes = readWasm(new URL("../dist/probe.wasm", import.meta.url), PROBE_WASM);
  return fitting(await webAssembly.compile(bytes), PROBE_WASM);
}
