/** Keeps weights uniformly at random among all prunable ones; layer densities are equal on average. */
import { Random } from "@phew/engine";
import { Masks } from "../masks/masks.ts";
import { MASK_STREAM, sampleInto } from "../masks/sample.ts";
import { requireKeepCount } from "../masks/select.ts";
import type { Pruner } from "./pruner.ts";

export const random: Pruner = {
  name: "random",
  summary: "uniformly random over all weights",
  source: "baseline of Tanaka et al. 2020, arXiv:2006.05467",
  colour: "#a3a3a3",
  weightsAlone: true,
  options: {},
  wholePaths: false,
  async prune({ network, keepCount, seed, from }) {
    const masks = new Masks(network, from?.bytes.slice());
    requireKeepCount(keepCount, masks.keptCount, network.prunableCount);
    sampleInto(masks.bytes, keepCount, new Random(seed, MASK_STREAM));
    return { masks };
  },
};
