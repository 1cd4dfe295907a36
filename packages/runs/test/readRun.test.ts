import { spawn } from "node:child_process";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import {
  findRunFolders,
  lifeOf,
  listRuns,
  RunList,
  type RunStatus,
  RunTail,
  readEntry,
  readEvents,
  readRun,
  runAccuracy,
  type TimedRunEvent,
  writeEventLine,
} from "@phew/runs";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { STALE_ALIVE_MS, STALE_MS } from "../src/status.ts";
import { taskStatus } from "../src/sweeps/index.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "phew-runs-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const log = (t: number, message: string): TimedRunEvent => ({ t, kind: "log", level: "info", message });

function status(over: Partial<RunStatus> = {}): RunStatus {
  return {
    state: "running",
    name: "phew 5 %",
    pid: process.pid,
    host: hostname(),
    startedT: 1,
    updatedT: 1_000_000,
    summary: { phase: "training", fraction: 0.5, method: "phew" },
    ...over,
  };
}

function makeRun(path: string, over?: Partial<RunStatus>): string {
  const folder = join(root, path);
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, "config.json"),
    JSON.stringify({ name: path, seed: 3, config: { method: "phew" } }),
  );
  writeFileSync(join(folder, "events.jsonl"), writeEventLine(log(1, "hello")));
  if (over) writeFileSync(join(folder, "status.json"), JSON.stringify(status(over)));
  return folder;
}

