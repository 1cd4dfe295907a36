/**
 * The runs that pass what is typed behind `/`: words, and conditions such as `method=phew` or `density<0.1` as `phew runs
 * list` knows them. A run passes where all of them are met.
 */
import type { RunEntry } from "@phew/runs";
import { fieldsOf, isFilter, type KeptRun, type RunNotes, usableFilters } from "@phew/runs/list";
import type { DashboardState } from "./dashboardState.ts";
import { runConfigurations } from "./runTitles.ts";

export interface FilteredRuns {
  readonly passing: readonly RunEntry[];
  /** Why a condition cannot be used: runs are shown as if it was not there. */
  readonly fault?: string;
}

type Subject = Pick<DashboardState, "runs" | "filter" | "notes">;

const NO_NOTES: RunNotes = { tags: [], notes: [] };
/** Conditions on what lies in a file of its own, which is read for them alone. */
const OF_NOTES = /(^|\s)(tag|note)\s*[!=~]/;

/** Of each list of runs what was asked for last: a frame asks several times. */
const known = new WeakMap<
  readonly RunEntry[],
  { readonly subject: Subject; readonly filtered: FilteredRuns }
>();

export function filteredRuns({ runs, filter, notes }: Subject): FilteredRuns {
  const before = known.get(runs);
  if (before?.subject.filter === filter && before.subject.notes === notes) return before.filtered;
  const filtered = filter.trim() === "" ? { passing: runs } : filteredBy({ runs, filter, notes });
  known.set(runs, { subject: { runs, filter, notes }, filtered });
  return filtered;
}

/** Whether a filter has to know the tags and notes of runs. */
export function readsNotes(filter: string): boolean {
  return OF_NOTES.test(filter);
}

function filteredBy({ runs, filter, notes }: Subject): FilteredRuns {
  const parts = filter.split(/\s+/).filter(Boolean);
  const words = parts.filter((part) => !isFilter(part)).map((word) => word.toLowerCase());
  const { passes, fault } = usableFilters(parts.filter(isFilter), fieldsOf(runs));
  const { nameOf } = runConfigurations({ runs });
  const passing = runs.filter((run) => {
    if (!passes(kept(run, notes))) return false;
    const facts = [nameOf(run), run.name, run.experiment, run.life, ...Object.values(run.config)];
    const text = facts.join("\n").toLowerCase();
    return words.every((word) => text.includes(word) || run.id.startsWith(word));
  });
  return fault === undefined ? { passing } : { passing, fault };
}

function kept(run: RunEntry, notes: DashboardState["notes"]): KeptRun {
  return { ...run, notes: notes?.get(run.folder) ?? NO_NOTES, hasDamagedNotes: false };
}
