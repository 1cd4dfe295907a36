/** The dashboard without a terminal: one line for each noteworthy event, or the present state as tables. */
import { setTimeout as delay } from "node:timers/promises";
import { formatReport, formatTable, settingCells } from "@phew/report";
import {
  accuracyWords,
  counted,
  describeEvent,
  faultLines,
  formatAccuracy,
  formatClock,
  formatPercent,
  leftOutText,
  type RunEntry,
  RunTail,
  readRun,
  unknownLines,
} from "@phew/runs";
import { configurationsOf, repeatWords } from "@phew/runs/configurations";
import { RunWatcher } from "./runWatcher.ts";
import { LIFE_LOOKS } from "./theme.ts";

const POLL_MS = 250;
/** If more runs than this had ended before, only their numbers are printed. */
const MOST_LISTED = 20;

export type PrintLine = (line: string) => void;

/**
 * Prints all runs as a table; for a single run also its layers and epochs.
 * @throws ArgumentError if `root` is not a folder: nothing is waited for
 */
export function printOnce(root: string, print: PrintLine): void {
  const watcher = new RunWatcher(root);
  watcher.refresh(Date.now());
  const { runs } = watcher;
  if (runs.length === 0) {
    print(noRuns(root));
    return;
  }
  printRuns(runs, print);
  const warnings = [...faultLines(runs), ...repeatWords(configurationsOf(runs).all)];
  for (const warning of warnings) print(`warning: ${warning}`);
  const [only] = runs;
  if (runs.length === 1 && only) printDetails(only, print);
}

/**
 * Prints events until no run is live, and before the first run waits for it: for a single run all noteworthy ones from its start, for several the present
 * state of each and then new events.
 * @param mayBeMissing if `root` does not exist, there are no runs yet
 * @throws ArgumentError if `root` is not a folder
 */
export async function followPlain(root: string, print: PrintLine, mayBeMissing = false): Promise<void> {
  const watcher = new RunWatcher(root, mayBeMissing);
  watcher.refresh(Date.now());
  if (watcher.runs.length === 0) {
    print(noRuns(root));
    // as the screen does
    while (watcher.runs.length === 0) {
      await delay(POLL_MS);
      watcher.refresh(Date.now());
    }
  }
  for (const line of unknownLines(watcher.runs)) print(`warning: ${line}`);
  const isSingle = watcher.runs.length === 1;
  const followed = new Map<string, FollowedRun>();
  if (isSingle) {
    const run = watcher.runs[0]!;
    followed.set(run.folder, { tail: new RunTail(run.folder), life: run.life });
    printNew(run, followed.get(run.folder)!, "", print);
  } else {
    printStart(watcher.runs, followed, print);
  }
  while (watcher.runs.some((run) => run.life === "running")) {
    await delay(POLL_MS);
    watcher.refresh(Date.now());
    const { titleOf } = configurationsOf(watcher.runs);
    for (const run of watcher.runs) {
      const known = followed.get(run.folder) ?? { tail: new RunTail(run.folder), life: "running" };
      followed.set(run.folder, known);
      if (known.life === "running") printNew(run, known, isSingle ? "" : `${titleOf(run)}: `, print);
    }
  }
}

interface FollowedRun {
  readonly tail: RunTail;
  /** State at the last printed line; ended runs are not followed. */
  life: RunEntry["life"];
}

/** Prints the new noteworthy events of a run, and a line if it was lost. */
function printNew(run: RunEntry, followed: FollowedRun, prefix: string, print: PrintLine): void {
  for (let more = true; more; ) {
    const read = followed.tail.read();
    for (const event of read.events) {
      const entry = describeEvent(event);
      if (entry) print(`${formatClock(event.t)} ${prefix}${entry.text}`);
    }
    more = read.more;
  }
  if (run.life === "lost" && followed.life !== "lost") {
    print(`${formatClock(run.updatedT)} ${prefix}lost: its process is gone without a last word`);
  }
  followed.life = run.life;
}

