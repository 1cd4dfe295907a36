/**
 * Does PHEW's advantage over other masks grow with the number of classes? Two series separate the effects of classes and
 * of examples: the number of examples is constant in each class in one, and in total in the other.
 */
import { formatPercent } from "@phew/core";
import { accuracyOverClasses, type FigureRow } from "@phew/report";
import type { Evidence, Experiment, Findings, Measured, Plan, RunGrid, Scale } from "../experiment.ts";
import { figure } from "../figure.ts";
import { bySeed, evidenceOf } from "../judge.ts";
import { type BySeed, minus } from "../statistics.ts";
import { meanAndInterval } from "../tables.ts";
import { CIFAR_RECIPE } from "./cifar.ts";

const METHODS = ["phew", "uniform-walk", "erk", "synflow", "synflow-l2"];

interface Series {
  readonly name: string;
  readonly settings: RunGrid["settings"];
  readonly classCounts: readonly number[];
  readonly methods: readonly string[];
  readonly densities: readonly number[];
  readonly seedCount: number;
  /** Training examples of each class where that number is kept, and in all where that is. */
  readonly examples: { readonly each: number; readonly all: number };
}

const GLYPHS = { model: "lenet5", dataset: "glyphs", testCount: 2000, epochs: 10, batchSize: 32 };

const SERIES: Readonly<Record<Scale, readonly Series[]>> = {
  smoke: [
    {
      name: "glyphs",
      settings: { ...GLYPHS, testCount: 300, epochs: 2 },
      ...{ classCounts: [5, 10, 20], methods: ["phew", "uniform-walk"], densities: [0.1], seedCount: 2 },
      examples: { each: 30, all: 300 },
    },
  ],
  laptop: [
    {
      name: "glyphs",
      settings: GLYPHS,
      ...{ classCounts: [5, 10, 20, 36, 62], methods: METHODS, densities: [0.05], seedCount: 10 },
      examples: { each: 200, all: 4000 },
    },
    {
      name: "mnist",
      settings: { model: "lenet5", dataset: "mnist", testCount: 2000, epochs: 5, batchSize: 32 },
      ...{ classCounts: [2, 5, 10], methods: METHODS, densities: [0.05], seedCount: 10 },
      examples: { each: 400, all: 2000 },
    },
    ...(["cifar10", "cifar100"] as const).map((dataset) => ({
      name: dataset,
      settings: { model: "vgg-small", dataset, ...CIFAR_RECIPE },
      classCounts: dataset === "cifar10" ? [2, 5, 10] : [10, 30, 100],
      ...{ methods: METHODS, densities: [0.05], seedCount: 3 },
      examples: dataset === "cifar10" ? { each: 1000, all: 5000 } : { each: 100, all: 3000 },
    })),
  ],
  paper: (["cifar10", "cifar100"] as const).map((dataset) => ({
    name: dataset,
    settings: { model: "resnet20", dataset, recipe: "phew" },
    classCounts: dataset === "cifar10" ? [2, 5, 10] : [10, 30, 100],
    ...{ methods: METHODS, densities: [0.1, 0.05, 0.02], seedCount: 5 },
    // in all as many as the fewest classes have
    examples: dataset === "cifar10" ? { each: 5000, all: 10_000 } : { each: 500, all: 5000 },
  })),
};

/** What does not change with the number of classes of a series. */
const KEPT = ["each", "all"] as const;
type Kept = (typeof KEPT)[number];
const KEPT_WORDS: Readonly<Record<Kept, string>> = { each: "of each class", all: "in all" };

function gridOf(series: Series, kept: Kept, classCount: number): RunGrid {
  const { name, settings, methods, densities, seedCount, examples } = series;
  const trainCount = kept === "each" ? classCount * examples.each : examples.all;
  return {
    // runs that are in both series are run once
    name: `${name}-${classCount}-of-${trainCount}`,
    settings: { ...settings, classCount, trainCount },
    grid: { density: densities, method: methods },
    seedCount,
  };
}

const gridsOf = (series: Series, kept: Kept) =>
  series.classCounts.map((count) => gridOf(series, kept, count));

export const classes: Experiment = {
  name: "classes",
  question: "does PHEW gain on other methods as classes grow?",
  plan: (scale, datasets): Plan => ({
    runs: SERIES[scale]
      .filter(({ settings }) => datasets.has(settings.dataset as string))
      .flatMap((series) => KEPT.flatMap((kept) => gridsOf(series, kept)))
      .filter(({ name }, k, all) => all.findIndex((other) => other.name === name) === k),
  }),
  analyse(measured, scale): Findings {
    const run = SERIES[scale].flatMap((series) =>
      KEPT.filter((kept) => gridsOf(series, kept).some(({ name }) => measured.runs(name).length > 0)).map(
        (kept) => ({ series, kept }),
      ),
    );
    const others = [...new Set(SERIES[scale].flatMap(({ methods }) => methods))].filter(
      (one) => one !== "phew",
    );
    return {
      claims: others.map((other) => ({
        claim: `PHEW gains on ${other} as there are more classes.`,
        evidence: run.flatMap(({ series, kept }) => gains(series, kept, measured, other)),
      })),
      tables: run.map(({ series, kept }) => ({
        name: `${series.name}-${kept}`,
        title: `${series.settings.model} on ${series.name}, the same number of examples ${KEPT_WORDS[kept]} (test accuracy %, gap of phew in points)`,
        report: tableOf(series, kept, measured),
      })),
      figures: run.flatMap(({ series, kept }) =>
        series.densities.flatMap((density) =>
          figure(
            `${series.name}-${kept}-${density}`,
            `Accuracy over classes: ${series.settings.model} on ${series.name}, the same number of examples ${KEPT_WORDS[kept]}, ${formatPercent(density)}`,
            accuracyOverClasses,
            figureRows(series, kept, measured, density),
            `${series.settings.model} · ${series.name} · density ${formatPercent(density)} · the same number of examples ${KEPT_WORDS[kept]}`,
          ),
        ),
      ),
      notes: [
        "With the same number of examples of each class, more classes mean more examples and more steps; with the same number in all, fewer examples of each.",
        "Of few classes all methods are near 100 %, which leaves no room for a gap: a gain is read together with the accuracies.",
        ...SERIES[scale]
          .filter((series) => run.every((each) => each.series !== series))
          .map(({ name }) => `Not run: ${name}.`),
        ...run.flatMap(({ series, kept }) => missing(series, kept, measured)),
      ],
    };
  },
};