describe("a tail", () => {
  it("gives every event once and whole, wherever the writer and the reader stopped on the way", () => {
    const events = [log(1, "plain"), log(2, "naïve 網絡 🚶 ✓"), log(3, ""), log(4, "last")];
    const bytes = Buffer.from(events.map(writeEventLine).join(""));
    fc.assert(
      fc.property(
        fc.array(fc.nat(bytes.length), { maxLength: 12 }),
        fc.integer({ min: 1, max: 40 }),
        (cuts, limit) => {
          rmSync(join(root, "events.jsonl"), { force: true });
          const tail = new RunTail(root);
          const seen: TimedRunEvent[] = [];
          const stops = [...new Set([...cuts, bytes.length])].sort((a, b) => a - b);
          let written = 0;
          for (const stop of stops) {
            appendFileSync(join(root, "events.jsonl"), bytes.subarray(written, stop));
            written = stop;
            for (let more = true; more; ) {
              const read = tail.read(limit);
              expect(read.restarted).toBe(false);
              seen.push(...read.events);
              more = read.more;
            }
          }
          expect(seen).toEqual(events);
          expect(tail.fraction).toBe(1);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("waits for a file that is not there yet", () => {
    const tail = new RunTail(root);
    expect(tail.read()).toEqual({ events: [], restarted: false, more: false });
    writeFileSync(join(root, "events.jsonl"), writeEventLine(log(1, "now")));
    expect(tail.read().events).toEqual([log(1, "now")]);
  });

  it("starts again where the file was cut or replaced", () => {
    const path = join(root, "events.jsonl");
    const tail = new RunTail(root);
    writeFileSync(path, [log(1, "a"), log(2, "b")].map(writeEventLine).join(""));
    expect(tail.read().events.length).toBe(2);
    writeFileSync(path, writeEventLine(log(3, "c")));
    expect(tail.read()).toMatchObject({ events: [log(3, "c")], restarted: true });
    writeFileSync(`${path}.new`, [log(4, "d"), log(5, "e")].map(writeEventLine).join(""));
    renameSync(`${path}.new`, path);
    expect(tail.read()).toMatchObject({ events: [log(4, "d"), log(5, "e")], restarted: true });
    expect(tail.read()).toMatchObject({ events: [], restarted: false });
  });

  it("counts lines that are no event and goes on behind them", () => {
    writeFileSync(
      join(root, "events.jsonl"),
      `garbage\n\n{"t":1,"kind":"later"}\n${writeEventLine(log(1, "good"))}{"t":2,`,
    );
    const tail = new RunTail(root);
    expect(tail.read().events).toEqual([log(1, "good")]);
    expect(tail.skippedCount).toBe(2);
  });
});

describe("a run folder", () => {
  it("is read with any file missing but one of config.json and events.jsonl", () => {
    const folder = makeRun("exp/a-1", { state: "finished" });
    rmSync(join(folder, "status.json"));
    expect(readRun(folder)).toMatchObject({ name: "exp/a-1", seed: 3, state: { eventCount: 1 } });
    rmSync(join(folder, "config.json"));
    expect(readRun(folder)).toMatchObject({ name: "a-1", experiment: "exp", config: {} });
    rmSync(join(folder, "events.jsonl"));
    expect(() => readRun(folder)).toThrow("expected the folder of a run");
  });

  it("is read with damaged JSON in it", () => {
    const folder = makeRun("exp/a-1", {});
    writeFileSync(join(folder, "config.json"), '{"name":');
    writeFileSync(join(folder, "status.json"), '{"state":"running"}');
    expect(readRun(folder)).toMatchObject({ name: "a-1", config: {} });
    expect(readRun(folder).status).toBeUndefined();
  });

  it("without a heartbeat is what its last event says, else lost once it is silent", () => {
    const folder = makeRun("exp/a-1");
    const now = Date.now();
    expect(readEntry(folder, now)?.life).toBe("running");
    expect(readEntry(folder, now + 3_600_000)?.life).toBe("lost");
    appendFileSync(
      join(folder, "events.jsonl"),
      writeEventLine({ t: 2, kind: "run.finished", elapsedMs: 1 }),
    );
    expect(readEntry(folder, now + 3_600_000)?.life).toBe("finished");
    appendFileSync(join(folder, "events.jsonl"), '{"t":3,"kind":"lo');
    expect(readEntry(folder, now)?.life).toBe("finished");
    appendFileSync(
      join(folder, "events.jsonl"),
      `g"}\n${writeEventLine({ t: 4, kind: "run.failed", message: "x" })}`,
    );
    expect(readEntry(folder, now)?.life).toBe("failed");
  });

  const epochEvents: readonly TimedRunEvent[] = [
    {
      t: 2,
      kind: "train.epoch",
      epoch: 1,
      loss: 1,
      accuracy: 0.5,
      testLoss: 1,
      testAccuracy: 0.125,
      rate: 0.1,
      elapsedMs: 5,
    },
    { t: 3, kind: "run.finished", elapsedMs: 9 },
  ];

  it("has the accuracy of its events in lists too where its heartbeat is missing, and says what is missing", () => {
    const folder = makeRun("exp/a-1");
    appendFileSync(join(folder, "events.jsonl"), epochEvents.map(writeEventLine).join(""));
    const entry = readEntry(folder, Date.now());
    expect(entry).toMatchObject({ life: "finished", summary: { testAccuracy: 0.125, fraction: 1 } });
    expect(runAccuracy(readRun(folder).state)).toBe(0.125);
    expect(entry?.faults).toEqual([expect.stringContaining("status.json is missing")]);
    const task = { id: "a-1", name: "a", folder, experiment: "exp", config: {}, command: [] };
    expect(taskStatus(task, Date.now())).toMatchObject({
      state: "finished",
      summary: { testAccuracy: 0.125 },
    });
  });

  it("has the accuracy of its heartbeat where its events are missing, and says so", () => {
    const summary = { phase: "finished" as const, fraction: 1, testAccuracy: 0.25 };
    const folder = makeRun("exp/a-1", { state: "finished", summary });
    rmSync(join(folder, "events.jsonl"));
    expect(runAccuracy(readRun(folder).state)).toBe(0.25);
    expect(readEntry(folder, Date.now())?.faults).toEqual([
      expect.stringContaining("events.jsonl is missing"),
    ]);
  });

  it("gives its events one by one", () => {
    const folder = makeRun("exp/a-1");
    expect([...readEvents(folder)]).toEqual([log(1, "hello")]);
  });
});

describe("a run that says it is running", () => {
  const now = 1_000_000;
  it("is lost as soon as its process is gone from this machine", () => {
    expect(lifeOf(status(), now, () => false)).toBe("lost");
    expect(lifeOf(status(), now, () => true)).toBe("running");
  });

  it("is alive through a long silence of a process that is there, but not for ever", () => {
    expect(lifeOf(status(), now + STALE_ALIVE_MS, () => true)).toBe("running");
    expect(lifeOf(status(), now + STALE_ALIVE_MS + 1, () => true)).toBe("lost");
  });

  it("on another machine is lost once its heartbeat is old", () => {
    const far = status({ host: "somewhere-else" });
    expect(lifeOf(far, now + STALE_MS, () => false)).toBe("running");
    expect(lifeOf(far, now + STALE_MS + 1, () => true)).toBe("lost");
  });

  it("is lost when its process was killed", async () => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    const folder = makeRun("exp/killed-1", { pid: child.pid!, updatedT: Date.now() });
    const list = new RunList(root);
    expect(list.refresh(Date.now())[0]?.life).toBe("running");
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
    expect(list.refresh(Date.now())[0]?.life).toBe("lost");
    expect(readEntry(folder, Date.now())?.life).toBe("lost");
  });

  it.each(["finished", "failed", "interrupted"] as const)("and one that is %s stays so for ever", (state) => {
    expect(lifeOf(status({ state }), now * 1000, () => false)).toBe(state);
  });
});

describe("a list of runs", () => {
  it("finds runs in the root of all, in an experiment, and in a run itself, in order", () => {
    for (const path of ["b/2-0", "a/1-1", "a/1-0", "lone-5"]) makeRun(path, { state: "finished" });
    mkdirSync(join(root, "a/.hidden"));
    mkdirSync(join(root, "a/empty"));
    writeFileSync(join(root, "a/figure.svg"), "");
    const found = (path: string) =>
      findRunFolders(join(root, path)).map((folder) => folder.slice(root.length + 1));
    expect(found("")).toEqual(["a/1-0", "a/1-1", "b/2-0", "lone-5"]);
    expect(found("a")).toEqual(["a/1-0", "a/1-1"]);
    expect(found("a/1-0")).toEqual(["a/1-0"]);
    expect(found("a/empty")).toEqual([]);
  });

  it("shows what status and config say without reading events", () => {
    makeRun("a/1-0", { state: "failed", failure: "no space", name: "named" });
    rmSync(join(root, "a/1-0/events.jsonl"));
    expect(listRuns(root)).toMatchObject([
      { name: "named", id: "1-0", seed: 3, life: "failed", summary: { method: "phew", fraction: 0.5 } },
    ]);
  });

  it("sees runs come, change and go", () => {
    const folder = makeRun("a/1-0", { updatedT: Date.now() });
    const list = new RunList(root);
    expect(list.refresh(Date.now()).map((run) => run.life)).toEqual(["running"]);
    writeFileSync(join(folder, "status.json"), JSON.stringify(status({ state: "finished" })));
    utimesSync(join(folder, "status.json"), 5, 5);
    makeRun("a/1-1", { state: "interrupted" });
    expect(list.refresh(Date.now()).map((run) => run.life)).toEqual(["finished", "interrupted"]);
    rmSync(folder, { recursive: true });
    expect(list.refresh(Date.now()).map((run) => run.id)).toEqual(["1-1"]);
  });

  it("is found in parts where there is no time for all, and forgets what is gone once it is complete", () => {
    const ids = ["1-0", "1-1", "1-2", "1-3"];
    const folders = ids.map((id) => makeRun(`a/${id}`, { state: "finished" }));
    const list = new RunList(root);
    // a budget of nothing is spent after one folder
    const found: number[] = [];
    do found.push(list.refresh(Date.now(), 0).length);
    while (!list.isComplete && found.length < 100);
    expect(found).toEqual([1, 2, 3, 4, 4]);
    rmSync(folders[1]!, { recursive: true });
    expect(list.refresh(Date.now(), 0).length).toBe(4);
    while (!list.isComplete) list.refresh(Date.now(), 0);
    expect(list.refresh(Date.now()).map((run) => run.id)).toEqual(["1-0", "1-2", "1-3"]);
  });

  it("says what is wrong with a root that is missing or a file", () => {
    expect(() => listRuns(join(root, "nowhere"))).toThrow(/got a folder that is not there, .*phew train/);
    writeFileSync(join(root, "file"), "");
    expect(() => listRuns(join(root, "file"))).toThrow("got a file, expected a folder of runs");
    expect(listRuns(root)).toEqual([]);
  });

  it("does not read a status again that has not changed", () => {
    const folder = makeRun("a/1-0", { state: "finished" });
    const list = new RunList(root);
    const [first] = list.refresh(Date.now());
    expect(list.refresh(Date.now())[0]).toBe(first);
    expect(readFileSync(join(folder, "status.json"), "utf8")).toContain("finished");
  });
});
