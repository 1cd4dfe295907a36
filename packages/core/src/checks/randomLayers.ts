/**
 * A new random mask with the same number of kept weights in each layer. It shows what the layer densities of a method
 * are worth alone. Its distribution is that of `shuffle` within layers; it is drawn faster.
 * @see Su et al. 2020, arXiv:2009.11094, "random tickets"
 */
import { Random } from "@phew/engine";
import { countKept, Masks } from "../masks/masks.ts";
import { sampleInto } from "../masks/sample.ts";
import { CHECK_STREAM, type Check } from "./check.ts";

export const randomLayers: Check = {
  name: "random",
  summary: "forget the mask, keep its layer densities: random within each layer",
  source: "Su et al. 2020, arXiv:2009.11094",
  options: {},
  weightsAlone: () => true,
  async apply({ masks, seed }) {
    const drawn = new Masks(masks.network);
    for (const [l, parameter] of masks.network.prunable.entries()) {
      const random = new Random(seed, CHECK_STREAM + l);
      sampleInto(drawn.of(parameter), countKept(masks.of(parameter)), random);
    }
    return { masks: drawn };
  },
};
