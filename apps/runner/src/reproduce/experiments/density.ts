/**
 * Densities that training finds itself: does a harder task get a higher one, is it near the knee of a sweep over densities,
 * and is a network that grew better than a static mask of the same density that was trained as long? Validation examples
 * decide, of the sweep too; test accuracies are those of the last epoch, when the masks have their final density.
 */
import { fitLogistic, formatPercent, type Knee, knee, logisticAt } from "@phew/core";
import { accuracyOverDensity, type FigureRow, type Report } from "@phew/report";
import { grouped } from "@phew/runs";
import type { Claim, Evidence, Experiment, Findings, Measured, RunGrid, Scale } from "../experiment.ts";
import { figure } from "../figure.ts";
import { claimOf, evidenceOf } from "../judge.ts";
import type { RunRow } from "../results.ts";
import { type BySeed, meanBySeed, minus } from "../statistics.ts";
import { meanAndInterval } from "../tables.ts";

/** A rule that finds a density, and the masks of the static control. */
interface Finder {
  readonly rule: "path-find" | "pals";
  readonly method: string;
  readonly ruleOptions?: Readonly<Record<string, number>>;
}

/** A data set, or a part of its classes; of rising difficulty in each scale. */
interface Task {
  readonly name: string;
  readonly settings: RunGrid["settings"];
}

interface Size {
  readonly tasks: readonly Task[];
  readonly finders: readonly Finder[];
  /** Densities of the sweep, beside the dense network. */
  readonly densities: readonly number[];
  readonly seedCount: number;
}

/** How far below the dense network's accuracy the knee may be, and what `path-find` must still gain to grow on. */
const TOLERANCE = 0.005;

const glyphs = (classCount: number, settings: RunGrid["settings"]): Task => ({
  name: `glyphs-${classCount}`,
  settings: { ...settings, dataset: "glyphs", classCount },
});

const SMALL = {
  ...{ model: "lenet5", trainCount: 600, testCount: 300, epochs: 6, batchSize: 32, validation: 0.2 },
};
/** The same number of steps for all tasks. */
const LAPTOP = {
  ...{ model: "lenet5", trainCount: 4700, testCount: 2000, epochs: 30, batchSize: 32, validation: 0.2 },
};
const PAPER = { ...LAPTOP, trainCount: 47_000, testCount: 10_000, epochs: 60, batchSize: 128, rate: 0.1 };

const PATH_FIND: Finder = {
  ...{ rule: "path-find", method: "phew" },
  ruleOptions: { growth: 0.4, tolerance: TOLERANCE },
};
const PALS: Finder = { rule: "pals", method: "erk" };

const SIZES: Readonly<Record<Scale, Size>> = {
  smoke: {
    tasks: [glyphs(5, SMALL), glyphs(10, SMALL)],
    finders: [
      { ...PATH_FIND, ruleOptions: { growth: 2, stage: 1, tolerance: TOLERANCE } },
      { ...PALS, ruleOptions: {} },
    ],
    ...{ densities: [0.05, 0.2], seedCount: 2 },
  },
  laptop: {
    tasks: [
      { name: "mnist", settings: { ...LAPTOP, dataset: "mnist" } },
      ...[10, 47, 62].map((count) => glyphs(count, LAPTOP)),
    ],
    ...{ finders: [PATH_FIND, PALS], densities: [0.02, 0.05, 0.1, 0.2, 0.4], seedCount: 5 },
  },
  paper: {
    tasks: [
      { name: "mnist", settings: { ...PAPER, dataset: "mnist" } },
      ...[10, 47, 62].map((count) => glyphs(count, PAPER)),
    ],
    ...{ finders: [PATH_FIND, PALS], densities: [0.01, 0.02, 0.05, 0.1, 0.2, 0.4], seedCount: 10 },
  },
};

const sweepGrid = (task: Task, { densities, seedCount }: Size): RunGrid => ({
  name: `${task.name}-sweep`,
  settings: task.settings,
  grid: { method: ["phew"], density: densities },
  list: [{ method: "dense" }],
  seedCount,
});

