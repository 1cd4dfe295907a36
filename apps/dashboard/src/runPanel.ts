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
import { modelName } from "@phew/runs/configurations";
import type { DashboardState } from "./dashboardState.ts";
import { failureOf } from "./failuresPanel.ts";
import { type PanelRun, panelOfRun } from "./panel.ts";
import { faintNote, type PanelContent } from "./panelContent.ts";
import { cutTitle } from "./runTitles.ts";
import { fit, type StyledRow } from "./styledText.ts";
import { bar, COLOURS, LIFE_LOOKS } from "./theme.ts";

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
  const rows = [
    [
      { text: `${look.mark} ${stateWord(entry, run)}`, colour: look.colour, bold: true },
      { text: `  ${facts(entry, run)}` },
    ],
    progressRow(entry, run, state.now, width),
    detailRow(state, entry, run),
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

function facts(entry: RunEntry, run: RunState): string {
  const { config } = run;
  const method = run.mask?.method ?? run.pruning?.method ?? config.method ?? entry.summary.method;
  const requested =
    run.mask?.requestedDensity ?? run.pruning?.requestedDensity ?? entry.summary.requestedDensity;
  const seed = entry.seed ?? config.seed;
  return [
    modelName(config),
    config.dataset,
    method,
    requested === undefined ? undefined : formatPercent(requested),
    seed === undefined ? undefined : `seed ${seed}`,
  ]
    .filter((fact) => fact !== undefined)
    .join(" · ");
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
        : `took ${formatDuration(run.lastT - run.startedT)}`;
  const tail = ` ${fit(formatPercent(fraction, 2), 5, "right")}  ${time}`;
  const look = LIFE_LOOKS[entry.life];
  return [
    { text: bar(fraction, Math.max(4, width - Math.max(20, textWidth(tail))), "░"), colour: look.colour },
    { text: tail },
  ];
}

function detailRow(state: DashboardState, entry: RunEntry, run: RunState): StyledRow {
  if (entry.faults) return [{ text: entry.faults.join("; "), colour: COLOURS.warning }];
  const failure = run.failure ?? failureOf(state, entry);
  if (failure !== undefined)
    return [{ text: failure, colour: entry.life === "lost" ? COLOURS.warning : COLOURS.error }];
  if (entry.life === "waiting") return [{ text: "waits for its turn" }];
  if (run.phase === "pruning" && run.pruning) return [{ text: pruningText(run) }];
  if (run.phase === "training" && run.training) return [{ text: trainingText(run) }];
  return [{ text: endText(run) }];
}

function pruningText(run: RunState): string {
  const { keptCount, keepCount, walkCount, round, roundCount } = run.pruning!;
  const speed = walkRates(run)?.walksPerSecond ?? walksPerSecond(run);
  return [
    `kept ${formatCount(keptCount)} of ${formatCount(keepCount)}`,
    walkCount === undefined ? undefined : counted(walkCount, "walk"),
    speed === undefined ? undefined : `${formatShortCount(speed)} walks/s`,
    round === undefined ? undefined : `round ${round}/${roundCount ?? "?"}`,
  ]
    .filter((part) => part !== undefined)
    .join(" · ");
}

function trainingText(run: RunState): string {
  const { epoch, epochCount, loss, rate, imagesPerSecond, executor } = run.training!;
  return [
    `epoch ${epoch}/${epochCount}`,
    `loss ${formatMeasure(loss)}`,
    `${formatShortCount(imagesPerSecond)} images/s`,
    `rate ${formatMeasure(rate)}`,
    executor,
  ].join(" · ");
}

function endText(run: RunState): string {
  const accuracy = runAccuracy(run);
  const epoch = accuracyEpoch(run);
  const which =
    epoch?.validationAccuracy === undefined ? "the last epoch" : `epoch ${epoch.epoch}, chosen by validation`;
  return (
    [
      accuracy === undefined ? undefined : `test accuracy ${formatAccuracy(accuracy)} of ${which}`,
      run.mask ? `pruned in ${formatDuration(run.mask.elapsedMs)}` : undefined,
    ]
      .filter((part) => part !== undefined)
      .join(" · ") || "nothing to tell yet"
  );
}
