/**
 * Keeps the mask and draws new weights by the network's own initialisation from another seed. It shows whether a mask
 * suits only the weights it was made for.
 * With `fanIn` their size is that of the kept fan-in: see keptFanIn.ts.
 * @see Frankle et al. 2021, arXiv:2009.08576, section 4
 */
import { initialise } from "../weights/initialise.ts";
import { ownInitialisation } from "../zoo/zoo.ts";
import type { Check } from "./check.ts";
import { type KeptFanIn, scaledToKeptFanIn } from "./keptFanIn.ts";

export const reinitialise: Check = {
  name: "reinitialise",
  summary: "keep the mask, draw the weights under it anew",
  source: "Frankle et al. 2021, arXiv:2009.08576",
  options: {
    step: {
      kind: "number",
      least: 1,
      most: 1e12,
      whole: true,
      initial: 1_000_000,
      help: "the new weights' seed is the run's plus this",
    },
    fanIn: {
      kind: "choice",
      choices: ["all", "layer", "unit"],
      initial: "all",
      help: "what their size goes by: all weights of a unit, its kept ones, or their mean over the layer",
    },
  },
  async apply({ masks, seed, options }) {
    const { network } = masks;
    const weightsSeed = seed + Number(options.step);
    const drawn = await initialise(network, {
      seed: weightsSeed,
      initialisation: ownInitialisation(network),
    });
    const { fanIn } = options;
    if (fanIn === "all") return { masks, weights: drawn, weightsSeed };
    const weights = scaledToKeptFanIn(drawn, masks, fanIn as KeptFanIn);
    return { masks, weights, weightsSeed, unscaled: drawn };
  },
};
