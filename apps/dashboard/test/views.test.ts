import type { LayerProgress, RunEntry, TimedRunEvent } from "@phew/runs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DashboardAction } from "../src/actions.ts";
import { type DashboardState, MARK_COUNT } from "../src/dashboardState.ts";
import { frameRows } from "../src/frame.ts";
import { actionOf } from "../src/keyActions.ts";
import { KEY_BINDINGS, VIEW_KEYS } from "../src/keys.ts";
import { rowText } from "../src/styledText.ts";
import { initialDashboard, update } from "../src/update.ts";
import { VIEW_NAMES, VIEWS, viewNamed } from "../src/views/registry.ts";
import { selectedRun, visibleRuns } from "../src/visibleRuns.ts";
import { busyDashboard, eventsUntil, fakeEntry, fakeOptions, START_T, showing } from "./fakeStates.ts";
import { frameOf } from "./frame.tsx";

function pressed(state: DashboardState, ...names: readonly string[]): DashboardState {
  return names.reduce((current, name) => update(current, actionOf(current, { name, text: name })!), state);
}

/** Two methods at two densities and two seeds, and a dense run, all finished. */
function sweepOfNine(): DashboardState {
  const all = ["phew", "random"].flatMap((method) =>
    [0.1, 0.02].flatMap((density) => [0, 1].map((seed) => ({ method, density, seed }))),
  );
  const events = (over: object) => eventsUntil(fakeOptions({ model: "lenet5", ...over }), "run.finished");
  const entries = [...all, { method: "dense", density: 1, seed: 0 }].map((over) =>
    fakeEntry(fakeOptions({ model: "lenet5", ...over }), "finished", events(over)),
  );
  return showing(entries, entries[0]!, events(all[0]!));
}

const best = ({ summary }: RunEntry) => summary.testAccuracy!;

describe("what the views of all runs leave out", () => {
  it("shows the words of the filter where methods are compared", () => {
    const typed = [..."random"].reduce(
      (state, text) => update(state, { kind: "filterTyped", text }),
      pressed(sweepOfNine(), "/"),
    );
    const lines = frameOf(pressed(update(typed, { kind: "filterEnded" }), "5"), 80, 24);
    expect(lines.some((line) => /\/random +4 of 9/.test(line))).toBe(true);
    expect(lines.some((line) => /┃ a random .*2 of 2/.test(line))).toBe(true);
    expect(lines.some((line) => /┃ .* phew /.test(line))).toBe(false);
  });

  it("is a run without settings where means are, and a warning names it", () => {
    const state = sweepOfNine();
    const runs = state.runs.map((run, k) =>
      k === 0 ? { ...run, config: {}, isConfigUnknown: true, folder: "/runs/demo/broken" } : run,
    );
    for (const view of ["1", "5"]) {
      const text = frameOf(pressed({ ...state, runs }, view), 120, 40).join("\n");
      expect(text).toMatch(/warning: 1 run is in no mean and no figure, since its settings are unknown:/);
      expect(text).toContain("/runs/demo/broken");
    }
    expect(frameOf(pressed({ ...state, runs }, "5"), 120, 40).join("\n")).toMatch(/phew .* 1 of 1/);
  });

  it("is no axis where all runs have one density", () => {
    const runs = sweepOfNine().runs.filter(({ name }) => name.includes("10 %"));
    const lines = frameOf(pressed({ ...sweepOfNine(), runs }, "1"), 80, 24);
    const axis = lines.filter((line) => /^[│┃] +density 10 %/.test(line));
    expect(axis).toHaveLength(1);
    expect(axis[0]!.match(/10 %/g)).toHaveLength(1);
  });
});

