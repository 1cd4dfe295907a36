/**
 * Four sweeps whose results are computed by hand: every view, table, CSV and figure tells the same of them, and no mean is
 * over more than one configuration.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compareRuns, figuresOf, formatReport, resultsTable, runFigureRows } from "@phew/report";
import { configHash, listRuns, type RunRecord, RunWriter, readRun } from "@phew/runs";
import { afterAll, describe, expect, it } from "vitest";
import type { DashboardState } from "../src/dashboardState.ts";
import { printOnce } from "../src/plainWatch.ts";
import { initialDashboard, update } from "../src/update.ts";
import { viewNamed } from "../src/views/registry.ts";
import { frameOf } from "./frame.tsx";

const SIZES = [
  [200, 60],
  [160, 50],
  [120, 40],
  [80, 24],
  [60, 20],
] as const;

type End = "finished" | "failed" | "interrupted";

interface MadeConfiguration {
  readonly settings: object;
  readonly name: string;
  /** In percent, of each seed; the epoch before was better, and counts in nothing. */
  readonly accuracies: readonly number[];
  readonly ends?: readonly End[];
  /** By hand, over those that are finished: mean, half of the 95 % interval, deviation; in percent. */
  readonly mean: string;
  readonly interval: string;
  readonly deviation: string;
  readonly count: string;
  /** Of the masks, of each seed; the dense network's is 1000. */
  readonly traces: readonly number[];
}

interface MadeSweep {
  readonly title: string;
  readonly common: object;
  readonly shared: string;
  readonly configurations: readonly MadeConfiguration[];
}

/** For two numbers 2 d apart: deviation d √2, interval t d with t = 12.706; for three: t = 4.303, over √3. */
const SWEEPS: readonly MadeSweep[] = [
  {
    title: "of two models at two rates",
    common: { dataset: "glyphs", trainCount: 300, testCount: 100, epochs: 2, method: "phew", density: 0.05 },
    shared: "glyphs · train count 300 · test count 100 · phew 5 % · epochs 2",
    configurations: [
      {
        settings: { model: "lenet5", rate: 0.01 },
        name: "lenet5 · rate 0.01",
        accuracies: [8, 10],
        mean: "9.0 %",
        interval: "12.7 %",
        deviation: "1.4 %",
        count: "2 of 2",
        traces: [10, 30],
      },
      {
        settings: { model: "lenet5", rate: 0.05 },
        name: "lenet5 · rate 0.05",
        accuracies: [40, 44],
        mean: "42.0 %",
        interval: "25.4 %",
        deviation: "2.8 %",
        count: "2 of 2",
        traces: [11, 33],
      },
      {
        settings: { model: "mlp", rate: 0.01 },
        name: "mlp · rate 0.01",
        accuracies: [70, 71],
        mean: "70.5 %",
        interval: "6.4 %",
        deviation: "0.7 %",
        count: "2 of 2",
        traces: [50, 70],
      },
      {
        settings: { model: "mlp", rate: 0.05 },
        name: "mlp · rate 0.05",
        accuracies: [90, 90],
        mean: "90.0 %",
        interval: "0.0 %",
        deviation: "0.0 %",
        count: "2 of 2",
        traces: [80, 90],
      },
    ],
  },
  {
    title: "of two options of one method",
    common: { model: "lenet5", dataset: "glyphs", method: "phew", density: 0.05, epochs: 2 },
    shared: "lenet5 · glyphs · phew 5 % · epochs 2",
    configurations: [
      {
        settings: { options: {} },
        name: "phew",
        accuracies: [50, 53, 56],
        mean: "53.0 %",
        interval: "7.5 %",
        deviation: "3.0 %",
        count: "3 of 3",
        traces: [1, 2, 6],
      },
      {
        settings: { options: { bias: "square" } },
        name: "phew bias=square",
        accuracies: [60, 60, 63],
        mean: "61.0 %",
        interval: "4.3 %",
        deviation: "1.7 %",
        count: "3 of 3",
        traces: [10, 20, 60],
      },
    ],
  },
  {
    title: "of two models",
    common: { dataset: "glyphs", method: "snip", density: 0.1, epochs: 2 },
    shared: "glyphs · snip 10 % · epochs 2",
    configurations: [
      {
        settings: { model: "lenet5" },
        name: "lenet5",
        accuracies: [20],
        mean: "20.0 %",
        interval: "–",
        deviation: "–",
        count: "1 of 1",
        traces: [5],
      },
      {
        settings: { model: "vgg19-bn" },
        name: "vgg19-bn",
        accuracies: [80],
        mean: "80.0 %",
        interval: "–",
        deviation: "–",
        count: "1 of 1",
        traces: [500],
      },
    ],
  },
  {
    title: "with a failed and an interrupted run",
    common: { model: "lenet5", dataset: "glyphs", method: "phew", epochs: 2 },
    shared: "lenet5 · glyphs · phew · epochs 2",
    configurations: [
      {
        settings: { density: 0.1 },
        name: "10 %",
        accuracies: [30, 99, 36],
        ends: ["finished", "failed", "finished"],
        mean: "33.0 %",
        interval: "38.1 %",
        deviation: "4.2 %",
        count: "2 of 3",
        traces: [4, 4, 10],
      },
      {
        settings: { density: 0.05 },
        name: "5 %",
        accuracies: [25, 98],
        ends: ["finished", "interrupted"],
        mean: "25.0 %",
        interval: "–",
        deviation: "–",
        count: "1 of 2",
        traces: [7, 9],
      },
    ],
  },
];

