/**
 * Batches filled on a thread of their own, ahead of the training that takes them: the bytes that {@link inlineLoader}
 * gives. Each order to the thread is one batch into one slot of shared memory; it serves them in turn.
 */
import { availableParallelism } from "node:os";
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import { ArgumentError, elementCount } from "@phew/core";
import type { Dataset, ExamplesSource } from "../datasets/dataset.ts";
import type { Batch } from "../executor.ts";
import type { Augmentation } from "./augmentation.ts";
import type { FillMaterial, FillOrder, FillReport } from "./fillWorker.ts";
import {
  type BatchLoader,
  type BatchRequest,
  classesOf,
  examplesOf,
  inlineLoader,
  type LoaderFactory,
  type LoaderOptions,
  type Part,
} from "./loader.ts";

/** Batches that are filled while one is read. */
const AHEAD = 2;
const PARTS: readonly Part[] = ["train", "validation", "test"];

/** @throws ArgumentError where only this thread can read the examples */
export const threadLoader: LoaderFactory = async (options) => new ThreadLoader(options);

/** {@link threadLoader} where inputs take work, threads can read them and there is a core for it; else {@link inlineLoader}. */
export function usualLoader(dataset: Dataset, augmentation?: Augmentation): LoaderFactory {
  const sources = PARTS.flatMap((part) => (dataset[part] === undefined ? [] : [dataset[part].source]));
  const takesWork =
    augmentation !== undefined || sources.some((source) => source?.store.kind === "imageFiles");
  const canMove = sources.every((source) => source !== undefined) && availableParallelism() > 1;
  return takesWork && canMove ? threadLoader : inlineLoader;
}

class ThreadLoader implements BatchLoader {
  readonly #dataset: Dataset;
  readonly #batchSize: number;
  readonly #inputLength: number;
  readonly #slots: readonly Float32Array[];
  readonly #worker: Worker;
  readonly #port: MessagePort;
  /** Numbers of the last order and of the last that was filled. */
  #ordered = 0;
  #filled = 0;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor({ dataset, batchSize }: LoaderOptions) {
    this.#dataset = dataset;
    this.#batchSize = batchSize;
    this.#inputLength = elementCount(dataset.inputShape);
    const length = batchSize * this.#inputLength;
    this.#slots = Array.from(
      { length: AHEAD + 1 },
      () => new Float32Array(new SharedArrayBuffer(length * Float32Array.BYTES_PER_ELEMENT)),
    );
    const sources = sourcesOf(dataset);
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#worker = startWorker({ port: port2, sources, slots: this.#slots });
    this.#worker.on("error", (error) => this.#fail(error as Error));
    this.#worker.on("exit", (code) =>
      this.#fail(new Error(`the thread that fills batches ended with ${code}`)),
    );
    port1.on("message", (report: FillReport) => this.#hear(report));
    // neither keeps a process alive that waits for nothing
    port1.unref();
    this.#worker.unref();
  }

  async *batches({ part, order, draw }: BatchRequest): AsyncGenerator<Batch, void> {
    const examples = examplesOf(this.#dataset, part);
    const count = Math.ceil(order.length / this.#batchSize);
    // unread batches of an earlier request come before it
    const first = this.#ordered;
    const indicesOf = (k: number) => order.slice(k * this.#batchSize, (k + 1) * this.#batchSize);
    for (let k = 0; k < count; k++) {
      while (this.#ordered - first < Math.min(count, k + 1 + AHEAD)) {
        this.#send({ part, indices: indicesOf(this.#ordered - first), draw });
      }
      await this.#until(first + k + 1);
      const indices = indicesOf(k);
      const x = this.#slots[this.#slotOf(first + k + 1)]!.subarray(0, indices.length * this.#inputLength);
      yield { x, y: classesOf(examples, indices), count: indices.length };
    }
  }

  async dispose(): Promise<void> {
    this.#port.close();
    await this.#worker.terminate();
  }

  /** A slot is filled again when the batch after its own has been asked for. */
  #slotOf(number: number): number {
    return number % this.#slots.length;
  }

  #send(order: Omit<FillOrder, "number" | "slot">): void {
    const number = ++this.#ordered;
    this.#port.postMessage({ ...order, number, slot: this.#slotOf(number) } satisfies FillOrder);
  }

  /** Waits until a request is filled. @throws the thread's first error */
  async #until(number: number): Promise<void> {
    // mostly it has been: reports are read without a turn of the event loop then
    for (let next = receiveMessageOnPort(this.#port); next; next = receiveMessageOnPort(this.#port)) {
      this.#hear(next.message as FillReport);
    }
    if (this.#filled < number && this.#failure === undefined) {
      this.#worker.ref();
      while (this.#filled < number && this.#failure === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      this.#worker.unref();
    }
    if (this.#filled < number) throw this.#failure;
  }

  #hear(report: FillReport): void {
    if (report.kind === "refused") this.#fail(new ArgumentError(report.subject, report.fault));
    else if (report.kind === "failed") this.#fail(report.error);
    else this.#filled = report.number;
    this.#wake?.();
  }

  /** The first error is the cause. */
  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake?.();
  }
}

function startWorker(material: FillMaterial): Worker {
  return new Worker(new URL("./fillWorker.js", import.meta.url), {
    workerData: material,
    transferList: [material.port],
    execArgv: [],
  });
}

function sourcesOf(dataset: Dataset): FillMaterial["sources"] {
  const sources: Partial<Record<Part, ExamplesSource>> = {};
  for (const part of PARTS) {
    const examples = dataset[part];
    if (examples === undefined) continue;
    if (examples.source === undefined) {
      throw new ArgumentError(`${part} examples of ${dataset.name}`, {
        given: "examples that only one thread can read",
        expected: "some with a source",
        remedy: "Train without a loader: batches are then filled where training runs.",
      });
    }
    sources[part] = examples.source;
  }
  return sources;
}