describe("the sweep", () => {
  it("has a row for each run with what it differs in and its accuracy, and a plot of them", () => {
    const lines = frameOf(pressed(sweepOfNine(), "1"), 120, 40);
    const text = lines.join("\n");
    expect(text).toMatch(/method +density +seed +state +progress +ETA +id +accuracy/);
    for (const run of sweepOfNine().runs) {
      const { method, density, seed } = run.config as { method: string; density: number; seed: number };
      const named = new RegExp(`[✓] ${method} +${100 * density} % +${seed} `);
      const row = lines.find((line) => named.test(line))!;
      expect(row).toContain(`${(100 * best(run)).toFixed(1)} %`);
      expect(row).toMatch(/✓ .* finished .* 100 %/);
    }
    expect(text).toContain("Accuracy over density");
    // both methods and the dense run have letters, and are drawn by them
    expect(text).toMatch(/a dense {2}b phew {2}c random/);
    expect(text).toMatch(/density 100 %/);
  });

  it("sorts by the column that was asked for, either way, and the cursor goes along", () => {
    let state = pressed(sweepOfNine(), "1");
    while (state.order !== "accuracy") state = pressed(state, "o");
    const accuracies = visibleRuns(state).map(best);
    expect(accuracies).toEqual([...accuracies].sort((a, b) => a - b));
    const turned = pressed(state, "O", "g");
    expect(visibleRuns(turned).map(best)).toEqual([...accuracies].reverse());
    expect(best(selectedRun(turned)!)).toBe(Math.max(...accuracies));
    expect(frameOf(turned, 120, 40).join("\n")).toContain("accuracy");
  });

  it("groups runs that differ in their seed alone, with their mean and its interval", () => {
    const state = pressed(sweepOfNine(), "1", "m");
    const lines = frameOf(state, 120, 40);
    const [a, b] = state.runs
      .filter(({ config }) => config.method === "random" && config.density === 0.02)
      .map(best) as [number, number];
    // of two: t of one degree of freedom is tan(0.475 π), the deviation over √2 half of the difference
    const interval = (Math.tan(0.475 * Math.PI) * Math.abs(a - b)) / 2;
    expect(lines.join("\n")).toContain(
      `random 2 % · 2 runs · mean ${(50 * (a + b)).toFixed(1)} % of 2 · ± ${(100 * interval).toFixed(1)} % (95 %)`,
    );
    expect(lines.join("\n")).toContain(
      `dense · 1 run · mean ${(100 * best(state.runs.at(-1)!)).toFixed(1)} % of 1 `,
    );
    expect(visibleRuns(state)).toEqual(state.runs);
    // by accuracy, runs of a configuration still stand together
    const sorted = visibleRuns(pressed(state, "o", "o", "o", "o", "o"));
    expect(sorted.map(({ config }) => `${config.method} ${config.density}`)).toEqual(
      state.runs.map(({ config }) => `${config.method} ${config.density}`),
    );
  });
});

describe("the comparison", () => {
  it("has a dense network beside masks of its own network and data alone", () => {
    const state = sweepOfNine();
    const dense = state.runs.at(-1)!;
    const more: RunEntry[] = [
      { ...dense, folder: "/runs/demo/other", config: { ...dense.config, trainCount: 9 } },
      { ...dense, folder: "/runs/else/dense", experiment: "else" },
    ];
    const lines = frameOf(pressed({ ...state, runs: [...state.runs, ...more] }, "5"), 120, 40);
    const table = lines.slice(
      0,
      lines.findIndex((line) => line.includes("Accuracy over density")),
    );
    expect(table.filter((line) => line.includes("dense "))).toHaveLength(1);
  });

  it("is at the density that a rule found, of its seeds the mean, where the one asked for is a bound", () => {
    const state = sweepOfNine();
    const found = [0.04, 0.06].map((density, seed): RunEntry => {
      const run = state.runs[seed]!;
      const config = { ...run.config, density: 1, rule: "path-find" };
      return { ...run, folder: `/runs/demo/found-${seed}`, config, summary: { ...run.summary, density } };
    });
    const all = pressed({ ...state, runs: [...state.runs, ...found] }, "5");
    const seen = [all, pressed(all, "down"), pressed(all, "down", "down")].map((at) =>
      frameOf(at, 120, 40).join("\n"),
    );
    expect(seen.map((text) => /Compare at (\S+ %)/.exec(text)?.[1])).toEqual(["10 %", "5 %", "2 %"]);
    expect(seen[1]).toMatch(/phew · path-find .* 2 of 2/);
    // nothing is cut off by the bound
    expect(seen.join()).not.toMatch(/phew · path-find .* 0 of/);
  });

  it("has mean, interval and deviation of each configuration at the density the cursor is on", () => {
    const state = pressed(sweepOfNine(), "5");
    const text = frameOf(state, 120, 40).join("\n");
    expect(text).toContain("Compare at 10 %");
    const lower = pressed(state, "down", "down");
    const lines = frameOf(lower, 120, 40);
    expect(lines.join("\n")).toContain("Compare at 2 %");
    const [a, b] = state.runs
      .filter((run) => run.config.method === "phew" && run.config.density === 0.02)
      .map(best) as [number, number];
    const row = lines.find((line) => line.includes("phew ") && line.includes("2 of 2"))!;
    const interval = (Math.tan(0.475 * Math.PI) * Math.abs(a - b)) / 2;
    const figures = [(a + b) / 2, interval, Math.abs(a - b) / Math.SQRT2];
    const found = [...row.matchAll(/(\d+\.\d) %/g)].map((match) => Number(match[1]));
    expect(found).toEqual(figures.map((value) => Number((100 * value).toFixed(1))));
    expect(lines.find((line) => line.includes("dense "))).toContain("1 of 1");
  });
});

