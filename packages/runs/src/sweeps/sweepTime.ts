/**
 * The time until a running sweep ends. The expected time of a run is its first estimate times the median of
 * actual / estimated time over finished runs: those of its configuration, else those that differ in the fewest settings.
 * Each run also has the mean overhead so far, for the start and the end of its process.
 *   overhead = (time since the call · runs at a time − time of all runs) / runs begun
 * Then the runs follow each other as the executor takes them.
 */
import type { RunEntry } from "../readRun.ts";
import type { RunStatus } from "../status.ts";
import { makespan, median } from "./estimate.ts";
import type { PlannedRun, SweepEntry } from "./sweepRecord.ts";

/** The progress of a sweep. */
export interface SweepProgress {
  /** Its runs, with those that have not begun. */
  readonly runs: readonly RunEntry[];
  /** Milliseconds until the last one ends; absent where nothing is known, or nobody goes on with it. */
  readonly leftMs?: number;
}

/** A run that has ended, or whose end can be estimated. */
interface KnownTime {
  readonly planned: PlannedRun;
  readonly tookMs: number;
}

/** Before this fraction of its training the end of a run cannot be estimated. */
const LEAST_FRACTION = 0.2;

/**
 * @param all runs of a screen, those of the sweep among them
 * @param now milliseconds since the epoch
 */
export function sweepProgress(sweep: SweepEntry, all: readonly RunEntry[], now: number): SweepProgress {
  const { record, folder, experiment } = sweep;
  const planned = new Map(record.runs.map((run) => [run.id, run]));
  const runs = all.filter(
    (run) => planned.has(run.id) && run.experiment === experiment && run.folder.startsWith(folder),
  );
  if (!sweep.isActive) return { runs };
  const begun = runs.filter(isTimed).filter(({ status }) => status.startedT >= record.submittedT);
  const running = runs.filter(({ life }) => life === "running");
  const toDo = runs.filter(
    ({ life, status }) => life === "waiting" || isLeft(life, status?.startedT, record.submittedT),
  );
  const times = begun.flatMap((run): KnownTime[] => {
    const tookMs = tookOf(run, now);
    return tookMs === undefined ? [] : [{ planned: planned.get(run.id)!, tookMs }];
  });
  const expectedOf = expectation(record.runs, times);
  const leftOf = running.map((run) => {
    const expectedMs = tookOf(run, now) ?? expectedOf(planned.get(run.id)!);
    // without status.json nobody knows when it started
    if (run.status === undefined || expectedMs === undefined) return undefined;
    return Math.max(0, expectedMs - (now - run.status.startedT));
  });
  const toComeMs = toDo.map(({ id }) => expectedOf(planned.get(id)!));
  const known = [...leftOf, ...toComeMs].filter((ms) => ms !== undefined);
  if (known.length < leftOf.length + toComeMs.length || known.length === 0) return { runs };
  const atATime = Math.max(1, running.length, record.atATime ?? mostAtOnce(begun, now));
  const overheadMs = overhead(begun, now, record.submittedT, Math.min(atATime, record.runs.length));
  const waitingMs = known.slice(leftOf.length).map((ms) => ms + overheadMs);
  return { runs, leftMs: makespan([...known.slice(0, leftOf.length), ...waitingMs], atATime) };
}

/** Interrupted and lost before the sweep was called: it goes on with them. */
function isLeft(life: RunEntry["life"], startedT: number | undefined, submittedT: number): boolean {
  return (life === "interrupted" || life === "lost") && (startedT ?? 0) < submittedT;
}

type TimedRun = RunEntry & { readonly status: RunStatus };

const isTimed = (run: RunEntry): run is TimedRun => run.status !== undefined;

/** What a run took, or will have taken. */
function tookOf({ life, status, summary }: RunEntry, now: number): number | undefined {
  if (status === undefined) return undefined;
  if (life === "finished") return status.updatedT - status.startedT;
  const { phase, fraction, leftMs } = summary;
  if (life !== "running" || phase !== "training" || leftMs === undefined || fraction < LEAST_FRACTION)
    return undefined;
  return Math.max(now, status.updatedT + leftMs) - status.startedT;
}

/** Took over expected, for the runs of one configuration. */
interface KnownRatios {
  readonly values: readonly unknown[];
  readonly ratios: number[];
}

/** @returns undefined for a run of which nothing was expected */
function expectation(
  planned: readonly PlannedRun[],
  times: readonly KnownTime[],
): (run: PlannedRun) => number | undefined {
  const valuesOf = varying(planned);
  const known = new Map<string, KnownRatios>();
  for (const { planned: run, tookMs } of times) {
    if (!run.estimateMs) continue;
    const values = valuesOf(run);
    const key = JSON.stringify(values);
    const ratios = known.get(key)?.ratios ?? [];
    ratios.push(tookMs / run.estimateMs);
    known.set(key, { values, ratios });
  }
  const nearest = new Map<string, number>();
  return (run) => {
    if (run.estimateMs === undefined) return undefined;
    const values = valuesOf(run);
    const key = JSON.stringify(values);
    const ratio = nearest.get(key) ?? nearestRatio(values, [...known.values()]);
    nearest.set(key, ratio);
    return run.estimateMs * ratio;
  };
}

/** Median over the runs that differ in the fewest settings; 1 where none is known. */
function nearestRatio(values: readonly unknown[], known: readonly KnownRatios[]): number {
  let least = Infinity;
  let ratios: number[] = [];
  for (const each of known) {
    const differing = each.values.filter((value, k) => value !== values[k]).length;
    if (differing < least) ratios = [];
    if (differing <= least) ratios.push(...each.ratios);
    least = Math.min(least, differing);
  }
  return ratios.length === 0 ? 1 : median(ratios);
}

const varied = new WeakMap<readonly PlannedRun[], (run: PlannedRun) => readonly unknown[]>();

/** The values of the settings in which runs differ, but for the seed. */
function varying(planned: readonly PlannedRun[]): (run: PlannedRun) => readonly unknown[] {
  const before = varied.get(planned);
  if (before) return before;
  const names = [...new Set(planned.flatMap(({ config }) => Object.keys(config)))].filter(
    (name) => name !== "seed" && new Set(planned.map(({ config }) => plain(config[name]))).size > 1,
  );
  const values = new Map(planned.map((run) => [run, names.map((name) => plain(run.config[name]))]));
  const made = (run: PlannedRun) => values.get(run)!;
  varied.set(planned, made);
  return made;
}

/** What can be compared by ===. */
function plain(value: unknown): unknown {
  return typeof value === "object" && value !== null ? JSON.stringify(value) : value;
}

/** Most runs that were under way together: between two of them a queue has fewer for a moment. */
function mostAtOnce(begun: readonly TimedRun[], now: number): number {
  const steps = begun.flatMap(({ life, status }) => [
    { t: status.startedT, by: 1 },
    { t: life === "running" ? now : status.updatedT, by: -1 },
  ]);
  let [count, most] = [0, 0];
  for (const { by } of steps.sort((a, b) => a.t - b.t || a.by - b.by)) {
    count += by;
    most = Math.max(most, count);
  }
  return most;
}

function overhead(begun: readonly TimedRun[], now: number, submittedT: number, atATime: number): number {
  if (begun.length === 0) return 0;
  const busyMs = begun.reduce((sum, { life, status }) => {
    const endT = life === "running" ? now : status.updatedT;
    return sum + endT - status.startedT;
  }, 0);
  return Math.max(0, (now - submittedT) * atATime - busyMs) / begun.length;
}
