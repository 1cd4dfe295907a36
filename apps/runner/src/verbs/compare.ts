/** `phew compare`: masks of many methods side by side, in tables and figures. */
import { availableParallelism } from "node:os";
import path from "node:path";
import { keepCountAt } from "@phew/core";
import { modelInputs, requireWritable } from "@phew/formats";
import {
  type ComparedMask,
  comparisonTable,
  figurePaths,
  formatTable,
  groupMasks,
  maskRows,
  type Report,
  writeMaskFigures,
} from "@phew/report";
import { counted, formatCount, formatDuration, formatPercent, makeFolder, replaceFile } from "@phew/runs";
import {
  type ComparedOverlap,
  type ComparePlan,
  type CompareResult,
  isDrawn,
} from "../compare/compareJob.ts";
import { compareInPool } from "../compare/comparePool.ts";
import { COMPARED, plannedMasks } from "../compare/keptMask.ts";
import { UsageError } from "../failure.ts";
import { asciiOnly } from "../output/bars.ts";
import { printJson, printLines, printText, printWarnings } from "../output/output.ts";
import { interruptSignal, startProgress } from "../output/progress.ts";
import { type MaskRecipe, maskRecipes } from "../prune/maskRecipe.ts";
import { labelledBatch, loadExamples, looksAtExamples, noteUnused, withHead } from "../prune/pruningData.ts";
import { type LoadedModel, loadModel, type ModelOptions, requireOneOutput } from "../sources/model.ts";
import { CommandPlan } from "../train/commandPlan.ts";

