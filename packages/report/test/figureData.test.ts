/** The numbers that figures draw, against results computed by hand. */
import {
  accuracyAgainstWidth,
  accuracyOverDensity,
  chart,
  FIGURES,
  type FigureRow,
  figuresOf,
  layerWidths,
  learningBands,
  traceAgainstWidth,
} from "@phew/report";
import { describe, expect, it } from "vitest";

/** t of Student's distribution for 95 % with 1 and 2 degrees of freedom, of a table. */
const T1 = 12.7062;
const T2 = 4.30265;

type Point = Readonly<Record<string, number | string>>;
interface Drawn {
  readonly title: { readonly text: string; readonly subtitle: readonly string[] };
  readonly data: { readonly values: readonly Point[] };
  readonly encoding: { readonly color: { readonly title: string; readonly scale: Palette } };
  readonly layer: readonly { readonly data?: Drawn["data"] }[];
  readonly vconcat: readonly (Drawn & { readonly title: { readonly text: string } })[];
  readonly spec: Drawn;
}
interface Palette {
  readonly domain: readonly string[];
  readonly range: readonly string[];
}

const drawn = (name: string, rows: readonly FigureRow[], shared?: string) =>
  FIGURES[name]!(rows, shared) as unknown as Drawn;

const row = (method: string, density: number, seed: number, more: Partial<FigureRow>): FigureRow => ({
  method,
  density,
  seed,
  ...more,
});

const accuracies = [
  row("random", 0.1, 0, { accuracy: 0.5 }),
  row("random", 0.1, 1, { accuracy: 0.7 }),
  row("phew", 0.1, 0, { accuracy: 0.8 }),
  row("phew", 0.1, 1, { accuracy: 0.9 }),
  row("phew", 0.1, 2, { accuracy: 1 }),
  row("phew", 0.05, 0, { accuracy: 0.75 }),
  row("phew", 0.05, 1, { accuracy: NaN }),
  row("dense", 1, 0, { accuracy: 0.95 }),
  row("dense", 1, 1, { accuracy: 0.97 }),
];

describe("accuracy over density", () => {
  it("has means and 95 % intervals over the seeds, the dense network across", () => {
    const { title, data, layer, encoding } = drawn("accuracy-over-density", accuracies, "lenet5 · glyphs");
    const at = (series: string, density: number) =>
      data.values.find((point) => point.series === series && point.density === density)!;
    expect(data.values).toHaveLength(3);
    // 80, 90, 100: deviation 10
    expect(at("phew", 0.1)).toMatchObject({ count: 3, mean: expect.closeTo(90, 9) });
    expect(at("phew", 0.1).low).toBeCloseTo(90 - (T2 * 10) / Math.sqrt(3), 3);
    // 114.8, and of 50 and 70 −67 to 187: nothing is beyond 0 and 100 %
    expect(at("phew", 0.1).high).toBe(100);
    expect(at("random", 0.1)).toMatchObject({ mean: expect.closeTo(60, 9), low: 0, high: 100 });
    expect(at("phew", 0.05)).toMatchObject({ count: 1, mean: 75, low: 75, high: 75 });
    const across = layer.flatMap((each) => each.data?.values ?? []);
    for (const dense of across) {
      expect(dense).toMatchObject({ series: "dense", mean: expect.closeTo(96, 9) });
      expect(dense.low).toBeCloseTo(96 - T1, 3);
    }
    expect(across.length).toBeGreaterThan(0);
    expect(title.subtitle).toEqual([
      "test accuracy: mean and 95 % interval (t) over 1 to 3 seeds",
      "lenet5 · glyphs",
    ]);
    expect(encoding.color.scale).toEqual({
      domain: ["dense", "phew", "random"],
      range: ["#3b3b3b", "#0072b2", "#a3a3a3"],
    });
  });

  it("sets methods at one density side by side, within the gap between densities", () => {
    const { data } = drawn("accuracy-over-density", accuracies);
    const places = data.values.map(({ at, density }) => (at as number) / (density as number));
    // around each density those that have it: a single one stands on it
    for (const density of new Set(data.values.map((value) => value.density))) {
      const here = places.filter((_, k) => data.values[k]!.density === density);
      expect(new Set(here.map((place) => place.toFixed(6))).size).toBe(here.length);
      expect(here.reduce((product, place) => product * place, 1)).toBeCloseTo(1, 9);
    }
    for (const place of places) expect(Math.abs(Math.log(place))).toBeLessThan(Math.log(2) / 4);
  });

  it("is no figure of a single point, or of runs without results", () => {
    expect(accuracyOverDensity([accuracies[0]!])).toBeUndefined();
    expect(accuracyOverDensity([])).toBeUndefined();
    expect(accuracyOverDensity([row("phew", 0.1, 0, {}), row("phew", 0.2, 0, {})])).toBeUndefined();
  });
});

