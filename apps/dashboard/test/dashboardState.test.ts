import type { RunEntry } from "@phew/runs";
import { describe, expect, it } from "vitest";
import type { DashboardAction } from "../src/actions.ts";
import type { DashboardState } from "../src/dashboardState.ts";
import { readsNotes } from "../src/filteredRuns.ts";
import { guardedUpdate } from "../src/guardedUpdate.ts";
import { actionOf, hintsOf } from "../src/keyActions.ts";
import { KEY_BINDINGS } from "../src/keys.ts";
import { initialDashboard, update } from "../src/update.ts";
import { compare } from "../src/views/compare.ts";
import { VIEWS } from "../src/views/registry.ts";
import { selectedRun, visibleRuns } from "../src/visibleRuns.ts";
import { busyDashboard, eventsUntil, fakeEntry, fakeOptions, START_T } from "./fakeStates.ts";
import { frameOf } from "./frame.tsx";

const options = fakeOptions();
const events = eventsUntil(options, "train.epoch", 2);
const run = (name: string, life: RunEntry["life"], startedT: number): RunEntry => {
  const entry = fakeEntry(options, life, events, { name, folder: `/runs/${name}` });
  const status = {
    state: "running",
    name,
    pid: 1,
    host: "h",
    startedT,
    updatedT: startedT,
    summary: entry.summary,
  } as const;
  return { ...entry, status };
};

function watched(state: DashboardState, runs: readonly RunEntry[], now = START_T): DashboardState {
  return update(state, { kind: "watched", runs, now });
}

/** The state after keys were pressed. */
function pressed(state: DashboardState, ...names: readonly string[]): DashboardState {
  return names.reduce((current, name) => {
    const text = name.length === 1 ? { text: name } : {};
    const action = actionOf(current, { name, ...text });
    return action ? update(current, action) : current;
  }, state);
}

describe("the cursor", () => {
  it("goes to the run that began last, stays when that has ended, and stays where the user put it", () => {
    const start = initialDashboard("runs", START_T);
    const one = watched(start, [run("old", "finished", 1), run("first", "running", 2)]);
    expect(selectedRun(one)?.name).toBe("first");
    const both = watched(one, [
      run("old", "finished", 1),
      run("first", "running", 2),
      run("second", "running", 3),
    ]);
    expect(selectedRun(both)?.name).toBe("second");
    const next = watched(both, [
      run("old", "finished", 1),
      run("first", "finished", 2),
      run("second", "running", 3),
    ]);
    expect(selectedRun(next)?.name).toBe("second");
    const ended = watched(next, [
      run("old", "finished", 1),
      run("first", "finished", 2),
      run("second", "finished", 3),
    ]);
    expect(selectedRun(ended)?.name).toBe("second");
    const moved = pressed(next, "up");
    expect(selectedRun(moved)?.name).toBe("first");
    expect(selectedRun(watched(moved, next.runs))?.name).toBe("first");
    expect(selectedRun(watched(pressed(moved, "f"), next.runs))?.name).toBe("second");
  });

  it("goes to the last that began of all, also where folders are read in parts", () => {
    const all = [run("a", "finished", 2), run("b", "finished", 3), run("c", "finished", 1)];
    const seen = (state: DashboardState, count: number, isListed: boolean) =>
      update(state, { kind: "watched", runs: all.slice(0, count), isListed, now: START_T });
    const part = seen(initialDashboard("runs", START_T), 1, false);
    expect(selectedRun(part)?.name).toBe("a");
    const whole = seen(part, 3, true);
    expect(selectedRun(whole)?.name).toBe("b");
    expect(selectedRun(seen(pressed(whole, "down"), 3, true))?.name).toBe("c");
  });

  it("goes to the last that began where none is live, never to one that waits, and not to others than were started with it", () => {
    const waiting = { ...run("later", "waiting", 9), updatedT: 9 };
    const runs = [run("a", "finished", 2), run("b", "failed", 1), waiting];
    expect(selectedRun(watched(initialDashboard("runs", START_T), runs))?.name).toBe("a");
    const own = (name: string, startedT: number, pid: number) => {
      const entry = run(name, "running", startedT);
      return { ...entry, status: { ...entry.status!, pid } };
    };
    const rounds = [own("round 0", 3, 77), own("round 1", 4, 77), own("other", 5, 78)];
    const start = initialDashboard("runs", START_T, { startedPid: 77 });
    expect(selectedRun(watched(start, rounds))?.name).toBe("round 1");
  });

  it("stays within the list, and finds another run when its own is gone", () => {
    const runs = ["a", "b", "c"].map((name, k) => run(name, "finished", k));
    const start = watched(initialDashboard("runs", START_T), runs);
    expect(selectedRun(pressed(start, "up", "k"))?.name).toBe("a");
    expect(selectedRun(pressed(start, "j", "down", "down", "down"))?.name).toBe("c");
    expect(selectedRun(pressed(start, "G", "home"))?.name).toBe("a");
    expect(selectedRun(pressed(start, "pagedown"))?.name).toBe("c");
    const gone = watched(pressed(start, "G"), runs.slice(0, 2));
    expect(selectedRun(gone)?.name).toBe("a");
    expect(selectedRun(watched(gone, []))).toBeUndefined();
  });

  it("of layers and log moves within these, and starts again with another run", () => {
    const start = busyDashboard();
    const layers = pressed(start, "tab", "down", "down");
    expect(layers.focus).toBe("layers");
    expect(layers.layerCursor).toBe(2);
    expect(pressed(layers, "end").layerCursor).toBe(21);
    const log = pressed(start, "tab", "tab", "tab", "up", "up", "down");
    expect([log.focus, log.logOffset]).toEqual(["log", 1]);
    expect(pressed(layers, "shift+tab", "up")).toMatchObject({ focus: "runs", layerCursor: 0 });
  });
});

