/**
 * Permutes the mask within each layer, so that only the number of kept weights per layer stays.
 * `within=unit` permutes the weights of each output unit among themselves: fan-ins and widths stay too.
 * @see Frankle et al. 2021, arXiv:2009.08576, section 4; Patil & Dovrolis 2021, "layer-wise random shuffle"
 */
import { Random } from "@phew/engine";
import { Masks } from "../masks/masks.ts";
import { CHECK_STREAM, type Check } from "./check.ts";

export const shuffle: Check = {
  name: "shuffle",
  summary: "permute which weights are kept, within each layer or within each unit's fan-in",
  source: "Frankle et al. 2021, arXiv:2009.08576",
  options: {
    within: {
      kind: "choice",
      choices: ["layer", "unit"],
      initial: "layer",
      help: "permute within each layer, or within each output unit's weights",
    },
  },
  // rows are not known to be units
  weightsAlone: ({ within }) => within === "layer",
  async apply({ masks, seed, options }) {
    const shuffled = new Masks(masks.network, masks.bytes.slice());
    for (const [l, parameter] of masks.network.prunable.entries()) {
      const random = new Random(seed, CHECK_STREAM + l);
      const mask = shuffled.of(parameter);
      const length = options.within === "unit" ? mask.length / parameter.shape[0]! : mask.length;
      for (let first = 0; first < mask.length; first += length) {
        random.shuffleInto(mask.subarray(first, first + length));
      }
    }
    return { masks: shuffled };
  },
};