const root = mkdtempSync(join(tmpdir(), "phew-byHand-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function writeSweep({ common, configurations }: MadeSweep, folder: string): void {
  for (const { settings, accuracies, ends, traces } of configurations)
    for (const [seed, percent] of accuracies.entries())
      writeRun(
        folder,
        { ...common, ...settings, seed },
        percent / 100,
        traces[seed]!,
        ends?.[seed] ?? "finished",
      );
}

function writeRun(
  folder: string,
  config: Record<string, unknown>,
  accuracy: number,
  trace: number,
  end: End,
): void {
  const { method, density, seed } = config as { method: string; density: number; seed: number };
  const writer = RunWriter.open({ root: folder, experiment: "sweep", name: "x", config, defaults: {}, seed });
  const layer = { name: "fc.weight", shape: [2, 3], keptCount: 3, count: 6, width: 1 };
  const measures = {
    pathKernelTrace: trace,
    relativeTrace: trace / 1000,
    meanWidth: 0.5,
    minWidth: 0.5,
    deadUnitCount: 0,
    ineffectiveCount: 0,
    logPathCount: 1,
  };
  const losses = { loss: 1, accuracy: 0.5, testLoss: 1, rate: 0.1, elapsedMs: 1 };
  writer.append({ kind: "run.started", name: "x", config });
  writer.append({
    kind: "prune.finished",
    method,
    requestedDensity: density,
    density,
    keptCount: 3,
    elapsedMs: 1,
    layers: [layer],
    measures,
  });
  writer.append({
    kind: "train.started",
    executor: "sparse",
    epochCount: 2,
    stepsPerEpoch: 1,
    batchSize: 1,
    trainCount: 1,
    testCount: 1,
  });
  for (const epoch of [1, 2]) {
    writer.append({ kind: "train.step", epoch, step: epoch, loss: 1, rate: 0.1, imagesPerSecond: 1 });
    writer.append({
      kind: "train.epoch",
      epoch,
      ...losses,
      testAccuracy: epoch === 1 ? Math.min(1, accuracy + 0.01) : accuracy,
    });
  }
  if (end === "failed") writer.append({ kind: "run.failed", message: "no space" });
  writer.close({ state: end, ...(end === "failed" ? { failure: "no space" } : {}) });
}

const valuesOf = (spec: unknown) => (spec as { data: { values: Record<string, number>[] } }).data.values;

describe.each(SWEEPS)("a sweep $title", (sweep) => {
  const folder = join(root, configHash({ title: sweep.title }, {}));
  writeSweep(sweep, folder);
  const entries = listRuns(folder);
  const records: RunRecord[] = entries.map((entry) => readRun(entry.folder));
  const state: DashboardState = update(
    { ...initialDashboard(folder, 0), follow: false },
    { kind: "watched", runs: entries, now: entries[0]!.updatedT },
  );
  const frame = (view: "overview" | "sweep" | "compare", columns: number, rows: number, over = state) =>
    frameOf({ ...over, view: viewNamed(view), focus: "runs" }, columns, rows);
  const isSeeded = sweep.configurations.some(({ accuracies }) => accuracies.length > 1);
  const madeRuns = sweep.configurations.flatMap((made) =>
    made.accuracies.map((percent, seed) => ({
      ...made,
      percent,
      seed,
      end: made.ends?.[seed] ?? "finished",
    })),
  );
  it("has its results in the table, in Markdown and in CSV", () => {
    const report = resultsTable(entries);
    const text = formatReport(report, "text");
    const markdown = formatReport(report, "markdown");
    expect(text.split("\n")[0]).toBe(sweep.shared);
    expect(report.rows).toHaveLength(sweep.configurations.length);
    for (const { mean, interval, deviation, count, accuracies, ends } of sweep.configurations) {
      const finished = accuracies.filter((_, k) => (ends?.[k] ?? "finished") === "finished");
      const row = report.rows.find(
        (each) => Math.abs((each.test_accuracy_mean as number) - meanOf(finished) / 100) < 1e-12,
      )!;
      expect(row.seeds).toBe(finished.length);
      expect(count.startsWith(`${finished.length} of ${accuracies.length}`)).toBe(true);
      const cells = [mean, interval, deviation].map((cell) => cell.replace(/[.]/g, "\\.")).join(" +");
      expect(text).toMatch(new RegExp(` ${cells} +`));
      expect(markdown).toMatch(new RegExp(`\\| ${cells.replaceAll(" +", " \\| ")} \\|`));
    }
    const [head, ...lines] = formatReport(report, "csv").trimEnd().split("\n");
    const keys = head!.split(",");
    expect(new Set(lines.map((line) => line.split(",").slice(0, keys.indexOf("seeds")).join())).size).toBe(
      lines.length,
    );
  });

  it("has a row a run in the report, none like another, and the seed where there are several", () => {
    const report = compareRuns(records, { targetAccuracy: 0.9 });
    expect(report.rows.map(({ test_accuracy }) => test_accuracy)).toEqual(
      records.map(({ state: { epochs } }) => epochs.at(-1)!.testAccuracy),
    );
    for (const form of ["text", "markdown", "csv"] as const) {
      const lines = formatReport(report, form).trimEnd().split("\n");
      const withoutId = lines.map((line) => line.replace(/[0-9a-f]{10}-\d/, ""));
      expect(new Set(withoutId.slice(-records.length)).size).toBe(records.length);
      if (form === "text") expect(/ seed /.test(lines[2]!)).toBe(isSeeded);
    }
  });

  it("is printed by --once with what differs, below what does not", () => {
    const lines: string[] = [];
    printOnce(folder, (line) => lines.push(line));
    expect(lines[0]).toBe(sweep.shared);
    const rows = lines.slice(4).map((line) => line.replace(/ +\S+$/, ""));
    expect(rows).toHaveLength(records.length);
    expect(new Set(rows).size).toBe(records.length);
    for (const { percent, end } of madeRuns)
      expect(rows.some((row) => row.startsWith(end) && row.endsWith(` ${percent}.0 %`))).toBe(true);
  });

  it.each(SIZES)("is in the views at %i × %i", (columns, rows) => {
    const compared = densities().flatMap((_, k) =>
      frame("compare", columns, rows, { ...state, densityCursor: k }),
    );
    for (const { name, mean, interval, deviation, count } of sweep.configurations) {
      const shown = sweep.title.includes("failed") ? "phew" : name;
      const figures = [mean, interval, deviation, count].join(" +").replaceAll(".", "\\.");
      expect(compared.join("\n")).toMatch(new RegExp(`${shown.slice(0, 12)}.* ${figures} `));
    }
    const titles = madeRuns.map(({ name, seed }) => ({ name, seed }));
    // the list goes through the runs where it has room for few
    const listed = entries.flatMap(({ folder: selected }) =>
      frame("overview", columns, rows, { ...state, selected }).filter((line) => /^┃ ▸/.test(line)),
    );
    expect(listed).toHaveLength(titles.length);
    const rowsShown = listed.map((line) =>
      line.split("┃")[1]!.replace(/ +(finished|failed|interrupted|done|stopped)? *\S+ %? *$/, ""),
    );
    expect(new Set(rowsShown).size).toBe(titles.length);
    if (isSeeded)
      for (const [k, { config }] of entries.entries())
        expect(rowsShown[k]).toMatch(new RegExp(` (seed |s)${config.seed}( |$)`));
    const table = entries.flatMap(({ folder: selected }) =>
      frame("sweep", columns, rows, { ...state, selected }).filter((line) => /^┃ ▸/.test(line)),
    );
    for (const { percent } of madeRuns)
      expect(table.some((line) => line.includes(` ${percent}.0 %`))).toBe(true);
    expect(new Set(table.map((line) => line.slice(4))).size).toBe(titles.length);
  });

  it("is drawn with the mean, interval and count of each configuration, and of no two together", () => {
    const figures = new Map(
      figuresOf(runFigureRows(records), sweep.shared).map(({ name, spec }) => [name, spec]),
    );
    const percent = (value: number) => `${value.toFixed(1)} %`;
    const of = (name: string) => valuesOf(figures.get(name));
    const accuracies = of("accuracy-over-density").map(({ mean, high, count }) =>
      [percent(mean!), count === 1 ? "–" : percent(high! - mean!), count].join(),
    );
    expect(accuracies.sort()).toEqual(
      sweep.configurations
        .map(({ mean, interval, count }) => [mean, interval, count.split(" ")[0]].join())
        .sort(),
    );
    const lasts = of("learning-curves").filter(({ epoch }) => epoch === 2);
    expect(lasts.map(({ mean, count }) => [mean!.toFixed(6), count].join()).sort()).toEqual(
      sweep.configurations
        .map((made) => [meanOf(made.accuracies).toFixed(6), made.accuracies.length].join())
        .sort(),
    );
    const traces = of("path-kernel-trace").map(({ mean, count }) => [mean!.toFixed(6), count].join());
    expect(traces.sort()).toEqual(
      sweep.configurations
        .map(({ traces: own }) =>
          [meanOf(own.map((trace) => Math.log10(trace / 1000))).toFixed(6), own.length].join(),
        )
        .sort(),
    );
  });

  function densities(): number[] {
    return [...new Set(entries.map(({ config }) => config.density as number))];
  }
});

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
