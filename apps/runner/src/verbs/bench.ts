/** `phew bench`: how fast, as ratios to something else in one run. */
import type { OptionValue } from "@phew/core";
import { formatTable } from "@phew/report/table";
import {
  counted,
  describeEnvironment,
  formatCount,
  formatMeasure,
  formatMegabytes,
  formatPercent,
  type RunEnvironment,
} from "@phew/runs";
import {
  BENCHED_LAYER,
  type BenchedModel,
  type BenchMode,
  type BenchReport,
  type BenchSettings,
  benchLayer,
  benchPredict,
  benchPrune,
  benchTrain,
  type ContenderReport,
  type PruneBenchReport,
} from "@phew/training/bench";
import { Interrupted, UsageError } from "../failure.ts";
import { printJson, printNote, printText } from "../output/output.ts";
import { interruptSignal, startProgress } from "../output/progress.ts";
import type { ModelOptions } from "../sources/model.ts";

/** How results are shown. */
interface ShowOptions {
  readonly json?: boolean;
  readonly markdown?: boolean;
}

interface SettingOptions extends ShowOptions {
  readonly threads?: number;
  readonly executor?: string;
  readonly fastMath?: boolean;
  readonly baseline: string;
  readonly maskBaseline?: boolean;
  readonly rounds: number;
  readonly roundSeconds: number;
  readonly seed: number;
}

/** A name of the zoo or a model file, and what makes that definite. */
interface BenchedOptions extends Pick<ModelOptions, "architecture" | "input" | "output"> {
  readonly model: string;
}

interface NetworkOptions extends SettingOptions, BenchedOptions {
  readonly method: string;
  readonly density?: number;
  readonly option: Readonly<Record<string, OptionValue>>;
}

export async function benchTraining(options: NetworkOptions & { readonly batchSize: number }): Promise<void> {
  await benchNetwork("train", [options.batchSize], options);
}

export async function benchPrediction(
  options: NetworkOptions & { readonly batchSize: number[] },
): Promise<void> {
  await benchNetwork("predict", options.batchSize, options);
}

async function benchNetwork(mode: BenchMode, batchSizes: readonly number[], options: NetworkOptions) {
  const { model, method, seed, option: methodOptions } = options;
  const benched = await benchedModel(options);
  const bench = mode === "train" ? benchTrain : benchPredict;
  const reports: BenchReport[] = [];
  for (const batchSize of batchSizes) {
    const title = `${mode} ${model}, batch ${batchSize}`;
    reports.push(
      await watched(title, options, (hooks) =>
        bench({
          ...settingsOf(options),
          ...hooks,
          model: benched,
          method,
          density: densityOf(options),
          options: methodOptions,
          seed,
          batchSize,
        }),
      ),
    );
  }
  show(reports, options, (environment) =>
    reports.map((report) => networkSection(report, options, environment)),
  );
}

interface LayerOptions extends SettingOptions {
  /** Shape of the input, and channels or features that come out. */
  readonly shape: { readonly inputShape: readonly number[]; readonly outCount: number };
  readonly kernel: number;
  readonly density: number;
  readonly batchSize: number;
}

export async function benchOneLayer(options: LayerOptions): Promise<void> {
  const { shape, kernel, density, batchSize, seed } = options;
  const title = `layer ${shape.inputShape.join("×")} to ${shape.outCount}`;
  const report = await watched(title, options, (hooks) =>
    benchLayer({ ...settingsOf(options), ...hooks, ...shape, kernel, density, batchSize, seed }),
  );
  show([report], options, (environment) => [networkSection(report, options, environment)]);
}

/** A file is read once; networks of the zoo are the benchmark's own to draw. */
async function benchedModel(options: BenchedOptions): Promise<BenchedModel> {
  const { model } = options;
  const { loadModel, namesFile } = await import("../sources/model.ts");
  const asked = [options.architecture, options.input, options.output];
  if (!namesFile(model) && asked.every((option) => option === undefined)) return model;
  const { network, weights, notes } = await loadModel(model, options);
  for (const note of notes) printNote(note);
  return { network, weights };
}

