/** `phew prune`: weights in, masks out. */
import path from "node:path";
import {
  assumptionsOf,
  type CheckSettings,
  checks,
  completeCheck,
  isLoose,
  layerMeasures,
  type Masks,
  type OptionSpec,
  type OptionValue,
  type PruneResult,
  type Pruner,
  type PruneSettings,
  type PruningData,
  prune as pruneNetwork,
  prunerByName,
  pruners,
  type RunEvent,
  variantOfSeveral,
} from "@phew/core";
import {
  digestWeights,
  type MaskOrigin,
  modelInputs,
  requireWritable,
  writeMasks,
  writeScores,
} from "@phew/formats";
import { formatTable } from "@phew/report/table";
import { counted, formatCount, formatDuration, formatPercent, formatShortCount } from "@phew/runs";
import { UsageError } from "../failure.ts";
import { assumptionLines } from "../output/assumptions.ts";
import { printJson, printLines, printText, printWarnings } from "../output/output.ts";
import { interruptSignal, type Progress, startProgress } from "../output/progress.ts";
import { keepPruneRun } from "../prune/pruneRun.ts";
import { type Confined, confined, type WithinOptions } from "../prune/pruneWithin.ts";
import {
  dataOfBatchFile,
  dataOfDataset,
  loadExamples,
  looksAtExamples,
  noteUnused,
  withHead,
} from "../prune/pruningData.ts";
import { masksFor } from "../sources/maskedModel.ts";
import { type LoadedModel, loadModel, type ModelOptions, requireOneOutput } from "../sources/model.ts";
import { masksFileOf } from "../sources/runSource.ts";
import { version } from "../version.ts";

interface PruneOptions extends ModelOptions, WithinOptions {
  readonly method: string;
  readonly density?: readonly number[];
  readonly option: Readonly<Record<string, OptionValue>>;
  readonly batch?: string;
  readonly dataset?: string;
  readonly dataDir?: string;
  readonly samplesPerClass?: number;
  readonly threads?: number;
  readonly from?: string;
  readonly out?: string;
  readonly scores?: string;
  readonly runs?: string;
  readonly watch?: boolean;
  readonly layers?: boolean;
  readonly methods?: boolean;
  readonly check?: string;
  readonly checkOption?: Readonly<Record<string, OptionValue>>;
  readonly checks?: boolean;
  readonly pruneEmbeddings?: boolean;
  readonly strict?: boolean;
  readonly limit?: number;
  readonly force?: boolean;
  readonly json?: boolean;
}

const DEFAULT_RUNS = "runs";

export async function prune(model: string | undefined, options: PruneOptions): Promise<void> {
  if (options.methods) return list(pruners, "--option", options.json === true);
  if (options.checks) return list(checks, "--check-option", options.json === true);
  const check = checkSettings(options);
  const { density: densities } = options;
  if (densities === undefined) {
    throw new UsageError("--density", {
      given: "nothing",
      expected: "the fraction of weights kept, such as --density 0.05",
    });
  }
  if (options.watch) return pruneWatched(options);
  const outputs = await claimedOutputs(options, densities);
  const material = await gather(model, options, check);
  const results: PruneResult[] = [];
  const folders: string[] = [];
  for (const [k, density] of densities.entries()) {
    const { result, folder } = await prunedAt(density, material, options);
    results.push(result);
    if (folder !== undefined) folders.push(folder);
    // scores are those of the whole network, the same at every density
    const { scores: _, ...rest } = options;
    await write(outputs[k], material, result, k === 0 ? options : rest);
  }
  report(material.loaded, results, outputs, options, folders);
}

async function pruneWatched({ runs }: PruneOptions): Promise<void> {
  const { runWatched } = await import("../output/watched.ts");
  const more = runs === undefined ? ["--runs", DEFAULT_RUNS] : [];
  return runWatched({ folder: runs ?? DEFAULT_RUNS, view: "pruning", more });
}

/**
 * The file of masks at each density. @throws UsageError or ArgumentError, before any work, if one cannot be written
 */
async function claimedOutputs(
  { out, scores, force = false }: PruneOptions,
  densities: readonly number[],
): Promise<(string | undefined)[]> {
  const outputs = densities.map((density) => outputFile(out, density, densities.length > 1));
  for (const file of [...outputs, scores]) if (file !== undefined) await requireWritable(file, { force });
  return outputs;
}

/** The model, the method, and the mask to choose within: the same at every density. */
interface Material {
  readonly loaded: LoadedModel;
  readonly methodOptions: Readonly<Record<string, OptionValue>>;
  readonly check: CheckSettings | undefined;
  readonly data: PruningData | undefined;
  readonly from: Masks | undefined;
  readonly within: Confined | undefined;
  /** Empty if no file has it. */
  readonly weightsDigest: string;
  readonly signal: AbortSignal;
}

