/**
 * Masks that change while a network trains, each rule against the static masks that it begins with, and against the others:
 * is a network more accurate if its connections move, and is growth along paths better than growth by gradients or at random?
 */
import { formatPercent } from "@phew/core";
import { accuracyOverDensity, type FigureRow, type Report } from "@phew/report";
import type { Settings } from "@phew/runs/sweeps";
import type { TrainConfig } from "../../settings/configuration.ts";
import type { Claim, Evidence, Experiment, Findings, Measured, Plan, RunGrid, Scale } from "../experiment.ts";
import { figure } from "../figure.ts";
import { bySeed, evidenceOf } from "../judge.ts";
import { labelOf } from "../maskWords.ts";
import { type BySeed, minus } from "../statistics.ts";
import { meanAndInterval } from "../tables.ts";
import { YARDSTICKS } from "../yardsticks.ts";
import { GRIDS } from "./accuracy.ts";

/** First masks and a rule; without a rule they stay. */
interface Arm {
  readonly name: string;
  readonly method: string;
  readonly rule?: string;
  readonly ruleOptions?: Readonly<Record<string, number | string>>;
}

/** One network on one data set, trained with each rule. */
interface Case {
  readonly name: string;
  readonly settings: RunGrid["settings"];
  readonly densities: readonly number[];
  readonly seedCount: number;
  /** Static masks: a grid of `accuracy`, or of this experiment where that has none of them. */
  readonly statics: RunGrid;
  readonly rules: readonly Arm[];
}

const STATIC: readonly Arm[] = ["phew", "erk", "synflow"].map((method) => ({
  name: `static ${method}`,
  method,
}));

/**
 * @param every steps between two changes; undefined for those of each rule
 * @param rare for `gse`, which changes masks less often over a longer time
 */
function rulesEvery(every: number | undefined, rare: number | undefined): Arm[] {
  const at = (steps: number | undefined) => (steps === undefined ? {} : { ruleOptions: { every: steps } });
  return [
    { name: "set", method: "erk", rule: "set", ...at(every) },
    { name: "rigl", method: "erk", rule: "rigl", ...at(every) },
    { name: "gse", method: "erk", rule: "gse", ...at(rare) },
    { name: "path-grow", method: "phew", rule: "path-grow" },
    { name: "path-rewire", method: "phew", rule: "path-rewire", ...at(every) },
    { name: "path-rewire from erk", method: "erk", rule: "path-rewire", ...at(every) },
  ];
}

/** The masks of a perceptron are the graphs that Cannistraci–Hebb training is made for. */
const cht = (every: number): Arm => ({ name: "cht", method: "erk", rule: "cht", ruleOptions: { every } });

/** Runs of `accuracy` that are the controls here. */
function staticsOf(name: string, scale: Scale, densities: readonly number[], seedCount: number): RunGrid {
  const grid = GRIDS[scale].find((each) => each.name === name)!;
  const seeds = Array.from({ length: seedCount }, (_, seed) => seed);
  return { ...grid, of: "accuracy", only: { method: ["phew", "erk"], density: densities, seed: seeds } };
}

function caseOf(name: string, scale: Scale, sizes: Pick<Case, "densities" | "seedCount" | "rules">): Case {
  const statics = staticsOf(name, scale, sizes.densities, sizes.seedCount);
  return { name, settings: statics.settings, statics, ...sizes };
}

const GLYPHS = GRIDS.smoke[0]!.settings;

const CASES: Readonly<Record<Scale, readonly Case[]>> = {
  smoke: [
    {
      ...{ name: "glyphs-lenet5", settings: GLYPHS, densities: [0.05], seedCount: 2 },
      statics: {
        ...{ name: "glyphs-lenet5-static", settings: GLYPHS, seedCount: 2 },
        grid: { density: [0.05], method: ["phew", "erk"] },
      },
      rules: rulesEvery(5, 5),
    },
  ],
  // 785 and 942 steps: as many changes as in the published runs would be one in 2 steps; 29 and 35 here
  laptop: [
    caseOf("mnist-mlp", "laptop", {
      densities: [0.05, 0.02],
      seedCount: 10,
      rules: [...rulesEvery(20, 12), cht(20)],
    }),
    caseOf("cifar10-resnet20", "laptop", {
      densities: [0.05, 0.02],
      seedCount: 3,
      rules: rulesEvery(20, 12),
    }),
  ],
  paper: [
    caseOf("cifar10-resnet20", "paper", {
      ...{ densities: [0.05, 0.02], seedCount: 5, rules: rulesEvery(undefined, undefined) },
    }),
  ],
};

