/**
 * Width: which methods' layers become narrow; how many walks pass a unit (W·v / N for a layer of N units that a share v
 * of W walks passes); where the greatest path kernel trace of a network with one hidden layer lies; and what width does
 * at the same number of weights in each layer (after Golubeva, Neyshabur & Gur-Ari 2021, arXiv:2010.14495).
 */
import { formatPercent } from "@phew/core";
import { accuracyAgainstWidth, layerWidths, traceAgainstWidth } from "@phew/report";
import type {
  Claim,
  Evidence,
  Experiment,
  Findings,
  MaskGrid,
  Measured,
  RunGrid,
  Scale,
} from "../experiment.ts";
import { bySeed, evidenceOf } from "../judge.ts";
import type { MaskRow } from "../results.ts";
import { accuracyTable, maskTable } from "../tables.ts";
import { type HiddenLayerCase, hiddenLayerFindings, hiddenLayerMeasurement } from "../width/hiddenLayer.ts";
import { unitWalksFindings, unitWalksMeasurement, type WalkCase } from "../width/unitWalks.ts";
import { CIFAR_RESNET_RECIPE } from "./cifar.ts";

const METHODS = ["phew", "uniform-walk", "erk", "random", "magnitude", "synflow", "synflow-l2"];
const NARROW = ["synflow", "synflow-l2"];
const FRACTIONS = [0, 0.25, 0.5, 0.75, 1];
const widened = (method: string, fraction: number) => `${method}+widen:fraction=${fraction}`;

interface Size {
  readonly models: readonly string[];
  readonly densities: readonly number[];
  readonly seedCount: number;
  readonly walks: readonly WalkCase[];
  readonly hidden: readonly HiddenLayerCase[];
  readonly runs: readonly RunGrid[];
}

/** Each mask unchanged, and shuffled over increasing numbers of units. */
function trained(
  model: string,
  dataset: string,
  settings: RunGrid["settings"],
  seedCount: number,
  fractions: readonly number[] = FRACTIONS,
): RunGrid {
  const { density: densities, ...others } = settings as { density: readonly number[] };
  return {
    name: `${dataset}-${model}`,
    settings: { model, dataset, ...others },
    list: densities.flatMap((density) =>
      NARROW.flatMap((method) => [
        { density, method },
        ...fractions.map((fraction) => ({ density, method, check: "widen", checkOptions: { fraction } })),
      ]),
    ),
    seedCount,
  };
}

const GLYPHS = { trainCount: 4000, testCount: 2000, epochs: 10, batchSize: 32 };
const SIZES: Readonly<Record<Scale, Size>> = {
  smoke: {
    ...{ models: ["lenet5"], densities: [0.02], seedCount: 3 },
    walks: [{ model: "lenet5", densities: [0.02], seedCount: 2 }],
    hidden: [
      { sizes: [6, 8, 4], keepCounts: [30], seedCount: 3 },
      { sizes: [64, 40, 10], keepCounts: [300], seedCount: 2, isLarge: true },
    ],
    runs: [
      trained(
        ...(["lenet5", "glyphs"] as const),
        { ...GLYPHS, density: [0.02], trainCount: 300, testCount: 200, epochs: 1 },
        2,
        [0, 1],
      ),
    ],
  },
  laptop: {
    ...{ models: ["lenet5", "resnet20"], densities: [0.1, 0.05, 0.02, 0.01], seedCount: 5 },
    walks: ["lenet5", "resnet20", "vgg11-bn"].map((model) => ({
      ...{ model, densities: [0.1, 0.02], seedCount: 5 },
    })),
    hidden: [
      { sizes: [6, 8, 4], keepCounts: [30], seedCount: 20 },
      { sizes: [20, 40, 10], keepCounts: [120, 240], seedCount: 20 },
      { sizes: [784, 300, 10], keepCounts: [2382, 11_910], seedCount: 5, isLarge: true },
    ],
    runs: [
      trained("lenet5", "glyphs", { ...GLYPHS, density: [0.05, 0.02] }, 10),
      // with batch normalisation, which keeps the size of the signal: is it the size that wider masks lose by?
      trained(
        ...(["resnet20", "glyphs"] as const),
        { ...GLYPHS, density: [0.02], trainCount: 2000, testCount: 1000, epochs: 8 },
        5,
        [0, 1],
      ),
      trained(
        ...(["resnet20", "cifar10"] as const),
        { ...CIFAR_RESNET_RECIPE, density: [0.02], trainCount: 10_000, testCount: 5000 },
        3,
      ),
    ],
  },
  paper: {
    ...{ models: ["resnet20", "vgg19-bn"], densities: [0.1, 0.05, 0.02, 0.01], seedCount: 10 },
    walks: ["resnet20", "vgg19-bn"].map((model) => ({ model, densities: [0.1, 0.02], seedCount: 10 })),
    hidden: [
      { sizes: [6, 8, 4], keepCounts: [30], seedCount: 100 },
      { sizes: [20, 40, 10], keepCounts: [120, 240], seedCount: 100 },
      { sizes: [784, 300, 10], keepCounts: [2382, 11_910], seedCount: 20, isLarge: true },
    ],
    runs: ["resnet20", "vgg19-bn"].map((model) =>
      trained(model, "cifar10", { recipe: "phew", density: [0.1, 0.05, 0.02] }, 5),
    ),
  },
};

