import fc from "fast-check";
import stringWidth from "string-width";
import { describe, expect, it } from "vitest";
import type { DashboardAction } from "../src/actions.ts";
import { type DashboardState, PANELS, type View } from "../src/dashboardState.ts";
import { KEY_BINDINGS } from "../src/keys.ts";
import { initialDashboard, update } from "../src/update.ts";
import { VIEWS } from "../src/views/registry.ts";
import { busyDashboard, eventsUntil, fakeEntry, fakeOptions, START_T, showing } from "./fakeStates.ts";
import { frameOf, inkFrameOf } from "./frame.tsx";

const SIZES = [
  [160, 50],
  [120, 40],
  [80, 24],
  [60, 20],
  [50, 14],
] as const;

function act(state: DashboardState, ...actions: readonly DashboardAction[]): DashboardState {
  return actions.reduce(update, state);
}

function expectToFit(lines: readonly string[], columns: number, rows: number): void {
  expect(lines.length).toBeLessThanOrEqual(Math.max(1, rows - 1));
  for (const line of lines) expect(stringWidth(line), line).toBeLessThanOrEqual(columns);
}

/** Every line of the body is full: borders stand under each other. */
function expectBordersAligned(lines: readonly string[], columns: number): void {
  for (const line of lines.slice(1, -1)) {
    expect(stringWidth(line), line).toBe(columns);
    expect("╭╰│┃┏┗", line).toContain(line[0]);
    expect("╮╯│┃┓┛", line).toContain(line.at(-1));
  }
}

/** Panels by their titles, with the rows inside that are not blank. */
function panelsOf(lines: readonly string[]): Map<string, string[]> {
  const panels = new Map<string, string[]>();
  for (const [top, line] of lines.entries())
    for (const { index, 1: title } of line.matchAll(/[╭┏][─━] (.+?) [─━]/g)) {
      const rest = lines.slice(top + 1).map((row) => row.slice(index));
      const inside = rest.slice(
        0,
        rest.findIndex((row) => /^[╰┗]/.test(row)),
      );
      panels.set(
        title!,
        inside.map((row) => /^[│┃](.*?)[│┃]/.exec(row)![1]!).filter((row) => row.trim() !== ""),
      );
    }
  return panels;
}

/** Titles of the panels that a view is for: they may go on. */
const ownTitles = (view: View): readonly string[] =>
  view.of === "run"
    ? view.panels.map(({ title }) => title)
    : [`${view.name[0]!.toUpperCase()}${view.name.slice(1)}`];

describe.each([
  [40, 12],
  [40, 16],
  [60, 16],
  [75, 13],
  [76, 12],
  [80, 16],
  [80, 18],
])("a small screen of %i × %i", (columns, rows) => {
  it.each(VIEWS)("shows what the view $name is for, and no panel without content", (view) => {
    const focus = ("focus" in view ? view.focus : undefined) ?? "runs";
    const lines = frameOf({ ...busyDashboard(), view, focus }, columns, rows);
    expectToFit(lines, columns, rows);
    expectBordersAligned(lines, columns);
    const panels = panelsOf(lines);
    expect(
      [...panels.keys()].some((title) => ownTitles(view).some((own) => title.startsWith(own))),
      lines.join("\n"),
    ).toBe(true);
    for (const [title, inside] of panels)
      expect(inside.length, `${title}\n${lines.join("\n")}`).toBeGreaterThan(
        // below a heading
        /^(Layers|Compare)/.test(title) ? 1 : 0,
      );
    if (view.name !== "settings")
      expect(frameOf(initialDashboard("some/runs", START_T, { view }), columns, rows).join(" ")).toMatch(
        /No runs? /,
      );
    // figures are left out, not cut
    expect(panels.get("Compare at 5 %")?.join("\n") ?? "").not.toMatch(/…$/m);
  });
});

