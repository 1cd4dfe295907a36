/** A pruning in progress: kept weights over time, walks per second, rounds and threshold. */
import {
  type Curve,
  doneFraction,
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
import { panelOfRun } from "./panel.ts";
import { faintNote, notice, type PanelContent } from "./panelContent.ts";
import { type PlotLine, plotRows } from "./plot.ts";
import { rewiringContent } from "./rewiringPanel.ts";
import { fit, fitRow, type StyledRow } from "./styledText.ts";
import { bar, COLOURS } from "./theme.ts";

export const walksPanel = panelOfRun("Pruning", (state, { run }, width, height) =>
  walksContent(state, run, width, height),
);

function walksContent(state: DashboardState, run: RunState, width: number, height: number): PanelContent {
  const { pruning, rewiring } = run;
  // the masks move on behind their pruning
  if (rewiring !== undefined) return rewiringContent(run, rewiring, width, height);
  if (!pruning) {
    const text = run.mask ? "Nothing was pruned: every weight is kept." : "Not pruned yet.";
    return { title: "Pruning", rows: notice(text, width) };
  }
  const facts = factsOf(run, pruning, state.now);
  const isRounds = pruning.thresholds.count > 1;
  const plot = isRounds ? thresholdPlot : keptPlot;
  const head = targetRow(pruning, width);
  return {
    title: `Pruning by ${pruning.method}`,
    notes: faintNote(isRounds ? "threshold, log" : "kept over time, the target above"),
    rows:
      width < BESIDE_WIDTH
        ? [head, ...above(factRows(facts, width), plot, pruning, width, height - 1)]
        : [head, ...beside(factRows(facts, FACTS_WIDTH), plot, pruning, width, height - 1)],
  };
}

type Plot = (pruning: PruningState, width: number, height: number) => StyledRow[];

/** Facts, and a plot below them if it fits. */
function above(
  facts: readonly StyledRow[],
  plot: Plot,
  pruning: PruningState,
  width: number,
  height: number,
): StyledRow[] {
  const room = height - facts.length;
  return [...facts, ...(room < LEAST_PLOT ? [] : plot(pruning, width, room))];
}

/** Facts to the left, the plot to the right of them. */
function beside(
  facts: readonly StyledRow[],
  plot: Plot,
  pruning: PruningState,
  width: number,
  height: number,
): StyledRow[] {
  const plotted = height < LEAST_PLOT ? [] : plot(pruning, width - FACTS_WIDTH, height);
  return Array.from({ length: height }, (_, k) => [
    ...fitRow(facts[k] ?? [], FACTS_WIDTH),
    ...(plotted[k] ?? []),
  ]);
}

/** The bar grows both with walks, which add weights, and with rounds, which remove some. */
function targetRow({ keptCount, keepCount, round, roundCount }: PruningState, width: number): StyledRow {
  const isRounds = round !== undefined && roundCount !== undefined;
  const [kept, goal] = [formatShortCount(keptCount), formatShortCount(keepCount)];
  const tail = isRounds ? ` ${kept} left, goal ${goal}` : ` ${kept}/${goal}`;
  const fraction = isRounds ? round / roundCount : keptCount / Math.max(1, keepCount);
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
  const { walkCount, keptCount, round, roundCount, threshold, elapsedMs, layerProgress } = pruning;
  const stepCount = pruning.samples.at(-1)?.stepCount;
  const perWalk = rates?.newPerWalk ?? (walkCount ? keptCount / walkCount : undefined);
  const perStep = rates?.newPerStep ?? (stepCount ? keptCount / stepCount : undefined);
  const speed = rates?.walksPerSecond ?? overall;
  const widths = (layerProgress ?? []).map(({ width }) => width);
  const facts: (readonly [string, string | undefined])[] = [
    ["time", formatDuration(run.mask?.elapsedMs ?? elapsedMs)],
    ["ETA", left === undefined || doneFraction(run) >= 1 ? undefined : formatEta(left)],
    ["kept", `${formatCount(keptCount)}, ${formatPercent(keptCount / Math.max(1, pruning.prunableCount))}`],
    ["walks", walkCount === undefined ? undefined : formatCount(walkCount)],
    ["walks/s", speed === undefined ? undefined : formatShortCount(speed)],
    ["new a walk", perWalk === undefined ? undefined : formatMeasure(perWalk)],
    // a step that keeps a whole kernel has no such share
    ["distinct hits", perStep === undefined || perStep > 1 ? undefined : formatPercent(perStep)],
    ["round", round === undefined ? undefined : `${round} of ${roundCount ?? "?"}`],
    ["threshold", threshold === undefined ? undefined : formatMeasure(threshold)],
    ["mean width", widths.length === 0 ? undefined : formatPercent(meanOf(widths))],
    ["least width", widths.length === 0 ? undefined : formatPercent(Math.min(...widths))],
    ["dead units", deadUnits(pruning)],
  ];
  return facts.flatMap(([label, value]) => (value === undefined ? [] : [[label, value] as const]));
}

/** Of all layers together, as last reported. */
function deadUnits({ layerShapes, layerProgress }: PruningState): string | undefined {
  if (!layerShapes || !layerProgress) return undefined;
  const dead = layerProgress.map(({ width }, l) => Math.round((1 - width) * (layerShapes[l]?.shape[0] ?? 0)));
  return formatCount(dead.reduce((sum, count) => sum + count, 0));
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
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

const FACT_WIDTH = 23;
/** Of two facts a row. */
const FACTS_WIDTH = 2 * FACT_WIDTH;
/** From this width on the plot is beside the facts. */
const BESIDE_WIDTH = FACTS_WIDTH + 22;
const LEAST_PLOT = 4;

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
