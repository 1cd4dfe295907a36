/** The figure of how the training loss falls, step by step. */

import { fullCurve } from "@phew/runs";
import { configurationsOf } from "@phew/runs/configurations";
import type { ChartSpec } from "./chart.ts";
import type { ReportedRun } from "./report.ts";
import { subtitles } from "./series.ts";

/** Points of a line: the loss of single steps is too noisy to be read. */
const STRETCHES = 60;

/** Mean loss of the steps of each sixtieth of the longest run; a line for each run, by its name and seed. */
export function lossCurves(runs: readonly ReportedRun[]): ChartSpec | undefined {
  const { titleOf } = configurationsOf(runs);
  const curves = runs.map((run) => ({ run: titleOf(run), ...fullCurve(run.state.stepLoss) }));
  const last = Math.max(0, ...curves.map(({ x }) => x.at(-1) ?? 0));
  if (last === 0) return undefined;
  return {
    title: {
      text: "Training loss",
      subtitle: subtitles(runs, "mean loss of the steps of a stretch, one line for each run"),
    },
    width: 640,
    height: 360,
    data: {
      values: curves.flatMap(({ run, x, y }) => stretches(x, y, last).map((point) => ({ run, ...point }))),
    },
    mark: { type: "line" },
    encoding: {
      x: { field: "step", type: "quantitative", title: "step", axis: { grid: false } },
      y: { field: "loss", type: "quantitative", title: "training loss", scale: { zero: false, nice: true } },
      color: {
        field: "run",
        type: "nominal",
        title: "run",
        sort: curves.map(({ run }) => run),
        // names are long: whole, below the figure
        legend: { orient: "bottom", direction: "vertical", labelLimit: 0, title: null },
        scale: { range: ["#0072b2", "#d55e00", "#009e73", "#882255", "#b09a00", "#56b4e9", "#aa4499"] },
      },
    },
  } as ChartSpec;
}

function stretches(steps: readonly number[], losses: readonly number[], last: number) {
  const sums = new Map<number, { sum: number; count: number; step: number }>();
  for (const [k, step] of steps.entries()) {
    const loss = losses[k]!;
    if (!Number.isFinite(loss)) continue;
    const stretch = Math.min(STRETCHES - 1, Math.floor((STRETCHES * (step - 1)) / last));
    const { sum, count } = sums.get(stretch) ?? { sum: 0, count: 0 };
    sums.set(stretch, { sum: sum + loss, count: count + 1, step });
  }
  return Array.from(sums.values(), ({ sum, count, step }) => ({ step, loss: sum / count }));
}
