import { initialRunState, type RunEntry, type SweepEntry } from "@phew/runs";
import { describe, expect, it } from "vitest";
import type { DashboardState } from "../src/dashboardState.ts";
import { initialDashboard, update } from "../src/update.ts";
import { overview } from "../src/views/overview.ts";
import { sweep } from "../src/views/sweep.ts";
import { eventsUntil, fakeEntry, fakeOptions, START_T } from "./fakeStates.ts";
import { frameOf } from "./frame.tsx";

const NOW = START_T + 60_000;

/** 24 runs by two rates and twelve seeds: 6 are finished, after 10 s each, 2 run, one failed before it had a folder. */
function bigSweep(): { readonly entry: SweepEntry; readonly runs: readonly RunEntry[] } {
  const runs = Array.from({ length: 24 }, (_, k): RunEntry => {
    const options = fakeOptions({ seed: k % 12 });
    const life = k < 6 ? "finished" : k < 8 ? "running" : k === 8 ? "failed" : "waiting";
    const entry = fakeEntry(options, life, eventsUntil(options, k < 6 ? "run.finished" : "train.epoch"));
    const config = { ...entry.config, rate: k < 12 ? 0.1 : 0.2 };
    const id = `${k < 12 ? "a" : "b"}123456789-${k % 12}`;
    const folder = `runs/grid/${id}`;
    const summary =
      life === "waiting" || life === "failed"
        ? { phase: life, fraction: 0 }
        : { ...entry.summary, fraction: life === "finished" ? 1 : 0 };
    const startedT = life === "running" ? NOW - 4000 : START_T;
    const status = {
      state: "running" as const,
      name: "",
      pid: 1,
      host: "h",
      startedT,
      updatedT: life === "finished" ? START_T + 10_000 : NOW,
      summary,
    };
    const isBegun = life === "finished" || life === "running";
    return { ...entry, folder, id, experiment: "grid", config, summary, ...(isBegun ? { status } : {}) };
  });
  const record = {
    file: "/here/grid.json",
    options: ["--workers=2"],
    calledFrom: "/here",
    executor: "pool",
    // six runs of 10 s and two of 4 s at two places: what is beyond their own times is 0
    atATime: 2,
    submittedT: NOW - 34_000,
    runs: runs.map(({ id, config }) => ({ id, config, estimateMs: 10_000 })),
  };
  const moved = runs.map((run) =>
    run.life !== "finished"
      ? run
      : { ...run, status: { ...run.status!, startedT: NOW - 30_000, updatedT: NOW - 20_000 } },
  );
  const failures = new Map([
    ["a123456789-8", "data/x.gz: got a file that ends early, expected 60,000 images"],
  ]);
  return {
    entry: { experiment: "grid", folder: "runs/grid", record, isActive: true, failures },
    runs: moved,
  };
}

function screenOf(over: Partial<SweepEntry> = {}): DashboardState {
  const { entry, runs } = bigSweep();
  const state = initialDashboard("runs", START_T, { view: sweep });
  return update(state, { kind: "watched", runs, sweeps: [{ ...entry, ...over }], now: NOW });
}

describe("a sweep on the screen", () => {
  it.each([
    [160, 50],
    [120, 40],
    [80, 24],
  ] as const)(
    "tells at %i × %i how many runs are done, run, wait and failed, when all will be, and why",
    (columns, rows) => {
      const text = frameOf(screenOf(), columns, rows).join("\n");
      // two have 6 s of 10 left; 15 that wait take 10 s each at two places: eight rounds behind
      expect(text).toMatch(/6 of 24 done.*1:26 min left/);
      if (columns >= 120) expect(text).toContain("2 running · 15 waiting · 1 failed");
      else expect(text).toMatch(/●2 ·15 ✗1|2 running · 15 waiting · 1 failed/);
      expect(text).toContain("Failures: 1 run");
      expect(text.replaceAll(/[\s│]+/g, " ")).toContain("got a file that ends early, expected 60,000 images");
      expect(text).toMatch(/· 0\.[12] +\d/);
    },
  );

  it("says that nobody goes on with it, and that all is done", () => {
    expect(frameOf(screenOf({ isActive: false }), 120, 40).join("\n")).toContain("nobody goes on with it: a");
    const { entry, runs } = bigSweep();
    const all = runs.map((run) => ({ ...run, life: "finished" as const }));
    const state = update(screenOf(), { kind: "watched", runs: all, sweeps: [entry], now: NOW });
    expect(frameOf(state, 120, 40).join("\n")).toMatch(/24 of 24 done · all done/);
  });

  it("shows a run that waits, and one that failed before it had a folder", () => {
    const at = (folder: string) => {
      const state = { ...screenOf(), follow: false, selected: folder, view: overview };
      const { runs, sweeps } = state;
      const shown = { folder, state: initialRunState(), loaded: 1 };
      return frameOf(update(state, { kind: "watched", runs, sweeps, now: NOW, shown }), 120, 40).join("\n");
    };
    expect(at("runs/grid/a123456789-9")).toMatch(/· waiting[\s\S]*waits for its turn/);
    expect(at("runs/grid/a123456789-8")).toMatch(/✗ failed[\s\S]*got a file that ends early/);
  });
});
