/** States of the screen for tests, made of made-up runs. */
import { type RunEntry, type RunLife, reduceAll, summarise, type TimedRunEvent } from "@phew/runs";
import type { DashboardState } from "../src/dashboardState.ts";
import { initialDashboard, update } from "../src/update.ts";
import { type FakeRunOptions, fakeEvents, fakeName } from "./fakeRuns.ts";

export const START_T = Date.UTC(2026, 10, 22, 12, 0, 0);

export function fakeOptions(over: Partial<FakeRunOptions> = {}): FakeRunOptions {
  return {
    method: "phew",
    density: 0.05,
    seed: 0,
    model: "resnet20",
    epochCount: 8,
    startT: START_T,
    stepMs: 100,
    ...over,
  };
}

/** The events before `kind` first comes `count` times, or all. */
export function eventsUntil(
  options: FakeRunOptions,
  kind: TimedRunEvent["kind"],
  count = 1,
): TimedRunEvent[] {
  const events: TimedRunEvent[] = [];
  let seen = 0;
  for (const event of fakeEvents(options)) {
    if (event.kind === kind && ++seen === count) break;
    events.push(event);
  }
  return events;
}

export function fakeEntry(
  options: FakeRunOptions,
  life: RunLife,
  events: readonly TimedRunEvent[],
  over: Partial<RunEntry> = {},
): RunEntry {
  const { model, method, density, seed } = options;
  const state = reduceAll(events);
  return {
    folder: `/runs/demo/${method}-${density}-${seed}`,
    experiment: "demo",
    id: `0123456789-${seed}`,
    name: fakeName(options),
    config: { model, dataset: "glyphs", method, density, seed },
    seed,
    life,
    summary: summarise(state, state.lastT),
    updatedT: state.lastT,
    ...over,
  };
}

/** A screen with a training run under the cursor, and runs of every other state around it. */
export function busyDashboard(): DashboardState {
  busy ??= makeBusyDashboard();
  return busy;
}

let busy: DashboardState | undefined;

function makeBusyDashboard(): DashboardState {
  const live = fakeOptions();
  const liveEvents = eventsUntil(live, "train.epoch", 4);
  const other = (over: Partial<FakeRunOptions>, life: RunLife) => {
    const options = fakeOptions({ model: "lenet5", ...over });
    return fakeEntry(options, life, eventsUntil(options, "run.finished"));
  };
  const runs = [
    other({ method: "dense", density: 1 }, "finished"),
    other({ method: "magnitude" }, "failed"),
    other({ method: "random" }, "lost"),
    other({ method: "uniform-walk", density: 0.02 }, "interrupted"),
    fakeEntry(live, "running", liveEvents),
  ];
  return showing(runs, runs.at(-1)!, liveEvents);
}

/** The screen with `entry` under the cursor and its events read. */
export function showing(
  runs: readonly RunEntry[],
  entry: RunEntry,
  events: readonly TimedRunEvent[],
): DashboardState {
  const state = reduceAll(events);
  return update(
    { ...initialDashboard("runs", START_T), selected: entry.folder, follow: false },
    { kind: "watched", runs, now: state.lastT, shown: { folder: entry.folder, state, loaded: 1 } },
  );
}
