/** A pruning as it goes on: what is kept over the time, walks per second, rounds and threshold. */
import {
  type Curve,
  formatCount,
  formatDuration,
  formatEta,
  formatMeasure,
  formatPercent,
  formatShortCount,
  fullCurve,
  leftMs,
  type PruningState,
  type RunState,
  walkRates,
  walksPerSecond,
} from "@phew/runs";
import type { DashboardState } from "./dashboardState.ts";
import { faintNote, notice, type PanelContent } from "./panelContent.ts";
import { type PlotLine, plotRows } from "./plot.ts";
import { fit, type StyledRow } from "./styledText.ts";
import { bar, COLOURS } from "./theme.ts";

export function walksContent(
  state: DashboardState,
  run: RunState,
  width: number,
  height: number,
): PanelContent {
  const { pruning } = run;
  if (!pruning) {
    const text = run.mask ? "Nothing was pruned: every weight is kept." : "Not pruned yet.";
    return { title: "Pruning", rows: notice(text, width) };
  }
  const facts = factsOf(run, pruning, state.now);
  const isRounds = pruning.thresholds.count > 1;
  const rows = [targetRow(pruning, width), ...factRows(facts, width)].slice(0, height);
  const room = height - rows.length;
  return {
    title: `Pruning by ${pruning.method}`,
    notes: faintNote(isRounds ? "threshold, log" : "kept over time, ┃ the target"),
    rows: room < 4 ? rows : [...rows, ...(isRounds ? thresholdPlot : keptPlot)(pruning, width, room)],
  };
}

function targetRow({ keptCount, keepCount }: PruningState, width: number): StyledRow {
  const tail = ` ${formatShortCount(keptCount)}/${formatShortCount(keepCount)}`;
  const fraction = keptCount / Math.max(1, keepCount);
  return [
    { text: bar(fraction, Math.max(4, width - tail.length), "░"), colour: COLOURS.bar },
    { text: tail },
  ];
}

function factsOf(run: RunState, pruning: PruningState, now: number): (readonly [string, string])[] {
  const isLive = run.phase === "pruning";
  const rates = isLive ? walkRates(run) : undefined;
  const left = isLive ? leftMs(run, now) : undefined;
  const overall = walksPerSecond(run);
  const { walkCount, keptCount, round, roundCount, threshold, elapsedMs } = pruning;
  const facts: (readonly [string, string | undefined])[] = [
    ["time", formatDuration(run.mask?.elapsedMs ?? elapsedMs)],
    ["ETA", left === undefined ? undefined : formatEta(left)],
    ["walks", walkCount === undefined ? undefined : formatCount(walkCount)],
    ["walks/s", overall === undefined ? undefined : formatShortCount(overall)],
    ["walks/s now", rates && formatShortCount(rates.walksPerSecond)],
    ["new a walk", walkCount ? formatMeasure(keptCount / walkCount) : undefined],
    ["new a walk now", rates && formatMeasure(rates.newPerWalk)],
    ["round", round === undefined ? undefined : `${round} of ${roundCount ?? "?"}`],
    ["threshold", threshold === undefined ? undefined : formatMeasure(threshold)],
    ["kept", `${formatCount(keptCount)}, ${formatPercent(keptCount / Math.max(1, pruning.prunableCount))}`],
  ];
  return facts.flatMap(([label, value]) => (value === undefined ? [] : [[label, value] as const]));
}

/** As many facts in a row as there is room for, under each other in columns. */
function factRows(facts: readonly (readonly [string, string])[], width: number): StyledRow[] {
  const perRow = Math.max(1, Math.floor(width / FACT_WIDTH));
  const rows: StyledRow[] = [];
  for (let k = 0; k < facts.length; k += perRow) {
    rows.push(
      facts.slice(k, k + perRow).flatMap(([label, value]) => [
        { text: `${label} `, colour: COLOURS.faint },
        { text: fit(value, FACT_WIDTH - 1 - label.length), bold: true },
      ]),
    );
  }
  return rows;
}

const FACT_WIDTH = 26;

function keptPlot(pruning: PruningState, width: number, height: number): StyledRow[] {
  const curve = fromStart(fullCurve(pruning.kept));
  const target: Curve = {
    x: [0, curve.x.at(-1) ?? 0],
    y: [pruning.keepCount, pruning.keepCount],
  };
  const lines: PlotLine[] = [
    { curve: target, colour: COLOURS.target },
    { curve, colour: COLOURS.bar },
  ];
  return plotRows(lines, {
    width,
    height,
    logScale: false,
    xName: "",
    xFormat: formatDuration,
    yFormat: (value) => formatShortCount(value),
  });
}

/** Nothing was kept before the first moment. */
function fromStart({ x, y }: Curve): Curve {
  return { x: [0, ...x], y: [0, ...y] };
}

function thresholdPlot(pruning: PruningState, width: number, height: number): StyledRow[] {
  const line = { curve: fullCurve(pruning.thresholds), colour: COLOURS.bar };
  return plotRows([line], { width, height, logScale: true, xName: "round" });
}