const traces = [
  row("phew", 0.1, 0, { logRelativeTrace: -2, meanWidth: 0.9 }),
  row("phew", 0.1, 1, { logRelativeTrace: -4, meanWidth: 0.8 }),
  row("phew", 0.02, 0, { logRelativeTrace: -400, meanWidth: 0.5 }),
  row("random", 0.1, 0, { logRelativeTrace: -Infinity, meanWidth: 1 }),
  row("random", 0.1, 1, { logRelativeTrace: -9, meanWidth: 0.7 }),
];

describe("path kernel traces and widths", () => {
  it("have geometric means over seeds, beyond float64 too; masks without a path are counted", () => {
    const { title, data } = drawn("path-kernel-trace", traces);
    expect(data.values.map(({ mean }) => mean)).toEqual([-3, -400, -9]);
    expect(data.values[0]!.high).toBeCloseTo(-3 + T1, 3);
    expect(title.subtitle[0]).toBe(
      "over the dense network's trace: geometric mean and 95 % interval (t) over 1 to 2 seeds; 1 mask without a path left out",
    );
  });

  it("have a point for each mask that has both, of each seed", () => {
    const { title, data } = traceAgainstWidth(traces) as unknown as Drawn;
    expect(data.values).toEqual([
      { series: "phew", density: 0.1, width: 90, value: -2 },
      { series: "phew", density: 0.1, width: 80, value: -4 },
      { series: "phew", density: 0.02, width: 50, value: -400 },
      { series: "random", density: 0.1, width: 70, value: -9 },
    ]);
    expect(title.subtitle[0]).toBe("one point for each mask, of each seed; 1 mask without a path left out");
  });

  it("accuracies stand against widths too, of each run that has both", () => {
    const runs = [
      row("synflow", 0.02, 0, { accuracy: 0.75, meanWidth: 0.5 }),
      row("synflow", 0.02, 1, { accuracy: 0.5, meanWidth: 1 }),
      row("phew", 0.02, 0, { meanWidth: 1 }),
    ];
    const { data } = accuracyAgainstWidth(runs) as unknown as Drawn;
    expect(data.values).toEqual([
      { series: "synflow", density: 0.02, width: 50, value: 75 },
      { series: "synflow", density: 0.02, width: 100, value: 50 },
    ]);
  });

  it("have widths in percent of the units", () => {
    const { data } = drawn("mean-width", traces);
    expect(data.values.map(({ mean }) => mean)).toEqual([expect.closeTo(85, 9), 50, expect.closeTo(85, 9)]);
  });
});

describe("layers", () => {
  const rows = [
    row("phew", 0.1, 0, {
      model: "a",
      widths: [1, 0.5],
      densities: [0.5, 0.04],
      layers: ["conv1.weight", "fc.weight"],
    }),
    row("phew", 0.1, 1, {
      model: "a",
      widths: [1, 0.7],
      densities: [0.7, 0.06],
      layers: ["conv1.weight", "fc.weight"],
    }),
    row("phew", 0.5, 0, { model: "a", widths: [1, 0.9], densities: [0.9, 0.4] }),
    row("phew", 0.5, 0, { model: "b", widths: [1, 0.9], densities: [0.9, 0.4] }),
  ];

  it("have a panel for each model and density, and a mean and interval for each layer", () => {
    const { vconcat } = layerWidths(rows) as unknown as Drawn;
    expect(vconcat.map(({ title }) => title.text)).toEqual([
      "a · density 50 %",
      "a · density 10 %",
      "b · density 50 %",
    ]);
    const [conv, fc] = vconcat[1]!.data.values;
    expect(conv).toMatchObject({ layer: "conv1", mean: 100, low: 100, high: 100 });
    expect(fc).toMatchObject({ layer: "fc", count: 2, mean: expect.closeTo(60, 9) });
    // 60 ± 12.7 · 10 leaves the axis
    expect([fc!.low, fc!.high]).toEqual([0, 100]);
    expect(vconcat[0]!.data.values.map(({ layer }) => layer)).toEqual(["1", "2"]);
    const densities = drawn("layer-densities", rows).vconcat[1]!.data.values;
    expect(densities.map(({ mean }) => mean)).toEqual([expect.closeTo(60, 9), expect.closeTo(5, 9)]);
    // 4 and 6: deviation √2, over √2
    expect(densities[1]!.high).toBeCloseTo(5 + T1, 3);
  });
});

