/** One run: its settings, its progress, and the figures of its present phase. */
import {
  accuracyEpoch,
  counted,
  doneFraction,
  formatAccuracy,
  formatCount,
  formatDuration,
  formatEta,
  formatMeasure,
  formatPercent,
  formatShortCount,
  leftMs,
  type RunEntry,
  type RunState,
  runAccuracy,
  textWidth,
  walkRates,
  walksPerSecond,
} from "@phew/runs";
import { isFound, modelName } from "@phew/runs/configurations";
import type { DashboardState } from "./dashboardState.ts";
import { failureOf } from "./failuresPanel.ts";
import { type PanelRun, panelOfRun } from "./panel.ts";
import { faintNote, type PanelContent } from "./panelContent.ts";
import { cutTitle } from "./runTitles.ts";
import { fit, type Span, type StyledRow, wrap } from "./styledText.ts";
import { bar, COLOURS, LIFE_LOOKS } from "./theme.ts";
import { selectedRun } from "./visibleRuns.ts";

export const runPanel = panelOfRun("Run", runContent, { isFirst: true });

const LEAST_TITLE = 8;
/** Blanks and corners around a title and the note beside it, but for those of the border that `width` is within. */
const BETWEEN_TITLES = 5;

function runContent(
  state: DashboardState,
  { entry, run }: PanelRun,
  width: number,
  height: number,
): PanelContent {
  const look = LIFE_LOOKS[entry.life];
  const loaded = state.shown?.loaded ?? 1;
  const stateText = `${look.mark} ${stateWord(entry, run)}`;
  const rows = [
    [
      { text: stateText, colour: look.colour, bold: true },
      { text: `  ${facts(entry, run, width - textWidth(stateText) - 2)}` },
    ],
    progressRow(entry, run, state.now, width),
    ...detailRows(state, entry, run, width),
  ];
  // if only two rows fit, the facts are also in the list
  return {
    // the id beside it is always seen
    title: cutTitle(state, entry, Math.max(LEAST_TITLE, width - textWidth(entry.id) - BETWEEN_TITLES)),
    notes: faintNote(loaded < 1 ? `reading ${formatPercent(loaded, 2)}` : entry.id),
    rows: height < 3 ? rows.slice(1) : rows,
  };
}

function stateWord(entry: RunEntry, run: RunState): string {
  if (entry.life !== "running") return LIFE_LOOKS[entry.life].word;
  // the mask is measured and written before the event of the pruning's end
  if (run.phase === "pruning" && doneFraction(run) >= 1) return "measuring";
  return run.phase === "pruning" || run.phase === "training" ? run.phase : "running";
}

/** The longest that fits; the seed and what was asked for stay longest. */
function facts(entry: RunEntry, run: RunState, width: number): string {
  const { config } = run;
  const method = run.mask?.method ?? run.pruning?.method ?? config.method ?? entry.summary.method;
  const requested =
    run.mask?.requestedDensity ?? run.pruning?.requestedDensity ?? entry.summary.requestedDensity;
  const seed = entry.seed ?? config.seed;
  const own = [
    method,
    requested === undefined ? undefined : densityText(requested, run),
    seed === undefined ? undefined : `seed ${seed}`,
  ];
  const model = modelName(config);
  return longestWithin(
    [[model, config.dataset, ...own], [model, ...own], own, own.slice(1)].map((each) =>
      each.filter((fact) => fact !== undefined).join(" · "),
    ),
    width,
  );
}

/** Of a rule that finds a density, what it found: the one asked for is a bound. */
function densityText(asked: number, { config, mask }: RunState): string {
  const found = mask?.density;
  return config.rule !== undefined && isFound(asked, found)
    ? `found ${formatPercent(found)}`
    : formatPercent(asked);
}

/** The first text that fits, the last if none does. */
function longestWithin(texts: readonly string[], width: number): string {
  return texts.find((text) => textWidth(text) <= width) ?? texts.at(-1)!;
}

