/** `phew demo`, the main job of `npm start`: prune by five methods at two densities, train all over seeds, compare. */
import { availableParallelism } from "node:os";
import path from "node:path";
import { compareRuns, formatReport, type Report, writeFigures, writeReport } from "@phew/report";
import {
  accuracyWords,
  counted,
  formatAccuracy,
  formatDuration,
  formatMeasure,
  formatPercent,
  makeFolder,
  type RunRecord,
  runAccuracy,
} from "@phew/runs";
import { configurationsOf, spreadOf } from "@phew/runs/configurations";
import { demoRecipe } from "@phew/training";
import { printJson, printLines, printText, printWarnings } from "../output/output.ts";
import { interruptSignal, startProgress } from "../output/progress.ts";
import { QUIET_DEFAULTS, runName, type TrainConfig } from "../settings/configuration.ts";
import { CommandPlan } from "../train/commandPlan.ts";
import { recordsOf } from "../train/runTraining.ts";
import { trainInPool } from "../train/trainPool.ts";

interface DemoOptions {
  readonly seed: number;
  readonly runs: string;
  readonly workers?: number;
  readonly quiet?: boolean;
  readonly strict?: boolean;
  readonly watch?: boolean;
  readonly json?: boolean;
}

const EXPERIMENT = "demo";

export async function demo(options: DemoOptions): Promise<void> {
  if (options.watch) return demoWatched(options.runs);
  const started = performance.now();
  const signal = interruptSignal();
  const { methods, densities, seedCount } = demoRecipe;
  const configs = demoConfigs(options.seed);
  const place = {
    root: options.runs,
    experiment: EXPERIMENT,
    force: true,
    threadCount: 1,
    ...(options.strict && { strict: true }),
  };
  makeFolder(options.runs);
  const processCount = Math.min(options.workers ?? availableParallelism(), configs.length);
  if (!options.json && !options.quiet) {
    printLines(
      `PHEW demo: a small VGG with batch normalisation on glyphs, drawn by the program: ${demoRecipe.trainCount} training and ${demoRecipe.testCount} test images of 10 characters.`,
      `Dense, and ${methods.join(", ")} at ${densities.map((d) => formatPercent(d)).join(" and ")}, ${seedCount} seeds each: ${counted(configs.length, "run")}, ${processCount} at a time. Watch them live: npm run phew watch ${options.runs}`,
    );
  }
  const plan = new CommandPlan(place, { command: "phew demo", atATime: processCount, isAgain: true });
  await plan.write(configs.map((config) => ({ config })));
  const progress = startProgress("demo", options.json);
  const done = configs.map(() => 0);
  const results = await trainInPool(
    configs.map((config) => ({ config, place })),
    {
      processCount,
      signal,
      onEvent(event, job) {
        if (event.kind === "train.epoch") done[job] = event.epoch / configs[job]!.epochs;
        if (event.kind === "run.finished") done[job] = 1;
        const fraction = done.reduce((sum, part) => sum + part, 0) / configs.length;
        const finishedCount = done.filter((part) => part === 1).length;
        if (event.kind === "train.epoch") {
          const note = `${finishedCount} of ${counted(configs.length, "run")}; ${runName(configs[job]!)} epoch ${event.epoch}: ${formatAccuracy(event.testAccuracy)}`;
          progress.update(fraction, note);
        }
      },
    },
  ).finally(() => {
    progress.done();
    plan.end();
  });

  const records = recordsOf(results);
  const folder = path.join(options.runs, EXPERIMENT);
  const report = compareRuns(records, { targetAccuracy: demoRecipe.targetAccuracy });
  const files = [...writeReport(folder, report), ...(await writeFigures(folder, records))];
  const elapsedMs = performance.now() - started;
  const configurations = configurationsOf(records);
  const warnings = records.flatMap((run) =>
    run.state.warnings.map((text) => `${configurations.nameOf(run)}: ${text}`),
  );
  const summary = summaryOf(records);
  if (options.json) {
    const { rows } = report;
    return printJson({ elapsedMs, runs: results, summary: summary.rows, rows, files, warnings });
  }
  printWarnings(warnings);
  printText(`\n${formatReport(summary, "text")}\n`);
  printLines(
    `${counted(configs.length, "run")} in ${formatDuration(elapsedMs)}. Everything is in ${folder}${path.sep}:`,
    ...files.map((file) => `  ${file}`),
  );
}

/** Its runs of another time are done again: they are not shown before. */
async function demoWatched(runs: string): Promise<void> {
  const { runWatched } = await import("../output/watched.ts");
  return runWatched({
    folder: path.join(runs, EXPERIMENT),
    view: "sweep",
    // those that wait too
    isOwn: ({ status, updatedT }, _pid, startedT) => (status?.startedT ?? updatedT) >= startedT,
  });
}

/** A row for each configuration: means over its seeds, of the trace the geometric one. */
function summaryOf(records: readonly RunRecord[]): Report {
  const configurations = configurationsOf(records);
  return {
    columns: [
      { key: "method", title: "method" },
      { key: "density", title: "density", format: formatPercent },
      { key: "trace", title: "path kernel trace", format: formatMeasure },
      { key: "width", title: "mean width", format: formatAccuracy },
      { key: "accuracy", title: `test accuracy (${accuracyWords(records)})`, format: formatAccuracy },
      { key: "deviation", title: "std", format: formatAccuracy },
      { key: "seeds", title: "seeds" },
    ],
    rows: configurations.all.map(({ runs }) => {
      const of = (value: (run: RunRecord) => number | undefined) =>
        spreadOf(runs.flatMap((run) => value(run) ?? []));
      const trace = of(({ state }) => state.mask?.measures && Math.log(state.mask.measures.pathKernelTrace));
      const accuracy = of(({ state }) => runAccuracy(state));
      return {
        method: runs[0]!.config.method as string,
        density: runs[0]!.config.density as number,
        trace: trace.mean === undefined ? undefined : Math.exp(trace.mean),
        width: of(({ state }) => state.mask?.measures?.meanWidth).mean,
        accuracy: accuracy.mean,
        deviation: accuracy.deviation,
        seeds: accuracy.count,
      };
    }),
  };
}

/** The longest first, so that no process waits for a last long one; a seed's runs before those of the next. */
function demoConfigs(firstSeed: number): TrainConfig[] {
  const { model, methods, densities, seedCount, trainCount, testCount, epochs, batchSize, rate } = demoRecipe;
  const seeds = Array.from({ length: seedCount }, (_, k) => firstSeed + k);
  const common = {
    ...QUIET_DEFAULTS,
    model,
    dataset: "glyphs",
    classCount: 10,
    trainCount,
    testCount,
    epochs,
    batchSize,
    rate,
  };
  const executor = demoRecipe.executor;
  const choices = [
    { method: "dense", density: 1 },
    ...densities.flatMap((density) => methods.map((method) => ({ method, density }))),
  ];
  return choices.flatMap((choice) => seeds.map((seed) => ({ ...common, executor, ...choice, seed })));
}
