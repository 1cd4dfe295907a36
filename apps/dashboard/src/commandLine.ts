/** The arguments of the dashboard as a program of its own, and what they come to. */
import { ArgumentError, counted, unknownName } from "@phew/runs";
import type { ViewName } from "./views/registry.ts";

export interface WatchOptions {
  readonly folder: string;
  /** The folder may come to be while it is watched: it is the usual one, not one that somebody named. */
  readonly mayBeMissing?: boolean;
  /** Print the present state and end. */
  readonly once: boolean;
  /** Lines, even on a terminal. */
  readonly plain: boolean;
  /** The screen is drawn in ASCII. */
  readonly ascii: boolean;
  /** Process of the run that was started with the screen. */
  readonly startedPid?: number;
  /** What is shown first; the overview unless given. */
  readonly view?: ViewName;
}

export const USAGE = `phew watch [folder] [--once] [--plain] [--ascii]

Shows the runs below a folder as they happen: all runs, an experiment, or one run. Default: runs
On a terminal a full screen (? shows its keys), else a line for each noteworthy event until no run is live.

  --once   print the present state and end
  --plain  lines, even on a terminal
  --ascii  the screen without frames, blocks and braille
`;

const FLAGS = ["--once", "--plain", "--ascii", "--help"] as const;

/** @throws ArgumentError for an unknown option or a second folder */
export function parseCommandLine(args: readonly string[]): WatchOptions & { readonly help: boolean } {
  const flags = new Set<string>();
  const folders: string[] = [];
  for (const arg of args) {
    if (!arg.startsWith("-")) folders.push(arg);
    else if (arg === "-h") flags.add("--help");
    else if ((FLAGS as readonly string[]).includes(arg)) flags.add(arg);
    else throw unknownName("option of phew watch", arg, FLAGS);
  }
  if (folders.length > 1) {
    throw new ArgumentError("phew watch", {
      given: counted(folders.length, "folder"),
      expected: "one folder at most",
    });
  }
  return {
    folder: folders[0] ?? "runs",
    mayBeMissing: folders.length === 0,
    once: flags.has("--once"),
    plain: flags.has("--plain"),
    ascii: flags.has("--ascii"),
    help: flags.has("--help"),
  };
}