describe.each(SIZES)("the screen at %i × %i", (columns, rows) => {
  it.each(VIEWS)("fits in the view $name, whatever has the focus, one run or the list", (view) => {
    for (const focus of PANELS) {
      // one run with the whole screen has no list to focus
      const zoomed = focus === "log";
      const lines = frameOf({ ...busyDashboard(), view, focus, zoomed }, columns, rows);
      expectToFit(lines, columns, rows);
      expectBordersAligned(lines, columns);
    }
  });

  it("shows the run, how far it is, and the keys", () => {
    const text = frameOf(busyDashboard(), columns, rows).join("\n");
    // the names of views go before it where they need its place
    if (columns >= 120) expect(text).toContain("PHEW");
    for (const fact of [
      "resnet20 · phew 5 %",
      "● training",
      "resnet20",
      "epoch 4/8",
      "ETA ",
      "? help",
      "q quit",
    ])
      expect(text).toContain(fact);
  });

  it("shows help over everything, with every key where there is room", () => {
    const lines = frameOf(act(busyDashboard(), { kind: "helpToggled" }), columns, rows);
    expectToFit(lines, columns, rows);
    const text = lines.join("\n");
    expect(text).toContain("╭─ Keys ");
    if (rows >= 40) for (const { help } of KEY_BINDINGS) expect(text).toContain(help);
    // in pages where there is no room for all: each key has its line on one of them, the views one line together
    const pages = [0, 1, 2, 3, 4].map((helpPage) =>
      frameOf({ ...busyDashboard(), help: true, helpPage }, columns, rows),
    );
    for (const { shown, action } of KEY_BINDINGS)
      if (action.kind !== "viewChosen")
        expect(
          pages.some((page) => page.some((line) => line.includes(` ${shown} `))),
          shown,
        ).toBe(true);
  });

  it("is the same where Ink draws it, popups included", () => {
    for (const state of [busyDashboard(), act(busyDashboard(), { kind: "helpToggled" })]) {
      expect(inkFrameOf(state, columns, rows)).toEqual(frameOf(state, columns, rows));
    }
  });

  it("says what to do where there are no runs", () => {
    const lines = frameOf(initialDashboard("some/runs", START_T), columns, rows);
    expectToFit(lines, columns, rows);
    expect(lines.join("\n").replace(/[│┃\s]+/g, " ")).toMatch(/No runs in some\/runs yet/);
  });
});

