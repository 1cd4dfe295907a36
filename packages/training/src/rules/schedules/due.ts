/** Options of schedules that change the masks every so many steps. */
import type { OptionSpec } from "@phew/core";
import { fractionOption } from "../fractionOption.ts";
import type { Options, RunTime } from "../rule.ts";

export const alpha = (initial: number): OptionSpec =>
  fractionOption(initial, "fraction of the kept weights that is replaced, at first");

export const endAfter = (initial: number): OptionSpec =>
  fractionOption(initial, "fraction of the run after which the masks stay");

export const timing = (every: number, end: number): Readonly<Record<string, OptionSpec>> => ({
  every: {
    kind: "number",
    least: 0,
    most: 2 ** 40,
    whole: true,
    initial: every,
    help: "steps between two changes; 0 for one an epoch",
  },
  begin: fractionOption(0, "fraction of the run before the first change"),
  end: endAfter(end),
});

/** Whether step `time.step` has a change: every so many steps, from step 0; once an epoch, from the second epoch. */
export function isDue({ step, stepCount, stepsPerEpoch }: RunTime, options: Options): boolean {
  const every = Number(options.every);
  if (step < Number(options.begin) * stepCount || step > Number(options.end) * stepCount) return false;
  return every === 0 ? step > 0 && step % stepsPerEpoch === 0 : step % every === 0;
}
