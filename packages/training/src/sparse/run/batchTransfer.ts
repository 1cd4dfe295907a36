/** Copies a batch to the memory of a program, and the sums of its losses back. */
import { type LayersRuntime, records, writeRecord } from "@phew/engine";
import { inputStart, ofInput } from "../../inputs.ts";
import type { Exchange } from "../plan/exchange.ts";
import type { Plan } from "../plan/plan.ts";
import { shardCount } from "../plan/shards.ts";
import type { Memory } from "../program/memory.ts";

export interface BatchPlace {
  readonly plan: Plan;
  readonly exchange: Exchange;
  readonly runtime: LayersRuntime;
  readonly memory: Memory;
}

/**
 * @param x `[count, ...inputShape]`
 * @param y of length count; absent where no loss is needed
 * @param step number of steps before; dropout depends on it
 */
export function writeBatch(
  { plan, exchange, runtime, memory }: BatchPlace,
  { x, y, count }: { readonly x: Float32Array; readonly y?: Int32Array; readonly count: number },
  step = 0,
): void {
  const blocks = Math.ceil(count / plan.lanes);
  const images = memory.floatsOf(exchange.images);
  const { network, lanes, blocks: most } = plan;
  if (network.inputs.length === 1) images.set(x);
  else
    for (const input of network.inputs)
      images.set(ofInput(network, input, x, count), lanes * most * inputStart(network, input));
  if (y !== undefined) memory.integersOf(exchange.labels).set(y);
  const fields = { count, blocks, shards: shardCount(blocks), step };
  writeRecord(memory.view, runtime.batch, records.batch, fields);
}

/** Sums over the blocks of the last batch, in their order. @returns the mean loss, and the number of correct classes */
export function batchResult({ plan, exchange, memory }: BatchPlace, count: number) {
  const losses = memory.addressOf(exchange.losses);
  let loss = 0;
  let correctCount = 0;
  for (let block = 0; block < Math.ceil(count / plan.lanes); block++) {
    loss += memory.view.getFloat64(losses + 16 * block, true);
    correctCount += memory.view.getFloat64(losses + 16 * block + 8, true);
  }
  return { loss: loss / count, correctCount };
}