interface PruneOptions extends ShowOptions, BenchedOptions {
  readonly method: string;
  readonly option: Readonly<Record<string, OptionValue>>;
  readonly density: number;
  readonly seed: number;
  readonly rounds: number;
}

export async function benchPruning(options: PruneOptions): Promise<void> {
  const { model, method, option: methodOptions, density, seed, rounds: roundCount } = options;
  const benched = await benchedModel(options);
  const report = await watched(`prune ${model}`, options, (hooks) =>
    benchPrune({ ...hooks, model: benched, method, options: methodOptions, density, seed, roundCount }),
  );
  // under the names of the last release too
  const named = { ...report, rival: report.baseline, rivalUnavailable: report.baselineUnavailable };
  show([named], options, (environment) => [pruneSection(report, options, environment)]);
}

function densityOf({ method, density }: NetworkOptions): number {
  if (method !== "dense") return density ?? 0.05;
  if (density === undefined || density === 1) return 1;
  throw new UsageError("--density", { given: `${density} for a dense network`, expected: "none, or 1" });
}

function settingsOf(options: SettingOptions): Omit<BenchSettings, "batchSize"> {
  const {
    threads,
    executor,
    fastMath = false,
    baseline,
    maskBaseline = false,
    rounds,
    roundSeconds,
  } = options;
  return {
    threadCount: threads,
    executor,
    fastMath,
    baseline,
    maskBaseline,
    roundCount: rounds,
    round: { stepCount: 2, milliseconds: 1000 * roundSeconds },
    profile: true,
    limits: true,
  };
}

type Hooks = Required<Pick<BenchSettings, "onProgress" | "signal">>;

/** Shows progress and takes Ctrl-C for an end. */
async function watched<T>(
  title: string,
  { json }: ShowOptions,
  work: (hooks: Hooks) => Promise<T>,
): Promise<T> {
  const progress = startProgress(title, json);
  const signal = interruptSignal();
  try {
    return await work({ signal, onProgress: (fraction, note) => progress.update(fraction, note) });
  } catch (error) {
    if (signal.aborted) throw new Interrupted("stopped; nothing was measured to the end");
    throw error;
  } finally {
    progress.done();
  }
}

/** One JSON document, or sections for people. */
function show(
  reports: readonly unknown[],
  { json }: ShowOptions,
  sections: (environment: RunEnvironment) => readonly string[],
): void {
  const environment = describeEnvironment();
  if (json) printJson({ command: commandLine(), date: today(), environment, reports });
  else printText(sections(environment).join("\n"));
}

function networkSection(report: BenchReport, options: ShowOptions, environment: RunEnvironment): string {
  const { mode, network, method, density, batchSize, ours, baseline, ratio, limits, work } = report;
  const what = mode === "train" ? "steps of training" : "predictions";
  const masked = method === "dense" ? "dense" : `${method} ${formatPercent(density)}`;
  const lines = [
    `${formatPercent(work.share)} of the ${formatCount(work.denseMultiplyAdds)} multiply-adds of an image remain.`,
    ...(ratio === undefined
      ? []
      : [
          `${ours.name}, ${ours.weights} weights: ${times(ratio.median)} as fast as ${baseline!.name}, ${baseline!.weights} weights (median of ${counted(ours.rounds.length, "round")}; best rounds ${times(ratio.best)}).`,
        ]),
    ...(report.baselineUnavailable === undefined ? [] : [`No baseline: ${report.baselineUnavailable}.`]),
    ...(limits === undefined
      ? []
      : [
          `This machine, ${threadsOf(limits.threadCount)}: ${formatMeasure(limits.registerGigaflops)} GFLOP/s of 128-bit multiply-adds in registers, ${formatMeasure(limits.cacheGigaflops)} with a load each, ${formatMeasure(limits.memoryGigabytes)} GB/s from memory.`,
        ]),
    ...planLines(ours),
    `Load average of this machine before: ${formatMeasure(report.loadAverage)}. Threads are slow where others want their cores.`,
  ];
  const form = options.markdown ? "markdown" : "text";
  const tables = [
    contenderTable(report, form),
    ...(ours.times === undefined ? [] : [workTable(report, form), layerTable(report, form)]),
    ...(ours.times === undefined || report.kernels === undefined ? [] : [kernelTable(report, form)]),
  ];
  return section(`${network}, ${masked}: ${what}, batch ${batchSize}`, lines, tables, options, environment);
}

