/** Threads on one memory that run programs of kernels. Only numbers cross the border. */

import type { Exports } from "../border/layers.ts";
import { type Worker, type WorkerThreads, workerThreads } from "../builtin.ts";
import { type WasmMemory, type WasmModule, webAssembly } from "../webAssembly.ts";
import { layersModule } from "./layersModule.ts";

export interface LayersRuntimeOptions {
  /** Bytes for the host, beyond the module's own; see {@link LayersRuntime.firstAddress}. */
  readonly bytes: number;
  /** Requested number of threads; 1 if memory cannot be shared. */
  readonly threadCount: number;
  /** Fused multiply-add: faster, but not the same bits on every machine. */
  readonly relaxed: boolean;
}

/** The whole code of a worker. All data is in shared memory; its only message is that it has started. */
const WORKER = `
const { parentPort, workerData } = require("node:worker_threads");
const { module, memory, thread, threadCount, batch, orders, barrier } = workerData;
const env = { memory, now: () => performance.now(), abort() {} };
const { setThread, setBatch, serve } = new WebAssembly.Instance(module, { env }).exports;
setThread(thread, threadCount);
setBatch(batch);
parentPort.postMessage("ready");
serve(orders, barrier);
`;

const PAGE_BYTES = 65_536;
const MAX_PAGES = 65_536;
/** Cells of 64 bytes: for orders, for the barrier, for the batch. */
const CELL_BYTES = 64;

/** Address of the first free byte for the host; the module's data and the cells are below. */
const reservedBytes = (heapBase: number): number => Math.ceil(heapBase / CELL_BYTES + 4) * CELL_BYTES;

export class LayersRuntime {
  readonly threadCount: number;
  /** First address that the host may use, a multiple of 64. */
  readonly firstAddress: number;
  /**
   * Address of the batch record, followed by the record of the optimiser's step, both written before {@link run};
   * {@link LayersRuntime.BATCH_BYTES} for both.
   */
  readonly batch: number;
  static readonly BATCH_BYTES = CELL_BYTES;
  readonly #memory: WasmMemory;
  readonly #wasm: Exports;
  readonly #workers: readonly Worker[];
  readonly #orders: number;
  readonly #barrier: number;

  /** Use {@link LayersRuntime.start}. */
  private constructor(memory: WasmMemory, wasm: Exports, workers: readonly Worker[], threadCount: number) {
    const first = reservedBytes(wasm.heapBase());
    this.#memory = memory;
    this.#wasm = wasm;
    this.#workers = workers;
    this.threadCount = threadCount;
    this.firstAddress = first;
    this.batch = first - CELL_BYTES;
    this.#barrier = first - 2 * CELL_BYTES;
    this.#orders = first - 3 * CELL_BYTES;
    wasm.setThread(0, threadCount);
    wasm.setBatch(this.batch);
  }

  /** @throws RangeError if the memory cannot be allocated; EngineError if a build is missing */
  static async start(options: LayersRuntimeOptions): Promise<LayersRuntime> {
    const shared = typeof SharedArrayBuffer !== "undefined";
    const threads = shared ? workerThreads() : undefined;
    const threadCount = threads === undefined ? 1 : options.threadCount;
    const module = await layersModule({ shared, relaxed: options.relaxed });
    const memory = newMemory(options.bytes, shared);
    const wasm = instantiate(module, memory);
    const runtime = new LayersRuntime(memory, wasm, [], threadCount);
    if (threads === undefined || threadCount === 1) return runtime;
    const workers = await Promise.all(
      Array.from({ length: threadCount - 1 }, (_, k) =>
        startWorker(threads, {
          module,
          memory,
          thread: k + 1,
          threadCount,
          batch: runtime.batch,
          orders: runtime.#orders,
          barrier: runtime.#barrier,
        }),
      ),
    );
    return new LayersRuntime(memory, wasm, workers, threadCount);
  }

  /** The memory. Views of it are valid until {@link reserve}. */
  get buffer(): ArrayBuffer {
    return this.#memory.buffer;
  }

  /** Runs a program on all threads, including this one, and returns when they are done. */
  run(program: number): void {
    this.#order(program);
    this.#wasm.run(program, this.#barrier);
  }

  /**
   * Makes room for the host's bytes, if there is less: between two runs.
   * @throws RangeError if the memory cannot grow
   */
  reserve(bytes: number): void {
    const missing = pagesFor(bytes) - this.buffer.byteLength / PAGE_BYTES;
    if (missing > 0) this.#memory.grow(missing);
  }

  /** Ends the workers. */
  dispose(): void {
    this.#order(0);
    for (const worker of this.#workers) void worker.terminate();
  }

  #order(program: number): void {
    if (this.threadCount === 1) return;
    const orders = new Int32Array(this.buffer, this.#orders, 2);
    Atomics.store(orders, 1, program);
    Atomics.add(orders, 0, 1);
    Atomics.notify(orders, 0);
  }
}

/** Of a memory with so many bytes for the host: the module's data and the cells are below. */
function pagesFor(bytes: number): number {
  const pages = Math.ceil((bytes + PAGE_BYTES) / PAGE_BYTES);
  if (pages > MAX_PAGES) throw new RangeError(`${bytes} bytes are more than the 4 GiB of a memory`);
  return pages;
}

function newMemory(bytes: number, shared: boolean): WasmMemory {
  const limits = { initial: pagesFor(bytes), maximum: MAX_PAGES, shared };
  return new webAssembly.Memory(limits);
}

function instantiate(module: WasmModule, memory: WasmMemory): Exports {
  const env: Record<string, WasmMemory | (() => void)> = {
    memory,
    now: () => performance.now(),
    abort() {},
  };
  return new webAssembly.Instance(module, { env }).exports as Exports;
}

async function startWorker(threads: WorkerThreads, workerData: unknown): Promise<Worker> {
  const worker = new threads.Worker(WORKER, { eval: true, workerData, execArgv: [] });
  await new Promise<void>((resolve, reject) => {
    worker.once("message", () => resolve());
    worker.once("error", reject);
  });
  // undisposed threads must not keep the process alive
  worker.unref();
  return worker;
}
