/** The thread of {@link threadLoader}: fills batches on request. */
import { type MessagePort, workerData } from "node:worker_threads";
import { ArgumentError, type ArgumentFault } from "@phew/core";
import type { ExamplesSource, InputStore } from "../datasets/dataset.ts";
import { type InputReader, openStore } from "../datasets/inputStore.ts";
import { drawViews, type EpochDraw } from "./augmentation.ts";
import type { Part } from "./loader.ts";

/** Data for the thread's start. */
export interface FillMaterial {
  readonly port: MessagePort;
  readonly sources: Partial<Record<Part, ExamplesSource>>;
  /** Shared memory, each with room for a whole batch. */
  readonly slots: readonly Float32Array[];
}

/** To the thread. */
export interface FillOrder {
  /** 1 for the first, one more each. */
  readonly number: number;
  readonly slot: number;
  readonly part: Part;
  readonly indices: Uint32Array;
  readonly draw?: EpochDraw | undefined;
}

/** From the thread, in the order of the orders. */
export type FillReport =
  | { readonly kind: "filled"; readonly number: number }
  | { readonly kind: "refused"; readonly subject: string; readonly fault: ArgumentFault }
  | { readonly kind: "failed"; readonly error: Error };

const { port, sources, slots } = workerData as FillMaterial;
const readers = new Map<InputStore, InputReader>();
// training and validation examples often share a store, whose decoded images are cached once
for (const { store } of Object.values(sources))
  readers.set(store, readers.get(store) ?? (await openStore(store)));

function fill({ slot, part, indices, draw }: FillOrder): void {
  const { store, places } = sources[part]!;
  const views = draw && drawViews(store.frame, draw, indices);
  readers.get(store)!.fillInto(slots[slot]!, places ? indices.map((k) => places[k]!) : indices, views);
}

function reportOf(order: FillOrder): FillReport {
  try {
    fill(order);
    return { kind: "filled", number: order.number };
  } catch (error) {
    // a clone would lose the class
    if (error instanceof ArgumentError)
      return { kind: "refused", subject: error.subject, fault: error.fault };
    return { kind: "failed", error: error as Error };
  }
}

port.on("message", (order: FillOrder) => port.postMessage(reportOf(order)));