/** The runs at the start of watching: a line for each ended run, or their numbers; live ones with their state. */
function printStart(runs: readonly RunEntry[], followed: Map<string, FollowedRun>, print: PrintLine): void {
  const ended = runs.filter((run) => run.life !== "running");
  if (ended.length > MOST_LISTED) print(`${counted(ended.length, "run")} ended before: ${countsOf(ended)}`);
  const { titleOf } = configurationsOf(runs);
  for (const run of runs) {
    const tail = new RunTail(run.folder);
    followed.set(run.folder, { tail, life: run.life });
    const isLive = run.life === "running";
    if (isLive || ended.length <= MOST_LISTED) print(stateLine(run, titleOf(run)));
    if (isLive) skipToEnd(tail);
  }
}

function skipToEnd(tail: RunTail): void {
  while (tail.read().more);
}

function stateLine(run: RunEntry, title: string): string {
  const { summary } = run;
  const accuracy =
    summary.testAccuracy === undefined ? "" : `, test accuracy ${formatAccuracy(summary.testAccuracy)}`;
  const epoch = summary.epochCount === undefined ? "" : `, epoch ${summary.epoch}/${summary.epochCount}`;
  const failure = run.failure === undefined ? "" : `: ${run.failure}`;
  const word = LIFE_LOOKS[run.life].word;
  return `${formatClock(run.updatedT)} ${title}: ${word}${run.life === "running" ? epoch : ""}${accuracy}${failure}`;
}

function countsOf(runs: readonly RunEntry[]): string {
  return Object.values(LIFE_LOOKS)
    .map(({ word }) => ({ word, count: runs.filter((run) => LIFE_LOOKS[run.life].word === word).length }))
    .filter(({ count }) => count > 0)
    .map(({ word, count }) => `${count} ${word}`)
    .join(", ");
}

function noRuns(root: string): string {
  return `No runs in ${root} yet. Start one first: phew train --help tells how.`;
}

/** One row for each run with the settings in which runs differ; the settings that they share are above. */
function printRuns(runs: readonly RunEntry[], print: PrintLine): void {
  const configurations = configurationsOf(runs);
  const { columns, cellsOf } = settingCells(configurations);
  const hasSeeds = runs.some((run) => configurations.seedOf(run) !== "");
  const rows = runs.map((run) => ({
    state: LIFE_LOOKS[run.life].word,
    ...cellsOf(run),
    seed: run.seed,
    progress: run.summary.fraction,
    test_accuracy: run.summary.testAccuracy,
    folder: run.folder,
  }));
  const shown = [
    { key: "state", title: "state" },
    ...columns,
    ...(hasSeeds ? [{ key: "seed", title: "seed" }] : []),
    { key: "progress", title: "progress", format: (fraction: number) => formatPercent(fraction, 2) },
    { key: "test_accuracy", title: `test accuracy (${accuracyWords(runs)})`, format: formatAccuracy },
    { key: "folder", title: "folder" },
  ];
  const text = formatReport({ shared: configurations.shared, columns: shown, rows }, "text");
  for (const line of text.trimEnd().split("\n")) print(line);
}

function printTable<K extends string>(
  rows: readonly Readonly<Record<K, string>>[],
  columns: readonly K[],
  print: PrintLine,
): void {
  const text = formatTable(
    columns.map((key) => ({ key, title: key })),
    rows,
    "text",
  );
  for (const line of text.trimEnd().split("\n")) print(line);
}

function printDetails(run: RunEntry, print: PrintLine): void {
  const { state, skippedCount } = readRun(run.folder);
  if (state.mask) {
    print("");
    const layers = state.mask.layers.map((layer) => ({
      layer: layer.name,
      shape: layer.shape.join("×"),
      kept: `${layer.keptCount}`,
      density: formatPercent(layer.keptCount / layer.count),
      width: formatPercent(layer.width),
    }));
    printTable(layers, ["layer", "shape", "kept", "density", "width"], print);
  }
  if (state.log.length > 0) print("");
  for (const entry of state.log) print(`${formatClock(entry.t)} ${entry.text}`);
  const leftOut = leftOutText(skippedCount);
  if (leftOut !== undefined) print(leftOut);
}
