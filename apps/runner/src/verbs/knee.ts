/** `phew knee`: of each configuration's finished runs the least density that is about as good as dense. */
import { ArgumentError, fitLogistic, formatPercent, type Knee, knee, logisticAt } from "@phew/core";
import { formatTable, runFigureRows } from "@phew/report";
import { formatAccuracy, listRuns, readRun } from "@phew/runs";
import { printJson, printLines, printText } from "../output/output.ts";
import { DENSE } from "../settings/pruning.ts";

interface KneeOptions {
  readonly tolerance: number;
  readonly json?: boolean;
}

type Row = ReturnType<typeof runFigureRows>[number];

/** A configuration, all of its densities together. */
interface FoundKnee extends Knee {
  readonly series: string;
  readonly runCount: number;
  readonly seedCount: number;
  /** Where the fitted curve levels off, and the least density at which it is within the tolerance of that; at least 4 densities. */
  readonly plateau?: number;
  readonly fitted?: number;
}

/** @throws ArgumentError if there are no finished runs of a dense network and of several densities */
export async function kneeOfRuns(folder: string, { tolerance, json }: KneeOptions): Promise<void> {
  const finished = listRuns(folder).filter(({ life }) => life === "finished");
  const rows = runFigureRows(finished.map((entry) => readRun(entry.folder)));
  const dense = rows.filter(({ method }) => method === DENSE);
  const series = [
    ...new Set(rows.flatMap((row) => (row.method === DENSE ? [] : [row.series ?? row.method]))),
  ];
  if (new Set(dense.map((row) => row.series)).size !== 1 || series.length === 0) {
    throw new ArgumentError(folder, {
      given: `${finished.length} finished runs, ${new Set(dense.map((row) => row.series)).size} dense configurations, ${series.length} others`,
      expected: "finished runs of one dense configuration and of at least one other",
      remedy: "A sweep over method and density makes them; docs/dynamic.md has one.",
    });
  }
  // examples that were set aside may choose a density, those of the test may not
  const isValidated = rows.every(({ validationAccuracy }) => validationAccuracy !== undefined);
  const chosen = isValidated ? rows.map((row) => ({ ...row, accuracy: row.validationAccuracy! })) : rows;
  const denseRows = chosen.filter(({ method }) => method === DENSE);
  const found = series.map((name) => kneeOf(name, chosen, denseRows, tolerance));
  const by = isValidated ? "validation" : "test";
  if (json) return printJson({ tolerance, by, dense: found[0]!.dense, knees: found });
  printText(formatTable(COLUMNS, found.map(cellsOf), "text"));
  printLines(
    `Dense: ${formatAccuracy(found[0]!.dense)}, mean of ${dense.length}. Within ${formatPercent(tolerance)} of it by the mean over seeds; 95 % of 2,000 resamples of the seeds.`,
    isValidated
      ? "Accuracies are of the validation examples, after the last epoch."
      : 'Accuracies are of the test examples, which then say nothing more of the density chosen: with "validation": 0.1 in the sweep, examples that are set aside choose.',
  );
}

const COLUMNS = [
  { key: "series", title: "configuration" },
  { key: "runs", title: "runs" },
  { key: "seeds", title: "seeds" },
  { key: "knee", title: "least density" },
  { key: "interval", title: "95 %" },
  { key: "plateau", title: "plateau of the fit" },
  { key: "fitted", title: "density of the fit" },
];

function kneeOf(name: string, rows: readonly Row[], dense: readonly Row[], tolerance: number): FoundKnee {
  const own = rows.filter((row) => row.method !== DENSE && (row.series ?? row.method) === name);
  const runs = [
    ...own.map(({ density, seed, accuracy = NaN }) => ({ density, seed, accuracy })),
    ...dense.map(({ seed, accuracy = NaN }) => ({ density: 1, seed, accuracy })),
  ];
  return {
    series: name,
    runCount: own.length,
    seedCount: new Set(own.map(({ seed }) => seed)).size,
    ...knee(runs, tolerance),
    ...fitOf(own, tolerance),
  };
}

function fitOf(own: readonly Row[], tolerance: number): Pick<FoundKnee, "plateau" | "fitted"> {
  const densities = own.map(({ density }) => density);
  if (new Set(densities).size < 4) return {};
  const curve = fitLogistic(
    densities,
    own.map(({ accuracy = NaN }) => accuracy),
  );
  // the curve is solved for its plateau less the tolerance
  const share = 1 - tolerance / curve.plateau;
  const fitted = Math.exp(curve.middle + Math.log(share / (1 - share)) / curve.slope);
  const isInside = logisticAt(curve, 1) >= curve.plateau - tolerance;
  return { plateau: curve.plateau, ...(isInside && tolerance > 0 ? { fitted } : {}) };
}

function cellsOf(found: FoundKnee) {
  const { density, isBelowAll, low, high, plateau, fitted } = found;
  return {
    series: found.series,
    runs: found.runCount,
    seeds: found.seedCount,
    knee: density === undefined ? "none" : `${isBelowAll ? "≤ " : ""}${formatPercent(density)}`,
    interval: `${formatPercent(low)} to ${formatPercent(high)}`,
    plateau: plateau === undefined ? undefined : formatAccuracy(plateau),
    fitted: fitted === undefined ? undefined : formatPercent(fitted),
  };
}
