/** What stands in a run folder is input, whoever has written it: no reader crashes, hangs, or takes more memory than it needs. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { compareRuns, formatTable } from "@phew/report";
import {
  describeEvent,
  initialRunState,
  leftMs,
  listRuns,
  parseEventLine,
  type RunEvent,
  RunTail,
  RunWriter,
  readRun,
  readStatus,
  reduceAll,
  runFolderOf,
  summarise,
  type TimedRunEvent,
  walkRates,
  writeEventLine,
} from "@phew/runs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { trainEpoch, trainStarted } from "../../runs/test/trainingEvents.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "phew-hostile-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** One event of each kind, all of its fields there. */
const EVENTS: readonly RunEvent[] = [
  { kind: "run.started", name: "a", config: { method: "phew", nested: [1] } },
  { kind: "log", level: "warning", message: "b" },
  {
    kind: "prune.started",
    method: "phew",
    density: 0.5,
    keepCount: 5,
    prunableCount: 10,
    layerShapes: [{ name: "fc", shape: [5, 2], count: 10 }],
  },
  {
    kind: "prune.progress",
    keptCount: 3,
    keepCount: 5,
    walkCount: 2,
    stepCount: 6,
    round: 1,
    roundCount: 2,
    threshold: 0.1,
    elapsedMs: 4,
    layerProgress: [{ keptCount: 3, width: 0.6, units: "0f", expectedCount: 5 }],
  },
  {
    kind: "prune.finished",
    method: "phew",
    requestedDensity: 0.5,
    density: 0.5,
    keptCount: 5,
    walkCount: 4,
    elapsedMs: 9,
    layers: [{ name: "fc", shape: [5, 2], count: 10, keptCount: 5, width: 1 }],
    measures: {
      pathKernelTrace: 1,
      relativeTrace: 0.5,
      meanWidth: 1,
      minWidth: 1,
      deadUnitCount: 0,
      ineffectiveCount: 0,
      logPathCount: 2,
    },
  },
  {
    kind: "train.started",
    executor: "x",
    epochCount: 2,
    stepsPerEpoch: 3,
    batchSize: 4,
    trainCount: 12,
    validationCount: 2,
    testCount: 4,
    multiplyAdds: { dense: 10, kept: 5 },
    plannedMemory: { processBytes: 4, activationBytes: 1, weightBytes: 1, optimiserBytes: 1 },
  },
  { kind: "train.step", epoch: 1, step: 1, loss: 1, rate: 0.1, imagesPerSecond: 9 },
  {
    kind: "train.epoch",
    epoch: 1,
    loss: 1,
    accuracy: 0.5,
    testLoss: 1,
    testAccuracy: 0.5,
    testAccuracy5: 1,
    validationLoss: 1,
    validationAccuracy: 0.5,
    validationAccuracy5: 1,
    rate: 0.1,
    elapsedMs: 9,
    gradientNorms: [1],
    layerMs: [2],
  },
  { kind: "run.resumed", epoch: 1, step: 1 },
  { kind: "train.finished", testAccuracy: 0.5, testLoss: 1, bestEpoch: 1, elapsedMs: 9 },
  { kind: "run.interrupted" },
  { kind: "run.failed", message: "c" },
  { kind: "run.finished", elapsedMs: 10 },
];

const HOSTILE: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  0.5,
  2 ** 26,
  Number.MAX_SAFE_INTEGER,
  1e308,
  "NaN",
  "Infinity",
  "-Infinity",
  "",
  "\u001b]0;x\u0007",
  [],
  [null],
  [[]],
  {},
  { length: 3 },
];

/** The document with one value in it replaced, for every value and every replacement, and each field taken out. */
function* mutants(document: unknown): Generator<unknown> {
  if (typeof document !== "object" || document === null) return;
  for (const key of Object.keys(document)) {
    const set = (value: unknown) =>
      Array.isArray(document)
        ? document.map((item, k) => (`${k}` === key ? value : item))
        : { ...document, [key]: value };
    for (const value of HOSTILE) yield set(value);
    if (!Array.isArray(document))
      yield Object.fromEntries(Object.entries(document).filter(([name]) => name !== key));
    for (const inner of mutants((document as Record<string, unknown>)[key])) yield set(inner);
  }
}