async function gather(
  model: string | undefined,
  options: PruneOptions,
  check: CheckSettings | undefined,
): Promise<Material> {
  const source = exampleSource(options);
  const dataset = source?.dataset && (await loadExamples(source.dataset, options.dataDir));
  const pruner = prunerByName(options.method);
  const weightsAlone = weightsAloneOf(pruner, options);
  const given = { ...options, weightsAlone };
  const whole = await loadModel(model, dataset ? withHead(model, given, dataset) : given);
  const within = await confined(model!, whole, options.method, options);
  const confinedTo = within?.loaded ?? whole;
  const from = options.from === undefined ? undefined : await masksFor(confinedTo, masksFileOf(options.from));
  const loaded = { ...confinedTo, notes: [...confinedTo.notes, ...(from?.notes ?? [])] };
  const { network, weights } = loaded;
  if (source !== undefined) requireOneOutput(loaded.source, `method ${options.method}`);
  const isRecorded = options.out !== undefined || options.runs !== undefined;
  const weightsDigest = isRecorded ? digestWeights(network, weights) : "";
  const methodOptions = optionsOf(options);
  const { method, seed = 0, threads } = options;
  const subject = {
    ...{ network, method, options: methodOptions, seed },
    inputs: modelInputs(loaded.source),
    threadCount: threads,
  };
  const data = dataset
    ? await dataOfDataset(subject, dataset)
    : source && (await dataOfBatchFile(subject, source.batch!));
  return {
    loaded,
    methodOptions,
    check,
    data,
    from: from?.masks,
    within,
    weightsDigest,
    signal: interruptSignal(),
  };
}

/** @throws UsageError where embeddings are asked for of a method that needs more than weights */
function weightsAloneOf(
  pruner: Pruner,
  { pruneEmbeddings = false }: PruneOptions,
): ModelOptions["weightsAlone"] {
  if (pruner.weightsAlone) return { embeddings: pruneEmbeddings };
  if (!pruneEmbeddings) return undefined;
  const able = [...pruners.values()].filter((each) => each.weightsAlone).map(({ name }) => name);
  throw new UsageError("--prune-embeddings", {
    given: `it for ${pruner.name}`,
    expected: `a method that looks at weights alone: ${able.join(", ")}`,
  });
}

/** Prunes to one density, in a run folder if one is given. */
async function prunedAt(
  density: number,
  material: Material,
  options: PruneOptions,
): Promise<{ result: PruneResult; folder?: string }> {
  const progress = startProgress(`${options.method} ${formatPercent(density)}`, options.json);
  const pruneOptions = pruneOptionsOf(density, material, options, progress);
  const { network, weights } = material.loaded;
  const work = (onEvent?: (event: RunEvent) => void) =>
    pruneNetwork(network, weights, { ...pruneOptions, onEvent });
  try {
    return options.runs === undefined
      ? { result: await work() }
      : await keptAsRun(options.runs, density, material, options, work);
  } finally {
    progress.done();
  }
}

function pruneOptionsOf(
  density: number,
  { methodOptions, check, data, from, within, signal }: Material,
  { method, seed = 0, strict, limit, json, density: densities = [] }: PruneOptions,
  progress: Progress,
): PruneSettings {
  return {
    ...{ method, density, seed, options: methodOptions },
    signal,
    onProgress: ({ fraction, keptCount, walkCount, expectedWalkCount, round, roundCount }) => {
      const all = expectedWalkCount === undefined ? "" : ` of about ${formatShortCount(expectedWalkCount)}`;
      const walks = walkCount === undefined ? "" : `, ${formatCount(walkCount)}${all} walks`;
      const rounds = round === undefined ? "" : `, round ${round} of ${roundCount}`;
      progress.update(fraction, `${counted(keptCount, "weight")}${walks}${rounds}`);
    },
    onWarning: (text) => {
      progress.done();
      if (!json) printWarnings([densities.length === 1 ? text : `at ${formatPercent(density)}: ${text}`]);
    },
    data,
    from,
    within: within?.masks,
    check,
    strict,
    limitMs: limit,
  };
}

async function keptAsRun(
  root: string,
  density: number,
  material: Material,
  options: PruneOptions,
  work: (onEvent: (event: RunEvent) => void) => Promise<PruneResult>,
): Promise<{ result: PruneResult; folder: string }> {
  const { loaded, methodOptions, check, within, weightsDigest } = material;
  const config = {
    ...configOf(loaded, options),
    ...{ density, weightsDigest, options: methodOptions },
    ...(check && { check }),
    ...(within && { within: within.name }),
  };
  const { done, folder } = await keepPruneRun({ root, config }, work, (result) => ({
    masks: result.masks,
    weights: result.weights ?? loaded.weights,
    origin: originOf(loaded, result, weightsDigest, options),
    model: loaded.source,
  }));
  return { result: done, folder };
}

