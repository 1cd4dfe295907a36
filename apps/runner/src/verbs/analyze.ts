/** `phew analyze`: is this mask any good, and how much do several overlap? */

import path from "node:path";
import {
  type Analysis,
  analyse,
  assumptionsOf,
  type Examples,
  type GradientNorms,
  gradientNorms,
  type MaskOverlap,
  Masks,
  maskWarnings,
  type NtkTrace,
  ntkTrace,
  overlap,
  prunerByName,
  pruners,
  retraceWalks,
  SEPARATE_MEASURES,
  type UnitWalks,
  widePathKernelShares,
} from "@phew/core";
import { modelInputs, readBatch, requireWritable, writeScores } from "@phew/formats";
import { counted } from "@phew/runs";
import { UsageError } from "../failure.ts";
import {
  fanReport,
  layerReport,
  maskTable,
  overlapReport,
  type ReportStyle,
  totalReport,
  walkReport,
} from "../output/analysisReport.ts";
import { assumptionLines } from "../output/assumptions.ts";
import { printJson, printLines, printNote, printText, printWarnings } from "../output/output.ts";
import { interruptSignal, startProgress } from "../output/progress.ts";
import { loadMaskedModel, type MaskedModelOptions } from "../sources/maskedModel.ts";
import { type LoadedModel, requireOneOutput } from "../sources/model.ts";
import { version } from "../version.ts";

