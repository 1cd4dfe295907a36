/** Random within each layer, as many weights as the layer is allotted: what `uniform` and `erk` share. */
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
    // one stream a layer: a layer's mask does not change with the layers before it
    sampleInto(masks.of(parameter), keepCounts[l]!, new Random(seed, MASK_STREAM + 1 + l));
  }
  return { masks };
}
