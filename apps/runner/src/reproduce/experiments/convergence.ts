/**
 * How fast each method's network learns, and whether that depends on its path kernel trace: the slides claim that a
 * greater trace means faster convergence. The runs are those of `accuracy`.
 *   area      mean test accuracy over the steps, trapezoids from the first evaluation to the last
 *   steps     until a given fraction of the dense network's last accuracy, interpolated between two evaluations
 *   loss      mean of the training losses of all epochs
 */
import { formatPercent } from "@phew/core";
import { learningBands } from "@phew/report";
import { grouped } from "@phew/runs";
import type { Claim, Evidence, Experiment, Findings, Measured, RunGrid, Scale } from "../experiment.ts";
import { figure } from "../figure.ts";
import { bySeed, evidenceOf } from "../judge.ts";
import type { RunRow } from "../results.ts";
import { rankCorrelation } from "../statistics.ts";
import { meanAndInterval } from "../tables.ts";
import { GRIDS } from "./accuracy.ts";

const METHODS = ["phew", "uniform-walk", "synflow", "synflow-l2", "random", "erk"];
/** A method has converged at this fraction of the dense network's mean accuracy after the last epoch. */
const LEVEL = 0.9;

/** Steps taken and test accuracy, at each evaluation. */
function curveOf({ accuracies, epochs, stepsPerEpoch }: RunRow): {
  steps: number[];
  accuracies: readonly number[];
} {
  // one more evaluation than epochs: the first is before any step
  const first = accuracies.length > epochs ? 0 : 1;
  return { steps: accuracies.map((_, k) => (first + k) * stepsPerEpoch), accuracies };
}

/** Mean accuracy over the steps; for a single evaluation its accuracy, for none NaN. */
export function areaUnder(row: RunRow): number {
  const { steps, accuracies } = curveOf(row);
  if (accuracies.length < 2) return accuracies[0] ?? NaN;
  let area = 0;
  for (let k = 1; k < steps.length; k++)
    area += ((steps[k]! - steps[k - 1]!) * (accuracies[k]! + accuracies[k - 1]!)) / 2;
  return area / (steps.at(-1)! - steps[0]!);
}

/** Steps until the accuracy first reaches the level: those of the first evaluation if it does already, NaN if never. */
export function stepsTo(level: number, row: RunRow): number {
  const { steps, accuracies } = curveOf(row);
  const k = accuracies.findIndex((accuracy) => accuracy >= level);
  if (k <= 0) return k === 0 ? steps[0]! : NaN;
  const part = (level - accuracies[k - 1]!) / (accuracies[k]! - accuracies[k - 1]!);
  return steps[k - 1]! + part * (steps[k]! - steps[k - 1]!);
}

const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const meanLoss = ({ losses }: RunRow) => meanOf(losses);

/** NaN if no dense network was trained. */
function levelOf(rows: readonly RunRow[]): number {
  return LEVEL * meanOf(rows.filter(({ method }) => method === "dense").map(({ accuracy }) => accuracy));
}

const MEASURES = {
  area: {
    name: "mean accuracy over the steps",
    unit: "points",
    supports: "positive",
    of: (row: RunRow) => 100 * areaUnder(row),
  },
  loss: { name: "mean training loss", unit: "nats", supports: "negative", of: meanLoss },
} as const;

export const convergence: Experiment = {
  name: "convergence",
  question: "how fast does each method's network learn, and does that go with its path kernel trace?",
  plan: (scale, datasets) => ({
    runs: GRIDS[scale]
      .filter(({ settings }) => datasets.has(settings.dataset as string))
      .map((grid) => ({ ...grid, of: "accuracy" })),
  }),
  analyse(measured, scale): Findings {
    const grids = GRIDS[scale].filter(({ name }) => measured.runs(name).length > 0);
    const against = (other: string, measure: keyof typeof MEASURES) =>
      grids.flatMap((grid) => comparisons(grid, measured.runs(grid.name), other, measure));
    return {
      claims: [
        ...METHODS.slice(1).map((other) => ({
          claim: `PHEW's networks learn faster than those of ${other}.`,
          evidence: [...against(other, "area"), ...against(other, "loss")],
        })),
        ...traceClaims(grids, measured),
      ],
      tables: grids.flatMap((grid) => tablesOf(grid, measured.runs(grid.name))),
      figures: grids.flatMap(({ name, settings }) => {
        const shown = measured
          .runs(name)
          .filter(({ method }) => method === "dense" || METHODS.includes(method));
        const shared = `${settings.model} · ${settings.dataset}`;
        return figure(
          name,
          `Learning curves: ${settings.model} on ${settings.dataset}`,
          learningBands,
          shown,
          shared,
        );
      }),
      notes: [
        `Steps are counted to ${formatPercent(LEVEL)} of the dense network's last accuracy; means are over the seeds that reach it.`,
        "Accuracy is measured after each epoch alone: what happens within the first is not seen.",
        ...notRun(scale, measured),
      ],
    };
  },
};

function notRun(scale: Scale, measured: Measured): string[] {
  const missing = GRIDS[scale].filter(({ name }) => measured.runs(name).length === 0);
  return missing.map(({ name }) => `Not run: ${name}.`);
}

