/** A model and masks for it. */
import { type Masks, nonzeroMasks, silencedCount } from "@phew/core";
import {
  digestWeights,
  type MaskFile,
  otherMasksNote,
  otherMasksRefused,
  readMaskFile,
  withOtherMasks,
} from "@phew/formats";
import { UsageError } from "../failure.ts";
import { type LoadedModel, loadModel, type ModelOptions, namesFile, zerosNote, zooNetwork } from "./model.ts";
import { masksFileOf, runMasksFile, runSource } from "./runSource.ts";

export interface MaskedModelOptions extends ModelOptions {
  readonly masks?: string | undefined;
  /** Masks are the weights other than 0. */
  readonly masksFromZeros?: boolean;
  /** Masks that were made for other weights are an error rather than a note. */
  readonly sameWeights?: boolean;
}

export interface MaskedModel {
  /** With a note if the masks were made for other weights. */
  readonly loaded: LoadedModel;
  readonly file?: MaskFile;
  /** The file of masks, or a description of their source; absent if there are none. */
  readonly masksName?: string;
  /** True if the masks are known to be made for these weights. */
  readonly isSameWeights?: boolean;
}

/** True if masks are given, or the model has its own. */
export function namesMasks(
  model: string | undefined,
  { masks, masksFromZeros }: MaskedModelOptions,
): boolean {
  return (
    masks !== undefined || masksFromZeros === true || (model !== undefined && runSource(model) !== undefined)
  );
}

/**
 * A zoo model is drawn with the masks' seed unless --seed is given. A run comes with its own masks unless others are
 * named.
 * @throws ArgumentError where names or shapes of the masks are not the model's; UsageError where --same-weights is given
 *   and the masks were made for other weights
 */
export async function loadMaskedModel(
  model: string | undefined,
  options: MaskedModelOptions,
): Promise<MaskedModel> {
  if (options.masksFromZeros) return withMasksFromZeros(model, options);
  const run = model === undefined ? undefined : runSource(model);
  if (options.masks === undefined && run !== undefined) {
    const loaded = withoutZerosNote(await loadModel(model, options));
    const masksName = runMasksFile(model!, { ...run, part: undefined });
    const file = await readMaskFile(masksName, loaded.network, loaded.source);
    // masks fit the weights with which the run began
    if (options.sameWeights) requireSameWeights(loaded, file, model!);
    return { loaded, file, masksName, isSameWeights: isDigestOf(loaded, file) };
  }
  if (options.masks === undefined) return { loaded: await loadModel(model, options) };
  const path = masksFileOf(options.masks);
  if (model !== undefined && !namesFile(model) && options.weights === undefined) {
    const file = await readMaskFile(path, zooNetwork(model, options));
    const seed = Number(file.metadata.weightsSeed ?? file.metadata.seed ?? 0);
    return compared(await loadModel(model, options, seed), file, options);
  }
  const loaded = await loadModel(model, options);
  return compared(loaded, await readMaskFile(path, loaded.network, loaded.source), options);
}

/**
 * Masks for weights that are pruned further: other parameters that the file masks are set to 0 in the weights.
 * @returns these, and notes for the user
 * @throws ArgumentError if names or shapes are not the model's, or if other masked parameters are not 0
 */
export async function masksFor(
  { network, weights, source }: LoadedModel,
  path: string,
): Promise<{ masks: Masks; notes: readonly string[] }> {
  const { masks, others, notes } = await readMaskFile(path, network, source);
  if (others.size === 0) return { masks, notes };
  if (withOtherMasks(source, weights, others) !== weights) throw otherMasksRefused(others, path);
  return { masks, notes: [...notes, otherMasksNote(others, path)] };
}

async function withMasksFromZeros(
  model: string | undefined,
  options: MaskedModelOptions,
): Promise<MaskedModel> {
  if (options.masks !== undefined) {
    throw new UsageError("--masks-from-zeros", { given: "it beside --masks", expected: "one or the other" });
  }
  const loaded = await loadModel(model, options);
  const masks = nonzeroMasks(loaded.network, loaded.weights);
  const notes = [...withoutZerosNote(loaded).notes, ...silencedNotes(loaded, masks)];
  return {
    loaded: { ...loaded, notes },
    file: {
      masks,
      metadata: { weightsDigest: digestWeights(loaded.network, loaded.weights) },
      others: new Map(),
      notes: [],
    },
    masksName: "weights other than 0",
    isSameWeights: true,
  };
}

function compared(
  loaded: LoadedModel,
  file: MaskFile,
  { masks, sameWeights }: MaskedModelOptions,
): MaskedModel {
  if (sameWeights) requireSameWeights(loaded, file, masks!);
  requireSameVariant(loaded, file, masks!);
  const isSameWeights = isDigestOf(loaded, file);
  const plain = withoutZerosNote(loaded);
  const weights = withOtherMasks(loaded.source, loaded.weights, file.others);
  const others = file.others.size > 0 ? [otherMasksNote(file.others, masks!)] : [];
  const note =
    `${masks} was made for other weights than these (${loaded.origin}): trained since, or drawn with another seed. ` +
    "Names and shapes fit; --same-weights makes this an error.";
  const isOther = !isSameWeights && file.metadata.weightsDigest !== undefined;
  // masks of another program may silence units, which a note reports
  const silenced = file.metadata.method === undefined ? silencedNotes({ weights }, file.masks) : [];
  const notes = [...plain.notes, ...file.notes, ...(isOther ? [note] : []), ...others, ...silenced];
  return { loaded: { ...plain, weights, notes }, file, masksName: masks!, isSameWeights };
}

/** What masks change beside the weights that they remove, where another program made them. */
function silencedNotes({ weights }: Pick<LoadedModel, "weights">, masks: Masks): string[] {
  const count = silencedCount(weights, masks);
  if (count === 0) return [];
  const are = count === 1 ? "bias, scale or shift is" : "biases, scales and shifts are";
  return [
    `${count} ${are} not 0 at units that no weight enters; here the masks silence them, so that outputs differ from those ` +
      "of the weights alone.",
  ];
}

/** Zeros are no matter for a note once there are masks. */
export function withoutZerosNote(loaded: LoadedModel): LoadedModel {
  const about = zerosNote(loaded.network, loaded.weights);
  return { ...loaded, notes: loaded.notes.filter((note) => note !== about) };
}

const isDigestOf = ({ network, weights }: LoadedModel, { metadata }: MaskFile): boolean =>
  metadata.weightsDigest === digestWeights(network, weights);

/** Variants that differ only in strides have the same names and shapes. */
function requireSameVariant(
  { network, variant }: LoadedModel,
  { metadata }: MaskFile,
  subject: string,
): void {
  if (variant === undefined || metadata.variant === undefined || metadata.variant === variant) return;
  throw new UsageError(subject, {
    given: `masks for the variant ${metadata.variant} of ${network.name}`,
    expected: `masks for ${variant}, which this is`,
    remedy: `Give --variant ${metadata.variant}.`,
  });
}

function requireSameWeights(loaded: LoadedModel, file: MaskFile, subject: string): void {
  if (isDigestOf(loaded, file)) return;
  const digest = file.metadata.weightsDigest;
  throw new UsageError(subject, {
    given:
      digest === undefined
        ? "masks that do not say which weights they were made for, with --same-weights"
        : `masks made for other weights than these (${loaded.origin}), with --same-weights`,
    expected: "masks and weights that belong together",
    remedy: "Give the --seed, --init or --weights they were pruned with, or leave --same-weights out.",
  });
}
