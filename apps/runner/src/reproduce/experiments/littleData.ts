/**
 * Few training examples: are sparse networks better than dense ones when there is little to learn from, and does a mask that
 * looks at the examples help? All numbers of examples have the same number of steps. The examples of each class are another
 * choice for each seed; fewer are among more.
 */
import { formatPercent } from "@phew/core";
import { accuracyOverExamples, type FigureRow, type Report } from "@phew/report";
import type { Settings } from "@phew/runs/sweeps";
import type { Claim, Evidence, Experiment, Findings, Measured, RunGrid, Scale } from "../experiment.ts";
import { figure } from "../figure.ts";
import { bySeed, evidenceOf } from "../judge.ts";
import { labelOf } from "../maskWords.ts";
import { type BySeed, minus } from "../statistics.ts";
import { meanAndInterval } from "../tables.ts";
import { CIFAR_RECIPE } from "./cifar.ts";
import { slopesOf } from "./classes.ts";

interface Series {
  readonly name: string;
  readonly settings: RunGrid["settings"];
  /** Of each class. */
  readonly counts: readonly number[];
  readonly densities: readonly number[];
  readonly seedCount: number;
}

/** What is trained; `at` gives the settings for a density and a number of examples of each class. */
interface Arm {
  readonly name: string;
  /** Of its colour. */
  readonly method: string;
  /** False of the dense network, which is trained once for all densities. */
  readonly isSparse: boolean;
  readonly at: (density: number, count: number) => Settings;
}

const ARMS: readonly Arm[] = [
  { name: "dense", method: "dense", isSparse: false, at: () => ({ method: "dense" }) },
  {
    ...{ name: "narrow dense", method: "dense", isSparse: true },
    at: (density) => ({ method: "dense", narrowToDensity: density }),
  },
  { name: "erk", method: "erk", isSparse: true, at: (density) => ({ method: "erk", density }) },
  { name: "phew", method: "phew", isSparse: true, at: (density) => ({ method: "phew", density }) },
  {
    ...{ name: "phew with data", method: "phew", isSparse: true },
    at: (density, count) => ({ method: "phew", density, options: { data: count } }),
  },
  {
    ...{ name: "snip", method: "snip", isSparse: true },
    at: (density, count) => ({ method: "snip", density, options: { samples: count } }),
  },
];

const GLYPHS = { model: "lenet5", dataset: "glyphs", batchSize: 32 };

const SERIES: Readonly<Record<Scale, readonly Series[]>> = {
  smoke: [
    {
      name: "glyphs",
      settings: { ...GLYPHS, trainCount: 600, testCount: 300, epochs: 2 },
      ...{ counts: [5, 20], densities: [0.2], seedCount: 2 },
    },
  ],
  laptop: [
    {
      name: "glyphs",
      settings: { ...GLYPHS, trainCount: 5000, testCount: 2000, epochs: 10 },
      ...{ counts: [10, 50, 100, 500], densities: [0.2, 0.05], seedCount: 5 },
    },
    {
      name: "cifar10",
      settings: {
        model: "vgg-small",
        dataset: "cifar10",
        ...CIFAR_RECIPE,
        trainCount: 10_000,
        testCount: 5000,
      },
      ...{ counts: [10, 50, 100, 500], densities: [0.1], seedCount: 3 },
    },
  ],
  paper: [
    {
      name: "cifar10",
      settings: { model: "resnet20", dataset: "cifar10", recipe: "phew" },
      ...{ counts: [10, 50, 100, 500, 1000], densities: [0.5, 0.2, 0.1, 0.05, 0.02], seedCount: 5 },
    },
  ],
};

function gridOf({ name, settings, densities, seedCount }: Series, count: number): RunGrid {
  const all = ARMS.flatMap(({ isSparse, at }) =>
    (isSparse ? densities : [1]).map((density) => at(density, count)),
  );
  const seeds = Array.from({ length: seedCount }, (_, seed) => ({ seed, dataSeed: seed }));
  return {
    name: `${name}-${count}`,
    settings: { ...settings, samplesPerClass: count },
    list: all.flatMap((one) => seeds.map((seed) => ({ ...one, ...seed }))),
    seedCount,
  };
}

