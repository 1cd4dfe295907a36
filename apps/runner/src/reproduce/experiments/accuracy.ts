/** Test accuracy after training by density, with one recipe for all methods: is PHEW the best method without data? */
import { formatPercent } from "@phew/core";
import { accuracyOverDensity, type FigureRow } from "@phew/report";
import type { Evidence, Experiment, Findings, Measured, RunGrid, Scale } from "../experiment.ts";
import { figure } from "../figure.ts";
import { bySeed, evidenceOf } from "../judge.ts";
import type { RunRow } from "../results.ts";
import { accuracyTable, powerTable } from "../tables.ts";
import { yardstickOf } from "../yardsticks.ts";
import { CIFAR_RECIPE, CIFAR_RESNET_RECIPE } from "./cifar.ts";

const METHODS = [
  ...["phew", "uniform-walk", "erk", "synflow", "synflow-l2"],
  ...["snip", "grasp", "magnitude", "random"],
];
const DENSITIES = [0.1, 0.05, 0.02];
const PUBLISHED = { dataset: "cifar10", recipe: "phew" };

const grid = { density: DENSITIES, method: METHODS };
const list = [{ method: "dense" }];

/** For each scale; other experiments study the first one. */
export const GRIDS: Readonly<Record<Scale, readonly RunGrid[]>> = {
  smoke: [
    {
      name: "glyphs-lenet5",
      settings: {
        model: "lenet5",
        dataset: "glyphs",
        trainCount: 600,
        testCount: 300,
        epochs: 2,
        batchSize: 32,
      },
      grid: { density: [0.05], method: ["phew", "uniform-walk", "synflow", "random"] },
      list,
      seedCount: 3,
    },
  ],
  laptop: [
    {
      name: "glyphs-lenet5",
      settings: {
        model: "lenet5",
        dataset: "glyphs",
        trainCount: 4000,
        testCount: 2000,
        epochs: 10,
        batchSize: 32,
      },
      ...{ grid, list, seedCount: 10 },
    },
    ...["lenet5", "mlp"].map((model) => ({
      name: `mnist-${model}`,
      settings: { model, dataset: "mnist", trainCount: 10_000, testCount: 10_000, epochs: 5, batchSize: 64 },
      ...{ grid, list, seedCount: 10 },
    })),
    ...Object.entries({ "vgg-small": CIFAR_RECIPE, resnet20: CIFAR_RESNET_RECIPE }).map(
      ([model, recipe]) => ({
        name: `cifar10-${model}`,
        settings: { model, dataset: "cifar10", ...recipe, trainCount: 10_000, testCount: 5000 },
        ...{
          grid: { ...grid, method: METHODS.filter((method) => method !== "magnitude") },
          list,
          seedCount: 3,
        },
      }),
    ),
  ],
  paper: ["resnet20", "vgg19-bn"].map((model) => ({
    name: `cifar10-${model}`,
    settings: { model, ...PUBLISHED },
    ...{ grid, list, seedCount: 5 },
  })),
};

function gridsOf(scale: Scale, datasets: ReadonlySet<string>): RunGrid[] {
  return GRIDS[scale].filter(({ settings }) => datasets.has(settings.dataset as string));
}

export const accuracy: Experiment = {
  name: "accuracy",
  question: "how accurate does each method's network become, over the density?",
  plan: (scale, datasets) => ({ runs: gridsOf(scale, datasets) }),
  analyse(measured, scale): Findings {
    const claims = CLAIMS.map(([claim, other]) => ({
      claim,
      evidence: GRIDS[scale].flatMap((each) => comparisons(each, measured, "phew", other)),
    }));
    const run = GRIDS[scale].filter(({ name }) => measured.runs(name).length > 0);
    const used = sourcesOf(run.flatMap(({ name }) => measured.runs(name)));
    return {
      claims,
      tables: [
        ...run.map(({ name, settings: { model, dataset } }) => ({
          name,
          title: `${model} on ${dataset}`,
          report: accuracyTable(measured.runs(name)),
        })),
        {
          name: "power",
          title: "What so many seeds can show (test accuracy)",
          report: powerTable(claims.flatMap(({ evidence }) => evidence)),
        },
      ],
      figures: run.flatMap(({ name, settings: { model, dataset } }) => {
        const rows = [...measured.runs(name), ...publishedRows(measured.runs(name))];
        return figure(
          name,
          `Accuracy over density: ${model} on ${dataset}`,
          accuracyOverDensity,
          rows,
          `${model} · ${dataset}`,
        );
      }),
      notes: [
        ...used.map(
          (source) =>
            `Published: ${source}; 160 epochs over all 50,000 images${scale === "paper" ? "" : ", of which fewer are seen here, over fewer epochs: the order of methods can be compared, the numbers cannot"}.`,
        ),
        ...GRIDS[scale]
          .filter(({ name }) => measured.runs(name).length === 0)
          .map(({ name }) => `Not run: ${name}.`),
      ],
    };
  },
};

const CLAIMS = [
  ["PHEW is more accurate than SynFlow.", "synflow"],
  ["PHEW is more accurate than SynFlow-L2.", "synflow-l2"],
  ["The bias of the walks makes PHEW more accurate.", "uniform-walk"],
  ["PHEW is more accurate than a random mask.", "random"],
  ["PHEW is more accurate than random masks of ERK's layer densities.", "erk"],
  ["PHEW is more accurate than SNIP, which looks at data.", "snip"],
  ["PHEW is more accurate than GraSP, which looks at data.", "grasp"],
] as const;

/** Results that others published for these networks, as runs of one seed. */
function publishedRows(rows: readonly RunRow[]): FigureRow[] {
  const known = new Set(rows.flatMap((row) => yardstickOf(row) ?? []));
  return [...known].map(({ method, density, accuracy: percent }) => ({
    ...{ method, series: `${method} (published)`, density, seed: 0, accuracy: percent / 100 },
  }));
}

/** The sources of the yardsticks of these runs, each once. */
function sourcesOf(rows: readonly RunRow[]): string[] {
  return [...new Set(rows.flatMap((row) => yardstickOf(row)?.source ?? []))];
}

function comparisons({ name, settings }: RunGrid, measured: Measured, a: string, b: string): Evidence[] {
  const rows = measured.runs(name);
  const densities = [...new Set(rows.map((row) => row.density))].filter((density) => density < 1);
  return densities.flatMap((density) => {
    const of = (method: string) => bySeed(rows, method, density, (row) => 100 * row.accuracy);
    const what = `${settings.model} on ${settings.dataset}, ${formatPercent(density)}: ${a} − ${b}`;
    return evidenceOf(what, of(a), of(b), { unit: "points", supports: "positive" });
  });
}
