/** Progress of each layer of a mask while it is made, in few numbers, since it is reported often. */
import type { LayerProgress, LayerShape } from "../events.ts";
import type { Network } from "../network/network.ts";

/** Most groups of neighbouring units; a smaller layer has one per unit. */
export const UNIT_GROUPS = 64;

/**
 * @param keptIn number of kept weights that enter each output unit
 * @param expectedCount expected number of kept weights of the finished mask
 */
export function layerProgress(keptIn: Uint32Array, expectedCount?: number): LayerProgress {
  const unitCount = keptIn.length;
  let [keptCount, entered, most] = [0, 0, 0];
  for (const count of keptIn) {
    keptCount += count;
    if (count > 0) entered++;
    if (count > most) most = count;
  }
  const groupCount = Math.min(UNIT_GROUPS, unitCount);
  let units = "";
  for (let group = 0; group < groupCount; group++) {
    const first = Math.floor((group * unitCount) / groupCount);
    const end = Math.floor(((group + 1) * unitCount) / groupCount);
    let sum = 0;
    for (let u = first; u < end; u++) sum += keptIn[u]!;
    // 0 only for none
    units += (sum === 0 ? 0 : Math.max(1, Math.round((15 * sum) / (end - first) / most))).toString(16);
  }
  return {
    keptCount,
    width: entered / unitCount,
    units,
    ...(expectedCount === undefined ? {} : { expectedCount: Math.round(expectedCount) }),
  };
}

/** In the order of `network.prunable`. */
export function layerShapes(network: Network): readonly LayerShape[] {
  return network.prunable.map(({ name, shape, length: count }) => ({ name, shape, count }));
}