function maskGrids(scale: Scale): MaskGrid[] {
  const { models, densities, seedCount } = SIZES[scale];
  return models.flatMap((model) => [
    { name: model, model, methods: METHODS, densities, seedCount },
    {
      name: `${model}-widened`,
      ...{ model, seedCount, densities: densities.slice(-1) },
      methods: NARROW.flatMap((method) => FRACTIONS.map((fraction) => widened(method, fraction))),
    },
  ]);
}

const runGrids = (scale: Scale, datasets: ReadonlySet<string>) =>
  SIZES[scale].runs.filter(({ settings }) => datasets.has(settings.dataset as string));

export const width: Experiment = {
  name: "width",
  question: "which methods keep layers wide, and what does width do at the same number of weights?",
  plan: (scale, datasets) => ({
    own: [unitWalksMeasurement(SIZES[scale].walks), hiddenLayerMeasurement(SIZES[scale].hidden)],
    masks: maskGrids(scale),
    runs: runGrids(scale, datasets),
  }),
  analyse(measured, scale) {
    const walks = unitWalksFindings(measured.own(unitWalksMeasurement(SIZES[scale].walks)));
    const hidden = hiddenLayerFindings(measured.own(hiddenLayerMeasurement(SIZES[scale].hidden)));
    const grids = maskGrids(scale);
    const trainedGrids = SIZES[scale].runs.filter(({ name }) => measured.runs(name).length > 0);
    return {
      claims: [
        ...narrowClaims(grids, measured),
        ...walks.claims,
        ...hidden.claims,
        widenedTraceClaim(grids, measured),
        widenedAccuracyClaim(trainedGrids, measured),
      ],
      tables: [
        ...grids.map(({ name, model }) => ({
          name,
          title: `Masks of ${model}${name === model ? "" : ", shuffled over more units: fraction 0 over their own, 1 over all"}`,
          report: maskTable(measured.masks(name)),
        })),
        ...walks.tables,
        ...hidden.tables,
        ...trainedGrids.map(({ name, settings: { model, dataset } }) => ({
          name: `${name}-trained`,
          title: `${model} on ${dataset}, masks shuffled over more units`,
          report: accuracyTable(measured.runs(name)),
        })),
      ],
      figures: [...maskFigures(grids, measured), ...hidden.figures, ...runFigures(trainedGrids, measured)],
      notes: SIZES[scale].runs
        .filter((grid) => !trainedGrids.includes(grid))
        .map(({ name }) => `Not run: training of ${name}.`),
    };
  },
};

const meanWidth = (row: MaskRow) => 100 * row.meanWidth;

