/** The order of the runs in every list, and the densities they were asked for. */
import type { RunEntry, RunLife } from "@phew/runs";
import { oncePerSeed, type Spread, spreadOf } from "@phew/runs/configurations";

export const ORDERS = ["start", "state", "method", "density", "progress", "accuracy"] as const;
export type OrderName = (typeof ORDERS)[number];

export interface RunOrder {
  readonly order: OrderName;
  readonly descending: boolean;
  /** Runs that differ in their seed alone stand together, whatever the order within. */
  readonly grouped: boolean;
}

/** What needs a look comes first. */
const LIVES: readonly RunLife[] = ["failed", "lost", "running", "interrupted", "waiting", "finished"];

/**
 * The runs in the order chosen; equal ones, and those that lack the value, as they were and last.
 * @param configurationOf the place of the run's configuration among others
 */
export function ordered(
  runs: readonly RunEntry[],
  order: RunOrder,
  configurationOf: (run: RunEntry) => number,
): readonly RunEntry[] {
  if (order.order === "start" && !order.descending && !order.grouped) return runs;
  const sign = order.descending ? -1 : 1;
  const keyed = runs.map((run, index) => ({ run, index, key: keyOf(run, order.order, index) }));
  keyed.sort(
    (a, b) =>
      (order.grouped ? configurationOf(a.run) - configurationOf(b.run) : 0) ||
      byKey(a.key, b.key, sign) ||
      a.index - b.index,
  );
  return keyed.map(({ run }) => run);
}

/** When the run began, in milliseconds since the epoch. */
export function startedT(run: RunEntry): number {
  return run.status?.startedT ?? run.updatedT;
}

export function methodOf(run: RunEntry): string {
  const { method } = run.config;
  return typeof method === "string" ? method : (run.summary.method ?? "");
}

/** The density asked for; 1 of a dense run, and of one whose rule finds it. */
export function askedDensity(run: RunEntry): number | undefined {
  const { density } = run.config;
  return typeof density === "number" ? density : run.summary.requestedDensity;
}

/** Fraction of the test set; undefined before the first epoch. */
export function accuracyOf({ summary }: RunEntry): number | undefined {
  return summary.testAccuracy;
}

/**
 * Of the accuracies of those that are finished, each seed once: others have none to compare yet.
 * @param runs of one configuration
 */
export function finishedSpread(runs: readonly RunEntry[]): Spread {
  const finished = oncePerSeed(runs).filter(({ life }) => life === "finished");
  return spreadOf(finished.flatMap((run) => accuracyOf(run) ?? []));
}

function keyOf(run: RunEntry, order: OrderName, index: number): number | string | undefined {
  switch (order) {
    case "start":
      return index;
    case "state":
      return LIVES.indexOf(run.life);
    case "method":
      return methodOf(run);
    case "density":
      return run.summary.density ?? askedDensity(run);
    case "progress":
      return run.summary.fraction;
    case "accuracy":
      return accuracyOf(run);
  }
}

function byKey(a: number | string | undefined, b: number | string | undefined, sign: number): number {
  const [noA, noB] = [isNothing(a), isNothing(b)];
  if (noA || noB) return Number(noA) - Number(noB);
  return sign * compared(a!, b!);
}

function isNothing(key: number | string | undefined): boolean {
  return key === undefined || Number.isNaN(key);
}

function compared(a: number | string, b: number | string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