const rulesGrid = ({ name, settings, densities, rules: arms, seedCount }: Case): RunGrid => ({
  name: `${name}-rules`,
  settings,
  list: arms.flatMap(({ name: _, ...arm }) => densities.map((density) => ({ ...arm, density }) as Settings)),
  seedCount,
});

const PAIRS: readonly (readonly [string, string, string])[] = [
  [
    "Growth along paths is better than by gradients: path-rewire is more accurate than RigL.",
    "path-rewire",
    "rigl",
  ],
  ["The same from the same first masks.", "path-rewire from erk", "rigl"],
  [
    "Growth along paths is better than at random: path-rewire is more accurate than SET.",
    "path-rewire",
    "set",
  ],
  ["The same of SET from the same first masks.", "path-rewire from erk", "set"],
  ["A network that grows along paths is more accurate than one trained by RigL.", "path-grow", "rigl"],
  ["A network that grows along paths is more accurate than one trained by SET.", "path-grow", "set"],
  [
    "A path guides growth as well as GSE's gradients of candidates, or better.",
    "path-rewire from erk",
    "gse",
  ],
];

export const rules: Experiment = {
  name: "rules",
  question: "are networks more accurate if their masks change, and by which rule?",
  plan: (scale, datasets): Plan => ({
    runs: CASES[scale]
      .filter(({ settings }) => datasets.has(settings.dataset as string))
      .flatMap((each) => [each.statics, rulesGrid(each)]),
  }),
  analyse(measured, scale): Findings {
    const run = CASES[scale].filter((each) => measured.runs(rulesGrid(each).name).length > 0);
    const compared = (a: string, b: string) => run.flatMap((each) => comparisons(each, measured, a, b));
    return {
      claims: [
        ...controlled(run).map(({ name, control }) => ({
          claim: `Networks of ${name} are more accurate than those whose masks stay (${control}).`,
          evidence: compared(name, control),
        })),
        ...PAIRS.map(([claim, a, b]): Claim => ({ claim, evidence: compared(a, b) })),
        {
          claim:
            "The published order is found here: RigL before masks of ERK that stay, these before SynFlow's.",
          evidence: [...compared("rigl", "static erk"), ...compared("static erk", "static synflow")],
        },
      ].filter(({ evidence }) => evidence.length > 0),
      tables: run.map((each) => ({
        name: each.name,
        title: `${whereOf(each)}: test accuracy`,
        report: tableOf(each, measured),
      })),
      figures: run.flatMap((each) =>
        figure(
          each.name,
          `Accuracy of each rule over density: ${whereOf(each)}`,
          accuracyOverDensity,
          figureRows(each, measured),
          `${each.settings.model} · ${each.settings.dataset}`,
        ),
      ),
      notes: notesOf(run, measured, scale),
    };
  },
};

const whereOf = ({ settings }: Case) => `${settings.model} on ${settings.dataset}`;

/** Each rule with the masks that it begins with, as they stay. */
function controlled(run: readonly Case[]): { name: string; control: string }[] {
  const arms = run.flatMap((each) => each.rules);
  return arms
    .filter(({ name }, k) => arms.findIndex((other) => other.name === name) === k)
    .map(({ name, method }) => ({ name, control: `static ${method}` }));
}

/** Percent of the test examples, by seed. */
function accuracyOf(each: Case, measured: Measured, name: string, density: number): BySeed {
  const arm = [...STATIC, ...each.rules].find((one) => one.name === name);
  if (arm === undefined) return new Map();
  const rows = measured.runs(arm.rule === undefined ? each.statics.name : rulesGrid(each).name);
  return bySeed(rows, labelOf(settingsOf(arm)), density, (row) => 100 * row.accuracy);
}