function narrowClaims(grids: readonly MaskGrid[], measured: Measured): Claim[] {
  const asMade = grids.filter(({ name, model }) => name === model);
  const against = (other: string) => maskEvidence(asMade, measured, "phew", other, "% of units", meanWidth);
  return [
    { claim: "PHEW's layers are wider than SynFlow's.", evidence: against("synflow") },
    { claim: "PHEW's layers are wider than SynFlow-L2's.", evidence: against("synflow-l2") },
    { claim: "PHEW's layers are wider than those of magnitude pruning.", evidence: against("magnitude") },
  ];
}

function widenedTraceClaim(grids: readonly MaskGrid[], measured: Measured): Claim {
  const own = grids.filter(({ name, model }) => name !== model);
  return {
    claim: "With the same number of weights in each layer, wider layers have a smaller path kernel trace.",
    evidence: NARROW.flatMap((method) => {
      const [narrowest, widest] = [widened(method, 0), widened(method, 1)];
      return maskEvidence(own, measured, narrowest, widest, "powers of ten", (row) => row.logTrace);
    }),
  };
}

/** a − b at each density; a positive difference supports the claim. */
function maskEvidence(
  grids: readonly MaskGrid[],
  measured: Measured,
  a: string,
  b: string,
  unit: string,
  value: (row: MaskRow) => number,
): Evidence[] {
  return grids.flatMap(({ name, model, densities }) =>
    densities.flatMap((density) => {
      const of = (method: string) => bySeed(measured.masks(name), method, density, value);
      const what = `${model}, ${formatPercent(density)}: ${a} − ${b}`;
      return evidenceOf(what, of(a), of(b), { unit, supports: "positive" });
    }),
  );
}

function widenedAccuracyClaim(grids: readonly RunGrid[], measured: Measured): Claim {
  return {
    claim: "With the same number of weights in each layer, wider layers become more accurate.",
    evidence: grids.flatMap(({ name, settings: { model, dataset } }) => {
      const rows = measured.runs(name);
      return [...new Set(rows.map(({ density }) => density))].flatMap((density) =>
        NARROW.flatMap((method) => {
          const of = (fraction: number) =>
            bySeed(rows, widened(method, fraction), density, ({ accuracy }) => 100 * accuracy);
          const what = `${model} on ${dataset}, ${formatPercent(density)}: ${method} shuffled over all units − over its own`;
          return evidenceOf(what, of(1), of(0), { unit: "points", supports: "positive" });
        }),
      );
    }),
  };
}

function maskFigures(grids: readonly MaskGrid[], measured: Measured): Findings["figures"] {
  return grids.flatMap(({ name, model }) => {
    const rows = measured.masks(name);
    const isMade = name === model;
    const last = Math.min(...rows.map(({ density }) => density));
    const spec = isMade
      ? layerWidths(
          rows.filter(({ density }) => density === last),
          model,
        )
      : traceAgainstWidth(bySource(rows), `${model}, masks shuffled over more units`);
    const title = isMade ? `Layer widths of ${model}` : `Trace against width of ${model}, masks shuffled`;
    return spec === undefined ? [] : [{ name: `${name}-${isMade ? "widths" : "trace"}`, title, spec }];
  });
}

/** One series for each method, from its own units to all. */
function bySource<Row extends { readonly method: string }>(rows: readonly Row[]) {
  return rows.map((row) => ({ ...row, series: row.method.split("+")[0]! }));
}

function runFigures(grids: readonly RunGrid[], measured: Measured): Findings["figures"] {
  return grids.flatMap(({ name, settings: { model, dataset } }) => {
    const rows = measured.runs(name).filter(({ method }) => method.includes("+"));
    const spec = accuracyAgainstWidth(bySource(rows), `${model} on ${dataset}`);
    const title = `Accuracy against width, ${model} on ${dataset}`;
    return spec === undefined ? [] : [{ name: `${name}-accuracy`, title, spec }];
  });
}
