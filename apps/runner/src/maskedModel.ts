/** A model and masks made for it. */
import { digestWeights, type MaskFile, readMaskFile } from "@phew/formats";
import { UsageError } from "./failure.ts";
import { type LoadedModel, loadModel, type ModelOptions, namesFile, zooNetwork } from "./model.ts";

export interface MaskedModelOptions extends ModelOptions {
  readonly masks?: string;
}

/**
 * The weights must be those the masks were made for: a zoo model is drawn with the masks' seed unless --seed is given.
 * @throws UsageError where the digests differ
 */
export async function loadMaskedModel(
  model: string | undefined,
  options: MaskedModelOptions,
): Promise<{ loaded: LoadedModel; file?: MaskFile }> {
  if (options.masks === undefined) return { loaded: await loadModel(model, options) };
  if (model !== undefined && !namesFile(model) && options.weights === undefined) {
    const file = await readMaskFile(options.masks, zooNetwork(model, options));
    const loaded = await loadModel(
      model,
      options,
      Number(file.metadata.weightsSeed ?? file.metadata.seed ?? 0),
    );
    requireSameWeights(loaded, file, options.masks);
    return { loaded, file };
  }
  const loaded = await loadModel(model, options);
  const file = await readMaskFile(options.masks, loaded.network);
  requireSameWeights(loaded, file, options.masks);
  return { loaded, file };
}

function requireSameWeights(loaded: LoadedModel, file: MaskFile, path: string): void {
  const digest = file.metadata.weightsDigest;
  if (digest === undefined || digest === digestWeights(loaded.network, loaded.weights)) return;
  throw new UsageError(path, {
    given: `masks made for other weights than these (${loaded.origin})`,
    expected: "masks and weights that belong together",
    remedy: "Give the --seed, --init or --weights they were pruned with.",
  });
}