export const littleData: Experiment = {
  name: "little-data",
  question: "with few examples, which networks are the best, and do masks that look at the examples help?",
  plan: (scale, datasets) => ({
    runs: SERIES[scale]
      .filter(({ settings }) => datasets.has(settings.dataset as string))
      .flatMap((series) => series.counts.map((count) => gridOf(series, count))),
  }),
  analyse(measured, scale): Findings {
    const run = SERIES[scale].filter((series) => isMeasured(series, measured));
    const compared = (
      a: string,
      b: string,
      isWanted: (series: Series, count: number) => boolean = () => true,
    ) =>
      run.flatMap((series) =>
        series.counts
          .filter((count) => isWanted(series, count))
          .flatMap((count) => comparisons(series, count, measured, a, b)),
      );
    const isFew = ({ counts }: Series, count: number) => count <= counts[Math.floor(counts.length / 2) - 1]!;
    return {
      claims: [
        {
          claim:
            "With few examples (the lower half of the numbers) PHEW's networks are more accurate than the dense network.",
          evidence: compared("phew", "dense", isFew),
        },
        {
          claim:
            "With few examples random masks of ERK's densities are more accurate than the dense network.",
          evidence: compared("erk", "dense", isFew),
        },
        {
          claim: "PHEW's lead over the dense network grows as examples become fewer.",
          evidence: run.flatMap((series) => slopes(series, measured, "phew", "dense")),
        },
        {
          claim: "A sparse network is more accurate than a dense one of as many weights.",
          evidence: compared("phew", "narrow dense"),
        },
        {
          claim: "PHEW is more accurate than random masks of ERK's densities.",
          evidence: compared("phew", "erk"),
        },
        {
          claim: "PHEW is more accurate than SNIP, which looks at all examples that there are.",
          evidence: compared("phew", "snip"),
        },
        {
          claim: "Walks that look at the examples are better than PHEW's.",
          evidence: compared("phew with data", "phew"),
        },
      ].filter(({ evidence }: Claim) => evidence.length > 0),
      tables: run.map((series) => ({
        name: series.name,
        title: `${whereOf(series)}: test accuracy % by training examples of each class`,
        report: tableOf(series, measured),
      })),
      figures: run.flatMap((series) =>
        series.densities.flatMap((density) =>
          figure(
            `${series.name}-${density}`,
            `Accuracy over examples of each class: ${whereOf(series)}, ${formatPercent(density)}`,
            accuracyOverExamples,
            figureRows(series, measured, density),
            `${whereOf(series)} · density ${formatPercent(density)}`,
          ),
        ),
      ),
      notes: [
        "All numbers of examples have the same number of steps: the examples are repeated. The choice of examples is that of the seed, so that intervals are over choices too; all methods of a seed have the same ones.",
        "A narrow dense network has as many weights as a sparse one, by fewer units in every hidden layer. SNIP and PHEW with data look at the examples that are trained on, all of them, before training.",
        "Accuracies are those of the last epoch on the whole test set: nothing is stopped early, because there is nothing to stop by.",
        ...SERIES[scale]
          .filter((series) => !isMeasured(series, measured))
          .map(({ name }) => `Not run: ${name}.`),
      ],
    };
  },
};

const whereOf = ({ settings }: Series) => `${settings.model} on ${settings.dataset}`;

const isMeasured = (series: Series, measured: Measured) =>
  series.counts.some((count) => measured.runs(gridOf(series, count).name).length > 0);

/** Percent of the test examples. */
function accuracyOf(
  series: Series,
  count: number,
  measured: Measured,
  name: string,
  density: number,
): BySeed {
  const arm = ARMS.find((one) => one.name === name)!;
  const asked = arm.isSparse ? density : 1;
  const settings = { options: {}, ...arm.at(asked, count) } as unknown as Parameters<typeof labelOf>[0];
  const rows = measured.runs(gridOf(series, count).name);
  return bySeed(rows, labelOf(settings), asked, (row) => 100 * row.accuracy);
}

function comparisons(series: Series, count: number, measured: Measured, a: string, b: string): Evidence[] {
  return series.densities.flatMap((density) => {
    const of = (name: string) => accuracyOf(series, count, measured, name, density);
    const what = `${whereOf(series)}, ${count} of each class, ${formatPercent(density)}: ${a} − ${b}`;
    return evidenceOf(what, of(a), of(b), { unit: "points", supports: "positive" });
  });
}

/** The lead's gain from twice as many examples, for each seed, compared with 0. */
function slopes(series: Series, measured: Measured, a: string, b: string): Evidence[] {
  return series.densities.flatMap((density) => {
    const of = (name: string, count: number) => accuracyOf(series, count, measured, name, density);
    const leads = slopesOf(series.counts.map((count) => ({ count, gap: minus(of(a, count), of(b, count)) })));
    const zero = new Map([...leads.keys()].map((seed) => [seed, 0]));
    const what = `${whereOf(series)}, ${formatPercent(density)}: ${a} − ${b}`;
    return evidenceOf(what, leads, zero, { unit: "points a doubling of examples", supports: "negative" });
  });
}

function tableOf(series: Series, measured: Measured): Report {
  return {
    columns: [
      { key: "density", title: "density", format: formatPercent },
      { key: "method", title: "network" },
      { key: "seeds", title: "seeds" },
      ...series.counts.map((count) => ({ key: `n${count}`, title: `${count} of each` })),
    ],
    rows: series.densities.flatMap((density) =>
      ARMS.flatMap(({ name }) => {
        const all = series.counts.map((count) => accuracyOf(series, count, measured, name, density));
        const seeds = Math.max(...all.map((own) => own.size));
        if (seeds === 0) return [];
        const cells = series.counts.map((count, k) => [`n${count}`, meanAndInterval([...all[k]!.values()])]);
        return [{ density, method: name, seeds, ...Object.fromEntries(cells) }];
      }),
    ),
  };
}

function figureRows(series: Series, measured: Measured, density: number): FigureRow[] {
  return ARMS.flatMap(({ name, method }) =>
    series.counts.flatMap((count) =>
      [...accuracyOf(series, count, measured, name, density)].map(([seed, percent]) => ({
        ...{ method, series: name, density, seed, examples: count, accuracy: percent / 100 },
      })),
    ),
  );
}