const foundGrid = (task: Task, { finders, seedCount }: Size): RunGrid => ({
  name: `${task.name}-found`,
  settings: task.settings,
  list: finders.map((finder) => ({ ...finder })),
  seedCount,
});

/** Static masks of the density that each run found, with its seed. */
const controlName = (task: Task) => `${task.name}-control`;

function controlGrid(task: Task, size: Size, measured: Measured): RunGrid {
  const rows = measured.runs(foundGrid(task, size).name);
  const list = size.finders.flatMap((finder) =>
    rows
      .filter((row) => isOf(row, finder))
      .map(({ reached, seed }) => ({ method: finder.method, density: reached, seed })),
  );
  return { name: controlName(task), settings: task.settings, list, seedCount: 1 };
}

/** Of a finder's runs, whatever its options. */
const isOf = ({ method }: RunRow, { method: from, rule }: Finder) =>
  method.split(":", 1)[0] === `${from} ${rule}`;

const available = ({ tasks }: Size, datasets: ReadonlySet<string>) =>
  tasks.filter(({ settings }) => datasets.has(settings.dataset as string));

export const density: Experiment = {
  name: "density",
  question: "do networks that choose their own density find more for a harder task, and does it pay?",
  plan: (scale, datasets) => ({
    runs: available(SIZES[scale], datasets).flatMap((task) => [
      sweepGrid(task, SIZES[scale]),
      foundGrid(task, SIZES[scale]),
    ]),
  }),
  following: (measured, scale, datasets) =>
    available(SIZES[scale], datasets)
      .map((task) => controlGrid(task, SIZES[scale], measured))
      .filter(({ list = [] }) => list.length > 0),
  analyse(measured, scale): Findings {
    const size = SIZES[scale];
    const results = size.tasks
      .map((task) => resultOf(task, size, measured))
      .filter(({ found }) => found.some(({ densities }) => densities.size > 0));
    const each = size.finders.map(({ rule }, k) => ({ rule, of: (one: Result) => one.found[k]! }));
    return {
      claims: [
        ...each.map(({ rule, of }) => ({
          claim: `${rule} finds a higher density for a harder task: for more classes of glyphs.`,
          evidence: pairsOf(results.filter(({ task }) => task.settings.dataset === "glyphs")).flatMap(
            ([easy, hard]) =>
              evidenceOf(
                `${hard.task.name} − ${easy.task.name}, density found by ${rule}`,
                ...([of(hard).densities, of(easy).densities] as const),
                { unit: "percent of the weights", supports: "positive" },
              ),
          ),
        })),
        claimOf(
          "A sweep has its knee at a higher density for a harder task.",
          pairsOf(results.filter(({ task }) => task.settings.dataset === "glyphs")).flatMap(
            ([easy, hard]) => kneesApart(easy, hard) ?? [],
          ),
        ),
        ...each.map(({ rule, of }) =>
          claimOf(
            `${rule} finds the knee of a sweep.`,
            results.flatMap((one) => withinKnee(one, meanBySeed(of(one).densities) / 100) ?? []),
          ),
        ),
        ...each.flatMap(({ rule, of }): Claim[] => [
          {
            claim: `The density found by ${rule} is worth more than it: its networks are more accurate than static masks of that density, trained as long.`,
            evidence: results.flatMap((one) =>
              against(one, rule, of(one).accuracies, "control", of(one).controls),
            ),
          },
          {
            claim: `Networks of ${rule} are more accurate than the dense network.`,
            evidence: results.flatMap((one) => against(one, rule, of(one).accuracies, "dense", one.dense)),
          },
        ]),
      ].filter(({ evidence, given }: Claim) => evidence.length > 0 || given !== undefined),
      tables: [
        {
          name: "found",
          title: "Densities found, the knee of the sweep, and test accuracy % of the last epoch",
          report: foundTable(results),
        },
        {
          name: "sweep",
          title: "The sweep: accuracy % of the last epoch",
          report: sweepTable(results),
        },
      ],
      figures: results.flatMap((one) =>
        figure(
          one.task.name,
          `Accuracy over density, and what was found: ${one.task.name}`,
          accuracyOverDensity,
          figureRows(one),
          `lenet5 · ${one.task.name}`,
        ),
      ),
      notes: [
        `The knee is the least density at which the mean validation accuracy is within ${formatPercent(TOLERANCE)} of the dense network's, with the interval of 2,000 resamples of the seeds, as in phew knee; path-find stops where the next stage promises less than that.`,
        "All tasks of a scale have the same number of training examples and steps, so that more classes also mean fewer examples of each.",
        "The control is a static mask of the density that the run of its seed ended with (PHEW's for path-find, ERK's for pals), trained for as many epochs.",
        ...size.tasks
          .filter(({ name }) => results.every(({ task }) => task.name !== name))
          .map(({ name }) => `Not run: ${name}.`),
      ],
    };
  },
};

