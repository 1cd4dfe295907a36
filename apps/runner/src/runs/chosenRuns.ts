/** Which runs a command line means. */
import { existsSync } from "node:fs";
import path from "node:path";
import { ArgumentError } from "@phew/core/messages";
import { listRuns, type RunEntry, SweepList } from "@phew/runs";
import { configurationsOf } from "@phew/runs/configurations";
import {
  fieldsOf,
  isFilter,
  type KeptRun,
  keptRun,
  namer,
  namesIn,
  parseFilters,
  type RunFieldTable,
} from "@phew/runs/list";

export interface FoundRuns {
  /** Those that meet all filters, in the order of their folders. */
  readonly runs: readonly KeptRun[];
  /** Number of all runs. */
  readonly foundCount: number;
  /** Runs of sweeps that have no folder yet. */
  readonly waitingCount: number;
  readonly fields: RunFieldTable;
}

/** @throws ArgumentError where there is no such folder, or a filter is none */
export function filteredRuns(root: string, filters: readonly string[]): FoundRuns {
  const all = namedRuns(listRuns(root));
  const fields = fieldsOf(all);
  const passes = parseFilters(filters, fields);
  return {
    runs: all.map(keptRun).filter(passes),
    foundCount: all.length,
    waitingCount: waitingCount(root, all),
    fields,
  };
}

/** Runs called by what they differ in from the others, as tables and the screen call them. */
export function namedRuns<Run extends RunEntry>(runs: readonly Run[]): Run[] {
  const { titleOf } = configurationsOf(runs);
  return runs.map((run) => ({ ...run, name: titleOf(run) }));
}

/** The name of a run among all below a folder; undefined for runs elsewhere. */
export function namesBelow(root: string): (folder: string) => string | undefined {
  const all = existsSync(root) ? namedRuns(listRuns(root)) : [];
  const names = new Map(all.map(({ folder, name }) => [path.resolve(folder), name]));
  return (folder) => names.get(path.resolve(folder));
}

/** Number of runs of sweeps that have no folder yet. @param found all runs below the folder */
function waitingCount(root: string, found: readonly RunEntry[]): number {
  return new SweepList(root).refresh(found).filter(({ life }) => life === "waiting").length;
}

/**
 * Folders of the runs that words name, or that filters choose.
 * @throws ArgumentError where there is none, names and filters stand side by side, or one cannot be used
 */
export function chosenFolders(root: string, words: readonly string[]): string[] {
  const filters = words.filter(isFilter);
  if (filters.length === 0) return [...new Set(words.flatMap(namesIn).map(namer(root)))];
  if (filters.length < words.length) {
    throw new ArgumentError("run", {
      given: `${words.find((word) => !isFilter(word))} beside ${filters[0]}`,
      expected: "names of runs, or filters, but not both",
    });
  }
  const { runs, foundCount } = filteredRuns(root, filters);
  if (runs.length > 0) return runs.map(({ folder }) => folder);
  throw new ArgumentError("run", {
    given: filters.join(" "),
    expected: `filters that some run of ${foundCount} below ${root} meets`,
    remedy: "phew runs list shows them.",
  });
}
