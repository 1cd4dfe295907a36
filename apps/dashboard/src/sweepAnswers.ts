/** The actions on a sweep that the screen offers, and their `phew sweep` commands. */
import { COMMAND, counted, type RunLife, type SweepEntry, sweepProgress } from "@phew/runs";
import type { DashboardState } from "./dashboardState.ts";
import { selectedRun } from "./visibleRuns.ts";

export type SweepAnswer = "start" | "retry" | "cancel";

interface SweepChoice {
  readonly answer: SweepAnswer;
  readonly key: string;
  readonly hint: string;
  /** Option of `phew sweep`. */
  readonly option?: string;
  /** What it would do; undefined if it would do nothing. */
  readonly help: (counts: (...lives: readonly RunLife[]) => number, isActive: boolean) => string | undefined;
}

const SWEEP_CHOICES: readonly SweepChoice[] = [
  {
    answer: "start",
    key: "s",
    hint: "start the rest",
    help: (counts, isActive) => {
      const count = counts("waiting", "interrupted", "lost");
      return isActive || count === 0 ? undefined : `start the rest: ${counted(count, "run")}`;
    },
  },
  {
    answer: "retry",
    key: "r",
    hint: "retry what failed",
    option: "--retry",
    help: (counts, isActive) => {
      const failed = counts("failed");
      const rest = counts("waiting", "interrupted", "lost");
      if (isActive || failed === 0) return undefined;
      return `retry ${counted(failed, "failed run")}${rest > 0 ? `, and start the rest: ${counted(rest, "run")}` : ""}`;
    },
  },
  {
    answer: "cancel",
    key: "c",
    hint: "cancel",
    option: "--cancel",
    help: (counts, isActive) => {
      const [running, waiting] = [counts("running"), counts("waiting")];
      if (!isActive || running + waiting === 0) return undefined;
      const stop = `${counted(running, "run")} ${running === 1 ? "stops" : "stop"} at a checkpoint`;
      return `cancel: ${stop}, ${waiting} ${waiting === 1 ? "does" : "do"} not begin`;
    },
  },
];

/** The sweep of the selected run, else the only sweep. */
export function sweepAtHand(state: DashboardState): SweepEntry | undefined {
  const run = selectedRun(state);
  const own = state.sweeps.find(
    ({ record, experiment }) => run?.experiment === experiment && record.runs.some(({ id }) => id === run.id),
  );
  return own ?? (state.sweeps.length === 1 ? state.sweeps[0] : undefined);
}

/** The choices that do something now, with what they would do. */
export function sweepChoices(
  state: DashboardState,
  sweep: SweepEntry,
): (SweepChoice & { readonly helpText: string })[] {
  // a command that is no sweep is started and stopped where it runs
  if (sweep.record.executor === COMMAND) return [];
  const { runs } = sweepProgress(sweep, state.runs, state.now);
  const counts = (...lives: readonly RunLife[]) => runs.filter(({ life }) => lives.includes(life)).length;
  return SWEEP_CHOICES.flatMap((choice) => {
    const helpText = choice.help(counts, sweep.isActive);
    return helpText === undefined ? [] : [{ ...choice, helpText }];
  });
}

/** The words of the command behind `phew`. */
export function sweepWords({ record }: SweepEntry, answer: SweepAnswer): string[] {
  const { option } = SWEEP_CHOICES.find((choice) => choice.answer === answer)!;
  return ["sweep", record.file, ...record.options, ...(option === undefined ? [] : [option])];
}