describe("the pruning", () => {
  const options = fakeOptions();
  const live = eventsUntil(options, "prune.finished").slice(0, -5);
  const entry = fakeEntry(options, "running", live);

  it("tells the walks now and in all, and how many weights a walk still adds", () => {
    const text = frameOf(pressed(showing([entry], entry, live), "2"), 120, 40).join("\n");
    const last = live.at(-1) as { keptCount: number; walkCount: number };
    const first = live.at(-12) as { keptCount: number; walkCount: number };
    const added = (last.keptCount - first.keptCount) / (last.walkCount - first.walkCount);
    expect(text).toContain(`new a walk ${Number(added.toPrecision(3))}`);
    expect(text).toMatch(/walks\/s 2\.0k/);
    expect(text).toContain("Units come with the mask.");
    const done = eventsUntil(options, "train.started");
    const ended = frameOf(pressed(showing([entry], entry, done), "2"), 120, 40).join("\n");
    const whole = done.findLast((event) => event.kind === "prune.progress")!;
    const overall = whole.keptCount / whole.walkCount!;
    expect(ended).toContain(`new a walk ${Number(overall.toPrecision(3))}`);
  });

  it("fills up the layers towards their marks, and the units, while it goes on", () => {
    const layerShapes = [
      { name: "one.weight", shape: [4, 10], count: 40 },
      { name: "two.weight", shape: [2, 4], count: 8 },
    ];
    const progress = (keptCount: number, layerProgress: readonly LayerProgress[]): TimedRunEvent => ({
      t: START_T + keptCount,
      kind: "prune.progress",
      keptCount,
      keepCount: 24,
      walkCount: keptCount,
      stepCount: 2 * keptCount,
      elapsedMs: keptCount,
      layerProgress,
    });
    const events: TimedRunEvent[] = [
      {
        t: START_T,
        kind: "prune.started",
        method: "phew",
        density: 0.5,
        keepCount: 24,
        prunableCount: 48,
        layerShapes,
      },
      progress(4, [
        { keptCount: 3, width: 0.5, units: "f700", expectedCount: 20 },
        { keptCount: 1, width: 0.5, units: "0f", expectedCount: 4 },
      ]),
      progress(12, [
        { keptCount: 10, width: 0.75, units: "ff70", expectedCount: 20 },
        { keptCount: 2, width: 1, units: "ff", expectedCount: 4 },
      ]),
    ];
    const lines = frameOf(pressed(showing([entry], entry, events), "2"), 120, 40);
    const text = lines.join("\n");
    expect(text).toContain("┃ 50 % asked, ┊ expected");
    // asked and expected are both a half, and the bar of half of that ends in the middle between
    expect(text).toMatch(/one {4}█+.·+┃ +25 %/);
    expect(text).toContain("1 of 6 without weights ·");
    expect(text).toMatch(/distinct hits 50 %/);
    expect(text).toContain("mean width 87.5 %");
    expect(text).toContain("least width 75 %");
    expect(text).toContain("dead units 1");
    expect(lines.some((line) => line.includes("██░·"))).toBe(true);
  });

  it("shows rounds and threshold of a method that has them", () => {
    const rounds = [0.5, 0.05, 0.005].map((threshold, k) => ({
      t: START_T + k,
      kind: "prune.progress" as const,
      keptCount: 270_000 - 60_000 * k,
      keepCount: 13_544,
      round: k + 1,
      roundCount: 100,
      threshold,
      elapsedMs: 100 * (k + 1),
    }));
    const events = [...eventsUntil(options, "prune.progress"), ...rounds];
    const run = fakeEntry(options, "running", events);
    const text = frameOf(pressed(showing([run], run, events), "2"), 120, 40).join("\n");
    expect(text).toContain("round 3 of 100");
    expect(text).toContain("threshold 0.005");
    expect(text).toContain("threshold, log");
    expect(text).not.toContain("walks/s");
  });

  it("draws the units of every layer, and marks those that nothing enters", () => {
    const events = eventsUntil(options, "train.epoch", 2);
    const run = fakeEntry(options, "running", events);
    const state = showing([run], run, events);
    const units = [
      { name: "one", keptIn: Uint32Array.of(0, 1, 2, 3, 4, 5, 6, 8), fanIn: 9 },
      { name: "two", keptIn: Uint32Array.of(4, 0), fanIn: 8 },
    ];
    const withUnits = { ...state, view: viewNamed("pruning"), shown: { ...state.shown!, units } };
    const lines = frameOf(withUnits, 120, 40);
    expect(lines.join("\n")).toContain("2 of 10 without weights ·");
    expect(lines.some((line) => line.includes("·░░░░▒▓█"))).toBe(true);
    expect(lines.some((line) => line.includes("█·"))).toBe(true);
  });
});

