import { describe, expect, it } from "vitest";
import type { RunEntry, RunLife, SweepEntry } from "../src/index.ts";
import { sweepProgress } from "../src/index.ts";

const T = 1_000_000;

interface PlannedRun {
  readonly config: Readonly<Record<string, unknown>>;
  readonly estimateMs?: number;
  readonly life?: RunLife;
  readonly startedMs?: number;
  readonly endedMs?: number;
  readonly summary?: Partial<RunEntry["summary"]>;
}

/** A sweep called at T, and its runs; times are milliseconds behind it. */
function sweepOf(
  planned: readonly PlannedRun[],
  atATime: number | undefined,
  isActive = true,
): [SweepEntry, RunEntry[]] {
  const runs = planned.map(
    ({ life = "waiting", config, startedMs = 0, endedMs = 0, summary }, k): RunEntry => {
      const full = { phase: "training" as const, fraction: life === "finished" ? 1 : 0, ...summary };
      const status = {
        state: "running" as const,
        name: "",
        pid: 1,
        host: "h",
        startedT: T + startedMs,
        updatedT: T + endedMs,
        summary: full,
      };
      return {
        folder: `runs/e/r${k}`,
        experiment: "e",
        id: `r${k}`,
        name: "",
        config,
        life,
        summary: full,
        updatedT: T + endedMs,
        ...(life === "waiting" ? {} : { status }),
      };
    },
  );
  const record = {
    file: "/sweep.json",
    options: [],
    calledFrom: "/",
    executor: "pool",
    submittedT: T,
    runs: planned.map(({ config, estimateMs }, k) => ({ id: `r${k}`, config, estimateMs })),
    ...(atATime === undefined ? {} : { atATime }),
  };
  return [{ experiment: "e", folder: "runs/e", record, isActive, arrays: [], failures: new Map() }, runs];
}

const left = (planned: readonly PlannedRun[], nowMs: number, atATime?: number, isActive = true) => {
  const [sweep, runs] = sweepOf(planned, atATime, isActive);
  return sweepProgress(sweep, runs, T + nowMs).leftMs;
};

const a = { model: "lenet5", rate: 0.1, seed: 0 };
const b = { model: "lenet5", rate: 0.2, seed: 0 };
const c = { model: "mlp", rate: 0.2, seed: 0 };

describe("the time that a sweep still takes", () => {
  it("is unknown while a run goes on that does not say since when", () => {
    const [sweep, [first, ...others]] = sweepOf(
      [{ config: a, estimateMs: 1000, life: "running" }, { config: b }],
      1,
    );
    const { status: _, ...silent } = first!;
    const runs = [silent, ...others];
    expect(sweepProgress(sweep, runs, T + 10)).toEqual({ runs });
  });

  it("is what was expected while nothing is known, as many runs at a time as there are places", () => {
    const planned = [a, b, c].map((config, k) => ({ config, estimateMs: 1000 * (k + 1) }));
    expect(left(planned, 0, 1)).toBe(6000);
    // 1000, 2000; the place that is free first takes 3000
    expect(left(planned, 0, 2)).toBe(4000);
    expect(left(planned, 0, 9)).toBe(3000);
  });

  it("goes by the runs known by now: by the same configuration, else those that differ in the fewest settings", () => {
    const done = (
      config: PlannedRun["config"],
      startedMs: number,
      endedMs: number,
      estimateMs: number,
    ): PlannedRun => ({
      config,
      life: "finished",
      startedMs,
      endedMs,
      estimateMs,
    });
    // one at a time, without a gap: nothing is taken beyond the runs' own times
    const known = [done(a, 0, 2000, 1000), done(c, 2000, 8000, 1000)];
    const again = { config: { ...a, seed: 1 }, estimateMs: 1000 };
    expect(left([...known, again], 8000, 1)).toBe(2000);
    // differs from a and from c in one setting each: the median of twice and six times
    expect(left([...known, { config: b, estimateMs: 1000 }], 8000, 1)).toBe(4000);
    // from c in one, from a in two
    expect(left([...known, { config: { ...c, rate: 0.3 }, estimateMs: 500 }], 8000, 1)).toBe(3000);
  });

  it("adds what a run takes beyond its own time, and takes off what running ones have behind them", () => {
    const finished: PlannedRun = {
      config: a,
      life: "finished",
      startedMs: 500,
      endedMs: 2500,
      estimateMs: 2000,
    };
    const waiting = { config: { ...a, seed: 2 }, estimateMs: 2000 };
    // 1000 ms of 3000 went by beside the only run: half a run's own time more for the next
    expect(left([finished, waiting], 3000, 1)).toBe(2000 + 1000);
    const running: PlannedRun = {
      config: { ...a, seed: 1 },
      life: "running",
      startedMs: 3000,
      endedMs: 4000,
      estimateMs: 2000,
      summary: { phase: "training", fraction: 0.25, leftMs: 3000 },
    };
    // its own estimate of 4000 counts, with the 2000 of the finished one: the median of 1 and 2 for the next; 500 beside each
    expect(left([finished, running, waiting], 4000, 1)).toBe(3000 + 3000 + 500);
  });

  it("goes on with what was interrupted before it was called, not with what failed or was interrupted since", () => {
    const waiting = { config: a, estimateMs: 1000 };
    const before: PlannedRun = { ...waiting, life: "interrupted", startedMs: -5000, endedMs: -4000 };
    expect(left([waiting, before], 0, 1)).toBe(2000);
    expect(left([waiting, { ...before, startedMs: 0, endedMs: 0 }], 0, 1)).toBe(1000);
    expect(left([waiting, { ...before, life: "failed" }], 0, 1)).toBe(1000);
  });

  it("is not estimated where nobody goes on, nothing is left, or a run was never estimated", () => {
    const waiting = { config: a, estimateMs: 1000 };
    expect(left([waiting], 0, 1, false)).toBeUndefined();
    expect(left([{ ...waiting, life: "finished", endedMs: 10 }], 10, 1)).toBeUndefined();
    expect(left([waiting, { config: b }], 0, 1)).toBeUndefined();
  });
});

it("where nobody says how many run at a time, as many do as did together before", () => {
  const config = { method: "phew" };
  const done = (startedMs: number): PlannedRun => ({
    config,
    estimateMs: 1000,
    life: "finished",
    startedMs,
    endedMs: startedMs + 1000,
  });
  const coming: PlannedRun = { config, estimateMs: 1000 };
  // four ran together, and the queue is about to begin the next
  expect(left([done(0), done(0), done(0), done(0), coming, coming, coming, coming], 1000)).toBe(1000);
  // one behind the other
  expect(left([done(0), done(1000), coming, coming], 2000)).toBe(2000);
});
