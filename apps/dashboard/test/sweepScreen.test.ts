import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { initialRunState, type RunEntry, type SweepEntry } from "@phew/runs";
import { describe, expect, it } from "vitest";
import type { DashboardState } from "../src/dashboardState.ts";
import { actionOf } from "../src/keyActions.ts";
import { sweepWords } from "../src/sweepAnswers.ts";
import { startSweepProcess } from "../src/sweepProcess.ts";
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
        ? ({ phase: life, fraction: 0 } as const)
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
    entry: { experiment: "grid", folder: "runs/grid", record, isActive: true, arrays: [], failures },
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

  it("has the failure of the run under the cursor first, then the one that ended last", () => {
    const state = screenOf();
    const runs = state.runs.map((run, k) =>
      k < 3
        ? { ...run, life: "failed" as const, failure: `reason ${k}`, updatedT: NOW - 1000 * (3 - k) }
        : run,
    );
    const firstWith = (selected: string) => {
      const shown = update(
        { ...state, follow: false, selected },
        { kind: "watched", runs, sweeps: state.sweeps, now: NOW },
      );
      return /Failures[\s\S]*?reason (\d)/.exec(frameOf(shown, 120, 40).join("\n"))![1];
    };
    expect(runs.slice(0, 3).map(({ folder }) => firstWith(folder))).toEqual(["0", "1", "2"]);
    expect(firstWith(runs[5]!.folder)).toBe("2");
  });

  it("cuts no word of why a run failed", () => {
    const failure = Array.from({ length: 40 }, (_, k) => `word${k}`).join(" ");
    const state = screenOf();
    const runs = state.runs.map((run, k) => (k === 0 ? { ...run, life: "failed" as const, failure } : run));
    for (const columns of [80, 97, 120]) {
      const shown = update(state, { kind: "watched", runs, sweeps: state.sweeps, now: NOW });
      const words =
        frameOf(shown, columns, 40)
          .join("\n")
          .match(/\bw[ord]*\d*\b/g) ?? [];
      expect(words.length).toBeGreaterThan(10);
      for (const word of words) expect(failure.split(" ")).toContain(word);
    }
    // of the run under the cursor they are all there
    const { folder } = runs[0]!;
    const shown = { folder, state: initialRunState(), loaded: 1 };
    for (const view of [overview, sweep]) {
      const seen = update({ ...state, view }, { kind: "watched", runs, sweeps: state.sweeps, now: NOW });
      const chosen = { ...update(seen, { kind: "runChosen", folder }), shown };
      const text = frameOf(chosen, 80, 40).join("\n");
      for (const word of failure.split(" ")) expect(text, view.name).toMatch(new RegExp(`\\b${word}\\b`));
    }
  });

  it("says that nobody goes on with it, and that all is done", () => {
    expect(frameOf(screenOf({ isActive: false }), 120, 40).join("\n")).toContain(
      "stopped: a starts the rest",
    );
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

describe("a job array of Slurm", () => {
  const ids = bigSweep().runs.map(({ id }) => id);
  const arrays = [
    { jobId: "41", ids: ids.slice(0, 12) },
    { jobId: "42", ids: ids.slice(12) },
  ];
  const press = (state: DashboardState, name: string) => update(state, actionOf(state, { name })!);
  const text = (state: DashboardState) => frameOf(state, 120, 40).join("\n");

  it("is one row that Enter opens and Esc closes; the cursor goes from row to row", () => {
    const start = screenOf({ arrays });
    expect(text(start)).toMatch(
      /▸ \+ job 41: 12 runs · 6 finished · 2 running · 3 waiting · 1 failed {2}Enter opens/,
    );
    expect(text(start)).toMatch(/ {2}\+ job 42: 12 runs · 12 waiting {3}/);
    expect(text(start)).not.toContain(ids[0]);
    const second = press(start, "down");
    expect(second.selected).toBe(`runs/grid/${ids[12]}`);
    expect(press(second, "down").selected).toBe(second.selected);
    const opened = press(second, "enter");
    expect(opened.zoomed).toBe(false);
    expect(text(opened)).toContain(ids[23]);
    expect(text(opened)).toContain("+ job 41: 12 runs");
    expect(press(opened, "down").selected).toBe(`runs/grid/${ids[13]}`);
    expect(text(press(opened, "escape"))).not.toContain(ids[23]);
    // a run of an array that is open is opened itself
    expect(press(opened, "enter")).toMatchObject({ zoomed: true });
  });

  it("is no row where runs are filtered or grouped, nor on the pool", () => {
    const filtered = { ...screenOf({ arrays }), filter: "seed" };
    for (const state of [filtered, { ...screenOf({ arrays }), grouped: true }, screenOf()])
      expect(text(state)).not.toContain("job 4");
  });
});

describe("what can be done with a sweep", () => {
  const pressed = (state: DashboardState, ...names: readonly string[]) =>
    names.reduce((now, name) => {
      const action = actionOf(now, { name, text: name });
      return action ? update(now, action) : now;
    }, state);

  it("is asked first, with what it would do and the command; Esc does nothing", () => {
    const asked = pressed(screenOf(), "a");
    const text = frameOf(asked, 120, 40).join("\n");
    expect(text).toContain("c    cancel: 2 runs stop at a checkpoint, 15 do not begin");
    expect(text).toContain("by phew sweep /here/grid.json --workers=2 --cancel");
    expect(text).not.toMatch(/start the rest|retry/);
    expect(actionOf(asked, { name: "c" })).toEqual({ kind: "sweepAnswered", answer: "cancel" });
    // nothing to retry while it goes on
    expect(actionOf(asked, { name: "r" })).toBeUndefined();
    expect(pressed(asked, "c").askingSweep).toBe(false);
    expect(pressed(asked, "escape")).toMatchObject({ askingSweep: false, quitting: false });
    expect(actionOf(asked, { name: "q" })).toEqual({ kind: "closed" });
  });

  it("is to start the rest, or to retry what failed, where nobody goes on with it", () => {
    const { entry, runs } = bigSweep();
    const stopped = runs.map((run) =>
      run.life === "running" ? { ...run, life: "interrupted" as const } : run,
    );
    const idle = { ...entry, isActive: false };
    const state = update(screenOf(), { kind: "watched", runs: stopped, sweeps: [idle], now: NOW });
    for (const [columns, rows] of [
      [120, 40],
      [80, 24],
      [60, 20],
    ] as const) {
      const text = frameOf(pressed(state, "a"), columns, rows).join("\n");
      expect(text).toContain("s    start the rest: 17 runs");
      expect(text).toContain("r    retry 1 failed run, and start the rest: 17 runs");
    }
    expect(actionOf(pressed(state, "a"), { name: "r" })).toEqual({ kind: "sweepAnswered", answer: "retry" });
    expect(sweepWords(idle, "retry")).toEqual(["sweep", "/here/grid.json", "--workers=2", "--retry"]);
    expect(sweepWords(idle, "start")).toEqual(["sweep", "/here/grid.json", "--workers=2"]);
  });

  it("is nothing where all is done, and where no sweep was called", () => {
    const { entry, runs } = bigSweep();
    const all = runs.map((run) => ({ ...run, life: "finished" as const }));
    const done = update(screenOf(), { kind: "watched", runs: all, sweeps: [entry], now: NOW });
    expect(pressed(done, "a")).toMatchObject({
      askingSweep: false,
      notice: expect.stringContaining("nothing to start"),
    });
    const none = update(screenOf(), { kind: "watched", runs: all, now: NOW });
    expect(pressed(none, "a")).toMatchObject({
      askingSweep: false,
      notice: expect.stringContaining("no sweep"),
    });
  });

  it("is done by a process of its own, from where the sweep was called; its last line is shown", async () => {
    const root = mkdtempSync(join(tmpdir(), "phew-order-"));
    try {
      const folder = join(root, "runs", "grid");
      mkdirSync(join(folder, ".sweep"), { recursive: true });
      const { entry } = bigSweep();
      const sweep = { ...entry, folder, record: { ...entry.record, calledFrom: root } };
      const script =
        "console.log('first'); console.log(process.cwd(), ...process.argv.slice(1)); process.exit(3)";
      const messages: string[] = [];
      await new Promise<void>((resolve) => {
        startSweepProcess([process.execPath, "-e", script, "--"], sweep, "cancel", (text) => {
          if (messages.push(text) === 2) resolve();
        });
      });
      const words = "sweep /here/grid.json --workers=2 --cancel";
      expect(messages).toEqual([
        `started: phew ${words}`,
        `phew sweep ended with 3: ${realpathSync(root)} ${words}`,
      ]);
      startSweepProcess(["/no/such/program"], { ...sweep, folder: "/no/such" }, "start", (text) =>
        messages.push(text),
      );
      expect(messages[2]).toMatch(/^not started: .*no\/such/);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
});