describe("the screen at 120 × 40", () => {
  it("tells of the run under the cursor its layers, measures, losses, accuracies and log", () => {
    const text = frameOf(busyDashboard(), 120, 40).join("\n");
    const { state } = busyDashboard().shown!;
    for (const panel of ["Runs", "Layers", "Measures", "Loss", "Accuracy", "Log"])
      expect(text).toContain(` ${panel} `);
    // ResNet-20's second layer: 2,304 weights, of which 5 % in all keep 318
    expect(text).toMatch(/layer1\.0\.conv1 .*13\.8 %/);
    expect(text).toContain("┃ 5 % asked");
    expect(text).toMatch(/path kernel trace +16\.6/);
    expect(text).toContain(`test ${(100 * state.epochs.at(-1)!.testAccuracy).toFixed(1)} %`);
    expect(text).toContain("epoch 3: loss");
    expect(text).toMatch(/[⠁-⣿]{8}/);
  });

  it("marks every state of a run with a sign and a word", () => {
    const lines = frameOf(busyDashboard(), 120, 40);
    const row = (name: string) =>
      lines.find((line) => line.includes(name) && /[●✓✗■?] /.test(line.slice(0, 6)))!;
    expect(row("dense")).toMatch(/✓ lenet5 · dense +finished/);
    expect(row("magnitude")).toMatch(/✗ lenet5 (· )?magnitude.*failed/);
    expect(row("random")).toMatch(/\? lenet5 (· )?random.*lost/);
    expect(row("uniform-walk")).toMatch(/■ .*uniform-walk.*interrupted/);
    expect(row("phew 5 %")).toMatch(/▸● resnet20 (· )?phew 5 % .*50 % 94\.4 %/);
    expect(lines[0]).toContain("● 1 ✓ 1 ✗ 1 ■ 1 ? 1");
    expect(frameOf(busyDashboard(), 200, 60)[0]).toContain(
      "● 1 running  ✓ 1 finished  ✗ 1 failed  ■ 1 interrupted  ? 1 lost",
    );
  });

  it("shows the walks of a run that is pruning, with an estimate", () => {
    const options = fakeOptions();
    const events = eventsUntil(options, "prune.finished");
    const entry = fakeEntry(options, "running", events.slice(0, -5));
    const text = frameOf(showing([entry], entry, events.slice(0, -5)), 120, 40).join("\n");
    expect(text).toContain("● pruning");
    expect(text).toMatch(/kept 12,\d{3} of 13,544 · 3,\d{3} walks · 2\.0k walks\/s/);
    expect(text).toMatch(/█+.*9\d % {2}ETA 1 s/);
    expect(text).toContain("Densities come with the mask.");
    expect(text).toContain("No training yet.");
  });

  it("says why a run failed, and that a lost one has no last word", () => {
    const options = fakeOptions();
    const events = [
      ...eventsUntil(options, "train.epoch", 2),
      { t: START_T + 9000, kind: "run.failed", message: "the loss is NaN at step 61" } as const,
    ];
    const failed = fakeEntry(options, "failed", events);
    expect(frameOf(showing([failed], failed, events), 120, 40).join("\n")).toContain(
      "the loss is NaN at step 61",
    );
    const lost = fakeEntry(options, "lost", events.slice(0, -1));
    expect(frameOf(showing([lost], lost, events.slice(0, -1)), 120, 40).join("\n")).toContain(
      "gone without a last word",
    );
  });

  it("keeps the cursor in sight in a list of 1,000 runs, and makes no row that is not seen", () => {
    const options = fakeOptions();
    const events = eventsUntil(options, "train.epoch", 2);
    const runs = Array.from({ length: 1000 }, (_, k) =>
      fakeEntry(options, "finished", events, {
        folder: `/runs/${k}`,
        config: { model: `run number ${k}`, density: 0.05, seed: 0 },
        experiment: k < 500 ? "a" : "b",
      }),
    );
    const state = showing(runs, runs[700]!, events);
    for (const [index, shown] of [
      [700, 700],
      [0, 0],
      [999, 999],
    ] as const) {
      const jump: DashboardAction[] =
        index === 700 ? [] : [{ kind: "jumped", to: index === 0 ? "start" : "end" }];
      const lines = frameOf(act(state, ...jump), 120, 40);
      expect(lines.filter((line) => line.includes(`▸✓ run number ${shown} `)).length).toBe(1);
      expect(lines.filter((line) => /run number \d/.test(line)).length).toBeLessThan(40);
      expect(lines.some((line) => line.includes(`${(index + 1).toLocaleString("en-GB")}/1,000`))).toBe(true);
    }
    expect(frameOf(act(state, { kind: "jumped", to: "start" }), 120, 40)[2]).toContain(" a/");
  });

  it("keeps its borders under each other with wide characters, emoji, combining marks and control characters", () => {
    const options = fakeOptions();
    const name = "深層 網絡 🚶‍♀️ naïve\u0301 \u001b[31mred\u0007 line\nbreak";
    const events = eventsUntil(options, "train.epoch", 2).map((event) =>
      event.kind === "run.started"
        ? { ...event, name }
        : event.kind === "prune.finished"
          ? { ...event, layers: event.layers.map((layer) => ({ ...layer, name: `層${layer.name}` })) }
          : event,
    );
    const entry = fakeEntry(options, "running", events, { config: { model: name, dataset: name, seed: 1 } });
    const other = fakeEntry(options, "finished", events, { folder: "/other", experiment: name });
    for (const [columns, rows] of SIZES) {
      const lines = frameOf(showing([entry, other], entry, events), columns, rows);
      expectToFit(lines, columns, rows);
      expectBordersAligned(lines, columns);
    }
  });

  it("draws the loss on a logarithmic scale, smoothed and only the last steps, where asked", () => {
    const state = busyDashboard();
    const text = (...actions: DashboardAction[]) => frameOf(act(state, ...actions), 160, 50).join("\n");
    expect(text()).toContain("Loss · smooth 2");
    expect(text({ kind: "logScaleToggled" })).toContain("Loss · log · smooth 2");
    expect(
      text({ kind: "recentToggled" }, { kind: "smoothed", by: -1 }, { kind: "smoothed", by: -1 }),
    ).toContain("Loss · last steps ");
    expect(text({ kind: "logScaleToggled" })).toContain("5 % asked, log");
  });

  it("shows a layer of which nothing is kept as what it is", () => {
    const options = fakeOptions();
    const events = eventsUntil(options, "train.started").map((event) =>
      event.kind === "prune.finished"
        ? {
            ...event,
            layers: event.layers.map((layer, l) => (l === 1 ? { ...layer, keptCount: 0, width: 0 } : layer)),
          }
        : event,
    );
    const entry = fakeEntry(options, "running", events);
    const row = frameOf(showing([entry], entry, events), 120, 40).find((line) =>
      line.includes("layer1.0.conv1"),
    );
    expect(row).toMatch(/·┃·+ +0 % +0 %/);
  });
});

