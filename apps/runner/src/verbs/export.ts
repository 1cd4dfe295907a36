/** `phew export`: a masked model as a file that other programs load. */
import { type ExportForm, exportModel, type Layout, requireWritable } from "@phew/formats";
import { formatCount, formatPercent } from "@phew/runs";
import { UsageError } from "../failure.ts";
import { loadMaskedModel, type MaskedModelOptions } from "../maskedModel.ts";
import { printJson, printLines } from "../output.ts";
import { version } from "../version.ts";

interface ExportOptions extends MaskedModelOptions {
  readonly out: string;
  readonly form: ExportForm;
  readonly layout?: Layout;
  readonly force?: boolean;
  readonly json?: boolean;
}

export async function exportMasked(model: string | undefined, options: ExportOptions): Promise<void> {
  if (options.masks === undefined) {
    throw new UsageError("--masks", { given: "nothing", expected: "masks as phew prune writes them" });
  }
  const force = options.force === true;
  await requireWritable(options.out, { force });
  const { loaded, file } = await loadMaskedModel(model, options);
  const masks = file!.masks;
  const { method, seed, density } = file!.metadata;
  const metadata = Object.fromEntries(
    Object.entries({ method, seed, density, model: loaded.network.name, version }).filter(
      ([, value]) => value !== undefined,
    ),
  ) as Record<string, string>;
  const notes = await exportModel(options.out, loaded.source, masks, options.form, {
    force,
    metadata,
    ...(options.layout === undefined ? {} : { layout: options.layout }),
  });
  const all = [...loaded.notes, ...notes];
  if (options.json) {
    printJson({
      model: loaded.network.name,
      form: options.form,
      out: options.out,
      density: masks.density,
      notes: all,
    });
    return;
  }
  printLines(
    ...all.map((note) => `note: ${note}`),
    `${options.out}: ${loaded.network.name}, ${options.form}, ${formatCount(masks.keptCount)} of ${formatCount(loaded.network.prunableCount)} weights kept (${formatPercent(masks.density)})`,
  );
}
