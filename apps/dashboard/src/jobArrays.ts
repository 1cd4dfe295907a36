/** Job arrays in the table of a sweep: each is one row until it is opened. */
import path from "node:path";
import { counted, formatCount, type RunEntry, type RunLife } from "@phew/runs";
import type { DashboardState } from "./dashboardState.ts";
import type { Span } from "./styledText.ts";
import { LIFE_LOOKS } from "./theme.ts";
import { visibleRuns } from "./visibleRuns.ts";

/** A run that stands for all runs of its array. */
export interface ClosedArray {
  readonly jobId: string;
  readonly runs: readonly RunEntry[];
}

const TOLD: readonly RunLife[] = ["finished", "running", "waiting", "failed", "interrupted", "lost"];

/** Where arrays are rows: in the table, unless runs are searched for or grouped otherwise. */
function hasArrays({ view, filter, filtering, grouped, sweeps }: DashboardState): boolean {
  const isTable = view.name === "sweep" && !grouped && !filtering && filter === "";
  return isTable && sweeps.some(({ arrays }) => arrays.length > 0);
}

/** The job of each run by its folder; of several the last. */
function jobsOf({ sweeps }: DashboardState): ReadonlyMap<string, string> {
  return new Map(
    sweeps.flatMap(({ folder, arrays }) =>
      arrays.flatMap(({ jobId, ids }) => ids.map((id) => [path.join(folder, id), jobId] as const)),
    ),
  );
}

/** The runs that the cursor goes over: of an array that is closed one, the one under the cursor or the first. */
export function listedRuns(state: DashboardState): readonly RunEntry[] {
  const runs = visibleRuns(state);
  const closed = closedArrays(state);
  if (closed.size === 0) return runs;
  const listed = new Set<ClosedArray>();
  return runs.flatMap((run) => {
    const array = closed.get(run.folder);
    if (array === undefined) return [run];
    if (listed.has(array)) return [];
    listed.add(array);
    return [array.runs.find(({ folder }) => folder === state.selected) ?? run];
  });
}

/** The arrays that are one row, by the folders of their runs. */
export function closedArrays(state: DashboardState): ReadonlyMap<string, ClosedArray> {
  if (!hasArrays(state)) return new Map();
  const jobs = jobsOf(state);
  const ofJob = new Map<string, RunEntry[]>();
  for (const run of visibleRuns(state)) {
    const jobId = jobs.get(run.folder);
    if (jobId === undefined || state.openJobs.includes(jobId)) continue;
    const own = ofJob.get(jobId);
    if (own) own.push(run);
    else ofJob.set(jobId, [run]);
  }
  const closed = new Map<string, ClosedArray>();
  for (const [jobId, runs] of ofJob) {
    const array = { jobId, runs };
    for (const { folder } of runs) closed.set(folder, array);
  }
  return closed;
}

/** With the array of the run under the cursor opened; undefined where there is none that is closed. */
export function withArrayOpened(state: DashboardState): DashboardState | undefined {
  const array = state.selected === undefined ? undefined : closedArrays(state).get(state.selected);
  return array && { ...state, openJobs: [...state.openJobs, array.jobId] };
}

/** With it closed again; undefined where there is none that is open. */
export function withArrayClosed(state: DashboardState): DashboardState | undefined {
  const jobId =
    state.selected === undefined || !hasArrays(state) ? undefined : jobsOf(state).get(state.selected);
  if (jobId === undefined || !state.openJobs.includes(jobId)) return undefined;
  return { ...state, openJobs: state.openJobs.filter((open) => open !== jobId) };
}

/** What the row of an array says. */
export function arraySpans({ jobId, runs }: ClosedArray): Span[] {
  const counts = TOLD.flatMap((life) => {
    const count = runs.filter((run) => run.life === life).length;
    const { word, colour } = LIFE_LOOKS[life];
    return count === 0 ? [] : [{ text: ` · ${formatCount(count)} ${word}`, colour }];
  });
  return [{ text: `job ${jobId}: ${counted(runs.length, "run")}`, bold: true }, ...counts];
}
