/**
 * Cost of a training step by density: multiply-adds, which are the same on every computer, and time and memory of the
 * sparse executor and of dense PyTorch, which are reported with the computer and the date.
 */
import {
  formatPercent,
  initialise,
  multiplyAdds,
  ownInitialisation,
  prune,
  type Weights,
  zooModel,
} from "@phew/core";
import type { ChartSpec, Row } from "@phew/report";
import { describeEnvironment, formatMeasure, formatMegabytes, grouped } from "@phew/runs";
import { benchTrain } from "@phew/training/bench";
import type { Claim, Evidence, Experiment, Findings, Measurement, Scale } from "../experiment.ts";
import { bySeed, claimOf, evidenceOf } from "../judge.ts";
import { meanAndInterval } from "../tables.ts";

const METHODS = ["phew", "uniform-walk", "erk", "random", "synflow", "synflow-l2"];

interface Size {
  readonly models: readonly string[];
  readonly densities: readonly number[];
  readonly seedCount: number;
  readonly batchSize: number;
  /** How steps are timed. */
  readonly roundCount: number;
  readonly roundMs: number;
  readonly baseline: string;
}

const SIZES: Readonly<Record<Scale, Size>> = {
  smoke: {
    ...{ models: ["lenet5"], densities: [0.1, 0.02], seedCount: 2 },
    ...{ batchSize: 16, roundCount: 1, roundMs: 50, baseline: "none" },
  },
  laptop: {
    ...{ models: ["lenet5", "resnet20"], densities: [0.5, 0.2, 0.1, 0.05, 0.02], seedCount: 5 },
    ...{ batchSize: 128, roundCount: 5, roundMs: 1000, baseline: "torch" },
  },
  paper: {
    ...{ models: ["resnet20", "vgg19-bn"], densities: [0.5, 0.2, 0.1, 0.05, 0.02, 0.01], seedCount: 10 },
    ...{ batchSize: 128, roundCount: 9, roundMs: 3000, baseline: "torch" },
  },
};

interface OperationsRow {
  readonly key: string;
  readonly model: string;
  readonly method: string;
  readonly density: number;
  readonly seed: number;
  /** Multiply-adds of one example's forward pass: of all weights, and of kept ones. */
  readonly dense: number;
  readonly kept: number;
}

const operations = ({ models, densities, seedCount }: Size): Measurement<OperationsRow> => ({
  name: "operations",
  shape: {
    ...{ key: "text", model: "text", method: "text", density: "number", seed: "number" },
    ...{ dense: "number", kept: "number" },
  } as const,
  keys: models.flatMap((model) =>
    Array.from({ length: seedCount }, (_, seed) =>
      densities.flatMap((density) => METHODS.map((method) => `${model} ${method} ${density} ${seed}`)),
    ).flat(),
  ),
  async measure(key, signal) {
    const [model, method, ...numbers] = key.split(" ") as [string, string, string, string];
    const [density, seed] = numbers.map(Number) as [number, number];
    const network = zooModel(model);
    const weights: Weights = await initialise(network, {
      seed,
      initialisation: ownInitialisation(network),
    });
    const { masks } = await prune(network, weights, { method, density, seed, signal });
    const { dense, kept } = multiplyAdds(network, { masks });
    return { key, model, method, density, seed, dense, kept };
  },
});

interface TimesRow {
  readonly key: string;
  readonly model: string;
  /** 1 of the dense network. */
  readonly density: number;
  readonly machine: string;
  readonly threads: number;
  readonly date: string;
  /** Milliseconds of a step, medians; NaN without PyTorch. */
  readonly stepMs: number;
  readonly torchMs: number;
  /** Ratio of speeds; median over alternating rounds. */
  readonly ratio: number;
  /** Peak memory minus the memory of the process before the first step, in bytes. */
  readonly grown: number;
  readonly torchGrown: number;
  /** Weights, activations and optimiser as planned, in bytes. */
  readonly planned: number;
}

