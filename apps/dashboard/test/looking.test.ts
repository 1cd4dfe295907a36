/** Looking at a run closely: the cursor on its curves, zoom, search in its log, and jumps. */
import { describe, expect, it } from "vitest";
import type { DashboardState } from "../src/dashboardState.ts";
import { actionOf, hintsOf } from "../src/keyActions.ts";
import { update } from "../src/update.ts";
import { selectedRun } from "../src/visibleRuns.ts";
import { busyDashboard, eventsUntil, fakeEntry, fakeOptions, showing } from "./fakeStates.ts";
import { frameOf } from "./frame.tsx";

function pressed(state: DashboardState, ...names: readonly string[]): DashboardState {
  return names.reduce((current, name) => {
    const action = actionOf(current, { name, ...(name.length === 1 ? { text: name } : {}) });
    return action ? update(current, action) : current;
  }, state);
}

const typed = (state: DashboardState, text: string) => pressed(state, ...text, "enter");

const options = fakeOptions({ epochCount: 4 });
const events = eventsUntil(options, "run.finished");
const trained = () => {
  const entry = fakeEntry(options, "finished", events);
  return pressed(showing([entry], entry, events), "3");
};
const steps = events.filter((event) => event.kind === "train.step");
const epochs = events.filter((event) => event.kind === "train.epoch");
const perEpoch = steps.filter(({ epoch }) => epoch === 1).length;

/** Columns of the cursor in each panel that has one, by the first row that shows it. */
function polesOf(lines: readonly string[]): number[] {
  const places = lines.flatMap((line) =>
    line.includes("┊") && !/─|━/.test(line) ? [line.indexOf("┊")] : [],
  );
  return [...new Set(places)];
}

describe("the cursor on the curves", () => {
  it("comes at the last step, goes by arrows and to a number, and goes away with x or Esc", () => {
    const last = steps.at(-1)!.step;
    const start = pressed(trained(), "x");
    expect(start).toMatchObject({ curveStep: last, focus: "curves" });
    const stride = Math.max(1, Math.round((last - 1) / 100));
    expect(pressed(start, "left", "left").curveStep).toBe(last - 2 * stride);
    expect(pressed(start, "pageup", "right").curveStep).toBe(last - 9 * stride);
    expect(pressed(start, "right").curveStep).toBe(last);
    expect(pressed(start, "home").curveStep).toBe(1);
    expect(pressed(start, "home", "end").curveStep).toBe(last);
    expect(typed(pressed(start, ":"), "17").curveStep).toBe(17);
    expect(typed(pressed(start, ":"), "999999").curveStep).toBe(last);
    expect(pressed(start, "h").view.name).not.toBe("training");
    expect(pressed(start, "x")).not.toHaveProperty("curveStep");
    expect(pressed(start, "escape")).not.toHaveProperty("curveStep");
    expect(pressed(start, "escape", "right").view.name).not.toBe("training");
  });

  it("tells step and values of the points at or before it, in every chart", () => {
    const step = perEpoch * 2 + 3;
    const state = typed(pressed(trained(), "S", "S", "x", ":"), `${step}`);
    const text = frameOf(state, 200, 60).join("\n");
    const loss = steps.find((event) => event.step === step)!.loss;
    const { testLoss, testAccuracy, accuracy } = epochs[1]!;
    const format = (value: number) => value.toPrecision(3);
    const percent = (value: number) => `${(100 * value).toFixed(1)} %`;
    expect(text).toContain(`┊ step ${step}  train ${format(loss)}  test ${format(testLoss)}`);
    expect(text).toContain(
      `┊ epoch ${(step / perEpoch).toPrecision(3)}  train ${percent(accuracy)}  test ${percent(testAccuracy)}`,
    );
    expect(text).toMatch(new RegExp(`Images per second [─━]+ ┊ step ${step} {2}\\d`));
    // before the first epoch there is no test accuracy
    expect(frameOf(typed(pressed(trained(), "x", ":"), "2"), 200, 60).join("\n")).toMatch(
      /epoch 0\.\d+ {2}train – {2}test –/,
    );
  });

  it.each([
    [80, 24],
    [120, 40],
    [200, 60],
  ])("stands at one place of all charts of one width at %i × %i", (columns, rows) => {
    const state = pressed(typed(pressed(trained(), "enter", "x", ":"), `${perEpoch * 2}`), "t");
    // over the time, as over the steps, below each other where there is room, else side by side
    for (const seen of [state, pressed(state, "t")]) {
      const lines = frameOf(seen, columns, rows);
      expect(lines.filter((line) => line.includes("┊")).length).toBeGreaterThan(5);
      expect(lines.join("\n")).toMatch(/┴/);
      expect(lines.join("\n")).toContain(`┊ step ${perEpoch * 2} `);
      expect(lines.join("\n")).toMatch(/test \d\d\.\d %/);
    }
    if (rows < 30) return;
    const loss = polesOf(frameOf(state, columns, rows).slice(5));
    expect(loss.length).toBeGreaterThan(0);
  });

  it("tells the values of the runs laid over, and is refused where there are no curves", () => {
    const other = fakeOptions({ epochCount: 4, seed: 1 });
    const otherEvents = eventsUntil(other, "run.finished");
    const runs = [fakeEntry(options, "finished", events), fakeEntry(other, "finished", otherEvents)];
    const shown = showing(runs, runs[1]!, otherEvents);
    const overlay = { folder: runs[0]!.folder, state: trained().shown!.state, loaded: 1 };
    const state = pressed({ ...shown, marked: [runs[0]!.folder], overlays: [overlay] }, "3", "S", "S", "x");
    const text = frameOf(typed(pressed(state, ":"), "30"), 200, 60).join("\n");
    const loss = steps.find((event) => event.step === 30)!.loss;
    expect(text).toContain(`a ${loss.toPrecision(3)} phew 5 % · seed 0`);
    const refused = pressed(trained(), "6", "x");
    expect(refused).not.toHaveProperty("curveStep");
    expect(refused.notice).toMatch(/overview and training/);
  });
});