describe("the layers", () => {
  it("have fan-in, gradient and time where the run knows them, and a dash where it does not", () => {
    const options = fakeOptions({ model: "lenet5" });
    const events = eventsUntil(options, "run.finished");
    const changed = events.map((event) =>
      event.kind === "train.epoch"
        ? { ...event, gradientNorms: [0.1234, 0.5, 2, 3, 4], layerMs: [1.5, 0.25, 1, 1, 1] }
        : event,
    );
    const entry = fakeEntry(options, "finished", changed);
    const state = pressed(showing([entry], entry, changed), "4", "enter");
    const units = [{ name: "conv1.weight", keptIn: Uint32Array.of(3, 3, 3, 4, 4, 5), fanIn: 25 }];
    const lines = frameOf({ ...state, shown: { ...state.shown!, units } }, 120, 40);
    const row = (name: string) => lines.find((line) => line.includes(` ${name} `))!;
    expect(lines.join("\n")).toMatch(/density +width +fan-in +gradient +step +shape/);
    expect(row("conv1")).toMatch(/3–5 █▆▃ +0\.123 +1\.5 ms +6×1×5×5/);
    expect(row("conv2")).toMatch(/– +0\.5 +0\.25 ms +16×6×5×5/);
    const old = frameOf(pressed(showing([entry], entry, events), "4", "enter"), 120, 40);
    expect(old.find((line) => line.includes(" conv2 "))).toMatch(/– +– +– +16×6×5×5/);
  });
});

describe("the training", () => {
  it("tells the share of dense operations where the run does", () => {
    const options = fakeOptions();
    const events = eventsUntil(options, "train.epoch", 2).map((event) =>
      event.kind === "train.started" ? { ...event, multiplyAdds: { dense: 800, kept: 100 } } : event,
    );
    const entry = fakeEntry(options, "running", events);
    const lines = frameOf(pressed(showing([entry], entry, events), "3"), 120, 40);
    expect(lines.join("\n")).toMatch(/operations +12\.5 % of dense/);
  });

  it("lays marked runs over the one under the cursor, each with its own letter, until they are unmarked", () => {
    const start = sweepOfNine();
    const marked = pressed(start, " ", "down", " ", "3");
    expect(marked.marked.filter(Boolean)).toHaveLength(2);
    const overlays = marked.marked.map((folder) => ({ ...start.shown!, folder: folder! }));
    const shown = { ...start.shown!, folder: marked.selected! };
    const text = frameOf({ ...marked, shown, overlays }, 160, 50).join("\n");
    const [one, two] = marked.runs;
    expect([one!.config, two!.config].map(({ method, density, seed }) => [method, density, seed])).toEqual([
      ["phew", 0.1, 0],
      ["phew", 0.1, 1],
    ]);
    expect(text).toContain("a phew 10 % · seed 0  b phew 10 % · seed 1");
    const freed = pressed(marked, "up", " ");
    expect(freed.marked).toEqual([undefined, two!.folder]);
    // the other keeps its letter, and the next run takes the free one
    expect(pressed(freed, "G", " ").marked[1]).toBe(two!.folder);
  });

  it("marks no more runs than there are letters, and says so", () => {
    const all = sweepOfNine().runs.flatMap(() => [" ", "down"]);
    const state = pressed(sweepOfNine(), ...all, "k", " ");
    expect(state.marked.filter(Boolean)).toHaveLength(MARK_COUNT);
    const full = pressed(sweepOfNine(), ...all.slice(0, 2 * MARK_COUNT + 1));
    expect(full.notice).toContain("6 runs are marked");
    expect(frameOf(full, 120, 40).at(-1)).toContain("6 runs are marked");
    expect(pressed(full, "down").notice).toBeUndefined();
  });

  it("has steps or time below its curves", () => {
    const state = pressed(busyDashboard(), "3");
    const steps = frameOf(state, 120, 40).join("\n");
    expect(steps).toMatch(/0? +.*step 160/);
    const time = frameOf(pressed(state, "t"), 120, 40).join("\n");
    expect(time).not.toMatch(/step 160|epoch 3 *│/);
    // 25 moments of pruning and 160 steps, 100 ms each
    expect(time).toMatch(/18\.5 s/);
  });
});