/** What one rule found for one task, by seed; percent. */
interface Found {
  readonly rule: string;
  readonly densities: BySeed;
  readonly accuracies: BySeed;
  readonly controls: BySeed;
}

interface Result {
  readonly task: Task;
  readonly sweep: readonly RunRow[];
  readonly found: readonly Found[];
  readonly dense: BySeed;
  readonly knee: Knee | undefined;
}

const lastAccuracy = ({ accuracies }: RunRow) => 100 * (accuracies.at(-1) ?? NaN);

const bySeedOf = (rows: readonly RunRow[], value: (row: RunRow) => number): BySeed =>
  new Map(rows.map((row) => [row.seed, value(row)] as const).filter(([, number]) => Number.isFinite(number)));

function resultOf(task: Task, size: Size, measured: Measured): Result {
  const sweep = measured.runs(sweepGrid(task, size).name);
  const rows = measured.runs(foundGrid(task, size).name);
  const controls = measured.runs(controlName(task));
  return {
    task,
    sweep,
    found: size.finders.map((finder) => {
      const own = rows.filter((row) => isOf(row, finder));
      // those of densities that were found: a table may hold those of earlier ones
      const masksThatStay = controls.filter(
        ({ method, density: asked, seed }) =>
          method === finder.method && own.some((row) => row.seed === seed && row.reached === asked),
      );
      return {
        rule: finder.rule,
        // whole weights: networks of other numbers of classes have other numbers of weights
        densities: bySeedOf(own, ({ reached }) => Number((100 * reached).toFixed(2))),
        accuracies: bySeedOf(own, lastAccuracy),
        controls: bySeedOf(masksThatStay, lastAccuracy),
      };
    }),
    dense: bySeedOf(
      sweep.filter(({ method }) => method === "dense"),
      lastAccuracy,
    ),
    knee: kneeOf(sweep),
  };
}

const validated = (rows: readonly RunRow[]) =>
  rows.map(({ method, density: asked, seed, validationAccuracy = NaN }) => ({
    ...{ density: method === "dense" ? 1 : asked, seed, accuracy: validationAccuracy },
  }));

/** Undefined until the dense network and two densities have been trained. */
function kneeOf(sweep: readonly RunRow[]): Knee | undefined {
  const runs = validated(sweep);
  const densities = new Set(runs.map((run) => run.density));
  return densities.has(1) && densities.size > 2 ? knee(runs, TOLERANCE) : undefined;
}

const pairsOf = <T>(all: readonly T[]): (readonly [T, T])[] =>
  all.slice(1).map((hard, k) => [all[k]!, hard] as const);

function against({ task }: Result, rule: string, own: BySeed, name: string, other: BySeed): Evidence[] {
  return evidenceOf(`${task.name}: ${rule} − ${name}`, own, other, { unit: "points", supports: "positive" });
}

const kneeWords = ({ density: at, isBelowAll, low, high }: Knee) =>
  `${isBelowAll ? "at most " : ""}${at === undefined ? "none below dense" : formatPercent(at, 3)} (95 %: ${formatPercent(low, 3)} to ${formatPercent(high, 3)})`;