/** Everything that decides a mask, apart from its density, its options and the weights. */
function configOf(
  loaded: LoadedModel,
  { method, seed = 0, dataset, batch, from, samplesPerClass, input, output }: PruneOptions,
) {
  const { name: model, inputShape } = loaded.network;
  // the usual variant for the input is omitted, as before there were variants
  const isUsual = loaded.variant === variantOfSeveral(model, inputShape);
  const variant = isUsual ? undefined : loaded.variant;
  const given = { dataset, batch, from, samplesPerClass, variant, input: input?.join(","), output };
  const present = Object.entries(given).filter(([, value]) => value !== undefined);
  return { model, method, seed, ...(Object.fromEntries(present) as Record<string, string | number>) };
}

/**
 * Source of examples; undefined for methods that need none.
 * @throws UsageError before any work if there are none, or two sources
 */
function exampleSource(options: PruneOptions): Pick<PruneOptions, "batch" | "dataset"> | undefined {
  const { method, batch, dataset, samplesPerClass } = options;
  const isLookedAt = looksAtExamples(method, options.option);
  noteUnused(options, isLookedAt);
  if (!isLookedAt) return undefined;
  if (batch === undefined && dataset === undefined) {
    throw new UsageError(`method ${method}`, {
      given: "no examples, which it looks at",
      expected: "--batch FILE with x and y, or --dataset NAME with --data-dir FOLDER",
    });
  }
  if (batch !== undefined && (dataset !== undefined || samplesPerClass !== undefined)) {
    throw new UsageError("--batch", {
      given: `it beside --${dataset === undefined ? "samples-per-class" : "dataset"}`,
      expected: "one or the other: all examples of a batch file are looked at",
    });
  }
  return batch === undefined ? { dataset: dataset! } : { batch };
}

function optionsOf({ option, method, samplesPerClass }: PruneOptions): Readonly<Record<string, OptionValue>> {
  if (samplesPerClass === undefined || !looksAtExamples(method, option)) return option;
  return { ...option, [prunerByName(method).examplesOption!]: samplesPerClass };
}

function outputFile(out: string | undefined, density: number, several: boolean): string | undefined {
  if (out === undefined) return undefined;
  if (several && !out.includes("{density}")) {
    throw new UsageError("--out", {
      given: `"${out}" for several densities`,
      expected: "a name with {density} in it",
      remedy: `For example ${path.basename(out, path.extname(out))}-{density}.safetensors.`,
    });
  }
  return out.replaceAll("{density}", `${density}`);
}

async function write(
  out: string | undefined,
  { loaded, weightsDigest }: Material,
  result: PruneResult,
  options: PruneOptions,
): Promise<void> {
  const { scores: scoresFile, force = false } = options;
  if (scoresFile !== undefined) {
    if (result.scores === undefined) {
      throw new UsageError("--scores", {
        given: `it for ${result.method}`,
        expected: "a method that scores weights",
      });
    }
    await writeScores(
      scoresFile,
      loaded.network,
      result.scores,
      { method: result.method, version },
      { force, model: loaded.source },
    );
  }
  if (out === undefined) return;
  await writeMasks(out, result.masks, originOf(loaded, result, weightsDigest, options), {
    force,
    model: loaded.source,
  });
}

function originOf(
  loaded: LoadedModel,
  result: PruneResult,
  weightsDigest: string,
  options: PruneOptions,
): MaskOrigin {
  const madeFor = result.unscaled ?? result.weights;
  return {
    method: result.method,
    options: result.options,
    seed: options.seed ?? 0,
    requestedDensity: result.requestedDensity,
    weightsDigest: madeFor ? digestWeights(loaded.network, madeFor) : weightsDigest,
    version,
    check: result.check,
    weightsSeed: result.weightsSeed,
    variant: loaded.variant,
    output: options.output,
  };
}