const densitiesOf = (rows: readonly RunRow[]) =>
  [...new Set(rows.map(({ density }) => density))].filter((density) => density < 1);

function whereOf({ settings }: RunGrid, density: number): string {
  return `${settings.model} on ${settings.dataset}, ${formatPercent(density)}`;
}

function comparisons(
  grid: RunGrid,
  rows: readonly RunRow[],
  other: string,
  measure: keyof typeof MEASURES,
): Evidence[] {
  const { name, of, unit, supports } = MEASURES[measure];
  return densitiesOf(rows).flatMap((density) => {
    const what = `${whereOf(grid, density)}: phew − ${other}, ${name}`;
    const [a, b] = ["phew", other].map((method) => bySeed(rows, method, density, of));
    return evidenceOf(what, a!, b!, { unit, supports });
  });
}

/** Ranks of methods and densities by their mean trace and by their mean area. */
function traceClaims(grids: readonly RunGrid[], measured: Measured): Claim[] {
  return grids.flatMap((grid) => {
    const rows = measured.runs(grid.name);
    const own = densitiesOf(rows).map((density) => ({
      where: whereOf(grid, density),
      pairs: pairsOf(rows.filter((row) => row.density === density)),
    }));
    const all = {
      where: `${grid.settings.model} on ${grid.settings.dataset}`,
      pairs: own.flatMap(({ pairs }) => pairs),
    };
    const found = rankCorrelation(all.pairs);
    if (Number.isNaN(found.low)) return [];
    const verdict =
      found.low > 0
        ? ("holds" as const)
        : found.high < 0
          ? ("does not hold" as const)
          : ("not decided" as const);
    const correlations = [all, ...own].map(({ where, pairs }) => `${where}: ${correlationWords(pairs)}`);
    return [
      {
        claim: `The greater the path kernel trace, the faster a network learns (${all.where}).`,
        evidence: [],
        given: {
          verdict,
          because: `rank correlation of trace and mean accuracy over the steps, methods' means; ${correlations.join("; ")}`,
        },
      },
    ];
  });
}

/** For each method and density: mean of log10 trace / dense, mean area; without those that have no path. */
function pairsOf(rows: readonly RunRow[]): (readonly [number, number])[] {
  return grouped(rows, ({ method, density }) => `${density} ${method}`)
    .map(
      (own) =>
        [meanOf(own.map(({ logRelativeTrace }) => logRelativeTrace)), meanOf(own.map(areaUnder))] as const,
    )
    .filter(([trace]) => Number.isFinite(trace));
}

function correlationWords(pairs: readonly (readonly [number, number])[]): string {
  const { rho, low, high, count } = rankCorrelation(pairs);
  const interval = Number.isNaN(low) ? "" : ` (95 % interval ${low.toFixed(2)} to ${high.toFixed(2)})`;
  return `${rho.toFixed(2)}${interval} over ${count}`;
}

function tablesOf(grid: RunGrid, rows: readonly RunRow[]): Findings["tables"] {
  const level = levelOf(rows);
  const epochs = Math.max(...rows.map(({ accuracies }) => accuracies.length));
  const cells = grouped(rows, ({ density, method }) => `${density} ${method}`);
  const title = `${grid.settings.model} on ${grid.settings.dataset}`;
  const head = [
    { key: "density", title: "density", format: formatPercent },
    { key: "method", title: "method" },
    { key: "seeds", title: "seeds" },
  ];
  const named = (own: readonly RunRow[]) => ({
    density: own[0]!.density,
    method: own[0]!.method,
    seeds: own.length,
  });
  return [
    {
      name: grid.name,
      title: `Speed of learning: ${title}`,
      report: {
        columns: [
          ...head,
          { key: "area", title: "mean accuracy over the steps %" },
          { key: "loss", title: "mean training loss" },
          { key: "steps", title: `steps to ${formatPercent(level)}` },
          { key: "reached", title: "seeds that reach it" },
          { key: "trace", title: "log10 trace / dense" },
        ],
        rows: cells.map((own) => {
          const steps = own.map((row) => stepsTo(level, row)).filter(Number.isFinite);
          return {
            ...named(own),
            area: meanAndInterval(own.map((row) => 100 * areaUnder(row))),
            loss: meanAndInterval(own.map(meanLoss), 3),
            steps: meanAndInterval(steps, 0),
            reached: steps.length,
            trace: meanAndInterval(own.map((row) => row.logRelativeTrace).filter(Number.isFinite), 2),
          };
        }),
      },
    },
    {
      name: `${grid.name}-curves`,
      title: `Mean test accuracy % after each epoch: ${title}`,
      report: {
        columns: [
          ...head,
          ...Array.from({ length: epochs }, (_, k) => ({ key: `e${k}`, title: `${k + 1}` })),
        ],
        rows: cells.map((own) => ({
          ...named(own),
          ...Object.fromEntries(
            Array.from({ length: epochs }, (_, k) => [
              `e${k}`,
              (100 * meanOf(own.map(({ accuracies }) => accuracies[k] ?? NaN))).toFixed(1),
            ]),
          ),
        })),
      },
    },
  ];
}
