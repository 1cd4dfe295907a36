import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pruners } from "@phew/core";
import {
  chart,
  compareRuns,
  FIGURES,
  figurePaths,
  figuresOf,
  formatReport,
  formatTable,
  type ReportedRun,
  runFigureRows,
  svgToPng,
  writeFigures,
  writeReport,
} from "@phew/report";
import {
  configHash,
  type LayerMeasure,
  type MaskMeasures,
  readRun,
  reduceAll,
  type TimedRunEvent,
} from "@phew/runs";
import { Resvg } from "@resvg/resvg-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { METHOD_COLOURS } from "../src/methods.ts";
import { byMethodOrder, methodColours } from "../src/palette.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "phew-figures-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Made {
  readonly method: string;
  readonly density: number;
  readonly trace?: number;
  readonly width?: number;
  readonly accuracies: readonly number[];
  readonly seed?: number;
}

const layer: LayerMeasure = { name: "fc.weight", shape: [2, 3], keptCount: 3, count: 6, width: 1 };

function run({ method, density, trace, width = 0.5, accuracies, seed = 0 }: Made): ReportedRun {
  const measures: MaskMeasures = {
    pathKernelTrace: trace ?? Number.NaN,
    relativeTrace: (trace ?? Number.NaN) / 1e4,
    meanWidth: width,
    minWidth: width,
    deadUnitCount: 3,
    ineffectiveCount: 2,
    logPathCount: 9,
  };
  const mask = {
    requestedDensity: density,
    density: density + 0.0001,
    keptCount: 9,
    walkCount: 12,
    elapsedMs: 340,
  };
  const config = { model: "lenet5", method, density, seed };
  const events: TimedRunEvent[] = [
    { t: 1, kind: "run.started", name: method, config },
    ...(trace === undefined
      ? []
      : [{ t: 2, kind: "prune.finished", method, ...mask, layers: [layer], measures } as const]),
    ...accuracies.map(
      (testAccuracy, k) =>
        ({
          t: 3,
          kind: "train.epoch",
          epoch: k,
          loss: 1,
          accuracy: 0.4,
          testLoss: 1,
          testAccuracy,
          rate: 0.1,
          elapsedMs: 1000 * (k + 1),
        }) as const,
    ),
  ];
  return { id: `${configHash(config, {})}-${seed}`, experiment: "e", config, state: reduceAll(events) };
}

const runs = [
  run({ method: "dense", density: 1, accuracies: [0.1, 0.93, 0.97] }),
  run({ method: "random", density: 0.05, trace: 2e-5, accuracies: [0.1, 0.4, 0.6] }),
  run({ method: "phew", density: 0.05, trace: 31.5, accuracies: [0.1, 0.9, 0.95] }),
  run({ method: "phew", density: 0.02, trace: 4.25, accuracies: [0.1, 0.8, 0.91] }),
];

const svgOf = (name: string) =>
  chart(figuresOf(runFigureRows(runs), "lenet5").find((figure) => figure.name === name)!.spec);