const times = ({ models, densities, ...size }: Size): Measurement<TimesRow> => ({
  name: "times",
  shape: {
    ...{ key: "text", model: "text", density: "number", machine: "text", threads: "number", date: "text" },
    ...{ stepMs: "number", torchMs: "number", ratio: "number", grown: "number", torchGrown: "number" },
    planned: "number",
  } as const,
  keys: models.flatMap((model) => [1, ...densities].map((density) => `${model} ${density}`)),
  async measure(key, signal) {
    const [model, text] = key.split(" ") as [string, string];
    const density = Number(text);
    const { batchSize, roundCount, roundMs, baseline } = size;
    const report = await benchTrain({
      ...{ model, density, batchSize, roundCount, baseline, signal, seed: 0 },
      method: density === 1 ? "dense" : "phew",
      round: { stepCount: 2, milliseconds: roundMs },
    });
    const { ours, baseline: torch, ratio } = report;
    const { cpu, coreCount } = describeEnvironment();
    const grown = (of: typeof ours) => of.memory.peakBytes - of.memory.startBytes;
    return {
      ...{ key, model, density, machine: `${cpu.replaceAll(",", " ")} ${coreCount} cores` },
      ...{ threads: ours.threadCount ?? NaN, date: new Date().toISOString().slice(0, 10) },
      ...{ stepMs: ours.stepMilliseconds.median, torchMs: torch?.stepMilliseconds.median ?? NaN },
      ...{ ratio: ratio?.median ?? NaN, grown: grown(ours) },
      ...{ torchGrown: torch === undefined ? NaN : grown(torch), planned: ours.plan?.processBytes ?? NaN },
    };
  },
});

export const cost: Experiment = {
  name: "cost",
  question: "what does a step of training cost over the density?",
  plan: (scale) => ({ own: [operations(SIZES[scale]), times(SIZES[scale])] }),
  analyse(measured, scale) {
    const rows = measured.own(operations(SIZES[scale]));
    const timed = measured.own(times(SIZES[scale]));
    return {
      claims: [
        proportionClaim(rows),
        {
          claim: "PHEW's masks need no more multiply-adds than SynFlow's of the same density.",
          evidence: comparisons(rows, "phew", "synflow"),
        },
        timeClaim(timed),
        memoryClaim(timed),
      ],
      tables: [operationsTable(rows), ...(timed.length === 0 ? [] : [timesTable(timed)])],
      figures: timed.length === 0 ? [] : [timesFigure(timed)],
      notes: [
        "Multiply-adds are those of one example's forward pass; backward takes about twice as many. Times and memory are of one machine on one day: another run gives others.",
      ],
    };
  },
};

const share = ({ kept, dense }: OperationsRow) => (100 * kept) / dense;
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** "In proportion" means within this factor. */
const NEAR = 1.5;

function proportionClaim(rows: readonly OperationsRow[]): Claim {
  const claim = "The multiply-adds of PHEW's networks fall in proportion to the density.";
  const own = rows.filter(({ method }) => method === "phew");
  const cases = grouped(own, ({ model, density }) => `${model} ${density}`).map((group) => {
    const [{ model, density }] = group as [OperationsRow];
    const part = mean(group.map(share)) / 100;
    return {
      is: part / density < NEAR,
      words: `${model}, ${formatPercent(density)} of weights: ${formatPercent(part)} of multiply-adds`,
    };
  });
  return claimOf(claim, cases);
}

function timeClaim(rows: readonly TimesRow[]): Claim {
  const own = rows.filter(({ density, ratio }) => density < 1 && Number.isFinite(ratio));
  return claimOf(
    "A step of the sparse executor takes less time than one of dense PyTorch.",
    own.map(({ model, density, ratio }) => ({
      is: ratio > 1,
      words: `${model}, ${formatPercent(density)}: ${ratio.toPrecision(2)} times as fast`,
    })),
  );
}

function memoryClaim(rows: readonly TimesRow[]): Claim {
  const cases = rows.flatMap(({ model, density, grown }) => {
    const dense = rows.find((row) => row.model === model && row.density === 1);
    if (dense === undefined || density === 1) return [];
    const words = `${model}, ${formatPercent(density)}: ${formatMegabytes(grown)}, dense ${formatMegabytes(dense.grown)}`;
    return [{ is: grown < dense.grown, words }];
  });
  return claimOf("Training takes less memory than that of the dense network.", cases);
}

