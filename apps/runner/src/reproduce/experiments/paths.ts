/**
 * Path kernel trace and widths of the methods' masks over densities and initialisations: is PHEW's trace above that of
 * walks without bias, and near SynFlow-L2's? Traces are compared by their logarithm, since they differ by powers of ten.
 */
import { formatPercent } from "@phew/core";
import { FIGURES } from "@phew/report";
import type { Evidence, Experiment, Findings, MaskGrid, Measured, Scale } from "../experiment.ts";
import { bySeed, evidenceOf } from "../judge.ts";
import type { MaskRow } from "../results.ts";
import { maskTable } from "../tables.ts";

const METHODS = ["phew", "uniform-walk", "random", "erk", "magnitude", "synflow", "synflow-l2"];
const INITS = ["kaiming-fan-in", "kaiming-fan-out", "xavier-normal", "normal"];
/** "Near" is a factor of ten. */
const NEAR = 1;

const SIZES: Readonly<
  Record<Scale, { models: readonly string[]; densities: readonly number[]; seedCount: number }>
> = {
  smoke: { models: ["lenet5"], densities: [0.1, 0.02], seedCount: 3 },
  laptop: { models: ["lenet5", "resnet20"], densities: [0.1, 0.05, 0.02, 0.01], seedCount: 5 },
  paper: {
    models: ["resnet20", "vgg11-bn", "vgg19-bn"],
    densities: [0.2, 0.1, 0.05, 0.02, 0.01],
    seedCount: 10,
  },
};

function gridsOf(scale: Scale): MaskGrid[] {
  const { models, densities, seedCount } = SIZES[scale];
  return models.flatMap((model) => [
    { name: model, model, methods: METHODS, densities, seedCount },
    ...INITS.map((init) => ({
      name: `${model}-${init}`,
      ...{
        model,
        init,
        methods: ["phew", "uniform-walk", "synflow-l2"],
        densities: [densities[0]!],
        seedCount,
      },
    })),
  ]);
}

export const paths: Experiment = {
  name: "paths",
  question:
    "is the path kernel trace of PHEW's masks above that of walks without bias, and near SynFlow-L2's?",
  plan: (scale) => ({ masks: gridsOf(scale) }),
  analyse(measured, scale) {
    const grids = gridsOf(scale);
    const compared = (a: string, b: string, supports: Evidence["supports"], value = trace) =>
      grids.flatMap((grid) => comparisons(grid, measured, a, b, supports, value));
    const gap = compared("synflow-l2", "phew", "negative");
    return {
      claims: [
        {
          claim: "Walks biased by weight give a greater path kernel trace than walks without bias.",
          evidence: compared("phew", "uniform-walk", "positive"),
        },
        {
          claim: "PHEW's path kernel trace is like SynFlow-L2's.",
          evidence: gap,
          given: {
            verdict: gap.every(({ mean }) => Math.abs(mean) < NEAR) ? "holds" : "does not hold",
            because: `taken as within a factor of 10 at every density; SynFlow-L2's is greater by ${gap
              .map(({ what, mean }) => `${factor(mean)} (${what.split(":")[0]})`)
              .join(", ")}`,
          },
        },
        {
          claim: "PHEW's layers are wider than SynFlow-L2's.",
          evidence: compared("phew", "synflow-l2", "positive", width),
        },
      ],
      tables: grids.map((grid) => ({
        name: grid.name,
        title: `Masks of ${grid.model}${grid.init === undefined ? "" : `, weights drawn by ${grid.init}`}`,
        report: maskTable(measured.masks(grid.name)),
      })),
      figures: grids.flatMap((grid) => figuresOf(grid, measured)),
      notes: ["The reference code turns one layer too early at projection blocks; ours does not."],
    };
  },
};

/** Two figures of each network with its own initial weights: the trace over the density, and over the width. */
function figuresOf({ name, model, init }: MaskGrid, measured: Measured): Findings["figures"] {
  if (init !== undefined) return [];
  return ["path-kernel-trace", "trace-against-width"].flatMap((kind) => {
    const spec = FIGURES[kind]!(measured.masks(name), model);
    const title = `${kind === "path-kernel-trace" ? "Trace over density" : "Trace against width"}, ${model}`;
    return spec === undefined ? [] : [{ name: `${name}-${kind}`, title, spec }];
  });
}

const trace = { name: "log10 of the trace", unit: "powers of ten", of: (row: MaskRow) => row.logTrace };
const width = { name: "mean width", unit: "% of units", of: (row: MaskRow) => 100 * row.meanWidth };
const factor = (log: number) => `10^${log.toFixed(1)}`;

/** One for each density of the grid at which both methods have a path. */
function comparisons(
  { name, densities, init, model }: MaskGrid,
  measured: Measured,
  a: string,
  b: string,
  supports: Evidence["supports"],
  value: typeof trace,
): Evidence[] {
  const rows = measured.masks(name);
  return densities.flatMap((density) => {
    const of = (method: string) => bySeed(rows, method, density, value.of);
    const where = `${model}${init === undefined ? "" : ` by ${init}`}, ${formatPercent(density)}`;
    return evidenceOf(`${where}: ${a} − ${b}, ${value.name}`, of(a), of(b), { unit: value.unit, supports });
  });
}