/** All that readers do with events. */
function shown(events: readonly TimedRunEvent[]): string {
  const state = reduceAll(events, initialRunState());
  const { config } = state;
  const run = { id: "a-0", experiment: "e", config, state };
  const report = compareRuns([run, { ...run, id: "b-0" }], { targetAccuracy: 0.9 });
  return [
    ...events.map((event) => describeEvent(event)?.text),
    JSON.stringify([summarise(state, 5), leftMs(state, 5), walkRates(state)]),
    ...(["text", "csv", "markdown"] as const).map((form) => formatTable(report.columns, report.rows, form)),
  ].join("\n");
}

describe("a field of an event that is not what it must be", () => {
  it.each(EVENTS.map((event, k) => [event.kind, k] as const))(
    "of %s is left out with its line or can be used by all readers",
    (_, place) => {
      const timed = EVENTS.map((event, k) => ({ t: k + 1, ...event }));
      expect(timed.map((event) => parseEventLine(writeEventLine(event)))).toEqual(timed);
      let leftOut = 0;
      for (const mutant of mutants(timed[place])) {
        const read = parseEventLine(JSON.stringify(mutant));
        if (read === undefined) leftOut++;
        expect(
          shown(timed.flatMap((event, k) => (k === place ? (read ?? []) : [event]))).length,
        ).toBeGreaterThan(0);
      }
      expect(leftOut).toBeGreaterThan(10);
    },
  );

  it("is counted where a run is read", () => {
    const good = writeEventLine({ t: 1, kind: "run.interrupted" });
    writeFileSync(
      join(folder, "events.jsonl"),
      `${good}{"t":1,"kind":"log","level":[],"message":"x"}\n${good}`,
    );
    expect(readRun(folder)).toMatchObject({ skippedCount: 1, state: { eventCount: 2 } });
  });
});

describe("status.json", () => {
  const status = {
    state: "failed",
    name: "a",
    pid: 77,
    host: hostname(),
    started: "boot 1",
    startedT: 1,
    updatedT: 2,
    summary: {
      phase: "failed",
      fraction: 0.5,
      method: "phew",
      density: 0.1,
      leftMs: 3,
      epoch: 1,
      epochCount: 2,
    },
    checkpoint: { step: 4, t: 5 },
    failure: "because",
  };

  it("with a field that is not what it must be is none, or can be used", () => {
    writeFileSync(join(folder, "config.json"), "{}");
    const write = (value: unknown) => writeFileSync(join(folder, "status.json"), JSON.stringify(value));
    write(status);
    expect(readStatus(folder)).toEqual(status);
    let none = 0;
    for (const mutant of mutants(status)) {
      write(mutant);
      const read = readStatus(folder);
      if (read === undefined) none++;
      else {
        expect(Number.isInteger(read.pid) && read.pid > 0).toBe(true);
        expect(["string", "undefined"]).toContain(typeof read.failure);
        expect(["string", "undefined"]).toContain(typeof read.summary.method);
      }
      expect(listRuns(folder).length).toBe(1);
    }
    expect(none).toBeGreaterThan(100);
  });
});

describe("config.json", () => {
  it("of any content gives an entry that can be listed", () => {
    const config = { experiment: "e", name: "n", seed: 1, config: { model: "lenet5", options: { a: 1 } } };
    for (const mutant of [...mutants(config), ...HOSTILE]) {
      writeFileSync(join(folder, "events.jsonl"), "");
      writeFileSync(join(folder, "config.json"), JSON.stringify(mutant));
      const [entry] = listRuns(folder);
      expect(typeof entry?.name).toBe("string");
      expect(typeof entry?.experiment).toBe("string");
      expect(typeof entry?.config).toBe("object");
    }
  });
});

/** Lists and reads the folder in another process, which is given up after ten seconds. */
function readElsewhere(): { readonly code: number | null; readonly said: string } {
  const entry = new URL("../../runs/dist/index.js", import.meta.url).href;
  const program = `
    import { listRuns, readRun, readUnitCounts } from ${JSON.stringify(entry)};
    const folder = ${JSON.stringify(folder)};
    const before = process.memoryUsage().rss;
    const [{ life }] = listRuns(folder);
    const { skippedCount, state } = readRun(folder);
    const units = await readUnitCounts(folder, [{ name: "fc" }]);
    const grown = process.memoryUsage().rss - before < 2 ** 28;
    console.log(JSON.stringify({ life, skippedCount, events: state.eventCount, units: units ?? null, grown }));`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    encoding: "utf8",
    timeout: 300_000,
    killSignal: "SIGKILL",
  });
  return { code: status, said: stdout || stderr };
}

