/** `phew export`: a masked model as a file that other programs load. */
import { maskWarnings } from "@phew/core";
import {
  carriedMetadata,
  type ExportForm,
  exportModel,
  type Layout,
  otherMasksRefused,
  requireWritable,
} from "@phew/formats";
import { counted, formatCount, formatPercent } from "@phew/runs";
import { UsageError } from "../failure.ts";
import { printJson, printLines, printWarnings } from "../output/output.ts";
import { loadMaskedModel, type MaskedModelOptions, namesMasks } from "../sources/maskedModel.ts";
import { version } from "../version.ts";

interface ExportOptions extends MaskedModelOptions {
  readonly out: string;
  readonly form: ExportForm;
  readonly layout?: Layout;
  readonly pruneEmbeddings?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

export async function exportMasked(model: string | undefined, options: ExportOptions): Promise<void> {
  if (!namesMasks(model, options)) {
    throw new UsageError("--masks", {
      given: "nothing",
      expected: "masks as phew prune writes them, --masks-from-zeros, or a run's folder as the model",
    });
  }
  const force = options.force === true;
  await requireWritable(options.out, { force });
  const { loaded, file } = await loadMaskedModel(model, {
    ...options,
    weightsAlone: { embeddings: options.pruneEmbeddings === true },
  });
  const { masks, others } = file!;
  if (options.form === "masks" && others.size > 0) throw otherMasksRefused(others, options.masks!);
  const warnings = maskWarnings(masks, "masks");
  if (!options.json) printWarnings(warnings);
  const { network, weights, source, variant } = loaded;
  const metadata = {
    version,
    ...carriedMetadata(masks, file!.metadata),
    model: network.name,
    ...(variant !== undefined && { variant }),
    ...(options.output !== undefined && { output: options.output }),
  };
  const notes = await exportModel(options.out, source, masks, options.form, {
    force,
    metadata,
    ...(weights === source.weights ? {} : { weights }),
    layout: options.layout,
  });
  const all = [...loaded.notes, ...notes];
  if (options.json) {
    printJson({
      model: network.name,
      form: options.form,
      out: options.out,
      density: masks.density,
      notes: all,
      warnings,
    });
    return;
  }
  printLines(
    ...all.map((note) => `note: ${note}`),
    `${options.out}: ${network.name}, ${options.form}, ${formatCount(masks.keptCount)} of ${counted(network.prunableCount, "weight")} kept (${formatPercent(masks.density)})`,
  );
}