/** Texts of an SVG in order. */
const texts = (svg: string): string[] =>
  [...svg.matchAll(/<(?:text|tspan)[^>]*>([^<]*)<\//g)]
    .map((match) => match[1]!)
    .filter((text) => text !== "");

describe("the figures of runs", () => {
  const names = (paths: readonly string[]) => paths.map((path) => path.slice(folder.length + 1));

  it("are written as SVG that parses and PNG twice its size, and nothing half-written stays", async () => {
    const paths = await writeFigures(folder, runs);
    const drawn = [
      ...["accuracy-over-density", "learning-curves", "loss-curves", "path-kernel-trace", "mean-width"],
      ...["trace-against-width", "layer-widths", "layer-densities", "accuracy-against-time"],
    ];
    expect(names(paths)).toEqual(drawn.flatMap((name) => [`${name}.svg`, `${name}.png`]));
    expect(readdirSync(folder).sort()).toEqual(names(paths).sort());
    expect(figurePaths(folder)).toEqual(expect.arrayContaining(paths));
    for (const path of paths.filter((name) => name.endsWith(".svg"))) {
      const { width, height } = new Resvg(readFileSync(path, "utf8"));
      const png = readFileSync(path.replace(/svg$/, "png"));
      expect(png.subarray(1, 4).toString()).toBe("PNG");
      expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([
        Math.ceil(width * 2),
        Math.ceil(height * 2),
      ]);
    }
  });

  it("take from a run what its events tell", () => {
    const [, , phew] = runFigureRows(runs);
    expect(phew).toMatchObject({
      ...{ method: "phew", series: "phew", model: "lenet5", density: 0.05, seed: 0 },
      ...{ logRelativeTrace: Math.log10(31.5 / 1e4), meanWidth: 0.5, accuracy: 0.95 },
      ...{ densities: [0.5], widths: [1], layers: ["fc.weight"] },
      ...{ accuracies: [0.1, 0.9, 0.95], losses: [1, 1, 1], firstEpoch: 0, trainingMs: 3000 },
    });
    expect(phew!.lossCurve).toBeUndefined();
  });

  it("have the dense network beside masks of the same experiment, network and data alone", () => {
    const elsewhere = (over: object, experiment: string) => (own: ReturnType<typeof run>) => ({
      ...own,
      experiment,
      config: { ...own.config, ...over },
    });
    const masks = [0.1, 0.05].map((density) =>
      run({ method: "phew", density, trace: 2, accuracies: [0.1, 0.5], seed: 0 }),
    );
    const dense = run({ method: "dense", density: 1, accuracies: [0.1, 0.9], seed: 0 });
    const others = [
      ...[dense, ...masks].map(elsewhere({ model: "mlp" }, "a")),
      ...masks.map(elsewhere({ model: "lenet5" }, "a")),
      ...masks.map(elsewhere({ model: "mlp", trainCount: 7 }, "a")),
      ...masks.map(elsewhere({ model: "mlp" }, "b")),
    ];
    const rows = runFigureRows(others);
    const { vconcat } = FIGURES["accuracy-over-density"]!(rows) as unknown as {
      vconcat: { title: { text: string }; layer: { data?: { values: { series: string }[] } }[] }[];
    };
    const across = vconcat.map(({ title, layer }) => [
      title.text,
      layer.flatMap(({ data }) => data?.values ?? []).length > 0,
    ]);
    expect(across).toEqual([
      ["a · mlp", true],
      ["a · lenet5", false],
      ["a · mlp · train count 7", false],
      ["b · mlp", false],
    ]);
    const curves = FIGURES["learning-curves"]!(rows) as unknown as {
      data: { values: { panel: string; isDense: boolean }[] };
    };
    const withDense = curves.data.values.flatMap(({ panel, isDense }) => (isDense ? [panel] : []));
    expect([...new Set(withDense)]).toEqual(["a · mlp · density 10 %", "a · mlp · density 5 %"]);
    // without a dense network, and of one problem, all stand together
    for (const some of [others.slice(1), others.slice(0, 3)])
      expect(FIGURES["accuracy-over-density"]!(runFigureRows(some))).not.toHaveProperty("vconcat");
  });

  it("have losses by stretches of steps where steps were recorded", () => {
    const state = (count: number) =>
      reduceAll([
        {
          ...({
            t: 2,
            kind: "train.started",
            executor: "sparse",
            epochCount: 1,
            stepsPerEpoch: 120,
          } as const),
          ...{ batchSize: 1, trainCount: 120, testCount: 1 },
        },
        // the mean of steps 2s − 1 and 2s is 10 − s / 10
        ...Array.from(
          { length: count },
          (_, s): TimedRunEvent => ({
            ...({
              t: 3 + s,
              kind: "train.step",
              epoch: 1,
              step: s + 1,
              rate: 0.1,
              imagesPerSecond: 1,
            } as const),
            loss: 10 - Math.ceil((s + 1) / 2) / 10 + (s % 2 === 0 ? 1 : -1),
          }),
        ),
      ]);
    const of = (id: string, count: number) => ({
      ...{ id, experiment: "e", config: { model: "lenet5", method: "phew", density: 0.1 } },
      state: state(count),
    });
    const [long, short] = runFigureRows([of("a-0", 120), of("a-1", 60)]);
    expect(long!.lossCurve!.x).toHaveLength(60);
    expect(short!.lossCurve!.x).toHaveLength(30);
    for (const { x, y } of [long!.lossCurve!, short!.lossCurve!]) {
      for (const [s, at] of x.entries()) {
        expect(at).toBeCloseTo((s + 1) / 60, 12);
        expect(y[s]).toBeCloseTo(10 - (s + 1) / 10, 10);
      }
    }
  });

  it("say what is drawn: titles, units, every method, every density", async () => {
    const textsOf = async (name: string) => texts(await svgOf(name));
    const curves = await textsOf("learning-curves");
    for (const text of ["Learning curves", "lenet5", "epoch", "test accuracy (%)", "dense", "phew", "random"])
      expect(curves).toContain(text);
    for (const text of ["density 5 %", "density 2 %"]) expect(curves).toContain(text);
    const traces = await textsOf("path-kernel-trace");
    for (const text of ["trace / dense (logarithmic)", "5 %", "2 %", "1e-4"]) expect(traces).toContain(text);
    expect(await textsOf("mean-width")).toContain("mean layer width (% of units)");
  });

  it("place points by the logarithm of the trace", async () => {
    const points =
      /"[^"]*dense \(logarithmic\): (−[\d.]+);[^"]*"[^>]*translate\([\d.]+,([\d.]+)\)[^>]*fill="#/g;
    const places = [...(await svgOf("path-kernel-trace")).matchAll(points)].map(
      ([, log, y]) => [Number(log!.replace("−", "-")), Number(y)] as const,
    );
    expect(places.map(([log]) => log.toFixed(3))).toEqual(
      [2e-5, 31.5, 4.25].map((trace) => Math.log10(trace / 1e4).toFixed(3)),
    );
    const [first, second, third] = places as [(typeof places)[0], (typeof places)[0], (typeof places)[0]];
    const slope = (second[1] - first[1]) / (second[0] - first[0]);
    expect(slope).toBeLessThan(0);
    expect(third[1]).toBeCloseTo(first[1] + slope * (third[0] - first[0]), 1);
  });

  it("stand at the density that a rule found, where that asked for is a bound", () => {
    const found = (seed: number, density: number) => {
      const own = run({ method: "phew", density: 1, trace: 2, accuracies: [0.1, 0.5], seed });
      const config = { ...own.config, rule: "path-find" };
      return { ...own, config, state: { ...own.state, config, mask: { ...own.state.mask!, density } } };
    };
    const rows = runFigureRows([found(0, 0.04), found(1, 0.06), ...runs.slice(2)]);
    expect(rows.map(({ density }) => Number(density.toFixed(6)))).toEqual([0.05, 0.05, 0.05, 0.02]);
    // a rule that keeps the density stands at the one asked for
    const kept = found(0, 0.99);
    expect(runFigureRows([kept])[0]!.density).toBe(1);
  });

  it("are left out where there is nothing to draw", async () => {
    expect(await writeFigures(folder, [])).toEqual([]);
    const single = run({ method: "phew", density: 0.1, accuracies: [Number.NaN] });
    expect(names(await writeFigures(folder, [single]))).toEqual(["loss-curves.svg", "loss-curves.png"]);
  });

  it("carry their own font: text is drawn where the system has none", async () => {
    const word = (text: string) =>
      `<svg xmlns="http://www.w3.org/2000/svg" width="200" height="40"><text x="5" y="28" font-size="22" font-family="No Such Font">${text}</text></svg>`;
    const [empty, thin, wide] = await Promise.all(["", "iii", "mmm"].map((text) => svgToPng(word(text))));
    expect(thin!.length).toBeGreaterThan(empty!.length + 100);
    expect(wide).not.toEqual(thin);
  });

  it("draw any chart in the house style", async () => {
    const svg = await chart({
      title: "Anything",
      data: { values: [{ x: 1, y: 2 }] },
      mark: "point",
      encoding: { x: { field: "x", type: "quantitative" }, y: { field: "y", type: "quantitative" } },
    });
    expect(texts(svg)).toContain("Anything");
    expect(svg).toContain("IBM Plex Sans");
    expect(svg).toContain('fill="white"');
  });
});

describe("colours of methods", () => {
  const known = ["dense", ...pruners.keys()];

  it("are those that their files tell, in the order of the registry: src/methods.ts is up to date", () => {
    expect(Object.entries(METHOD_COLOURS)).toEqual(
      [...pruners.values()].map(({ name, colour }) => [name, colour]),
    );
    for (const colour of Object.values(METHOD_COLOURS)) expect(colour).toMatch(/^#[0-9a-f]{6}$/);
  });

  it("do not depend on which others are drawn, and differ", () => {
    const colours = methodColours(known);
    expect(new Set(colours).size).toBe(known.length);
    expect(methodColours(["random", "phew"])).toEqual(["#a3a3a3", "#0072b2"]);
    expect(new Set(methodColours([...known, "mine", "yours"])).size).toBe(known.length + 2);
  });

  it("stay apart for the eyes of people with red or green blindness, as far as methods are compared side by side", () => {
    const main = ["dense", "phew", "uniform-walk", "magnitude", "random", "synflow", "snip"];
    for (const simulate of [protanopia, deuteranopia]) {
      const seen = methodColours(main).map((colour) => simulate(linear(colour)));
      for (let a = 0; a < main.length; a++) {
        for (let b = 0; b < a; b++) {
          const distance = Math.hypot(
            ...seen[a]!.map((value, k) => value ** (1 / 2.2) - seen[b]![k]! ** (1 / 2.2)),
          );
          expect(distance, `${main[a]} and ${main[b]}`).toBeGreaterThan(0.12);
        }
      }
    }
  });

  it("order methods as figures show them, unknown ones last", () => {
    expect(["zeta", "random", "alpha", "phew", "dense"].sort(byMethodOrder)).toEqual([
      "dense",
      "phew",
      "random",
      "alpha",
      "zeta",
    ]);
  });
});

describe("a report", () => {
  it("has a row for each run with what its events tell, absent where they do not", () => {
    const report = compareRuns(runs, { targetAccuracy: 0.9 });
    expect(report.rows[0]).toMatchObject({
      method: "dense",
      density: 1,
      test_accuracy: 0.97,
      epochs_to_target: 1,
    });
    expect(report.rows[0]?.path_kernel_trace).toBeUndefined();
    expect(report.rows[3]).toEqual({
      id: runs[3]!.id,
      model: "lenet5",
      method: "phew",
      density: 0.02,
      seed: 0,
      density_reached: 0.0201,
      path_kernel_trace: 4.25,
      mean_width: 0.5,
      dead_units: 3,
      ineffective_weights: 2,
      walks: 12,
      pruning_ms: 340,
      test_accuracy: 0.91,
      test_accuracy_of: "last epoch",
      epochs_to_target: 2,
    });
    expect(report.rows[1]?.epochs_to_target).toBeUndefined();
    const text = formatReport(report, "text").split("\n");
    expect(text[0]).toBe("lenet5");
    expect(text[2]).toMatch(
      /^run +method +density +density reached .* test accuracy \(last epoch\) +epochs to 90 %$/,
    );
    expect(text[7]).toMatch(/^[0-9a-f]{10}-0 +phew +2 % +2.01 % +4.25 +50.0 % +3 +2 +12 +340 ms +91.0 % +2$/);
  });

  it("tells runs apart by settings and seed where these differ, and only then; CSV has the main ones in any case", () => {
    const seeds = [0, 1].map((seed) => run({ method: "phew", density: 0.1, accuracies: [0.5], seed }));
    const head = (form: "text" | "csv", of: readonly ReportedRun[]) =>
      formatTable(...table(of), form)
        .split("\n")[0]!
        .split(form === "csv" ? "," : / {2,}/);
    const table = (of: readonly ReportedRun[]) => {
      const { columns, rows } = compareRuns(of, { targetAccuracy: 0.5 });
      return [columns, rows] as const;
    };
    expect(head("text", seeds).slice(0, 3)).toEqual(["run", "seed", "density reached"]);
    expect(head("text", runs).slice(0, 4)).toEqual(["run", "method", "density", "density reached"]);
    expect(head("csv", seeds).slice(0, 6)).toEqual([
      "id",
      "model",
      "method",
      "density",
      "seed",
      "density_reached",
    ]);
  });

  it("is written as text, CSV, Markdown and LaTeX, from a recorded run too", () => {
    const record = readRun(new URL("../../runs/test/recorded/", import.meta.url).pathname);
    // it has its events alone
    const config = { ...record.state.config };
    const known = { ...record, config, isConfigUnknown: false };
    const paths = writeReport(folder, compareRuns([known], { targetAccuracy: 0.8 }));
    expect(paths.map((path) => path.slice(folder.length + 1))).toEqual([
      "report.txt",
      "report.csv",
      "report.md",
      "report.tex",
    ]);
    const [head, row] = readFileSync(join(folder, "report.csv"), "utf8").split("\n");
    expect(head).toMatch(/^id,model,dataset,method,density,seed,density_reached,/);
    expect(row).toMatch(/,phew,0.05,0,0.0499/);
  });
});

/** Linear light of `#rrggbb`. */
function linear(colour: string): number[] {
  return [1, 3, 5].map((k) => (Number.parseInt(colour.slice(k, k + 2), 16) / 255) ** 2.2);
}

// Viénot, Brettel & Mollon 1999, as one matrix each on linear RGB
function protanopia([r, g, b]: number[]): number[] {
  const redGreen = 0.11238 * r! + 0.88762 * g!;
  return [redGreen, redGreen, 0.00401 * r! - 0.00401 * g! + b!].map((value) => Math.max(0, value));
}

function deuteranopia([r, g, b]: number[]): number[] {
  const redGreen = 0.29275 * r! + 0.70725 * g!;
  return [redGreen, redGreen, -0.02234 * r! + 0.02234 * g! + b!].map((value) => Math.max(0, value));
}