describe("the filter", () => {
  it("takes every letter while it is typed, also those that are keys, and pasted text", () => {
    const start = busyDashboard();
    const typed = pressed(start, "/", "q", "?", "1", "backspace", "backspace", "backspace");
    expect(typed).toMatchObject({ filtering: true, filter: "", quitting: false, help: false });
    const pasted = update(
      pressed(start, "/"),
      actionOf(pressed(start, "/"), { name: "unif", text: "unif" })!,
    );
    expect(visibleRuns(pasted).map((entry) => entry.name)).toEqual(["uniform-walk 2 % seed 0"]);
    expect(selectedRun(pasted)?.name).toBe("uniform-walk 2 % seed 0");
  });

  it("finds all words, in name, state or configuration, in any case", () => {
    const names = (filter: string) =>
      visibleRuns({ ...busyDashboard(), filter }).map((entry) => entry.name.split(" ")[0]);
    expect(names("FAILED")).toEqual(["magnitude"]);
    expect(names("lenet5 0.05")).toEqual(["magnitude", "random"]);
    expect(names("nothing like it")).toEqual([]);
    expect(names("  ")).toHaveLength(5);
  });

  it("is kept by Enter and taken away by Esc, at once or later", () => {
    const typed = pressed(busyDashboard(), "/", "r", "a", "n");
    expect(pressed(typed, "escape")).toMatchObject({ filter: "", filtering: false });
    const kept = pressed(typed, "enter");
    expect(kept).toMatchObject({ filter: "ran", filtering: false });
    expect(pressed(kept, "escape").filter).toBe("");
    expect(pressed(pressed(busyDashboard(), "/"), "backspace").filtering).toBe(false);
  });

  it("leaves no run chosen where none passes, and finds one again when the filter goes", () => {
    const none = pressed(busyDashboard(), "/", "z", "z");
    expect(selectedRun(none)).toBeUndefined();
    expect(none.shown).toBeUndefined();
    expect(selectedRun(pressed(none, "escape"))?.name).toBe("dense seed 0");
  });
});

describe("keys", () => {
  it("are each bound once, and listed in the help", () => {
    const all = KEY_BINDINGS.flatMap(({ keys }) => keys);
    expect(new Set(all).size).toBe(all.length);
    for (const { shown, help } of KEY_BINDINGS) {
      expect(shown).not.toBe("");
      expect(help).not.toBe("");
    }
  });

  it("change what they say they change", () => {
    const start = busyDashboard();
    expect(pressed(start, "4").view.name).toBe("layers");
    expect(pressed(start, "right", "l").view).toBe(VIEWS[2]);
    expect(pressed(start, "left").view).toBe(VIEWS.at(-1));
    expect(pressed(start, "y").logScale).toBe(true);
    expect(pressed(start, "s").smoothing).toBe(3);
    expect(pressed(start, "S", "S", "S", "S").smoothing).toBe(0);
    expect(pressed(start, "s", "s", "s", "s", "s", "s").smoothing).toBe(5);
    expect(pressed(start, "r").recentOnly).toBe(true);
    expect(pressed(start, "q").quitting).toBe(true);
    expect(pressed(start, "ctrl+c").quitting).toBe(true);
    expect(pressed(start, "/", "ctrl+c").quitting).toBe(true);
    expect(pressed(start, "z", "§")).toBe(start);
  });

  it("open and leave one run, and skip the list meanwhile", () => {
    const open = pressed(busyDashboard(), "enter");
    expect(open).toMatchObject({ zoomed: true, focus: "layers" });
    expect(pressed(open, "tab", "tab", "tab").focus).toBe("layers");
    expect(pressed(open, "escape")).toMatchObject({ zoomed: false, focus: "runs" });
    expect(pressed(initialDashboard("runs", START_T), "enter").zoomed).toBe(false);
  });

  it("under the help only close it or quit", () => {
    const help = pressed(busyDashboard(), "?");
    expect(help.help).toBe(true);
    for (const key of ["?", "escape", "2", "x"]) {
      expect(pressed(help, key)).toMatchObject({ help: false, view: help.view, selected: help.selected });
    }
    expect(pressed(help, "q").quitting).toBe(true);
    expect(pressed(help, "down", "up", "up")).toMatchObject({ help: true, helpPage: 0 });
  });

  it("pause the screen: nothing new is shown until it goes on", () => {
    const paused = pressed(busyDashboard(), "p");
    expect(watched(paused, [], START_T + 9999)).toBe(paused);
    expect(watched(pressed(paused, "p"), [], START_T + 9999).runs).toEqual([]);
    const moved = pressed(paused, "home");
    expect(moved.shown).toBeUndefined();
    const shown = { ...paused.shown!, folder: moved.selected! };
    const read = update(moved, { kind: "watched", runs: [], now: START_T + 9999, shown });
    expect(read).toMatchObject({ shown, now: paused.now, runs: paused.runs });
  });

  it("are hinted at in the bottom line as the state has it", () => {
    const words = (state: DashboardState) => hintsOf(state).map(({ word }) => word);
    expect(words(busyDashboard())).toEqual([
      "move",
      "view",
      "panel",
      "open",
      "filter",
      "mark",
      "follow",
      "log scale",
      "smooth",
      "cursor",
      "pause",
      "help",
      "quit",
    ]);
    expect(words(pressed(busyDashboard(), "enter"))).toContain("back");
    expect(words(pressed(busyDashboard(), "enter"))).not.toContain("open");
    expect(words(pressed(busyDashboard(), "/"))).toEqual(["keep", "all runs"]);
  });
});

