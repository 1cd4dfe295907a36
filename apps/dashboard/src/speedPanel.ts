/** The cost of a training: images per second over the steps, and memory. */
import {
  formatCount,
  formatDuration,
  formatMeasure,
  formatMegabytes,
  formatPercent,
  formatShortCount,
  type RunState,
} from "@phew/runs";
import { valueAt } from "./curveWindow.ts";
import type { DashboardState } from "./dashboardState.ts";
import { panelOfRun } from "./panel.ts";
import { faintNote, notice, type PanelContent } from "./panelContent.ts";
import { plotted } from "./plot.ts";
import { fit } from "./styledText.ts";
import { COLOURS } from "./theme.ts";
import { cursorText, stepChoice, stepCurve, windowOf } from "./timeAxis.ts";

const LABEL_WIDTH = 16;
const VALUE_WIDTH = 24;
/** Labels, values and a gap. */
const FACTS_WIDTH = LABEL_WIDTH + VALUE_WIDTH + 2;

export const speedPanel = panelOfRun(
  "Images per second",
  (state, { run }, width, height) => speedContent(state, run, width, height),
  { focus: "curves" },
);

function speedContent(state: DashboardState, run: RunState, width: number, height: number): PanelContent {
  const { training } = run;
  if (!training) return { title: "Images per second", rows: notice("No training yet.", width) };
  const { plannedMemory, multiplyAdds, imagesPerSecond, batchSize, trainCount, rate, executor } = training;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ["images/s", formatShortCount(imagesPerSecond)],
    ["rate", formatMeasure(rate)],
    ["kept weights", run.mask && formatPercent(run.mask.density)],
    ["operations", multiplyAdds && `${formatPercent(multiplyAdds.kept / multiplyAdds.dense)} of dense`],
    ["memory planned", plannedMemory && formatMegabytes(plannedMemory.processBytes)],
    ["batch", `${formatCount(batchSize)} of ${formatCount(trainCount)}`],
    ["trained for", formatDuration(run.lastT - training.firstT)],
    ["executor", executor],
  ];
  const left = facts
    .flatMap(([label, value]) => (value === undefined ? [] : [{ label, value }]))
    .map(({ label, value }) => [
      { text: fit(label, LABEL_WIDTH), colour: COLOURS.faint },
      { text: fit(value, VALUE_WIDTH), bold: true },
      { text: "  " },
    ]);
  const plotWidth = width - FACTS_WIDTH;
  const { curve, axis } = stepCurve(run.stepSpeed, run, state);
  const window = windowOf(state, run, "step");
  const at = cursorText(state);
  const plot =
    plotWidth < 20
      ? undefined
      : plotted([{ curve, colour: COLOURS.train }], {
          ...axis,
          ...window,
          width: plotWidth,
          height,
          logScale: false,
        });
  return {
    title: "Images per second",
    notes:
      window.cursor === undefined
        ? faintNote(`now ${formatShortCount(imagesPerSecond)}`)
        : [[...at, { text: formatShortCount(valueAt(curve, window.cursor)), bold: true }]],
    rows: Array.from({ length: height }, (_, k) => [
      ...(left[k] ?? [{ text: " ".repeat(FACTS_WIDTH) }]),
      ...(plot?.rows[k] ?? []),
    ]),
    choiceAt: plot && stepChoice(state, run, "step", plot, { left: FACTS_WIDTH }),
  };
}