describe("learning curves", () => {
  it("are means with bands at each epoch over the runs that reached it, the dense network in every panel", () => {
    const rows = [
      row("phew", 0.1, 0, { accuracies: [0.1, 0.5, 0.8], epochs: 2 }),
      row("phew", 0.1, 1, { accuracies: [0.1, 0.52], epochs: 2, firstEpoch: 0 }),
      row("phew", 0.05, 0, { accuracies: [0.4, 0.6], epochs: 2 }),
      row("dense", 1, 0, { accuracies: [0.2, 0.9, 0.95], epochs: 2 }),
    ];
    const { data } = learningBands(rows) as unknown as Drawn;
    const of = (panel: string, series: string) =>
      data.values.filter((point) => point.panel === panel && point.series === series);
    expect(of("density 10 %", "phew").map(({ epoch, mean, count }) => [epoch, mean, count])).toEqual([
      [0, 10, 2],
      [1, expect.closeTo(51, 9), 2],
      [2, 80, 1],
    ]);
    expect(of("density 10 %", "phew")[1]!.high).toBeCloseTo(51 + T1, 3);
    // of two epochs there are two numbers: none is from before any step
    expect(of("density 5 %", "phew").map(({ epoch }) => epoch)).toEqual([1, 2]);
    for (const panel of ["density 10 %", "density 5 %"])
      expect(of(panel, "dense").map(({ epoch, mean }) => [epoch, mean])).toEqual([
        [0, 20],
        [1, 90],
        [2, 95],
      ]);
  });

  it("show losses between epochs where they were measured", () => {
    const between = { x: [0.5, 1], y: [3, 1] };
    const { data } = drawn("loss-curves", [
      row("phew", 0.1, 0, { losses: [9], lossCurve: between }),
      row("phew", 0.1, 1, { losses: [9], lossCurve: { x: [0.5, 1], y: [5, 2] } }),
      row("random", 0.1, 0, { losses: [4, 2] }),
    ]);
    expect(data.values.map(({ series, epoch, mean }) => [series, epoch, mean])).toEqual([
      ["phew", 0.5, 4],
      ["phew", 1, 1.5],
      ["random", 1, 4],
      ["random", 2, 2],
    ]);
  });
});

describe("accuracy against costs", () => {
  it("has geometric means of the costs and means of the accuracies, each with its interval", () => {
    const rows = [
      row("phew", 0.1, 0, { accuracy: 0.8, trainingMs: 1000, multiplyAdds: 1e4 }),
      row("phew", 0.1, 1, { accuracy: 0.9, trainingMs: 100_000, multiplyAdds: 1e4 }),
      row("random", 0.1, 0, { accuracy: 0.5, trainingMs: 10_000, multiplyAdds: 2e4 }),
      row("random", 0.1, 1, { accuracy: NaN, trainingMs: 10, multiplyAdds: 1 }),
    ];
    const [phew, random] = drawn("accuracy-against-time", rows).data.values;
    // of 1 s and 100 s: 10 s
    expect(phew).toMatchObject({ cost: 1, mean: expect.closeTo(85, 9) });
    expect(phew!.most).toBeCloseTo(1 + T1, 3);
    expect(random).toMatchObject({ cost: 1, least: 1, most: 1, mean: 50 });
    const counts = drawn("accuracy-against-multiply-adds", rows).data.values;
    expect(counts.map(({ cost }) => cost)).toEqual([4, Math.log10(2e4)]);
  });
});

