/** Where the outside leaves and finds things; the same for all programs of a plan. */
import { elementCount } from "@phew/core";
import type { Plan } from "./plan.ts";
import { Region } from "./region.ts";

export interface Exchange {
  /** f32[images][...inputShape], i32[images], f32[images][...outputShape], f64[blocks][2] */
  readonly images: Region;
  readonly labels: Region;
  readonly outputs: Region;
  readonly losses: Region;
  /** u32: set where a gradient is not finite; nothing is updated then. */
  readonly stop: Region;
  /** u32 a parameter: set where its gradient is not finite. */
  readonly faulty: Region;
}

/** Room for batches of a plan's size. */
export function newExchange({ network, lanes, blocks }: Plan): Exchange {
  const images = lanes * blocks;
  return {
    images: new Region("program", 4 * images * elementCount(network.inputShape)),
    labels: new Region("program", 4 * images),
    outputs: new Region("program", 4 * images * elementCount(network.outputShape)),
    losses: new Region("program", 16 * blocks),
    stop: new Region("program", 4),
    faulty: new Region("program", 4 * network.parameters.length),
  };
}