function planLines({ plan, memory }: ContenderReport): string[] {
  if (plan === undefined) return [];
  const grown = memory.peakBytes - memory.startBytes;
  return [
    `Memory as planned: ${formatMegabytes(plan.processBytes)} (activations ${formatMegabytes(plan.activationBytes)}, weights ${formatMegabytes(plan.weightBytes)}, optimiser ${formatMegabytes(plan.optimiserBytes)}); the process grew by ${formatMegabytes(grown)}.`,
  ];
}

type TableForm = "text" | "markdown";

function contenderTable({ ours, baseline }: BenchReport, form: TableForm): string {
  const columns = [
    { key: "name", title: "" },
    { key: "backend", title: "backend" },
    { key: "weights", title: "weights" },
    { key: "median", title: "images/s", format: formatRate },
    { key: "best", title: "best", format: formatRate },
    { key: "step", title: "ms a step", format: formatMeasure },
    { key: "least", title: "least", format: formatMeasure },
    { key: "gigaflops", title: "GFLOP/s", format: formatMeasure },
    { key: "memory", title: "peak memory", format: formatMegabytes },
  ];
  const rows = [ours, ...(baseline === undefined ? [] : [baseline])].map((contender) => ({
    name: contender.name,
    backend: contender.backend,
    weights: contender.weights,
    median: contender.imagesPerSecond.median,
    best: contender.imagesPerSecond.best,
    step: contender.stepMilliseconds.median,
    least: contender.stepMilliseconds.least,
    gigaflops: contender.gigaflops,
    memory: contender.memory.peakBytes,
  }));
  return formatTable(columns, rows, form);
}

/** Time of a step by kind of work, the longest first. */
function workTable({ ours }: BenchReport, form: TableForm): string {
  const sums = new Map<string, number>();
  for (const { work, milliseconds } of ours.times!) sums.set(work, (sums.get(work) ?? 0) + milliseconds);
  const total = [...sums.values()].reduce((sum, ms) => sum + ms, 0);
  const columns = [
    { key: "work", title: "work" },
    { key: "ms", title: "ms a step", format: formatMeasure },
    { key: "share", title: "share", format: formatPercent },
  ];
  const rows = [...sums].sort(([, a], [, b]) => b - a).map(([work, ms]) => ({ work, ms, share: ms / total }));
  return formatTable(columns, rows, form);
}

/** Time of a step by layer; operations without weights are one row. */
function layerTable({ ours, work, batchSize }: BenchReport, form: TableForm): string {
  const timeOf = (wanted: (layer: string) => boolean, kind?: string) =>
    ours
      .times!.filter((time) => wanted(time.layer) && (kind === undefined || time.work === kind))
      .reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const columns = [
    { key: "layer", title: "layer" },
    { key: "density", title: "density", format: formatPercent },
    ...(ours.times!.some(({ kernel }) => kernel !== undefined) ? [{ key: "kernels", title: "kernels" }] : []),
    { key: "forward", title: "forward ms", format: formatMeasure },
    { key: "backward", title: "backward ms", format: formatMeasure },
    { key: "all", title: "all ms", format: formatMeasure },
    { key: "gigaflops", title: "GFLOP/s", format: formatMeasure },
  ];
  const weighted = new Set(work.layers.map(({ layer }) => layer));
  const rows = work.layers.map(({ layer, density, stepMultiplyAdds }) => {
    const forward = timeOf((name) => name === layer, "forward");
    const backward = timeOf((name) => name === layer, "backward");
    const gigaflops = (2 * stepMultiplyAdds * batchSize) / (forward + backward) / 1e6;
    const kernels = new Set(ours.times!.flatMap((time) => (time.layer === layer ? (time.kernel ?? []) : [])));
    const all = timeOf((name) => name === layer);
    return { layer, density, kernels: [...kernels].join(", "), forward, backward, all, gigaflops };
  });
  const others = { layer: "all others", all: timeOf((name) => !weighted.has(name)) };
  return formatTable(columns, layerRows(rows, others), form);
}