describe("the figures of a report", () => {
  const named = (method: string, series: string, more: Partial<FigureRow>) =>
    [0.1, 0.02].map((density) => row(method, density, 0, { series, ...more }));
  const rows = [
    ...named("phew", "lenet5 · phew", {
      accuracy: 0.9,
      accuracies: [0.9],
      logRelativeTrace: -2,
      meanWidth: 0.9,
    }),
    ...named("phew", "mlp · phew", { accuracy: 0.8, accuracies: [0.8] }),
    ...named("random", "lenet5 · random", { accuracy: 0.7, logRelativeTrace: -5, meanWidth: 0.5 }),
  ];

  it("give a series the same colour in all of them, whatever else a figure shows", () => {
    const colours = new Map<string, Set<string>>();
    const figures = figuresOf(rows);
    for (const { spec } of figures) {
      const { encoding, spec: panel } = spec as unknown as Drawn;
      const { domain, range } = (encoding ?? panel.encoding).color.scale;
      for (const [k, name] of domain.entries())
        colours.set(name, (colours.get(name) ?? new Set()).add(range[k]!));
    }
    expect(figures.map(({ name }) => name)).toEqual([
      "accuracy-over-density",
      "learning-curves",
      "path-kernel-trace",
      "mean-width",
      "trace-against-width",
    ]);
    expect([...colours.get("lenet5 · phew")!]).toEqual(["#0072b2"]);
    expect([...colours.get("lenet5 · random")!]).toEqual(["#a3a3a3"]);
    expect(colours.get("mlp · phew")!.size).toBe(1);
    expect(new Set([...colours.values()].flatMap((own) => [...own])).size).toBe(3);
  });

  it("are drawn whole: no number that is none, every series by its name, in texts that fit for markup", async () => {
    for (const { spec } of figuresOf([...rows, ...named("mine", "a <b> & \u0007 c", { accuracy: 0.5 })])) {
      const svg = await chart(spec);
      expect(svg).not.toMatch(/NaN|Infinity|undefined|<b>/);
      expect(svg).not.toContain("\u0007");
      expect(svg).toContain("lenet5 · phew");
    }
  });
});

describe("figures of few points", () => {
  it("learning curves of one epoch have their intervals as bars beside each other", () => {
    const once = [0.5, 0.7].map((accuracy, seed) => row("phew", 0.1, seed, { accuracies: [accuracy] }));
    const other = row("random", 0.1, 0, { accuracies: [0.25] });
    const { data, layer } = drawn("learning-curves", [...once, other]) as Omit<Drawn, "layer"> & {
      readonly layer: readonly { readonly mark?: { readonly type: string } }[];
    };
    const [phew, random] = data.values as [Point, Point];
    expect(phew).toMatchObject({ mean: 60, isAlone: true });
    expect(phew.high).toBe(100);
    // 10 √2 is the deviation of the two
    expect(60 - T1 * 10).toBeLessThan(0);
    expect(phew.low).toBe(0);
    expect([phew.epoch, random.epoch]).toEqual([0.99, 1.01]);
    expect(layer.find(({ mark }) => mark?.type === "rule")).toMatchObject({
      transform: [{ filter: "datum.isAlone" }],
      encoding: { y: { field: "low" }, y2: { field: "high" } },
    });
    const twice = once.map((each) => ({ ...each, accuracies: [0.25, 0.5] }));
    expect(drawn("learning-curves", twice).data.values.map(({ epoch, isAlone }) => [epoch, isAlone])).toEqual(
      [
        [1, false],
        [2, false],
      ],
    );
  });

  it("widths have room before the least and a logarithmic axis where they differ much", () => {
    const of = (...widths: number[]) =>
      (
        traceAgainstWidth(
          widths.map((meanWidth, seed) => row("phew", 0.1, seed, { meanWidth, logRelativeTrace: -1 })),
        ) as unknown as {
          readonly encoding: {
            readonly x: { readonly field: string; readonly scale: { readonly domain: readonly number[] } };
          };
        }
      ).encoding.x;
    const near = of(0.9, 0.95);
    expect([near.field, near.scale.domain]).toEqual(["width", [89, 96]]);
    expect(of(1, 1).scale.domain).toEqual([99, 100]);
    const far = of(0.02, 0.5);
    expect(far.field).toBe("logWidth");
    expect(far.scale.domain[0]!).toBeLessThan(Math.log10(2));
    expect(far.scale.domain[1]!).toBeGreaterThan(Math.log10(50));
  });

  it("are no wider than what is drawn: long titles are measured by their font", async () => {
    const rows = [0, 1].map((seed) => row("phew", 0.1, seed, { accuracy: 0.5, trainingMs: 1000 + seed }));
    const spec = FIGURES["accuracy-against-time"]!([
      ...rows,
      row("random", 0.1, 0, { accuracy: 0.5, trainingMs: 9 }),
    ])!;
    const svg = await chart(spec);
    const width = Number(/<svg[^>]* width="([\d.]+)"/.exec(svg)![1]);
    // 640 of the plot, and legend and axis beside it; 0.8 em a character made it 1,300
    expect(width).toBeGreaterThan(640);
    expect(width).toBeLessThan(900);
  });
});
