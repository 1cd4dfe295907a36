/** The measures of the mask and the results of training, the most important first. */
import {
  accuracyEpoch,
  formatAccuracy,
  formatCount,
  formatDuration,
  formatMeasure,
  formatPercent,
  type RunState,
  runAccuracy,
  textWidth,
} from "@phew/runs";
import { panelOfRun } from "./panel.ts";
import type { PanelContent } from "./panelContent.ts";
import { fit } from "./styledText.ts";
import { COLOURS } from "./theme.ts";

export const measuresPanel = panelOfRun("Measures", (_state, { run }, width, height) =>
  measuresContent(run, width, height),
);

function measuresContent(run: RunState, width: number, height: number): PanelContent {
  const { mask } = run;
  const measures = mask?.measures;
  const accuracy = runAccuracy(run);
  const epoch = accuracyEpoch(run);
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["density reached", mask && formatPercent(mask.density, 4)],
    ["kept weights", mask && formatCount(mask.keptCount)],
    ["path kernel trace", measures && formatMeasure(measures.pathKernelTrace, 3, measures.log10Trace)],
    ["… of dense", measures && formatPercent(measures.relativeTrace)],
    ["mean width", measures && formatPercent(measures.meanWidth)],
    ["least width", measures && formatPercent(measures.minWidth)],
    ["dead units", measures && formatCount(measures.deadUnitCount)],
    ["ineffective weights", measures && formatCount(measures.ineffectiveCount)],
    ["ln of path count", measures && formatMeasure(measures.logPathCount)],
    ["walks", mask?.walkCount === undefined ? undefined : formatCount(mask.walkCount)],
    ["pruning time", mask && formatDuration(mask.elapsedMs)],
    ["test accuracy", accuracy === undefined ? undefined : formatAccuracy(accuracy)],
    [
      "… of epoch",
      epoch && `${epoch.epoch}${epoch.validationAccuracy === undefined ? "" : ", by validation"}`,
    ],
    ["weights in all", run.pruning && formatCount(run.pruning.prunableCount)],
  ];
  const known = rows.flatMap(([label, value]) => (value === undefined ? [] : [{ label, value }]));
  return {
    title: "Measures",
    rows: known.slice(0, height).map(({ label, value }) => {
      const valueWidth = Math.min(width - 8, textWidth(value));
      return [
        { text: fit(label, width - valueWidth - 1), colour: COLOURS.faint },
        { text: ` ${fit(value, valueWidth)}`, bold: true },
      ];
    }),
  };
}
