/** Output of `phew sweep`: states of runs, estimated times, results, failures. */
import { formatReport, formatTable, type ResultRun, type Row } from "@phew/report";
import { accuracyWords, counted, formatAccuracy, formatDuration, listRuns } from "@phew/runs";
import { configurationsOf } from "@phew/runs/configurations";
import {
  describeSources,
  type Estimate,
  makespan,
  type Submission,
  type TaskState,
  type TaskStatus,
} from "@phew/runs/sweeps";
import type { SweepPlan } from "./sweepPlan.ts";
import type { RunMaterial, SweepRun } from "./sweepTasks.ts";
import { estimateSweep } from "./sweepWork.ts";

/** A run's failure, or its warnings. */
export interface RunFailure {
  readonly id: string;
  readonly run: string;
  readonly message: string;
}

const SHOWN_FAILURES = 20;
const ORDER: readonly TaskState[] = ["finished", "running", "failed", "interrupted", "lost", "waiting"];
const NAMES = ["id", "run", "state"].map((key) => ({ key, title: key }));

export function runRow({ task, state, summary }: TaskStatus): Row {
  return {
    id: task.id,
    run: task.name,
    state,
    epoch: summary?.epoch,
    test_accuracy: summary?.testAccuracy,
  };
}

/** A run as tables of results take it. */
export function resultRun({ task, state, summary }: TaskStatus): ResultRun {
  const { id, experiment, config } = task;
  return { id, experiment, config, life: state, ...(summary && { summary }) };
}

/** A line a run, below what they share. */
export function statusTable(statuses: readonly TaskStatus[]): string {
  const tasks = statuses.map(({ task }) => task);
  const which = accuracyWords(tasks);
  const columns = [
    ...NAMES,
    { key: "epoch", title: "epoch" },
    { key: "test_accuracy", title: `test accuracy (${which})`, format: formatAccuracy },
  ];
  const { shared } = configurationsOf(tasks);
  return formatReport({ shared, columns, rows: statuses.map(runRow) }, "text");
}

/** "24 runs: 18 finished, 2 failed, 4 waiting" */
export function countStates(statuses: readonly TaskStatus[]): string {
  const parts = ORDER.flatMap((state) => {
    const count = statuses.filter((status) => status.state === state).length;
    return count === 0 ? [] : [`${count} ${state}`];
  });
  return `${runCount(statuses.length)}: ${parts.join(", ")}`;
}

/**
 * What Ctrl-C leaves of a sweep, and how it goes on.
 * @param command of a shell
 */
export function stoppedWords(statuses: readonly TaskStatus[], command: string): string {
  const countOf = (...states: readonly TaskState[]) =>
    statuses.filter(({ state }) => states.includes(state)).length;
  const [finished, stopped, waiting] = [
    countOf("finished"),
    countOf("interrupted", "lost"),
    countOf("waiting"),
  ];
  const others = [
    [stopped, "stopped on the way"],
    [waiting, "not begun"],
    [countOf("failed"), "failed"],
    [countOf("running"), "still running"],
  ].flatMap(([count, words]) => (count === 0 ? [] : [`${count} ${words}`]));
  const rest = [`${finished} of ${runCount(statuses.length)} finished`, ...others].join(", ");
  return stopped + waiting === 0 ? `stopped: ${rest}` : `stopped: ${rest}. To go on: ${command}`;
}

/** Fraction and note for a bar. @param failed ids of those that failed by now, which take no more time */
export function progressOf(
  statuses: readonly TaskStatus[],
  failed: ReadonlySet<string> = new Set(),
): [number, string] {
  const done = statuses.map(({ task, state, summary }) =>
    state === "finished" || failed.has(task.id) ? 1 : summary?.phase === "training" ? summary.fraction : 0,
  );
  const finished = statuses.filter(({ state }) => state === "finished").length;
  const failedWords = failed.size === 0 ? "" : `, ${failed.size} failed`;
  return [
    done.reduce((sum, part) => sum + part, 0) / done.length,
    `${finished} of ${runCount(done.length)} done${failedWords}`,
  ];
}

/** Runs that ended without success, by now or in this submission. */
export function failuresOf(
  statuses: readonly TaskStatus[],
  submission: Submission | undefined,
): RunFailure[] {
  return statuses.flatMap(({ task, state, failure }) => {
    const failed = state === "failed" ? (failure ?? "unknown reason") : undefined;
    const message = submission?.failures.get(task.id) ?? failed;
    return message === undefined ? [] : [{ id: task.id, run: task.name, message }];
  });
}

/** The warnings of runs. */
export function warningsOf(statuses: readonly TaskStatus[]): RunFailure[] {
  return statuses.flatMap(({ task, summary }) =>
    (summary?.warnings ?? []).map((message) => ({ id: task.id, run: task.name, message })),
  );
}

export function warningLines(warnings: readonly RunFailure[]): string[] {
  if (warnings.length === 0) return [];
  return [`${counted(warnings.length, "warning")}:`, ...runLines(warnings)];
}

export function failureLines(failures: readonly RunFailure[]): string[] {
  if (failures.length === 0) return [];
  return [
    `${runCount(failures.length)} did not succeed (--retry runs what failed again, --logs shows what was printed):`,
    ...runLines(failures),
  ];
}

function runLines(failures: readonly RunFailure[]): string[] {
  const rest = failures.length - SHOWN_FAILURES;
  return [
    ...failures.slice(0, SHOWN_FAILURES).map(({ id, run, message }) => `  ${id}  ${run}: ${message}`),
    ...(rest > 0 ? [`  and ${rest} more`] : []),
  ];
}

/** The runs there are and the time that those to do will take. */
export function dryRun(
  plan: SweepPlan,
  statuses: readonly TaskStatus[],
  todo: readonly SweepRun[],
  materials: ReadonlyMap<string, RunMaterial>,
): { readonly json: { readonly totalMs: number; readonly [key: string]: unknown }; readonly text: string } {
  const { experiment } = plan.sweep;
  const estimate = estimateSweep(todo, materials, entriesBelow(plan.root));
  const ms = new Map(todo.map(({ id }, k) => [id, estimate.runMs[k]!]));
  const rows = statuses.map((status) => ({ ...runRow(status), estimate_ms: ms.get(status.task.id) }));
  const columns = [...NAMES, { key: "estimate_ms", title: "estimate", format: formatDuration }];
  const totalMs = makespan(estimate.runMs, plan.processCount);
  const sentence = describeEstimate(plan, estimate, totalMs);
  return {
    json: { experiment, folder: plan.folder, runs: rows, totalMs, sources: estimate.sources },
    text: `${formatTable(columns, rows, "text")}\n${experiment}: ${countStates(statuses)}.\n${sentence}\n`,
  };
}

function describeEstimate(
  { processCount, executor }: SweepPlan,
  estimate: Estimate,
  totalMs: number,
): string {
  if (estimate.runMs.length === 0) return "Nothing to do.";
  const sumMs = estimate.runMs.reduce((sum, ms) => sum + ms, 0);
  const time =
    executor.name === "pool"
      ? `About ${formatDuration(totalMs)}, ${runCount(processCount)} at a time`
      : `About ${formatDuration(sumMs)} of computing in all`;
  return `${time}. Of ${counted(estimate.runMs.length, "estimate")} ${describeSources(estimate)}.`;
}

/** All runs below the folder; none if it does not exist. */
export function entriesBelow(root: string) {
  try {
    return listRuns(root);
  } catch {
    // the folder does not exist yet
    return [];
  }
}

function runCount(count: number): string {
  return counted(count, "run");
}