interface CompareOptions extends Omit<ModelOptions, "seed"> {
  readonly methods: string;
  readonly densities: readonly number[];
  readonly seeds: readonly number[];
  readonly batch?: string;
  readonly dataset?: string;
  readonly dataDir?: string;
  readonly overlaps?: boolean;
  readonly strict?: boolean;
  readonly limit?: number;
  readonly out?: string;
  readonly runs?: string;
  readonly watch?: boolean;
  readonly workers?: number;
  readonly ascii?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

const TABLES = ["comparison.txt", "comparison.md", "masks.csv"] as const;

export async function compare(model: string | undefined, options: CompareOptions): Promise<void> {
  const started = performance.now();
  const recipes = maskRecipes(options.methods);
  const densities = [...new Set(options.densities)].sort((a, b) => b - a);
  const examples = exampleSource(recipes, options);
  if (options.watch) return compareWatched(options);
  if (options.out !== undefined) await prepareFolder(options.out, options.force === true);
  const dataset =
    examples && "dataset" in examples && (await loadExamples(examples.dataset, examples.dataDir));
  const headed = dataset ? withHead(model, options, dataset) : options;
  const loaded = await loadModel(model, headed);
  if (examples !== undefined) requireOneOutput(loaded.source, "--method");
  const { network, notes } = loaded;
  // every thread reads it: errors are reported before any thread starts
  if (examples && "batch" in examples)
    await labelledBatch(network, examples.batch, modelInputs(loaded.source));
  for (const density of densities) keepCountAt(density, network.prunableCount);
  const plan: ComparePlan = {
    model: model!,
    options: modelOptions(headed),
    recipes,
    overlaps: options.overlaps === true,
    strict: options.strict === true,
    limitMs: options.limit,
    runs: options.runs,
    examples,
  };
  // seeds outermost: a thread draws the weights of a seed once
  const jobs = options.seeds.flatMap((seed) => densities.map((density) => ({ seed, density })));
  const workerCount = options.workers ?? availableParallelism();
  const progress = startProgress("compare", options.json);
  const coming =
    options.runs === undefined
      ? undefined
      : new CommandPlan(
          { root: options.runs, experiment: COMPARED },
          { command: "phew compare", atATime: Math.min(workerCount, jobs.length), isAgain: true },
        );
  const kept = { isDrawn: isDrawn(plan) };
  const each = jobs.flatMap((job) => recipes.map((recipe) => ({ recipe, ...job, ...kept })));
  coming?.writeRuns(plannedMasks(options.runs!, loaded, each));
  const results = await compareInPool(plan, jobs, {
    workerCount,
    signal: interruptSignal(),
    onProgress: (fraction, doing) => progress.update(fraction, doing),
  }).finally(() => {
    progress.done();
    coming?.end();
  });
  await report({ network, notes }, plan, results, options, performance.now() - started);
}

/** Its masks are runs of one process. */
async function compareWatched({ runs }: CompareOptions): Promise<void> {
  const { runWatched, isOfProcess } = await import("../output/watched.ts");
  const root = runs ?? DEFAULT_RUNS;
  // masks to come have no process yet
  const isOwn: typeof isOfProcess = (run, pid, startedT) =>
    run.life === "waiting" ? run.updatedT >= startedT : isOfProcess(run, pid, startedT);
  return runWatched({
    folder: path.join(root, COMPARED),
    view: "sweep",
    isOwn,
    more: runs === undefined ? ["--runs", root] : [],
  });
}

const DEFAULT_RUNS = "runs";

/** @throws UsageError before any work if a method needs examples and there are none, or two sources */
function exampleSource(recipes: readonly MaskRecipe[], options: CompareOptions): ComparePlan["examples"] {
  const { batch, dataset, dataDir } = options;
  const needy = recipes.find(({ method, options: own }) => looksAtExamples(method, own));
  noteUnused(options, needy !== undefined);
  if (needy === undefined) return undefined;
  if (batch !== undefined && dataset !== undefined) {
    throw new UsageError("--batch", { given: "it beside --dataset", expected: "one or the other" });
  }
  if (batch !== undefined) return { batch };
  if (dataset !== undefined) return { dataset, dataDir };
  throw new UsageError("--method", {
    given: `"${needy.label}", which looks at examples`,
    expected: "--batch FILE with x and y, or --dataset NAME with --data-dir FOLDER, beside it",
  });
}

/** The options that decide the model, as plain values that threads can be sent. */
function modelOptions({
  architecture,
  classes,
  input,
  variant,
  output,
  weights,
  init,
  treatAsOpaque,
}: CompareOptions): ModelOptions {
  const all = { architecture, classes, input, variant, output, weights, init, treatAsOpaque };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

async function prepareFolder(folder: string, force: boolean): Promise<void> {
  makeFolder(folder);
  const files = [...TABLES.map((name) => path.join(folder, name)), ...figurePaths(folder)];
  for (const file of files) await requireWritable(file, { force });
}

async function report(
  { network: { name, prunableCount }, notes }: Pick<LoadedModel, "network" | "notes">,
  plan: ComparePlan,
  results: readonly CompareResult[],
  options: CompareOptions,
  elapsedMs: number,
): Promise<void> {
  const masks = results.flatMap((result) => result.masks);
  // methods in the order asked for, densities from the greatest
  const ordered = plan.recipes.flatMap(({ label }) => masks.filter((mask) => mask.method === label));
  const groups = groupMasks(ordered);
  const overlaps = results.flatMap((result) => result.overlaps);
  const table = comparisonTable(groups);
  const files = options.out === undefined ? [] : await write(options.out, name, ordered, table);
  if (options.json) {
    printJson({
      model: name,
      notes,
      prunableCount,
      seeds: options.seeds,
      elapsedMs,
      groups,
      masks: ordered,
      ...(plan.overlaps && { overlaps }),
      files,
    });
    return;
  }
  const show = (text: string) => printText(options.ascii ? asciiOnly(text) : text);
  const seeds =
    options.seeds.length === 1 ? `seed ${options.seeds[0]}` : counted(options.seeds.length, "seed");
  printLines(
    `${name}: ${formatCount(prunableCount)} prunable weights, ${seeds}, ${counted(masks.length, "mask")} in ${formatDuration(elapsedMs)}`,
  );
  printLines(...notes.map((note) => `note: ${note}`));
  show(formatTable(table.columns, table.rows, "text"));
  printWarnings(warningsOf(ordered));
  if (plan.overlaps) show(`\n${overlapTable(overlaps)}`);
  if (files.length > 0) printLines("", ...files);
  if (options.runs !== undefined)
    printLines(`The masks are runs below ${path.join(options.runs, COMPARED)}.`);
}

async function write(
  folder: string,
  name: string,
  masks: readonly ComparedMask[],
  table: Report,
): Promise<string[]> {
  const [text, markdown, csv] = TABLES.map((file) => path.join(folder, file)) as [string, string, string];
  replaceFile(text, formatTable(table.columns, table.rows, "text"));
  replaceFile(markdown, formatTable(table.columns, table.rows, "markdown"));
  const rows = maskRows(masks);
  replaceFile(csv, formatTable(rows.columns, rows.rows, "csv"));
  return [text, markdown, csv, ...(await writeMaskFigures(folder, name, masks))];
}

/** Those of the first seed that has any, for each method at each density. */
function warningsOf(masks: readonly ComparedMask[]): string[] {
  const groups = new Map<string, ComparedMask[]>();
  for (const mask of masks) {
    if (mask.warnings.length === 0) continue;
    const key = `${mask.method} at ${formatPercent(mask.requestedDensity)}`;
    groups.set(key, [...(groups.get(key) ?? []), mask]);
  }
  return [...groups].flatMap(([key, [first, ...others]]) => {
    const also = others.length === 0 ? "" : ` and ${others.length} more`;
    return first!.warnings.map((text) => `${key} (seed ${first!.seed}${also}): ${text}`);
  });
}

/** Mean over seeds of the Jaccard overlap of two methods, beside chance. */
function overlapTable(overlaps: readonly ComparedOverlap[]): string {
  const groups = new Map<string, ComparedOverlap[]>();
  for (const found of overlaps) {
    const key = JSON.stringify([found.requestedDensity, found.a, found.b]);
    groups.set(key, [...(groups.get(key) ?? []), found]);
  }
  const mean = (own: readonly ComparedOverlap[], key: "jaccard" | "chance" | "standardScore") =>
    own.reduce((sum, found) => sum + found[key], 0) / own.length;
  const columns = [
    { key: "density", title: "density", format: (d: number) => formatPercent(d) },
    { key: "a", title: "method" },
    { key: "b", title: "and" },
    { key: "jaccard", title: "Jaccard", format: (n: number) => n.toFixed(4) },
    { key: "chance", title: "by chance", format: (n: number) => n.toFixed(4) },
    { key: "score", title: "deviations", format: (n: number) => n.toFixed(1) },
  ];
  const rows = [...groups.values()].map((own) => ({
    density: own[0]!.requestedDensity,
    a: own[0]!.a,
    b: own[0]!.b,
    jaccard: mean(own, "jaccard"),
    chance: mean(own, "chance"),
    score: mean(own, "standardScore"),
  }));
  return formatTable(columns, rows, "text");
}