function progressRow(entry: RunEntry, run: RunState, now: number, width: number): StyledRow {
  const fraction = doneFraction(run);
  const left = entry.life === "running" ? leftMs(run, now) : undefined;
  const time =
    entry.life === "running"
      ? left === undefined || fraction >= 1
        ? formatDuration(now - (run.startedT || (entry.status?.startedT ?? now)))
        : `ETA ${formatEta(left)}`
      : entry.life === "waiting"
        ? ""
        : `took ${formatDuration(run.lastT - run.startedT - run.pausedMs)}`;
  const tail = ` ${fit(formatPercent(fraction, 2), 5, "right")}  ${time}`;
  const look = LIFE_LOOKS[entry.life];
  return [
    { text: bar(fraction, Math.max(4, width - Math.max(20, textWidth(tail))), "░"), colour: look.colour },
    { text: tail },
  ];
}

/** What is wrong with a run in as many rows as it has, else one row. */
function detailRows(state: DashboardState, entry: RunEntry, run: RunState, width: number): StyledRow[] {
  const wrong = wrongWith(state, entry, run);
  if (wrong === undefined) return [detailRow(entry, run, width)];
  return wrap(wrong.text, width).map((text) => [{ ...wrong, text }]);
}

function wrongWith(state: DashboardState, entry: RunEntry, run: RunState): Span | undefined {
  if (entry.faults) return { text: entry.faults.join("; "), colour: COLOURS.warning };
  const text = run.failure ?? failureOf(state, entry);
  return text === undefined
    ? undefined
    : { text, colour: entry.life === "lost" ? COLOURS.warning : COLOURS.error };
}

/** Rows of this panel for the run under the cursor, without its borders. */
export function runRowCount(state: DashboardState, width: number): number {
  const [entry, run] = [selectedRun(state), state.shown?.state];
  const wrong = entry && run && wrongWith(state, entry, run);
  return 2 + (wrong === undefined ? 1 : wrap(wrong.text, width).length);
}

function detailRow(entry: RunEntry, run: RunState, width: number): StyledRow {
  if (entry.life === "waiting") return [{ text: "waits for its turn" }];
  if (run.phase === "pruning" && run.pruning) return [{ text: pruningText(run, width) }];
  if (run.phase === "training" && run.training) return [{ text: trainingText(run, width) }];
  return [{ text: endText(run, width) }];
}

function pruningText(run: RunState, width: number): string {
  const { keptCount, keepCount, walkCount, round, roundCount } = run.pruning!;
  const speed = walkRates(run)?.walksPerSecond ?? walksPerSecond(run);
  const parts = [
    `kept ${formatCount(keptCount)} of ${formatCount(keepCount)}`,
    walkCount === undefined ? undefined : counted(walkCount, "walk"),
    speed === undefined ? undefined : `${formatShortCount(speed)} walks/s`,
    round === undefined ? undefined : `round ${round}/${roundCount ?? "?"}`,
  ];
  return firstParts(parts, width);
}

function trainingText(run: RunState, width: number): string {
  const { epoch, epochCount, loss, rate, imagesPerSecond, executor } = run.training!;
  const parts = [
    `epoch ${epoch}/${epochCount}`,
    `loss ${formatMeasure(loss)}`,
    `${formatShortCount(imagesPerSecond)} images/s`,
    `rate ${formatMeasure(rate)}`,
    executor,
  ];
  return firstParts(parts, width);
}

/** As many whole parts as fit. */
function firstParts(parts: readonly (string | undefined)[], width: number): string {
  const known = parts.filter((part) => part !== undefined);
  return longestWithin(
    known.map((_, k) => known.slice(0, known.length - k).join(" · ")),
    width,
  );
}

function endText(run: RunState, width: number): string {
  const accuracy = runAccuracy(run);
  const epoch = accuracyEpoch(run);
  const [which, whichInShort] =
    epoch?.validationAccuracy === undefined
      ? ["the last epoch", "last epoch"]
      : [`epoch ${epoch.epoch}, chosen by validation`, `epoch ${epoch.epoch}, by validation`];
  const pruned = run.mask ? `pruned in ${formatDuration(run.mask.elapsedMs)}` : "nothing to tell yet";
  if (accuracy === undefined) return pruned;
  const value = formatAccuracy(accuracy);
  const whole = `test accuracy ${value} of ${which}`;
  return longestWithin(
    [...(run.mask ? [`${whole} · ${pruned}`] : []), whole, `${value} (${whichInShort})`],
    width,
  );
}