function figureRows(series: Series, kept: Kept, measured: Measured, density: number): FigureRow[] {
  return series.classCounts.flatMap((classes) => {
    const rows = measured.runs(gridOf(series, kept, classes).name);
    return series.methods.flatMap((method) =>
      Array.from(
        bySeed(rows, method, density, (row) => row.accuracy),
        ([seed, accuracy]) => ({
          ...{ method, density, seed, accuracy, classes },
        }),
      ),
    );
  });
}

function missing(series: Series, kept: Kept, measured: Measured): string[] {
  const { densities, methods, seedCount, name } = series;
  const count = densities.length * methods.length * seedCount;
  const short = gridsOf(series, kept).filter((grid) => measured.runs(grid.name).length < count);
  const counts = short.map(
    (grid) => `${grid.settings.classCount} (${measured.runs(grid.name).length} of ${count})`,
  );
  return counts.length === 0
    ? []
    : [
        `${name}, the same number ${KEPT_WORDS[kept]}: not all runs are done of ${counts.join(", ")} classes.`,
      ];
}

/** PHEW's gain from doubling the classes, for each seed, compared with 0. */
function gains(series: Series, kept: Kept, measured: Measured, other: string): Evidence[] {
  return series.densities.flatMap((density) => {
    const gaps = series.classCounts.map((count) => ({
      count,
      gap: gapOf(series, kept, count, measured, density, other),
    }));
    const slopes = slopesOf(gaps);
    const zero = new Map([...slopes.keys()].map((seed) => [seed, 0]));
    const what = `${series.name}, ${formatPercent(density)}, the same number ${KEPT_WORDS[kept]}: phew − ${other}`;
    return evidenceOf(what, slopes, zero, { unit: "points a doubling of classes", supports: "positive" });
  });
}

function gapOf(
  series: Series,
  kept: Kept,
  count: number,
  measured: Measured,
  density: number,
  other: string,
): BySeed {
  const rows = measured.runs(gridOf(series, kept, count).name);
  const [a, b] = ["phew", other].map((method) => bySeed(rows, method, density, (row) => 100 * row.accuracy));
  return minus(a!, b!);
}

/**
 * For each seed with two or more numbers of classes: the slope of its gaps over log2 of the number, by least squares.
 */
export function slopesOf(gaps: readonly { readonly count: number; readonly gap: BySeed }[]): BySeed {
  const seeds = [...new Set(gaps.flatMap(({ gap }) => [...gap.keys()]))];
  return new Map(
    seeds.flatMap((seed) => {
      const points = gaps.flatMap(({ count, gap }) => {
        const y = gap.get(seed);
        return y === undefined ? [] : [{ x: Math.log2(count), y }];
      });
      const middle = points.reduce((sum, { x }) => sum + x, 0) / points.length;
      const spread = points.reduce((sum, { x }) => sum + (x - middle) ** 2, 0);
      return spread === 0
        ? []
        : [[seed, points.reduce((sum, { x, y }) => sum + (x - middle) * y, 0) / spread] as const];
    }),
  );
}

function tableOf(series: Series, kept: Kept, measured: Measured) {
  const { methods, densities, classCounts } = series;
  const others = methods.filter((method) => method !== "phew");
  return {
    columns: [
      { key: "density", title: "density", format: formatPercent },
      { key: "classes", title: "classes" },
      { key: "examples", title: "examples" },
      { key: "seeds", title: "seeds" },
      ...methods.map((method) => ({ key: method, title: method })),
      ...others.map((method) => ({ key: `gap-${method}`, title: `− ${method}` })),
    ],
    rows: densities.flatMap((density) =>
      classCounts.flatMap((count) => {
        const { name, settings } = gridOf(series, kept, count);
        const rows = measured.runs(name);
        const of = (method: string) => [
          ...bySeed(rows, method, density, (row) => 100 * row.accuracy).values(),
        ];
        const seeds = of("phew").length;
        if (seeds === 0) return [];
        return [
          {
            ...{ density, classes: count, examples: settings.trainCount as number, seeds },
            ...Object.fromEntries(methods.map((method) => [method, meanAndInterval(of(method))])),
            ...Object.fromEntries(
              others.map((method) => [
                `gap-${method}`,
                meanAndInterval([...gapOf(series, kept, count, measured, density, method).values()]),
              ]),
            ),
          },
        ];
      }),
    ),
  };
}
