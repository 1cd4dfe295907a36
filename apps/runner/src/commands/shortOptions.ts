/** One letter for an option, the same in every verb that has the option. Loads nothing: `phew watch` is there at once. */
import type { Command } from "commander";

export const SHORT_OPTIONS: Readonly<Record<string, string>> = {
  "--batch-size": "-b",
  "--density": "-d",
  "--epochs": "-e",
  "--force": "-f",
  "--workers": "-j",
  "--method": "-m",
  "--dry-run": "-n",
  "--out": "-o",
  "--quiet": "-q",
  "--seed": "-s",
  "--threads": "-t",
  "--watch": "-w",
  "--yes": "-y",
};

/**
 * A command line without `--watch`, by its name or its letter: `-w`, and `-qw` or `-wd0.05` beside others. What stands before
 * the letter must be flags, else it belongs to the value of another.
 */
export function withoutWatch(args: readonly string[]): string[] {
  return args
    .filter((arg) => arg !== "--watch" && arg !== "-w")
    .map((arg) => arg.replace(/^(-[fnqy]*)w/, "$1"));
}

/** Gives the options of a command their letters. */
export function nameShort(command: Command): void {
  for (const option of command.options) {
    const short = SHORT_OPTIONS[option.long ?? ""];
    if (short === undefined) continue;
    option.short = short;
    option.flags = `${short}, ${option.flags}`;
  }
}
