/** Source of the training loop's batches. */
import { elementCount } from "@phew/core";
import type { Dataset, Examples } from "../datasets/dataset.ts";
import type { Batch } from "../executor.ts";
import { drawViews, type EpochDraw } from "./augmentation.ts";

export type Part = "train" | "validation" | "test";

export interface BatchRequest {
  readonly part: Part;
  /** Numbers of the examples, in the order in which they come. */
  readonly order: Uint32Array;
  /** How they are drawn; absent: as they are. */
  readonly draw?: EpochDraw | undefined;
}

export interface BatchLoader {
  /** Batches of `batchSize` examples, the last may be smaller. Each is valid until the next is asked for. */
  batches(request: BatchRequest): AsyncGenerator<Batch, void>;
  dispose(): Promise<void>;
}

export interface LoaderOptions {
  readonly dataset: Dataset;
  readonly batchSize: number;
}

export type LoaderFactory = (options: LoaderOptions) => Promise<BatchLoader>;

/** Fills each batch on request, on this thread. Works on every platform. */
export const inlineLoader: LoaderFactory = async ({ dataset, batchSize }) => {
  const inputLength = elementCount(dataset.inputShape);
  // one buffer for all batches: a batch is read before the next is filled
  const buffer = new Float32Array(batchSize * inputLength);
  return {
    async *batches({ part, order, draw }) {
      const examples = examplesOf(dataset, part);
      for (let start = 0; start < order.length; start += batchSize) {
        const indices = order.subarray(start, start + batchSize);
        const x = buffer.subarray(0, indices.length * inputLength);
        fillBatch(examples, x, indices, draw);
        yield { x, y: classesOf(examples, indices), count: indices.length };
      }
    },
    async dispose() {},
  };
};

export function examplesOf(dataset: Dataset, part: Part): Examples {
  const examples = dataset[part];
  if (examples === undefined) throw new Error(`${dataset.name} has no ${part} examples`);
  return examples;
}

export function classesOf({ classes }: Examples, indices: Uint32Array): Int32Array {
  return Int32Array.from(indices, (index) => classes[index]!);
}

function fillBatch(examples: Examples, x: Float32Array, indices: Uint32Array, draw?: EpochDraw): void {
  const frame = examples.source?.store.frame;
  examples.fillInto(x, indices, draw && frame && drawViews(frame, draw, indices));
}