const settingsOf = ({ method, rule, ruleOptions }: Arm) =>
  ({ method, options: {}, rule, ruleOptions }) as unknown as Parameters<typeof labelOf>[0] &
    Partial<TrainConfig>;

function comparisons(each: Case, measured: Measured, a: string, b: string): Evidence[] {
  return each.densities.flatMap((density) => {
    const of = (name: string) => accuracyOf(each, measured, name, density);
    const what = `${whereOf(each)}, ${formatPercent(density)}: ${a} − ${b}`;
    return evidenceOf(what, of(a), of(b), { unit: "points", supports: "positive" });
  });
}

function tableOf(each: Case, measured: Measured): Report {
  return {
    columns: [
      { key: "density", title: "density", format: formatPercent },
      { key: "rule", title: "rule" },
      { key: "from", title: "first masks" },
      { key: "seeds", title: "seeds" },
      { key: "accuracy", title: "test accuracy %" },
      { key: "gain", title: "− static" },
      { key: "published", title: "published %" },
    ],
    rows: each.densities.flatMap((density) =>
      [...STATIC, ...each.rules].flatMap((arm) => {
        const own = accuracyOf(each, measured, arm.name, density);
        if (own.size === 0) return [];
        const gain = minus(own, accuracyOf(each, measured, `static ${arm.method}`, density));
        return [
          {
            ...{ density, rule: arm.rule ?? "static", from: arm.method, seeds: own.size },
            accuracy: meanAndInterval([...own.values()]),
            gain: arm.rule === undefined ? undefined : meanAndInterval([...gain.values()]),
            published: publishedOf(each, arm.rule ?? arm.method, density),
          },
        ];
      }),
    ),
  };
}

function publishedOf({ settings }: Case, method: string, density: number): number | undefined {
  return publishedAt(settings, density).find((one) => one.method === method)?.accuracy;
}

const publishedAt = ({ model, dataset }: RunGrid["settings"], density: number) =>
  YARDSTICKS.filter((one) => one.model === model && one.dataset === dataset && one.density === density);

function figureRows(each: Case, measured: Measured): FigureRow[] {
  return [...STATIC, ...each.rules].flatMap((arm) =>
    each.densities.flatMap((density) =>
      [...accuracyOf(each, measured, arm.name, density)].map(([seed, percent]) => ({
        ...{ method: arm.method, series: arm.name, density, seed, accuracy: percent / 100 },
      })),
    ),
  );
}

function notesOf(run: readonly Case[], measured: Measured, scale: Scale): string[] {
  return [
    ...run.flatMap(({ settings, densities }) =>
      densities.flatMap((density) => {
        const order = [...publishedAt(settings, density)].sort((a, b) => b.accuracy - a.accuracy);
        if (order.length === 0) return [];
        const words = order.map(({ method, accuracy }) => `${method} ${accuracy}`).join(", ");
        return [
          `Published for ${settings.model} at ${formatPercent(density)} (${order[0]!.source}): ${words}.`,
        ];
      }),
    ),
    ...(scale === "paper" || run.every(({ settings }) => settings.dataset !== "cifar10")
      ? []
      : [
          "What differs from the published runs: 6 epochs over 10,000 images in batches of 64 for 160 over 50,000 in batches of 128 (942 steps for 62,560), rates by a cosine for steps at epochs 80 and 120, weight decay 5e-4 for 1e-4; so a change every 20 steps for every 100 (GSE: 12 for 1,000), 35 changes for about 470. RigL and SET replace 30 % by a cosine to 3/4 of the run, where the published runs replace 50 % to the end. The order can be compared, the numbers cannot.",
        ]),
    "Every rule ends at the density of its row; path-grow begins at a quarter of it, so that it takes fewer multiply-adds than the others.",
    "SynFlow's masks are those of the experiment accuracy, where it was run.",
    ...CASES[scale]
      .filter((each) => measured.runs(rulesGrid(each).name).length === 0)
      .map(({ name }) => `Not run: ${name}.`),
  ];
}
