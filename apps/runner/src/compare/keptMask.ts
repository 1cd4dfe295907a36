/** A mask of a comparison as a run: its events while it is made, and the mask. */
import path from "node:path";
import type { PruneResult, RunEvent } from "@phew/core";
import { digestWeights } from "@phew/formats";
import { runFolderOf } from "@phew/runs";
import type { PlannedRun } from "@phew/runs/sweeps";
import type { MaskRecipe } from "../prune/maskRecipe.ts";
import { keepPruneRun } from "../prune/pruneRun.ts";
import type { LoadedModel } from "../sources/model.ts";
import { version } from "../version.ts";

/** The experiment of masks that are compared. */
export const COMPARED = "compare";

export interface KeptMask {
  readonly recipe: MaskRecipe;
  readonly density: number;
  readonly seed: number;
  /** Whether the seed decides the weights. */
  readonly isDrawn: boolean;
}

/** All that determines the mask. @param weightsDigest of the weights that are pruned, in the form of a digest */
function configOf(
  { network, variant }: Pick<LoadedModel, "network" | "variant">,
  { recipe, density, seed, isDrawn }: KeptMask,
  weightsDigest: string,
) {
  const { method, options, check } = recipe;
  return {
    ...{ model: network.name, method, density, seed, options },
    // seeds with weights of their own are one configuration
    ...(!isDrawn && { weightsDigest }),
    ...(check && { check: check.name, ...(check.options && { checkOptions: check.options }) }),
    ...(variant && { variant }),
  };
}

/** Weights that a method keeps in a millisecond, about: the first masks tell how many they are here. */
const KEPT_PER_MS = 250;

/** Masks to come, as a plan has them, in their order. @param root folder above the experiments */
export function plannedMasks(root: string, loaded: LoadedModel, masks: readonly KeptMask[]): PlannedRun[] {
  const digest = digestWeights(loaded.network, loaded.weights);
  const planned = masks.map((mask): PlannedRun => {
    const config = configOf(loaded, mask, digest);
    const { seed, density } = mask;
    const folder = runFolderOf({ root, experiment: COMPARED, config, defaults: {}, seed });
    const estimateMs = Math.ceil((density * loaded.network.prunableCount) / KEPT_PER_MS);
    return { id: path.basename(folder), config, seed, estimateMs };
  });
  return [...new Map(planned.map((run) => [run.id, run])).values()];
}

/**
 * Runs the work in the mask's run folder.
 * @param root folder above the experiments
 */
export async function keptMask(
  root: string,
  loaded: LoadedModel,
  mask: KeptMask,
  work: (onEvent: (event: RunEvent) => void) => Promise<PruneResult>,
): Promise<PruneResult> {
  const { network, weights, variant, source } = loaded;
  const weightsDigest = digestWeights(network, weights);
  const config = configOf(loaded, mask, weightsDigest);
  const { done } = await keepPruneRun({ root, experiment: COMPARED, config }, work, (result) => ({
    masks: result.masks,
    weights: result.weights ?? weights,
    origin: {
      method: result.method,
      options: result.options,
      seed: mask.seed,
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