it("shows no events of a run that is no longer under the cursor", () => {
  const state = busyDashboard();
  const action: DashboardAction = {
    kind: "watched",
    runs: state.runs,
    now: START_T,
    ...(state.shown ? { shown: state.shown } : {}),
  };
  expect(update(state, action).shown).toBe(state.shown);
  const elsewhere = { ...state, selected: state.runs[0]!.folder };
  const moved = update(pressed(state, "home"), { kind: "watched", runs: state.runs, now: START_T });
  expect(moved.shown).toBeUndefined();
  expect(elsewhere.selected).toBe(moved.selected);
});

describe("the filter", () => {
  const runs = [
    ["phew", 0.05],
    ["phew", 0.2],
    ["snip", 0.05],
  ].map(([method, density], k) => {
    const entry = run(`${method} ${density}`, k === 2 ? "failed" : "finished", k + 1);
    return {
      ...entry,
      config: { ...entry.config, method, density, options: k === 0 ? { bias: "square" } : {} },
    } as RunEntry;
  });
  const shown = (filter: string, notes?: DashboardState["notes"]) => {
    const state = update(initialDashboard("runs", START_T), { kind: "watched", runs, notes, now: START_T });
    const typed = pressed(state, "/", ...filter);
    return { names: visibleRuns(typed).map(({ name }) => name), frame: frameOf(typed, 120, 20).join("\n") };
  };

  it.each([
    ["method=phew density<0.1", ["phew 0.05"]],
    ["state=failed", ["snip 0.05"]],
    ["density=5% snip", ["snip 0.05"]],
    ["bias=square", ["phew 0.05"]],
    ["method!=phew,snip", []],
  ])("knows the conditions of phew runs list: %s", (filter, names) => {
    expect(shown(filter).names).toEqual(names);
  });

  it("says what is wrong with a condition, and shows the runs as if it was not there", () => {
    const { names, frame } = shown("snip metho=phew");
    expect(names).toEqual(["snip 0.05"]);
    expect(frame).toMatch(/ filter "metho=phew": Did you mean "method"\?/);
  });

  it("asks for tags and notes only where it names them", () => {
    const notes = new Map([[runs[1]!.folder, { tags: ["paper"], notes: [] }]]);
    expect(shown("tag=paper", notes).names).toEqual(["phew 0.2"]);
    expect([readsNotes("tag=paper"), readsNotes("method=note"), readsNotes("x note~a")]).toEqual([
      true,
      false,
      true,
    ]);
  });
});

describe("an action that fails", () => {
  const broken = {
    ...busyDashboard(),
    view: {
      ...compare,
      moved: () => {
        throw new Error("no such density");
      },
    },
  } as DashboardState;

  it("leaves the state as it was, with a notice of why, and the next one works", () => {
    expect(() => update(broken, { kind: "moved", by: 1 })).toThrow("no such density");
    const after = guardedUpdate(broken, { kind: "moved", by: 1 });
    expect(after).toEqual({
      ...broken,
      notice: expect.stringMatching(/^this could not be done: no such density/),
    });
    expect(frameOf(after, 100, 30).at(-1)).toMatch(/this could not be done: no such density/);
    const next = guardedUpdate(after, { kind: "helpToggled" });
    expect([next.help, next.notice]).toEqual([true, undefined]);
  });

  it("is the action itself where it does not fail", () => {
    const state = busyDashboard();
    for (const { action } of KEY_BINDINGS)
      expect(guardedUpdate(state, action), action.kind).toEqual(update(state, action));
  });
});