/** Kernels taken, and what each that could compute the layer was expected to take on one thread. */
function kernelTable({ kernels, mode, batchSize }: BenchReport, form: TableForm): string {
  const names = ["rows", "pixels", "winograd"];
  const columns = [
    { key: "layer", title: "layer" },
    { key: "forward", title: "forward" },
    ...(mode === "train" ? [{ key: "backward", title: "backward" }] : []),
    ...names.map((name) => ({ key: name, title: `${name}, expected ms`, format: formatMeasure })),
  ];
  const rows = kernels!.map(({ layer, forward, backward, costs }) => ({
    ...{ layer, forward, backward },
    ...Object.fromEntries(
      costs.map((cost) => [
        cost.kernel,
        ((cost.forward + (mode === "train" ? cost.backward : 0)) * batchSize) / 1e6,
      ]),
    ),
  }));
  return formatTable(columns, rows, form);
}

/** For a single layer, its own row. */
function layerRows<Row extends { readonly layer: string }, Other>(rows: readonly Row[], others: Other) {
  return rows.length === 1 && rows[0]!.layer === BENCHED_LAYER ? rows : [...rows, others];
}

function pruneSection(report: PruneBenchReport, options: ShowOptions, environment: RunEnvironment): string {
  const { network, method, requestedDensity, prunableCount, ours, baseline, ratio, roundCount } = report;
  const walks = ours.walkCount === undefined ? [] : [{ key: "walks", title: "walks", format: formatCount }];
  const columns = [
    { key: "name", title: "" },
    { key: "median", title: "ms a mask", format: formatMeasure },
    { key: "least", title: "least", format: formatMeasure },
    { key: "kept", title: "kept", format: formatCount },
    ...walks,
  ];
  const rows = [{ name: method, ...ours }, ...(baseline === undefined ? [] : [baseline])].map(
    ({ name, milliseconds, keptCount, walkCount }) => ({
      name,
      median: milliseconds.median,
      least: milliseconds.least,
      kept: keptCount,
      walks: walkCount,
    }),
  );
  const rounds = roundCount === 1 ? "one round" : `median of ${counted(roundCount, "round")}`;
  const lines =
    baseline === undefined || ratio === undefined
      ? [`No comparison: ${report.baselineUnavailable}.`]
      : [
          `${method}: ${times(ratio.median)} as fast as ${baseline.name} (${rounds}; quickest masks ${times(ratio.best)}).`,
        ];
  const title = `${network}, ${counted(prunableCount, "weight")}: a mask of ${formatPercent(requestedDensity)}`;
  const form = options.markdown ? "markdown" : "text";
  return section(title, lines, [formatTable(columns, rows, form)], options, environment);
}

function section(
  title: string,
  lines: readonly string[],
  tables: readonly string[],
  { markdown }: ShowOptions,
  { cpu, coreCount, node }: RunEnvironment,
): string {
  if (!markdown) return `${title}\n\n${tables.join("\n")}\n${lines.join("\n")}\n`;
  const machine = `${cpu}, ${threadsOf(coreCount)}, Node ${node}, ${today()}.`;
  return `### ${title}\n\n\`${commandLine()}\`\n\n${machine}\n\n${tables.join("\n")}\n${lines.join("\n")}\n`;
}

function commandLine(): string {
  const quoted = (word: string) => (/^[\w.,=:/×-]+$/.test(word) ? word : `'${word}'`);
  return ["phew", ...process.argv.slice(2).map(quoted)].join(" ");
}

const formatRate = (rate: number): string => (rate >= 1000 ? formatCount(rate) : formatMeasure(rate));
const today = (): string => new Date().toISOString().slice(0, 10);
const times = (ratio: number): string => `${ratio.toPrecision(3)} times`;
const threadsOf = (count: number): string => counted(count, "thread");