describe.runIf(process.platform === "linux")("what is no regular file", () => {
  const event = writeEventLine({ t: 1, kind: "run.interrupted" });
  it.each([
    ["pipes", (path: string) => execFileSync("mkfifo", [path])],
    ["links to a device without end", (path: string) => symlinkSync("/dev/zero", path)],
    ["folders", (path: string) => mkdirSync(path)],
    ["links that lead nowhere", (path: string) => symlinkSync("/nowhere", path)],
  ])("is not opened: all files but one are %s", (_, make) => {
    for (const kept of ["events.jsonl", "config.json"]) {
      for (const name of ["status.json", "config.json", "events.jsonl", "masks.safetensors"])
        if (name === kept) writeFileSync(join(folder, name), name === "events.jsonl" ? event : "{}");
        else make(join(folder, name));
      const { code, said } = readElsewhere();
      expect(code, said).toBe(0);
      expect(JSON.parse(said)).toMatchObject({
        units: null,
        events: kept === "events.jsonl" ? 1 : 0,
        grown: true,
      });
      rmSync(folder, { recursive: true });
      mkdirSync(folder);
    }
  });

  it("nor is a pipe that took the place of a followed file", () => {
    const path = join(folder, "events.jsonl");
    const tail = new RunTail(folder);
    writeFileSync(path, event);
    expect(tail.read().events.length).toBe(1);
    rmSync(path);
    execFileSync("mkfifo", [path]);
    expect(tail.read()).toEqual({ events: [], restarted: false, more: false });
  });
});

describe("a file that is larger than any run's", () => {
  it.each(["events.jsonl", "config.json", "status.json"])(
    "%s of ten gigabytes, most of it a hole",
    (name) => {
      writeFileSync(join(folder, "config.json"), "{}");
      writeFileSync(join(folder, "events.jsonl"), writeEventLine({ t: 1, kind: "run.interrupted" }));
      const file = openSync(join(folder, name), "a");
      ftruncateSync(file, 10 * 2 ** 30);
      closeSync(file);
      const { code, said } = readElsewhere();
      expect(code, said).toBe(0);
      expect(JSON.parse(said)).toMatchObject({ events: 1, grown: true });
    },
  );

  it("has its last events read, and the long line counted", () => {
    const path = join(folder, "events.jsonl");
    const event = writeEventLine({ t: 1, kind: "run.interrupted" });
    writeFileSync(path, event);
    const file = openSync(path, "r+");
    ftruncateSync(file, 2 ** 30);
    closeSync(file);
    writeFileSync(path, `\n${event}${event}`, { flag: "a" });
    expect(readRun(folder)).toMatchObject({ skippedCount: 1, state: { eventCount: 3 } });
  });

  it("with a line just short enough is read, and one a byte longer is left out", () => {
    const line = (length: number) => `{"t":1,"kind":"run.interrupted","x":"${"y".repeat(length - 39)}"}\n`;
    writeFileSync(join(folder, "events.jsonl"), line(2 ** 23) + line(2 ** 23 + 2 ** 20 + 1));
    expect(readRun(folder)).toMatchObject({ skippedCount: 1, state: { eventCount: 1 } });
  });
});

