/** `phew demo`, the main job of `npm start`: prune by four methods at two densities, train all, compare. */
import { availableParallelism } from "node:os";
import path from "node:path";
import { compareRuns, formatReport, writeFigures, writeReport } from "@phew/report";
import { counted, formatAccuracy, formatDuration, formatPercent, makeFolder } from "@phew/runs";
import { configurationsOf } from "@phew/runs/configurations";
import { demoRecipe } from "@phew/training";
import { printJson, printLines, printText, printWarnings } from "../output/output.ts";
import { interruptSignal, startProgress } from "../output/progress.ts";
import { QUIET_DEFAULTS, runName, type TrainConfig } from "../settings/configuration.ts";
import { recordsOf } from "../train/runTraining.ts";
import { trainInPool } from "../train/trainPool.ts";

interface DemoOptions {
  readonly seed: number;
  readonly runs: string;
  readonly workers?: number;
  readonly quiet?: boolean;
  readonly strict?: boolean;
  readonly json?: boolean;
}

const METHODS = ["phew", "uniform-walk", "magnitude", "random"];
const DENSITIES = [0.05, 0.02];

export async function demo(options: DemoOptions): Promise<void> {
  const started = performance.now();
  const signal = interruptSignal();
  const configs = demoConfigs(options.seed);
  const place = {
    root: options.runs,
    experiment: "demo",
    force: true,
    threadCount: 1,
    ...(options.strict && { strict: true }),
  };
  makeFolder(options.runs);
  const processCount = Math.min(options.workers ?? availableParallelism(), configs.length);
  if (!options.json && !options.quiet) {
    printLines(
      `PHEW demo: LeNet-5 on glyphs, drawn by the program: ${demoRecipe.trainCount} training and ${demoRecipe.testCount} test images of 10 characters.`,
      `Dense, and ${METHODS.join(", ")} at ${DENSITIES.map((d) => formatPercent(d)).join(" and ")}: ${counted(configs.length, "run")}, ${processCount} at a time. Watch them live: npm run phew watch ${options.runs}`,
    );
  }
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
  ).finally(() => progress.done());

  const records = recordsOf(results);
  const folder = path.join(options.runs, "demo");
  const report = compareRuns(records, { targetAccuracy: demoRecipe.targetAccuracy });
  const files = [...writeReport(folder, report), ...(await writeFigures(folder, records))];
  const elapsedMs = performance.now() - started;
  const told = configurationsOf(records);
  const warnings = records.flatMap((run) => run.state.warnings.map((text) => `${told.nameOf(run)}: ${text}`));
  if (options.json) return printJson({ elapsedMs, runs: results, rows: report.rows, files, warnings });
  printWarnings(warnings);
  printText(`\n${formatReport(report, "text")}\n`);
  printLines(
    `${counted(configs.length, "run")} in ${formatDuration(elapsedMs)}. Everything is in ${folder}${path.sep}:`,
    ...files.map((file) => `  ${file}`),
  );
}

/** The longest first, so that no process waits for a last long one. */
function demoConfigs(seed: number): TrainConfig[] {
  const { trainCount, testCount, epochs, batchSize, rate } = demoRecipe;
  const common = {
    ...QUIET_DEFAULTS,
    model: "lenet5",
    dataset: "glyphs",
    classCount: 10,
    trainCount,
    testCount,
    seed,
    epochs,
    batchSize,
    rate,
  };
  const executor = demoRecipe.executor;
  const pruned = DENSITIES.flatMap((density) =>
    METHODS.map((method) => ({ ...common, executor, method, density })),
  );
  return [{ ...common, executor, method: "dense", density: 1 }, ...pruned];
}
