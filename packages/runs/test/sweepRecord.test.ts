import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { COMMAND, ownProcess, type RunEntry, RunList, SweepList } from "../src/index.ts";
import { noteCancelled, sweepFolder, writeSweepFailures, writeSweepRecord } from "../src/sweeps/index.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "phew-sweep-record-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const record = {
  file: "/here/sweep.json",
  options: ["--workers=2"],
  calledFrom: "/here",
  executor: "slurm",
  atATime: 2,
  submittedT: 5,
  runs: [0, 1, 2].map((seed) => ({
    id: `0123456789-${seed}`,
    config: { model: "mlp", density: 0.1, seed },
    seed,
  })),
};

function planned(experiment: string): string {
  const own = sweepFolder(root, experiment);
  mkdirSync(own, { recursive: true });
  writeSweepRecord(own, record);
  return own;
}

const begun = (at = root) => new RunList(at).refresh(Date.now());

it("shows runs that wait, below all experiments and below their own, until they have folders", () => {
  planned("many");
  for (const at of [root, join(root, "many"), `${root}/./many/`]) {
    const list = new SweepList(at);
    const waiting = list.refresh(begun(at));
    expect(
      waiting.map(({ id, life, seed, experiment, config }) => ({ id, life, seed, experiment, config })),
    ).toEqual(record.runs.map((run) => ({ ...run, life: "waiting", experiment: "many" })));
    expect(waiting[0]!.folder).toBe(join(root, "many", "0123456789-0"));
    expect(list.sweeps).toMatchObject([{ experiment: "many", record }]);
    // the same until something changes
    expect(list.refresh([])[1]).toBe(waiting[1]);
  }
  mkdirSync(join(root, "many", "0123456789-1"));
  writeFileSync(join(root, "many", "0123456789-1", "config.json"), "{}");
  const list = new SweepList(root);
  expect(list.refresh(begun()).map(({ id }) => id)).toEqual(["0123456789-0", "0123456789-2"]);
});

it("lists runs that failed before they had a folder, and that a sweep was asked to stop", () => {
  const own = planned("many");
  const list = new SweepList(root);
  expect(list.refresh([]).map(({ life }) => life)).toEqual(["waiting", "waiting", "waiting"]);
  expect(list.sweeps[0]!.isActive).toBe(true);
  writeSweepFailures(own, new Map([["0123456789-2", "no data"]]));
  noteCancelled(own, 7);
  expect(new SweepList(root).refresh([]).map(({ life }) => life)).toEqual(["waiting", "waiting", "failed"]);
  const again = new SweepList(root);
  again.refresh([]);
  expect([...again.sweeps[0]!.failures]).toEqual([["0123456789-2", "no data"]]);
  expect(again.sweeps[0]!.isActive).toBe(false);
});

it("leaves out what is no record, and names that would lead elsewhere", () => {
  const own = planned("many");
  const withId = (id: string) => JSON.stringify({ ...record, runs: [{ id, config: {} }] });
  for (const text of ["", "[]", "{}", withId("../../x"), withId("..")]) {
    writeFileSync(join(own, "plan.json"), text);
    const list = new SweepList(root);
    expect([list.refresh([]), list.sweeps]).toEqual([[], []]);
  }
});

it("shows runs of a command that does them again as waiting, as long as its process lives and has not begun them", () => {
  const own = planned("demo");
  // one each time: files that are written again within a millisecond look as they did
  let list = new SweepList(root);
  const read = (runs: readonly RunEntry[]) => {
    list = new SweepList(root);
    return list.refresh(runs).map(({ id }) => id);
  };
  const entry = (startedT: number) => {
    const [run] = list.refresh([]);
    const status = {
      ...ownProcess(),
      state: "finished",
      name: "a",
      startedT,
      updatedT: 9,
      summary: run!.summary,
    } as const;
    return { ...run!, life: "finished", status } as const;
  };
  const write = (more: object) =>
    writeSweepRecord(own, { ...record, executor: COMMAND, isAgain: true, owner: ownProcess(), ...more });
  write({});
  const [old, done] = [entry(4), entry(6)];
  expect(read([old])).toEqual(record.runs.map(({ id }) => id));
  expect(read([done])).toEqual(record.runs.slice(1).map(({ id }) => id));
  expect(list.sweeps[0]!.isActive).toBe(true);
  write({ owner: { ...ownProcess(), pid: 2 ** 22 + 1, started: "never" } });
  read([old]);
  expect(list.sweeps[0]!.isActive).toBe(false);
  noteCancelled(own, 7);
  expect(read([old])).toEqual(record.runs.slice(1).map(({ id }) => id));
});