function report(
  loaded: LoadedModel,
  results: readonly PruneResult[],
  outputs: readonly (string | undefined)[],
  options: PruneOptions,
  folders: readonly string[],
): void {
  const { network } = loaded;
  if (options.json) {
    const masks = results.map((result, k) => ({
      method: result.method,
      options: result.options,
      requestedDensity: result.requestedDensity,
      density: result.density,
      keptCount: result.keptCount,
      walkCount: result.walkCount,
      expectedWalkCount: result.expectedWalkCount,
      expectedMs: result.expectedMs,
      check: result.check,
      weightsSeed: result.weightsSeed,
      elapsedMs: result.elapsedMs,
      notes: result.notes,
      warnings: result.warnings,
      out: outputs[k],
      folder: folders[k],
      layers: layerMeasures(result.masks),
    }));
    printJson({
      model: network.name,
      weights: loaded.origin,
      notes: loaded.notes,
      assumptions: assumptionsOf(network),
      prunableCount: network.prunableCount,
      seed: options.seed ?? 0,
      masks,
    });
    return;
  }
  printLines(
    `${network.name}: ${formatCount(network.prunableCount)} prunable weights in ${counted(network.prunable.length, "layer")}, ${loaded.origin}`,
  );
  if (loaded.notes.length > 0) printLines(...loaded.notes.map((note) => `note: ${note}`));
  const columns = [
    { key: "method", title: "method" },
    { key: "asked", title: "density asked", format: formatPercent },
    { key: "reached", title: "reached", format: formatPercent },
    { key: "kept", title: "kept", format: formatCount },
    ...(isLoose(network)
      ? []
      : [{ key: "width", title: "mean width", format: (width: number) => width.toFixed(3) }]),
    ...(results.some((result) => result.walkCount !== undefined)
      ? [{ key: "walks", title: "walks", format: formatCount }]
      : []),
    { key: "time", title: "time", format: formatDuration },
    ...(outputs[0] === undefined ? [] : [{ key: "file", title: "file" }]),
  ];
  const rows = results.map((result, k) => ({
    method: result.check === undefined ? result.method : `${result.method}+${result.check.name}`,
    asked: result.requestedDensity,
    reached: result.density,
    kept: result.keptCount,
    width: mean(layerMeasures(result.masks).map((layer) => layer.width)),
    walks: result.walkCount,
    time: result.elapsedMs,
    file: outputs[k],
  }));
  printText(formatTable(columns, rows, "text"));
  for (const line of assumptionLines(network)) printLines(line);
  for (const note of notesOf(results)) printLines(`note: ${note}`);
  if (options.layers) for (const result of results) printText(`\n${layerTable(result.masks)}`);
  if (folders.length > 0) printLines(`Masks and events are in ${folders.join(", ")}.`);
  else if (outputs[0] === undefined) printLines("Nothing written: give --out FILE to keep the masks.");
}

/** Notes on how the masks were made, each once: they are the same at every density. */
function notesOf(results: readonly PruneResult[]): string[] {
  return [...new Set(results.flatMap(({ notes = [] }) => notes))];
}

function layerTable(masks: Masks): string {
  const columns = [
    { key: "layer", title: "layer" },
    { key: "shape", title: "shape" },
    { key: "kept", title: "kept", format: formatCount },
    { key: "of", title: "of", format: formatCount },
    { key: "density", title: "density", format: formatPercent },
    { key: "width", title: "width", format: (width: number) => width.toFixed(3) },
  ];
  const rows = layerMeasures(masks).map(({ name, shape, keptCount, count, width }) => ({
    layer: name,
    shape: shape.join("×"),
    kept: keptCount,
    of: count,
    density: keptCount / count,
    width,
  }));
  return formatTable(columns, rows, "text");
}

const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;

/** @throws UsageError for options of a check without one; ArgumentError if there is no such option */
function checkSettings({ check, checkOption }: PruneOptions): CheckSettings | undefined {
  if (check === undefined && checkOption !== undefined) {
    throw new UsageError("--check-option", { given: "it without --check", expected: "--check with a name" });
  }
  if (check === undefined) return undefined;
  const settings = { name: check, ...(checkOption && { options: checkOption }) };
  completeCheck(settings);
  return settings;
}

/** Lists methods, or checks, with their options. */
function list(
  entries: ReadonlyMap<string, Pick<Pruner, "name" | "summary" | "source" | "options">>,
  flag: string,
  json: boolean,
): void {
  const described = [...entries.values()].map(({ name, summary, source, options }) => ({
    name,
    summary,
    source,
    options,
  }));
  if (json) {
    printJson(described);
    return;
  }
  for (const { name, summary, source, options } of described) {
    printLines(name, `  ${summary}`, `  ${source}`);
    for (const [option, spec] of Object.entries(options))
      printLines(`  ${flag} ${option}=${rangeOf(spec)}: ${spec.help}`);
  }
}

function rangeOf(spec: OptionSpec): string {
  const marked = (value: OptionValue) => (value === spec.initial ? `[${value}]` : `${value}`);
  switch (spec.kind) {
    case "choice":
      return spec.choices.map(marked).join("|");
    case "flag":
      return `${marked(true)}|${marked(false)}`;
    case "number":
      return `${spec.least}…${spec.most} [${spec.initial}]`;
  }
}
