/** What a rule has made of the masks: counts of the last change, and overlap and ever-kept share over the steps. */
import {
  counted,
  formatCount,
  formatMeasure,
  formatPercent,
  fullCurve,
  type RewiringState,
  type RunState,
} from "@phew/runs";
import { faintNote, type PanelContent } from "./panelContent.ts";
import { plotRows } from "./plot.ts";
import { fit, type StyledRow } from "./styledText.ts";
import { COLOURS } from "./theme.ts";

const LABEL_WIDTH = 18;
const LEAST_PLOT = 4;

export function rewiringContent(
  { config }: RunState,
  rewiring: RewiringState,
  width: number,
  height: number,
): PanelContent {
  const facts = factsOf(rewiring).map(
    ([label, text]): StyledRow => [
      { text: fit(label, LABEL_WIDTH), colour: COLOURS.faint },
      { text: fit(text, Math.max(0, width - LABEL_WIDTH)) },
    ],
  );
  const room = height - facts.length;
  return {
    title: `Masks by ${typeof config.rule === "string" ? config.rule : "a rule"}`,
    notes: faintNote("o overlap with the first masks, e kept at any time"),
    rows: [...facts, ...(room < LEAST_PLOT ? [] : plotOf(rewiring, width, room))].slice(0, height),
  };
}

function factsOf(rewiring: RewiringState): [string, string][] {
  const { changes, step, density, keptCount, droppedCount, grownCount } = rewiring;
  const trace = fullCurve(rewiring.traces).y.at(-1);
  const core = fullCurve(rewiring.cores).y.at(-1);
  return [
    ["changes", `${formatCount(changes)}, the last after step ${formatCount(step)}`],
    ["kept", `${formatCount(keptCount)} (${formatPercent(density)})`],
    ["last change", `${formatCount(droppedCount)} dropped, ${formatCount(grownCount)} grown`],
    ["overlap", `${formatPercent(rewiring.initialOverlap)} with the first masks`],
    ["kept at any time", formatPercent(rewiring.everKept)],
    ["units alive", formatPercent(rewiring.aliveUnits)],
    ...(trace === undefined ? [] : [["trace, log10", formatMeasure(trace)] as [string, string]]),
    ...(core === undefined
      ? []
      : [["0.9-core", `${counted(core, "unit")} that 90 % of all paths pass`] as [string, string]]),
  ];
}

/** Both are fractions of the same axis. */
function plotOf({ overlaps, everKeptShares }: RewiringState, width: number, height: number): StyledRow[] {
  const lines = [
    { curve: fullCurve(everKeptShares), colour: COLOURS.target, mark: "e" },
    { curve: fullCurve(overlaps), colour: COLOURS.bar, mark: "o" },
  ];
  return plotRows(lines, { width, height, logScale: false, xName: "step" });
}
