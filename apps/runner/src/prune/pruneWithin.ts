/** Masks that a pruning chooses within: weights that were removed before stay removed. */
import { ArgumentError, type Masks, nonzeroMasks, prunerByName, requireConfinable } from "@phew/core";
import { counted, formatCount } from "@phew/runs";
import { UsageError } from "../failure.ts";
import { masksFor, withoutZerosNote } from "../sources/maskedModel.ts";
import type { LoadedModel } from "../sources/model.ts";
import { masksFileOf, runMasksFile, runSource } from "../sources/runSource.ts";

export interface WithinOptions {
  /** File of masks, or a run's folder. */
  readonly within?: string;
  readonly masksFromZeros?: boolean;
}

export interface Confined {
  /** With a note on what is left, in place of the note on zeros. */
  readonly loaded: LoadedModel;
  readonly masks: Masks;
  /** Their source, for a run's configuration: the file, `zeros` or `run`. */
  readonly name: string;
}

/**
 * Masks that were named, or those of a run that is the model; undefined if nothing was removed.
 * @throws UsageError if two are named, or the method cannot be confined to a mask; ArgumentError if masks do not fit
 */
export async function confined(
  model: string,
  loaded: LoadedModel,
  method: string,
  { within, masksFromZeros = false }: WithinOptions,
): Promise<Confined | undefined> {
  if (within !== undefined && masksFromZeros) {
    throw new UsageError("--masks-from-zeros", { given: "it beside --within", expected: "one or the other" });
  }
  const run = runSource(model);
  if (within === undefined && !masksFromZeros && run === undefined) return undefined;
  const name = within ?? (masksFromZeros ? "zeros" : "run");
  const file = within === undefined ? model : masksFileOf(within);
  const { masks, notes } = masksFromZeros
    ? { masks: nonzeroMasks(loaded.network, loaded.weights), notes: [] }
    : await masksFor(loaded, within === undefined ? runMasksFile(file, { ...run!, part: undefined }) : file);
  const { keptCount, network } = masks;
  if (keptCount === network.prunableCount) return undefined;
  requireChooses(method, name);
  const whose = within ?? (masksFromZeros ? "the weights other than 0" : "the run's masks");
  const note = `Kept within ${whose}: ${formatCount(keptCount)} of ${counted(network.prunableCount, "weight")}. Density counts all of them.`;
  const plain = withoutZerosNote(loaded);
  return { loaded: { ...plain, notes: [...plain.notes, ...notes, note] }, masks, name };
}

/** @throws UsageError for a method that cannot be confined to a mask */
function requireChooses(method: string, name: string): void {
  try {
    requireConfinable(prunerByName(method));
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    const remedy =
      name === "run"
        ? "To prune all weights of a run, give its checkpoint.safetensors with --architecture."
        : "Or leave the masks out.";
    throw new UsageError(error.subject, { ...error.fault, remedy });
  }
}