interface AnalyzeOptions extends Omit<MaskedModelOptions, "masks"> {
  readonly masks: readonly string[];
  readonly without: readonly string[];
  readonly batch?: string;
  readonly probes: number;
  readonly threads?: number;
  readonly histograms?: boolean;
  readonly traceShares?: string;
  readonly ascii?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** Report on one mask. */
interface Examined {
  /** As given on the command line; absent for the dense network. */
  readonly file?: string;
  readonly loaded: LoadedModel;
  readonly masks: Masks;
  readonly metadata: Readonly<Record<string, string>>;
  readonly analysis: Analysis;
  /** Faults of the mask. */
  readonly warnings: readonly string[];
  readonly walks?: UnitWalks;
  /** With examples. */
  readonly gradients?: GradientNorms;
  readonly ntk?: NtkTrace;
}

export async function analyze(model: string | undefined, options: AnalyzeOptions): Promise<void> {
  requireSense(options);
  if (options.traceShares !== undefined) {
    await requireWritable(options.traceShares, { force: options.force === true });
  }
  const signal = interruptSignal();
  const files = options.masks.length === 0 ? [undefined] : options.masks;
  const examined: Examined[] = [];
  for (const file of files) {
    examined.push(await examine(model, file, options, signal));
    await new Promise((resolve) => setTimeout(resolve));
    signal.throwIfAborted();
  }
  const overlaps = pairsOf(examined).map(([a, b]) => ({
    a: a.file!,
    b: b.file!,
    overlap: overlap(a.masks, b.masks),
  }));
  if (options.json) printJson(document(examined, overlaps));
  else report(examined, overlaps, options);
}

function requireSense({ masks, traceShares, histograms, without }: AnalyzeOptions): void {
  if (masks.length > 1 && traceShares !== undefined) {
    throw new UsageError("--trace-shares", {
      given: `it for ${counted(masks.length, "mask")}`,
      expected: "one mask, or none for the dense network",
    });
  }
  for (const [wanted, flag, needs] of [
    [traceShares !== undefined, "--trace-shares", "trace"],
    [histograms === true, "--histograms", "fans"],
  ] as const) {
    if (!wanted || !without.includes(needs)) continue;
    throw new UsageError(flag, { given: `it with --without ${needs}`, expected: "one or the other" });
  }
}

async function examine(
  model: string | undefined,
  file: string | undefined,
  options: AnalyzeOptions,
  signal: AbortSignal,
): Promise<Examined> {
  const { masks: _, ...modelOptions } = options;
  const {
    loaded,
    file: read,
    masksName,
    isSameWeights,
  } = await loadMaskedModel(model, {
    ...modelOptions,
    masks: file,
  });
  const masks = read?.masks ?? Masks.dense(loaded.network);
  const metadata = read?.metadata ?? {};
  const without = SEPARATE_MEASURES.filter((measure) => options.without.includes(measure));
  const analysis = analyse(loaded.weights, masks, { without });
  // walks over other weights are other walks
  const walks =
    options.without.includes("walks") || !isSameWeights
      ? undefined
      : await walksOf(loaded, masks, metadata, signal);
  const data = options.batch === undefined ? {} : await dataMeasures(loaded, masks, options, signal);
  if (options.traceShares !== undefined) {
    const { values, exponent } = widePathKernelShares(loaded.network, loaded.weights, masks);
    const about = { method: "path-kernel-share", version };
    await writeScores(options.traceShares, loaded.network, values, about, {
      force: options.force === true,
      exponent,
      model: loaded.source,
    });
  }
  return {
    ...(masksName !== undefined && { file: masksName }),
    loaded,
    masks,
    metadata,
    analysis,
    warnings: maskWarnings(masks, "masks", { method: methodOf(metadata) }),
    ...(walks && { walks }),
    ...data,
  };
}

/** The method and settings of the masks, from their file. */
function methodOf({ method, options = "{}" }: Readonly<Record<string, string>>) {
  const pruner = pruners.get(method ?? "");
  return pruner && { wholePaths: pruner.wholePaths, options: JSON.parse(options) };
}

/** Measures from examples: the norm of the loss gradient, and the trace of the neural tangent kernel. */
async function dataMeasures(
  loaded: LoadedModel,
  masks: Masks,
  { batch: file, probes, threads, seed = 0, without, json }: AnalyzeOptions,
  signal: AbortSignal,
): Promise<Pick<Examined, "gradients" | "ntk">> {
  const { network, weights } = loaded;
  const wanted = (measure: string) => !without.includes(measure);
  if (!wanted("gradients") && !wanted("ntk")) return {};
  requireOneOutput(loaded.source, "--batch");
  const { createDifferentiator } = await import("@phew/training");
  const { x, y, count, notes } = await readBatch(file!, {
    inputs: modelInputs(loaded.source),
    classCount: network.outputShape[0]!,
    labelled: true,
  });
  for (const note of notes) printNote(`note: ${file}: ${note}`);
  const examples: Examples = {
    batch: { x, y: y!, count },
    differentiator: createDifferentiator(threads === undefined ? {} : { threadCount: threads }),
  };
  const progress = startProgress("neural tangent kernel", json);
  try {
    return {
      ...(wanted("gradients") && { gradients: await gradientNorms(weights, masks, examples, signal) }),
      ...(wanted("ntk") && {
        ntk: await ntkTrace(weights, masks, examples, {
          probeCount: probes,
          seed,
          signal,
          onProgress: (fraction) => progress.update(fraction, "gradients of logits"),
        }),
      }),
    };
  } finally {
    progress.done();
  }
}

/** The walks of a mask, if its file has enough data to repeat them. */
async function walksOf(
  { weights }: LoadedModel,
  masks: Masks,
  metadata: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<UnitWalks | undefined> {
  const { method, seed, requestedDensity, options = "{}" } = metadata;
  if (method === undefined || !pruners.has(method) || prunerByName(method).walks === undefined)
    return undefined;
  if (seed === undefined || requestedDensity === undefined || metadata.weightsDigest === undefined)
    return undefined;
  const origin = {
    method,
    seed: Number(seed),
    requestedDensity: Number(requestedDensity),
    options: JSON.parse(options) as Record<string, string>,
  };
  return retraceWalks(weights, masks, origin, { signal });
}

function pairsOf(examined: readonly Examined[]): [Examined, Examined][] {
  return examined.flatMap((a, k) => examined.slice(k + 1).map((b): [Examined, Examined] => [a, b]));
}

function document(
  examined: readonly Examined[],
  overlaps: readonly { readonly a: string; readonly b: string; readonly overlap: MaskOverlap }[],
): unknown {
  const parts = examined.map(({ file, loaded, metadata, analysis, warnings, walks, gradients, ntk }) => ({
    file,
    weights: loaded.origin,
    masks: metadata,
    ...analysis,
    warnings,
    walks,
    gradients,
    ntk,
  }));
  const [{ loaded }] = examined as [Examined];
  const model = {
    model: loaded.network.name,
    notes: notesOf(examined),
    assumptions: assumptionsOf(loaded.network),
  };
  if (parts.length === 1) return { ...model, ...parts[0] };
  return {
    ...model,
    analyses: parts,
    overlaps: overlaps.map(({ a, b, overlap: found }) => ({ a, b, ...found })),
  };
}

function report(
  examined: readonly Examined[],
  overlaps: Parameters<typeof overlapReport>[0],
  options: AnalyzeOptions,
): void {
  const style: ReportStyle = {
    width: Math.max(80, process.stdout.columns ?? 80),
    ascii: options.ascii === true,
  };
  for (const { metadata, analysis, warnings, walks, gradients, ntk, loaded: own, file } of examined) {
    printLines(...title(own, metadata, file));
    printText(layerReport(analysis, style));
    if (options.histograms) printText(`\n${fanReport(analysis, style)}`);
    printText(`\n${totalReport({ analysis, gradients, ntk }, style)}`);
    if (walks !== undefined) printText(`\n${walkReport(walks, style)}`);
    printWarnings(
      examined.length > 1 ? warnings.map((text) => `${path.basename(file!)}: ${text}`) : warnings,
    );
    if (examined.length > 1) printLines("");
  }
  for (const line of assumptionLines(examined[0]!.loaded.network)) printLines(line);
  for (const note of notesOf(examined)) printLines(`note: ${note}`);
  if (examined.length > 1) {
    const named = examined.map(({ file, analysis }) => ({ name: path.basename(file!), analysis }));
    printText(`${maskTable(named, style)}\n`);
    const short = overlaps.map((pair) => ({ ...pair, a: path.basename(pair.a), b: path.basename(pair.b) }));
    printText(overlapReport(short, style));
  }
  if (options.traceShares !== undefined) printLines(`Shares of the trace are in ${options.traceShares}.`);
}

/** Notes on the model and on each mask, each once. */
const notesOf = (examined: readonly Examined[]): string[] => [
  ...new Set(examined.flatMap(({ loaded }) => loaded.notes)),
];

function title(
  { network, origin }: LoadedModel,
  { method, seed }: Readonly<Record<string, string>>,
  file: string | undefined,
): string[] {
  const model = `${network.name}, weights ${origin}`;
  if (file === undefined) return [`${model}, dense`];
  return [
    model,
    `${path.basename(file)}: masks${method === undefined ? "" : ` by ${method} with seed ${seed}`}`,
  ];
}