describe.runIf(process.platform !== "win32")("a run is written", () => {
  const options = { root: "", experiment: "e", name: "a", config: {}, defaults: {}, seed: 0 };
  const checkpoint = { step: 1, progress: {}, tensors: new Map() };

  async function wholeRun(writer: RunWriter): Promise<void> {
    writer.append(trainStarted);
    writer.append(trainEpoch(1));
    await writer.keepCheckpoint(checkpoint);
    await writer.keepCheckpoint(checkpoint);
    await writer.write("best.safetensors", async (path) => writeFileSync(path, "best"));
    writer.append(trainEpoch(2));
    writer.close({ state: "finished" });
  }

  const NAMES = [
    "events.jsonl",
    "status.json",
    "config.json",
    "environment.json",
    "metrics.csv",
    "best.safetensors",
    "checkpoint.safetensors",
    "checkpoint.next.safetensors",
    "checkpoint.previous.safetensors",
    "lock",
    ".status.json.1.partial",
  ];

  it.each([
    ["links", symlinkSync],
    ["other names", linkSync],
  ])("in a folder full of %s of files elsewhere without changing these", async (_, make) => {
    const own = { ...options, root: folder };
    const run = runFolderOf(own);
    mkdirSync(run, { recursive: true });
    const old = new Date(Date.now() - 100_000);
    const letters = NAMES.map((name, k) => {
      const letter = join(folder, `letter ${k}`);
      writeFileSync(letter, `dear ${name}`);
      utimesSync(letter, old, old);
      make(letter, join(run, name));
      return letter;
    });
    const elsewhere = join(folder, "elsewhere");
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, "events.out.tfevents.0000000001.a"), "kept");
    symlinkSync(elsewhere, join(run, "tb"));
    await wholeRun(RunWriter.open(own));
    expect(letters.map((letter) => readFileSync(letter, "utf8"))).toEqual(
      NAMES.map((name) => `dear ${name}`),
    );
    expect(readdirSync(elsewhere)).toEqual(["events.out.tfevents.0000000001.a"]);
    expect(readRun(run)).toMatchObject({ life: "finished", state: { eventCount: 4 } });
  });

  it("further where its files are links to copies of them, which stay as they are", async () => {
    const own = { ...options, root: folder };
    const first = RunWriter.open(own);
    first.append(trainStarted);
    first.append(trainEpoch(1));
    await first.keepCheckpoint(checkpoint);
    first.append(trainEpoch(2));
    first.close({ state: "interrupted" });
    const records = readdirSync(first.path("tb")).map((name) => join("tb", name));
    const copies = ["events.jsonl", "metrics.csv", ...records].map((name, k) => {
      const copy = join(folder, `copy ${k}`);
      renameSync(first.path(name), copy);
      symlinkSync(copy, first.path(name));
      return [copy, readFileSync(copy)] as const;
    });
    const second = (await RunWriter.resume(own))!;
    expect(second.checkpoint?.step).toBe(1);
    second.append(trainEpoch(2));
    second.close({ state: "finished" });
    for (const [copy, bytes] of copies) expect(readFileSync(copy)).toEqual(bytes);
  });

  it("no further by a folder of records that is a link: that is said", async () => {
    const own = { ...options, root: folder };
    const first = RunWriter.open(own);
    first.append(trainStarted);
    await first.keepCheckpoint(checkpoint);
    first.close({ state: "interrupted" });
    renameSync(first.path("tb"), join(folder, "elsewhere"));
    symlinkSync(join(folder, "elsewhere"), first.path("tb"));
    // longer than the checkpoint remembers
    const [name] = readdirSync(join(folder, "elsewhere")) as [string];
    writeFileSync(join(folder, "elsewhere", name), "more", { flag: "a" });
    const bytes = readFileSync(join(folder, "elsewhere", name));
    await expect(RunWriter.resume(own)).rejects.toThrow(/tb: got a link to a folder elsewhere/);
    expect(readFileSync(join(folder, "elsewhere", name))).toEqual(bytes);
  });

  it("from its start where its checkpoint says what no checkpoint can", async () => {
    const own = { ...options, root: folder };
    const bookmark = {
      step: 1,
      eventsLength: 0,
      tensorboard: { file: "events.out.tfevents.1.a", length: 0 },
      stepsPerEpoch: 1,
      elapsedMs: 1,
      progress: {},
    };
    for (const mutant of [
      ...[...mutants(bookmark)].filter((_, k) => k % 16 === 0),
      { ...bookmark, tensorboard: { file: "events.out.tfevents./../../x", length: 0 } },
      "{",
      7,
    ]) {
      const first = RunWriter.open(own);
      await first.keepResult(new Map(), {
        "phew.state": typeof mutant === "string" ? mutant : JSON.stringify(mutant),
      });
      first.close({ state: "interrupted" });
      const second = (await RunWriter.resume(own))!;
      expect(second.checkpoint === undefined || second.checkpoint.step >= 0).toBe(true);
      second.close({ state: "interrupted" });
    }
  });
});