function kneesApart(easy: Result, hard: Result): { is: boolean; words: string } | undefined {
  if (easy.knee === undefined || hard.knee === undefined) return undefined;
  const words = (one: Result) => `${one.task.name} ${kneeWords(one.knee!)}`;
  return { is: hard.knee.low > easy.knee.high, words: `${words(easy)}, ${words(hard)}` };
}

function withinKnee({ task, knee: own }: Result, found: number): { is: boolean; words: string } | undefined {
  if (own === undefined || Number.isNaN(found)) return undefined;
  const is = found >= own.low && found <= own.high;
  return { is, words: `${task.name}: ${formatPercent(found, 3)} found on average, knee ${kneeWords(own)}` };
}

function foundTable(results: readonly Result[]): Report {
  return {
    columns: [
      { key: "task", title: "task" },
      { key: "rule", title: "rule" },
      { key: "seeds", title: "seeds" },
      { key: "density", title: "density found %" },
      { key: "range", title: "least to most %" },
      { key: "knee", title: "knee of the sweep" },
      { key: "accuracy", title: "test accuracy %" },
      { key: "control", title: "static control %" },
      { key: "gain", title: "− control" },
      { key: "dense", title: "dense %" },
    ],
    rows: results.flatMap(({ task, found, dense, knee: own }) =>
      found.flatMap(({ rule, densities, accuracies, controls }) => {
        if (densities.size === 0) return [];
        const values = [...densities.values()];
        const shown = (of: BySeed) => meanAndInterval([...of.values()]);
        return [
          {
            ...{ task: task.name, rule, seeds: densities.size, density: shown(densities) },
            range: `${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)}`,
            knee: own === undefined ? undefined : kneeWords(own),
            ...{ accuracy: shown(accuracies), control: shown(controls), dense: shown(dense) },
            gain: shown(minus(accuracies, controls)),
          },
        ];
      }),
    ),
  };
}

function sweepTable(results: readonly Result[]): Report {
  return {
    columns: [
      { key: "task", title: "task" },
      { key: "density", title: "density", format: formatPercent },
      { key: "seeds", title: "seeds" },
      { key: "validation", title: "validation accuracy %" },
      { key: "test", title: "test accuracy %" },
      { key: "fitted", title: "fitted curve %" },
    ],
    rows: results.flatMap(({ task, sweep }) => {
      const curve = curveOf(sweep);
      return grouped(sweep, (row) => `${row.method} ${row.density}`).map((own) => ({
        ...{ task: task.name, density: own[0]!.density, seeds: own.length },
        validation: meanAndInterval(own.map(({ validationAccuracy = NaN }) => 100 * validationAccuracy)),
        test: meanAndInterval(own.map(lastAccuracy)),
        fitted: own[0]!.method === "dense" ? undefined : curve?.(own[0]!.density).toFixed(1),
      }));
    }),
  };
}

/** The logistic curve of the sweep's validation accuracies, which path-find fits to its stages; percent. */
function curveOf(sweep: readonly RunRow[]): ((at: number) => number) | undefined {
  const runs = validated(sweep.filter(({ method }) => method !== "dense"));
  if (new Set(runs.map((run) => run.density)).size < 4) return undefined;
  const curve = fitLogistic(
    runs.map((run) => run.density),
    runs.map(({ accuracy }) => accuracy),
  );
  return (at) => 100 * logisticAt(curve, at);
}

/** The sweep, and each rule at the mean of what it found. */
function figureRows({ sweep, found }: Result): FigureRow[] {
  return [
    ...sweep.map((row) => ({
      ...{ method: row.method, density: row.density, seed: row.seed, accuracy: lastAccuracy(row) / 100 },
      series: row.method === "dense" ? "dense" : "static phew",
    })),
    ...found.flatMap(({ rule, densities, accuracies }) =>
      [...accuracies].map(([seed, percent]) => ({
        ...{ method: rule === "pals" ? "erk" : "phew", series: `${rule}, at the mean of what it found` },
        ...{ density: Number((meanBySeed(densities) / 100).toPrecision(3)), seed, accuracy: percent / 100 },
      })),
    ),
  ];
}
