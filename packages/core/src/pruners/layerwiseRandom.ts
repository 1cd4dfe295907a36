/** Random within each layer, with a given number of weights per layer: `uniform` and `erk` share it. */
import { Random } from "@phew/engine";
import { allocate, type LayerShare } from "../masks/allocate.ts";
import { countKept, Masks } from "../masks/masks.ts";
import { MASK_STREAM, sampleInto } from "../masks/sample.ts";
import type { PruneRequest, Pruning } from "./pruner.ts";

export async function pruneLayerwise(
  share: LayerShare,
  { network, keepCount, seed, from }: PruneRequest,
): Promise<Pruning> {
  const masks = new Masks(network, from?.bytes.slice());
  const least = network.prunable.map((parameter) => countKept(masks.of(parameter)));
  const keepCounts = allocate(network, share, keepCount, least);
  for (const [l, parameter] of network.prunable.entries()) {
    // one stream per layer: a layer's mask does not depend on other layers
    sampleInto(masks.of(parameter), keepCounts[l]!, new Random(seed, MASK_STREAM + 1 + l));
  }
  return { masks };
}