describe("zoom", () => {
  it("halves what is seen around the cursor, follows it, and goes back to all", () => {
    const last = steps.at(-1)!.step;
    const start = typed(pressed(trained(), "x", ":"), `${Math.round(last / 2)}`);
    const once = pressed(start, "+");
    const [from, to] = once.curveRange!;
    expect(to - from).toBeCloseTo((last - 1) / 2, 6);
    expect((from + to) / 2).toBeCloseTo(start.curveStep!, 0);
    expect(frameOf(once, 120, 40).join("\n")).toContain("Loss · 2 ×");
    const away = typed(pressed(once, ":"), "1");
    expect(away.curveRange![0]).toBeCloseTo(1, 6);
    expect(away.curveRange![1] - away.curveRange![0]).toBeCloseTo(to - from, 6);
    expect(pressed(once, "-")).not.toHaveProperty("curveRange");
    const deep = pressed(start, ...Array(30).fill("+"));
    expect(deep.curveRange![1] - deep.curveRange![0]).toBeGreaterThanOrEqual(1);
    expect(pressed(deep, "escape", "escape")).not.toHaveProperty("curveRange");
    // without a cursor: the end
    expect(pressed(trained(), "+").curveRange![1]).toBeCloseTo(last, 6);
  });

  it("shows the ends of what is seen on each axis", () => {
    const state = { ...trained(), curveRange: [perEpoch, 2 * perEpoch] as const };
    const lines = frameOf(state, 120, 40);
    expect(lines.some((line) => new RegExp(` ${perEpoch} .*step ${2 * perEpoch} `).test(line))).toBe(true);
    expect(lines.some((line) => / 1 .*epoch 2 /.test(line))).toBe(true);
  });
});

describe("search in the log", () => {
  const log = () => pressed(trained(), "6");
  const texts = () => trained().shown!.state.log.map(({ text }) => text);
  const hits = (word: string) => texts().flatMap((text, k) => (text.toLowerCase().includes(word) ? [k] : []));

  it("finds the last line that has it, then the ones before and behind, over the ends", () => {
    const found = typed(pressed(log(), "/"), "EPOCH");
    const all = hits("epoch");
    expect(all.length).toBeGreaterThan(3);
    expect(found.foundAt).toBe(all.at(-1));
    expect(pressed(found, "N").foundAt).toBe(all.at(-2));
    expect(pressed(found, "N", "n").foundAt).toBe(all.at(-1));
    expect(pressed(found, "n").foundAt).toBe(all[0]);
    const text = frameOf(pressed(found, "N"), 120, 40).join("\n");
    expect(text).toContain(`“EPOCH” ${all.length - 1} of ${all.length}`);
    expect(text).toContain(`▸${texts()[all.at(-2)!]}`);
    // the list of runs is not filtered by it
    expect(found.filter).toBe("");
    expect(pressed(found, "escape")).toMatchObject({ search: "" });
    // lines of several rows in a panel of five: the one that was found is seen from its start
    const low = frameOf(typed(pressed(log(), "/"), "training on"), 60, 20).join("\n");
    expect(low).toContain("▸training on");
  });

  it("says where there is nothing, keeps letters for itself, and is left by Esc", () => {
    const typing = pressed(log(), "/", "q", "?", "4");
    expect(typing).toMatchObject({ quitting: false, help: false, prompt: { kind: "search", text: "q?4" } });
    expect(frameOf(typing, 80, 24).at(-1)).toContain("/q?4▏");
    expect(hintsOf(typing).map(({ word }) => word)).toEqual(["search", "back"]);
    expect(pressed(typing, "backspace").prompt?.text).toBe("q?");
    expect(pressed(typing, "escape")).not.toHaveProperty("prompt");
    expect(pressed(typing, "enter").notice).toBe("no line has “q?4”");
  });
});