describe("the head", () => {
  it.each([200, 120, 100, 80, 60, 40])(
    "has every view at %i columns, shortened alike, the shown one in full",
    (columns) => {
      for (const view of VIEWS) {
        const [head] = frameOf({ ...busyDashboard(), view }, columns, 20);
        expect(head).toContain(`[${view.key} ${view.name}]`);
        const others = VIEWS.filter((other) => other !== view).map(({ key, name }) => {
          const word = new RegExp(` ${key}(?: ([a-z]+))?( |$)`).exec(head!)?.[1] ?? "";
          expect(name.startsWith(word), `${head}: ${name}`).toBe(true);
          return { name, length: word.length };
        });
        const longest = Math.max(...others.map(({ length }) => length));
        for (const { name, length } of others) expect(length).toBe(Math.min(name.length, longest));
        if (columns >= 80) expect(longest).toBeGreaterThanOrEqual(2);
        if (columns >= 120) expect(longest).toBeGreaterThanOrEqual(4);
      }
    },
  );
});

describe("a terminal too small for panels", () => {
  it("has all in one line", () => {
    const state = busyDashboard();
    expect(frameOf(state, 39, 24)).toEqual(["● resnet20 · phew 5 % · 50 % done · te…"]);
    expect(frameOf(state, 120, 11)[0]).toMatch(
      /^● resnet20 · phew 5 % · 50 % done · test 94\.4 % · ETA 16 s · 5 runs$/,
    );
    expect(frameOf(initialDashboard("runs", START_T), 10, 3)).toEqual(["no runs i…"]);
  });
});

describe("any state at any size", () => {
  const action: fc.Arbitrary<DashboardAction> = fc.oneof(
    ...KEY_BINDINGS.filter(({ action }) => action.kind !== "quit").map(({ action }) => fc.constant(action)),
    fc
      .string({ maxLength: 3, unit: "grapheme" })
      .map((text): DashboardAction => ({ kind: "filterTyped", text })),
    fc.constant<DashboardAction>({ kind: "filterErased" }),
  );

  it("fits and does not throw", () => {
    const base = busyDashboard();
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 180 }),
        fc.integer({ min: 1, max: 60 }),
        fc.array(action, { maxLength: 8 }),
        fc.boolean(),
        (columns, rows, actions, isLoaded) => {
          const start = isLoaded ? base : { ...initialDashboard("runs", START_T), runs: base.runs };
          const state = act(start, ...actions);
          expectToFit(frameOf(state, columns, rows), columns, rows);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("shows numbers that are none, and an empty run", () => {
    const options = fakeOptions();
    const odd = [
      {
        t: START_T,
        kind: "train.started",
        executor: "x",
        epochCount: 0,
        stepsPerEpoch: 0,
        batchSize: 1,
        trainCount: 0,
        testCount: 0,
      },
      {
        t: START_T,
        kind: "train.step",
        epoch: 1,
        step: 1,
        loss: Number.NaN,
        rate: 0,
        imagesPerSecond: Infinity,
      },
      {
        t: START_T,
        kind: "train.epoch",
        epoch: 1,
        loss: Number.NaN,
        accuracy: -1,
        testLoss: -Infinity,
        testAccuracy: Number.NaN,
        rate: 0,
        elapsedMs: 0,
      },
    ] as const;
    for (const events of [[], odd]) {
      const entry = fakeEntry(options, "running", events, {
        summary: { phase: "waiting", fraction: Number.NaN },
      });
      for (const [columns, rows] of SIZES)
        expectToFit(frameOf(showing([entry], entry, events), columns, rows), columns, rows);
    }
  });
});