describe("every view", () => {
  it.each(VIEWS)("$name has its key, its name in the head, and brackets where it is shown", (view) => {
    expect(view.name).toMatch(/^[a-z]+$/);
    expect(view.key).toHaveLength(1);
    const state = pressed(busyDashboard(), view.key);
    expect(state.view).toBe(view);
    for (const width of [160, 80]) {
      const [head] = frameRows(state, width, 40);
      const spans = head!.filter(({ text }) => text.includes(`${view.key} ${view.name}`));
      expect(spans).toEqual([
        { text: ` [${view.key} ${view.name}]`, bold: true, colour: expect.any(String) },
      ]);
    }
    const others = rowText(frameRows(state, 200, 40)[0]!);
    for (const { key, name } of VIEWS) expect(others).toContain(`${key} ${name}`);
  });

  it("has a name and a key that nothing else has", () => {
    expect(new Set(VIEW_NAMES).size).toBe(VIEWS.length);
    const keys = KEY_BINDINGS.flatMap((binding) => binding.keys);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it.each(VIEWS)("$name fills the room it is given with panels", (view) => {
    const leastWidth = view.of === "runs" ? 40 : 46;
    const leastHeight = view.of === "runs" ? 9 : 4;
    fc.assert(
      fc.property(
        fc.integer({ min: leastWidth, max: 250 }),
        fc.integer({ min: leastHeight, max: 90 }),
        fc.boolean(),
        (width, height, isEmpty) => {
          const state = isEmpty ? initialDashboard("runs", START_T) : busyDashboard();
          const rows = view.layout(state, width, height);
          let used = 0;
          for (const row of rows) {
            used += row[0]!.height;
            // two borders, and something between them
            expect(row[0]!.height).toBeGreaterThanOrEqual(3);
            expect(row.map((placed) => placed.height)).toEqual(row.map(() => row[0]!.height));
            expect(row.reduce((sum, placed) => sum + placed.width, 0)).toBe(width);
          }
          expect(used).toBe(height);
        },
      ),
    );
  });

  it("has the keys in the bottom line and in the help", () => {
    for (const key of [VIEWS[0]!.key, VIEWS.at(-1)!.key]) expect(VIEW_KEYS).toContain(key);
    expect(frameOf(busyDashboard(), 120, 40).at(-1)).toContain(` ${VIEW_KEYS} view `);
    const help = frameOf(pressed(busyDashboard(), "?"), 120, 40).join("\n");
    for (const { key, help: words } of VIEWS) expect(help).toMatch(new RegExp(`${key} +view: ${words}`));
    const narrow = frameOf(pressed(busyDashboard(), "?"), 60, 20).join("\n");
    expect(narrow).toMatch(new RegExp(`${VIEW_KEYS.replaceAll("-", "–")} +the views`));
  });
});

it("the log moves as the keys say", () => {
  const log: DashboardAction = { kind: "moved", by: -1 };
  expect(update(pressed(busyDashboard(), "6"), log).logOffset).toBe(1);
});

it("a panel that cannot be drawn says so in its place, and the others stay", () => {
  const whole = busyDashboard();
  const state = new Proxy(whole.shown!.state, {
    get(target, key) {
      if (key === "log") throw new TypeError("the log \u001b[2Jis no list");
      return Reflect.get(target, key);
    },
  });
  const before = frameOf(whole, 120, 40);
  const lines = frameOf({ ...whole, shown: { ...whole.shown!, state } }, 120, 40);
  expect(lines.join("\n")).toContain("This panel cannot be drawn: the log \\u001b[2Jis no list");
  const log = before.findIndex((line) => line.includes(" Log "));
  expect(log).toBeGreaterThan(0);
  expect(lines.slice(0, log)).toEqual(before.slice(0, log));
});
