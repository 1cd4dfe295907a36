/** Runs as figures take them: a series for each configuration, whatever its density. */
import { accuracyWords, type Curve, fullCurve, runAccuracy } from "@phew/runs";
import {
  type ConfiguredRun,
  comparedDensities,
  configurationsOf,
  isBare,
  modelName,
  oncePerSeed,
  problemsOf,
} from "@phew/runs/configurations";
import type { ReportedRun } from "../report.ts";
import type { FigureRow } from "./figureRow.ts";

/** Points of a curve of losses: those of single steps are too noisy to be read. */
const STRETCHES = 60;

/** Each seed of a configuration once. @param among as of {@link configurationsOf} */
export function runFigureRows(
  all: readonly ReportedRun[],
  among: readonly ConfiguredRun[] = [],
): FigureRow[] {
  const once = new Set(configurationsOf(all).all.flatMap(({ runs: own }) => oncePerSeed(own)));
  const runs = all.filter((run) => once.has(run));
  const series = configurationsOf(runs, { over: ["density"], among });
  const problemOf = problems(runs);
  const lossCurveOf = lossCurves(runs);
  const densityOf = comparedDensities(configurationsOf(runs).of, {
    asked: ({ config, state }) =>
      typeof config.density === "number" ? config.density : state.mask?.requestedDensity,
    found: ({ state }) => state.mask?.density,
  });
  return runs.map((run) => {
    const { config, state, life = "finished" } = run;
    const { mask, training, epochs } = state;
    const trace =
      mask?.measures && (mask.measures.log10RelativeTrace ?? Math.log10(mask.measures.relativeTrace));
    return {
      method: `${config.method ?? mask?.method ?? ""}`,
      series: series.nameOf(run),
      model: modelName(config) ?? "",
      ...problemOf(run),
      density: densityOf(run) ?? NaN,
      seed: typeof config.seed === "number" ? config.seed : 0,
      ...(trace !== undefined && { logRelativeTrace: trace }),
      ...(mask?.measures && { meanWidth: mask.measures.meanWidth }),
      densities: mask?.layers.map(({ keptCount, count }) => keptCount / count) ?? [],
      widths: mask?.layers.map(({ width }) => width) ?? [],
      layers: mask?.layers.map(({ name }) => name) ?? [],
      // others are not as far yet
      accuracy: life === "finished" ? (runAccuracy(state) ?? NaN) : NaN,
      accuracyOf: accuracyWords([run]),
      validationAccuracy: life === "finished" ? epochs.at(-1)?.validationAccuracy : undefined,
      accuracies: epochs.map(({ testAccuracy }) => testAccuracy),
      losses: epochs.map(({ loss }) => loss),
      firstEpoch: epochs[0]?.epoch ?? 1,
      ...lossCurveOf(run),
      ...rewiringCurves(run),
      trainingMs: epochs.at(-1)?.elapsedMs ?? NaN,
      multiplyAdds: training?.multiplyAdds?.kept ?? NaN,
    };
  });
}

function problems(runs: readonly ReportedRun[]): (run: ReportedRun) => Pick<FigureRow, "problem"> {
  const { all, of, columns } = problemsOf(runs);
  const isDenseRun = ({ config, state }: ReportedRun) => (config.method ?? state.mask?.method) === "dense";
  if (all.length < 2 || !runs.some(isDenseRun)) return () => ({});
  const names = new Map(
    all.map((problem) => {
      const cells = columns.map(({ key, title, cellOf }) => {
        const value = cellOf(problem.runs[0]!);
        return value === undefined || isBare(key) ? value : `${title} ${value}`;
      });
      return [problem, cells.filter((cell) => cell !== undefined).join(" · ")];
    }),
  );
  return (run) => ({ problem: names.get(of(run))! });
}

/** What became of the masks, over the epoch. */
function rewiringCurves({
  state,
}: ReportedRun): Pick<FigureRow, "overlapCurve" | "everKeptCurve" | "traceCurve" | "coreCurve"> {
  const { rewiring, training } = state;
  if (rewiring === undefined || training === undefined) return {};
  const perEpoch = ({ x, y }: Curve) => ({ x: x.map((step) => step / training.stepsPerEpoch), y });
  return {
    overlapCurve: perEpoch(fullCurve(rewiring.overlaps)),
    everKeptCurve: perEpoch(fullCurve(rewiring.everKeptShares)),
    traceCurve: fullCurve(rewiring.traces),
    coreCurve: fullCurve(rewiring.cores),
  };
}

/** Mean losses of the steps of equal stretches of the longest run; x is the end of the stretch. */
function lossCurves(runs: readonly ReportedRun[]): (run: ReportedRun) => Pick<FigureRow, "lossCurve"> {
  const perEpoch = ({ state }: ReportedRun) => state.training?.stepsPerEpoch ?? NaN;
  const steps = runs.map(({ state }) => fullCurve(state.stepLoss).x.at(-1) ?? 0);
  const longest = Math.max(0, ...runs.map((run, k) => steps[k]! / perEpoch(run) || 0));
  const count = Math.min(STRETCHES, Math.max(0, ...steps));
  return (run) => {
    const { x, y } = fullCurve(run.state.stepLoss);
    if (x.length === 0 || longest === 0 || Number.isNaN(perEpoch(run))) return {};
    const sums = new Map<number, { sum: number; count: number }>();
    for (const [k, step] of x.entries()) {
      // the last step of a stretch is in it, whatever the quotient rounds to
      const stretch = Math.ceil((step * count) / (perEpoch(run) * longest) - 1e-9);
      const { sum, count: before } = sums.get(stretch) ?? { sum: 0, count: 0 };
      if (Number.isFinite(y[k])) sums.set(stretch, { sum: sum + y[k]!, count: before + 1 });
    }
    const means = [...sums].map(
      ([stretch, { sum, count: of }]) => [(stretch * longest) / count, sum / of] as const,
    );
    return { lossCurve: { x: means.map(([at]) => at), y: means.map(([, mean]) => mean) } };
  };
}
