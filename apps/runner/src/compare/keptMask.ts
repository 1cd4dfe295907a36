/** A mask of a comparison as a run: its events while it is made, and the mask. */
import type { PruneResult, RunEvent } from "@phew/core";
import { digestWeights } from "@phew/formats";
import type { MaskRecipe } from "../prune/maskRecipe.ts";
import { keepPruneRun } from "../prune/pruneRun.ts";
import type { LoadedModel } from "../sources/model.ts";
import { version } from "../version.ts";

/** The experiment of masks that are compared. */
export const COMPARED = "compare";

interface KeptMask {
  readonly recipe: MaskRecipe;
  readonly density: number;
  readonly seed: number;
  /** Whether the seed decides the weights. */
  readonly isDrawn: boolean;
}

/**
 * Runs the work in the mask's run folder.
 * @param root folder above the experiments
 */
export async function keptMask(
  root: string,
  { network, weights, variant, source }: LoadedModel,
  { recipe, density, seed, isDrawn }: KeptMask,
  work: (onEvent: (event: RunEvent) => void) => Promise<PruneResult>,
): Promise<PruneResult> {
  const { method, options, check } = recipe;
  const weightsDigest = digestWeights(network, weights);
  const config = {
    ...{ model: network.name, method, density, seed, options },
    // seeds with weights of their own are one configuration
    ...(!isDrawn && { weightsDigest }),
    ...(check && { check: check.name, ...(check.options && { checkOptions: check.options }) }),
    ...(variant && { variant }),
  };
  const { done } = await keepPruneRun({ root, experiment: COMPARED, config }, work, (result) => ({
    masks: result.masks,
    weights: result.weights ?? weights,
    origin: {
      method: result.method,
      options: result.options,
      seed,
      requestedDensity: result.requestedDensity,
      weightsDigest:
        (result.unscaled ?? result.weights)
          ? digestWeights(network, (result.unscaled ?? result.weights)!)
          : weightsDigest,
      version,
      check: result.check,
      weightsSeed: result.weightsSeed,
      variant,
    },
    model: source,
  }));
  return done;
}