it("a number jumps to the row of the list, and letters are none", () => {
  const runs = Array.from({ length: 50 }, (_, k) =>
    fakeEntry(options, "finished", [], { name: `run ${k + 1}`, folder: `/runs/${k}` }),
  );
  const state = { ...busyDashboard(), runs };
  expect(selectedRun(typed(pressed(state, ":"), "37"))?.name).toBe("run 37");
  expect(selectedRun(typed(pressed(state, ":"), "9999"))?.name).toBe("run 50");
  expect(pressed(state, ":", "x", "3").prompt?.text).toBe("3");
  expect(pressed(state, ":", "backspace")).not.toHaveProperty("prompt");
});

describe("the settings", () => {
  const config = {
    model: "lenet5",
    dataset: "glyphs",
    method: "phew",
    density: 0.05,
    epochs: 9,
    batchSize: 64,
    seed: 3,
  };
  const entryOf = (over: object, id: string) =>
    fakeEntry(options, "finished", events, {
      folder: `/runs/e/${id}`,
      experiment: "e",
      id,
      seed: 3,
      config: { ...config, ...over },
    });

  it("has first what was chosen, then what is at its default, separated by a line", () => {
    const entry = entryOf({}, "aaaaaaaaaa-3");
    const lines = frameOf(pressed(showing([entry], entry, events), "7", "enter"), 120, 60);
    const rowOf = (label: string, value: string) =>
      lines.findIndex((line) => new RegExp(`[┃│] ${label} +${value} `).test(line));
    const between = lines.findIndex((line) => line.includes("as they are unless given:"));
    expect(between).toBeGreaterThan(0);
    const chosen = [
      rowOf("model", "lenet5"),
      rowOf("density", "5 %"),
      rowOf("epochs", "9"),
      rowOf("seed", "3"),
    ];
    for (const row of chosen) expect(row > 0 && row < between).toBe(true);
    // 64 and sgd are what is taken where nothing is said
    for (const row of [rowOf("batch size", "64"), rowOf("optimiser", "sgd"), rowOf("momentum", "0.9")])
      expect(row).toBeGreaterThan(between);
    const start = pressed(showing([entry], entry, events), "7");
    const low = frameOf(pressed(start, "down", "down"), 80, 24).join("\n");
    expect(low).toMatch(/Settings ━+ 3–\d+ of \d+/);
    expect(low).not.toMatch(/[┃│] model /);
    expect(pressed(start, "end", "home").settingOffset).toBe(0);
  });

  it("of marked runs are those in which they differ, with what came of each", () => {
    const runs = [
      entryOf({}, "aaaaaaaaaa-3"),
      entryOf({ rate: 0.5, seed: 4 }, "bbbbbbbbbb-4"),
      entryOf({ model: "mlp" }, "cccccccccc-3"),
    ];
    const state = pressed(showing(runs, runs[0]!, events), "7", "tab", "home", " ");
    // one that is marked, and the one under the cursor
    const two = pressed(state, "down");
    const lines = frameOf(two, 160, 50);
    const text = lines.join("\n");
    expect(text).toContain("Difference of 2 runs");
    expect(text).toMatch(/[┃│] rate +0\.02 +0\.5 /);
    expect(text).toMatch(/[┃│] test accuracy +\d+\.\d % +\d+\.\d %/);
    expect(text).not.toMatch(/[┃│] (model|density|epochs) {2}/);
    expect(text).toMatch(/[┃│] all: lenet5 · glyphs · phew 5 % · epochs 9/);
    const three = frameOf(pressed(two, " ", "down", " "), 160, 50).join("\n");
    expect(three).toContain("Difference of 3 runs");
    expect(three).toMatch(/[┃│] model +lenet5 +lenet5 +mlp /);
    // there is room for two of them
    expect(frameOf(pressed(two, " ", "down", " "), 80, 24).join("\n")).toMatch(
      /Difference of 3 runs[ ─━]+and 1 more/,
    );
  });
});

describe("the output", () => {
  it("is shown from its end, searched, and missed with what keeps it", () => {
    const start = pressed(trained(), "8");
    expect(frameOf(start, 120, 40).join(" ")).toContain("What this run printed went to the terminal");
    const lines = Array.from({ length: 100 }, (_, k) => `line ${k}${k % 40 === 7 ? " Needle" : ""}`);
    const read = { ...start, shown: { ...start.shown!, output: { file: "/tmp/x.log", lines } } };
    const text = frameOf(read, 120, 40).join("\n");
    expect(text).toContain("/tmp/x.log");
    expect(text).toContain("line 99");
    const found = typed(pressed(read, "/"), "needle");
    expect(found.foundAt).toBe(87);
    expect(frameOf(pressed(found, "N"), 120, 40).join("\n")).toMatch(/▸line 47 Needle[\s\S]*line 49/);
    // the log has lines of its own
    expect(pressed(found, "6")).toMatchObject({ logOffset: 0, focus: "log" });
    expect(pressed(found, "6")).not.toHaveProperty("foundAt");
  });
});
