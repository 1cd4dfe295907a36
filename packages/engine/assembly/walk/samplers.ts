/** How a layer samples a kernel of a row, for each direction. */
import { layerAt } from "./layout";

/** @host */
export const SAMPLE_UNIFORM: u32 = 0;
export const SAMPLE_ALIAS: u32 = 1;
export const SAMPLE_REJECT: u32 = 2;

export function setSamplers(l: u32, forward: u32, backward: u32): void {
  const layer = layerAt(l);
  layer.forwardSampler = forward;
  layer.backwardSampler = backward;
}