function comparisons(rows: readonly OperationsRow[], a: string, b: string): Evidence[] {
  return grouped(rows, ({ model, density }) => `${model} ${density}`).flatMap((group) => {
    const [{ model, density }] = group as [OperationsRow];
    const of = (method: string) => bySeed(group, method, density, share);
    const what = `${model}, ${formatPercent(density)}: ${a} − ${b}, multiply-adds`;
    return evidenceOf(what, of(a), of(b), { unit: "% of the dense network's", supports: "negative" });
  });
}

function operationsTable(rows: readonly OperationsRow[]): Findings["tables"][number] {
  return {
    name: "operations",
    title: "Multiply-adds of the kept weights, one example forward",
    report: {
      columns: [
        { key: "model", title: "model" },
        { key: "density", title: "density", format: formatPercent },
        { key: "method", title: "method" },
        { key: "seeds", title: "seeds" },
        { key: "kept", title: "thousands" },
        { key: "share", title: "% of dense" },
      ],
      rows: grouped(rows, ({ model, density, method }) => `${model} ${density} ${method}`).map(
        (own): Row => ({
          ...{ model: own[0]!.model, density: own[0]!.density, method: own[0]!.method, seeds: own.length },
          kept: meanAndInterval(own.map(({ kept }) => kept / 1000)),
          share: meanAndInterval(own.map(share), 2),
        }),
      ),
    },
  };
}

function timesTable(rows: readonly TimesRow[]): Findings["tables"][number] {
  const known = (value: number) => (Number.isFinite(value) ? value : undefined);
  return {
    name: "times",
    title: "Steps of training, sparse executor and dense PyTorch",
    report: {
      columns: [
        { key: "model", title: "model" },
        { key: "density", title: "density", format: formatPercent },
        { key: "step", title: "ms a step", format: formatMeasure },
        { key: "torch", title: "PyTorch, dense", format: formatMeasure },
        { key: "ratio", title: "times as fast", format: formatMeasure },
        { key: "grown", title: "memory", format: formatMegabytes },
        { key: "planned", title: "as planned", format: formatMegabytes },
        { key: "torchGrown", title: "PyTorch's", format: formatMegabytes },
        { key: "machine", title: "machine" },
        { key: "date", title: "date" },
      ],
      rows: rows.map(
        (row): Row => ({
          ...{ model: row.model, density: row.density, machine: row.machine, date: row.date },
          ...{ step: row.stepMs, torch: known(row.torchMs), ratio: known(row.ratio) },
          ...{ grown: row.grown, planned: known(row.planned), torchGrown: known(row.torchGrown) },
        }),
      ),
    },
  };
}

function timesFigure(rows: readonly TimesRow[]): Findings["figures"][number] {
  const values = rows.flatMap(({ model, density, stepMs, torchMs }) =>
    [
      { model, density, ms: stepMs, executor: "sparse executor" },
      { model, density, ms: torchMs, executor: "PyTorch, dense" },
    ].filter(({ ms }) => Number.isFinite(ms)),
  );
  const [{ machine, date }] = rows as [TimesRow];
  const title = "Time of a training step over density";
  const logarithmic = { type: "quantitative", scale: { type: "log", nice: false } };
  const spec = {
    title: { text: title, subtitle: [`${machine} · ${date}`] },
    data: { values },
    facet: { column: { field: "model", type: "nominal", title: null } },
    resolve: { scale: { y: "independent" } },
    spec: {
      width: 300,
      height: 300,
      mark: { type: "line", point: { size: 40, filled: true } },
      encoding: {
        x: { ...logarithmic, field: "density", title: "density (logarithmic)", axis: { format: "%" } },
        y: { ...logarithmic, field: "ms", title: "milliseconds a step (logarithmic)" },
        color: { field: "executor", type: "nominal", scale: { range: ["#d55e00", "#0072b2"] } },
      },
    },
  } as ChartSpec;
  return { name: "times", title, spec };
}
