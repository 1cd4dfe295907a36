/** How runs are distinguished: names, groups and columns of random sets of runs, and of some that people have. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ConfiguredRun, configurationsOf, spreadOf } from "../src/configurations/index.ts";
import { configHash } from "../src/index.ts";

const BASE = {
  model: "lenet5",
  dataset: "glyphs",
  method: "phew",
  density: 0.05,
  options: {},
  epochs: 4,
  rate: 0.02,
};

function run(settings: object, seed = 0, rest: Partial<ConfiguredRun> = {}): ConfiguredRun {
  const config = { ...BASE, ...settings, seed };
  return { id: `${configHash(config, {})}-${seed}`, experiment: "train", config, ...rest };
}

const names = (runs: readonly ConfiguredRun[]) => configurationsOf(runs).all.map(({ name }) => name);

it("what all share has no bare percentage", () => {
  const methods = ["phew", "snip"].map((method) => run({ method }, 0));
  expect(configurationsOf(methods).shared).toMatch(/(^| )density 5 %/);
  expect(configurationsOf([run({ rate: 1 }, 0), run({ rate: 2 }, 0)]).shared).toMatch(/phew 5 %/);
});

it("an option at its default has its value in columns, and none where the method has no such option", () => {
  const runs = [
    run({ method: "phew" }, 0),
    run({ method: "phew", options: { bias: "square" } }, 0),
    run({ method: "random" }, 0),
    run({ method: "phew", rule: "set" }, 0),
    run({ method: "phew", rule: "set", ruleOptions: { grow: "paths" } }, 0),
  ];
  const { columns } = configurationsOf(runs);
  const cells = (key: string) => runs.map(columns.find((column) => column.key === key)!.cellOf);
  expect(cells("options.bias")).toEqual(["magnitude", "square", undefined, "magnitude", "magnitude"]);
  expect(cells("ruleOptions.grow")).toEqual([undefined, undefined, undefined, "random", "paths"]);
});

describe("a configuration is called", () => {
  it("by what differs alone", () => {
    const settings = { trainCount: 300, testCount: 100, epochs: 1 };
    const models = ["lenet5", "mlp"];
    const runs = models.flatMap((model) =>
      [0.01, 0.05].flatMap((rate) => [0, 1].map((seed) => run({ ...settings, model, rate }, seed))),
    );
    const configurations = configurationsOf(runs);
    expect(configurations.all.map(({ name }) => name)).toEqual([
      "lenet5 · rate 0.01",
      "lenet5 · rate 0.05",
      "mlp · rate 0.01",
      "mlp · rate 0.05",
    ]);
    expect(configurations.all.map(({ compactName }) => compactName)).toEqual([
      "lenet5 0.01",
      "lenet5 0.05",
      "mlp 0.01",
      "mlp 0.05",
    ]);
    expect(configurations.all.map((each) => each.runs)).toEqual(
      [0, 2, 4, 6].map((k) => runs.slice(k, k + 2)),
    );
    expect(configurations.shared).toBe("glyphs · train count 300 · test count 100 · phew 5 % · epochs 1");
    expect(configurations.columns.map(({ key, title }) => [key, title])).toEqual([
      ["model", "model"],
      ["rate", "rate"],
    ]);
    expect(runs.map((each) => configurations.seedOf(each))).toEqual([
      "seed 0",
      "seed 1",
      "seed 0",
      "seed 1",
      "seed 0",
      "seed 1",
      "seed 0",
      "seed 1",
    ]);
    expect(configurations.columns[1]!.cellOf(runs[3]!)).toBe(0.05);
    expect([...runs].reverse().sort(configurations.order)).toEqual(runs);
  });

  it("with its method before options of the method, and only those that differ", () => {
    const options = (method: string, more: object, density = 0.05) => run({ method, density, options: more });
    expect(names([options("phew", {}), options("phew", { bias: "square" })])).toEqual([
      "phew",
      "phew bias=square",
    ]);
    expect(
      names([
        options("phew", { bias: "square", granularity: "kernel" }),
        options("phew", { bias: "square", granularity: "kernel" }, 0.1),
        options("snip", { bias: "inverse", granularity: "kernel" }),
        run({ method: "dense", density: 1 }),
      ]),
    ).toEqual([
      "phew 5 % bias=square granularity=kernel",
      "phew 10 % bias=square granularity=kernel",
      "snip 5 % bias=inverse granularity=kernel",
      "dense",
    ]);
    expect(names([run({}), run({ check: "shuffle" })])).toEqual(["phew", "phew+shuffle"]);
    expect(names([run({ density: 0.05 }), run({ density: 0.1 })])).toEqual(["5 %", "10 %"]);
  });

  it("with all digits where rounded ones are alike, and by its method where there is one alone", () => {
    expect(names([run({ density: 0.05 }), run({ density: 0.0500001 })])).toEqual(["0.05", "0.0500001"]);
    expect(names([run({}, 0), run({}, 1)])).toEqual(["phew 5 %"]);
    expect(names([run({}), run({ classCount: 4 })])).toEqual(["classes unset", "classes 4"]);
    expect(names([run({ drops: [] }), run({ drops: [0.5, 0.8] }), run({ fastMath: true })])).toEqual([
      "drops none",
      "drops 0.5,0.8",
      "drops 0.5,0.75 · fast math",
    ]);
  });

  it("by files where nothing else tells, and by what they hold where they are called alike", () => {
    const digest = (digit: string) => `sha256:${digit.repeat(64)}`;
    const within = (path: string, digit: string, density = 0.05) =>
      run({ density, within: path, sourceDigests: { within: digest(digit) } });
    expect(names([within("runs/imp/aa-0", "a", 0.2), within("runs/imp/bb-0", "b")])).toEqual(["20 %", "5 %"]);
    expect(names([within("runs/imp/aa-0", "a"), within("runs/imp/bb-0", "b"), run({})])).toEqual([
      "within aa-0",
      "within bb-0",
      "within unset",
    ]);
    expect(names([within("runs/a/masks.npz", "a"), within("runs/b/masks.npz", "b")])).toEqual([
      "within a/masks.npz",
      "within b/masks.npz",
    ]);
    const model = (path: string, digit: string) =>
      run({ model: path, sourceDigests: { model: digest(digit) } });
    expect(names([model("../nets/mish/model.onnx", "a"), model("../nets/selu/model.onnx", "b")])).toEqual([
      "mish/model.onnx",
      "selu/model.onnx",
    ]);
    // another file in the same place
    expect(names([within("a/masks.npz", "a"), within("a/masks.npz", "b")])).toEqual([
      "within masks.npz:aaaaaa",
      "within masks.npz:bbbbbb",
    ]);
    // the same bytes elsewhere are the same configuration
    expect(names([within("a/masks.npz", "a"), within("b/masks.npz", "a")])).toEqual(["phew 5 %"]);
    const data = (digit?: string) => run({ dataDir: "d" }, 0, digit ? { dataDigest: digest(digit) } : {});
    expect(names([data("a"), data("b"), data("b"), data()])).toEqual([
      "data aaaaaa",
      "data bbbbbb",
      "data unset",
    ]);
    expect(names([data("a"), data()])).toEqual(["phew 5 %"]);
  });

  it("the same whether a setting is not said or stands at its default, of its own optimiser", () => {
    const adamw = { optimiser: "adamw", rate: 0.004 };
    expect(names([run({}), run({ labelSmoothing: 0, nesterov: true }, 1)])).toEqual(["phew 5 %"]);
    expect(names([run({ ...adamw }), run({ ...adamw, weightDecay: 0.01 })])).toEqual(["phew 5 %"]);
    expect(names([run({ ...adamw }), run({ ...adamw, weightDecay: 0.0001 })])).toEqual([
      "weight decay 0.01",
      "weight decay 0.0001",
    ]);
  });

  it("by what differs in its experiment, behind it where there are several", () => {
    const runs = [run({ epochs: 1 }), run({ epochs: 2 }), run({ model: "mlp" }, 1, { experiment: "other" })];
    const configurations = configurationsOf(runs);
    expect(configurations.all.map(({ name }) => name)).toEqual([
      "train/epochs 1",
      "train/epochs 2",
      "other/phew 5 %",
    ]);
    expect(configurations.all.map(({ shortName }) => shortName)).toEqual([
      "epochs 1",
      "epochs 2",
      "phew 5 %",
    ]);
    expect(configurations.columns.map(({ key }) => key)).toEqual(["experiment", "model", "epochs"]);
    expect(configurations.shared).toBe("glyphs · phew 5 %");
    expect(["train", "other"].map(configurations.sharedOf)).toEqual([
      "lenet5 · glyphs · phew 5 %",
      "mlp · glyphs · phew 5 %",
    ]);
  });

  it("without the setting that a figure has on an axis", () => {
    const runs = ["phew", "snip"].flatMap((method) => [0.1, 0.05].map((density) => run({ method, density })));
    const lines = configurationsOf(runs, { over: ["density"] });
    expect(lines.all.map(({ name, runs: own }) => [name, own.length])).toEqual([
      ["phew", 2],
      ["snip", 2],
    ]);
  });
});

/** The values that each setting may have; a run is a choice of one for each. */
const VALUES: Readonly<Record<string, readonly unknown[]>> = {
  model: ["lenet5", "mlp", "a · b"],
  dataset: ["glyphs", "mnist"],
  trainCount: [undefined, 300],
  method: ["phew", "snip", "dense"],
  density: [0.05, 0.0500001, 1],
  "options.bias": [undefined, "square", "inverse"],
  rate: [0.01, 0.02],
  nesterov: [true, false],
  drops: [[], [0.5], [0.5, 0.75]],
  unheardOf: [undefined, { a: [1] }, null],
};
const KEYS = Object.keys(VALUES);

interface Chosen {
  readonly choice: readonly number[];
  readonly seed: number;
  readonly experiment: string;
}

const chosen = fc.record<Chosen>({
  choice: fc.tuple(...KEYS.map((key) => fc.nat(VALUES[key]!.length - 1))),
  seed: fc.nat(3),
  experiment: fc.constantFrom("a", "b"),
});

function madeOf({ choice, seed, experiment }: Chosen): ConfiguredRun {
  const value = (key: string) => VALUES[key]![choice[KEYS.indexOf(key)]!];
  const plain = KEYS.filter((key) => !key.includes("."));
  const bias = value("options.bias");
  const config = {
    ...Object.fromEntries(plain.map((key) => [key, value(key)])),
    options: bias === undefined ? {} : { bias },
    seed,
  };
  return { id: `${configHash(config, {})}-${seed}`, experiment, config };
}

/** The choice without what means the same: null is as good as nothing. */
const meantBy = ({ choice, experiment }: Chosen) =>
  JSON.stringify([experiment, ...choice.map((c, k) => VALUES[KEYS[k]!]![c] ?? "nothing")]);

describe("of any set of runs", () => {
  const sets = fc.uniqueArray(chosen, {
    minLength: 1,
    maxLength: 14,
    selector: (each) => JSON.stringify(each),
  });

  it("two are of one configuration where they differ in their seed alone, and configurations have different names", () => {
    fc.assert(
      fc.property(sets, (set) => {
        const runs = set.map(madeOf);
        const configurations = configurationsOf(runs);
        const together = runs.map((a) => runs.map((b) => configurations.of(a) === configurations.of(b)));
        expect(together).toEqual(set.map((a) => set.map((b) => meantBy(a) === meantBy(b))));
        expect(configurations.all.flatMap((each) => each.runs).length).toBe(runs.length);
        const all = configurations.all.map(({ name }) => name);
        expect(new Set(all).size).toBe(all.length);
        expect(all).not.toContain("");
      }),
    );
  });

  it("the columns are the settings that vary, and names hold no other label", () => {
    fc.assert(
      fc.property(sets, (set) => {
        const runs = set.map(madeOf);
        const configurations = configurationsOf(runs);
        const values = (k: number) =>
          new Set(set.map(({ choice }) => JSON.stringify(VALUES[KEYS[k]!]![choice[k]!] ?? null)));
        const varying = KEYS.filter((_, k) => values(k).size > 1);
        const experiments = new Set(set.map(({ experiment }) => experiment));
        expect(configurations.columns.map(({ key }) => key)).toEqual([
          ...(experiments.size > 1 ? ["experiment"] : []),
          ...varying,
        ]);
        for (const label of ["train count", "rate", "drops", "nesterov", "unheardOf"]) {
          const key = label === "train count" ? "trainCount" : label;
          if (!varying.includes(key))
            for (const { name } of configurations.all) expect(name).not.toContain(label);
        }
        for (const { key, cellOf } of configurations.columns.filter((column) =>
          ["rate", "model"].includes(column.key),
        ))
          expect(runs.map(cellOf)).toEqual(runs.map(({ config }) => config[key]));
      }),
    );
  });

  it("names depend on the settings alone, not on seeds or the order of keys", () => {
    fc.assert(
      fc.property(sets, (set) => {
        const runs = set.map(madeOf);
        const turned = runs.map(({ config, ...rest }) => ({
          ...rest,
          config: Object.fromEntries(Object.entries(config).reverse()),
        }));
        expect(names(turned)).toEqual(names(runs));
      }),
    );
  });

  it("a part of them has the names that it has among all, and only its own runs", () => {
    fc.assert(
      fc.property(sets, fc.nat(13), (set, count) => {
        const runs = set.map(madeOf);
        const part = runs.slice(0, 1 + (count % runs.length));
        const [whole, own] = [
          configurationsOf(runs),
          configurationsOf(part, { among: runs.map((run) => ({ ...run })) }),
        ];
        expect(part.map(own.titleOf)).toEqual(part.map(whole.titleOf));
        expect(own.columns.map(({ key }) => key)).toEqual(whole.columns.map(({ key }) => key));
        expect(new Set(own.all.flatMap((each) => each.runs))).toEqual(new Set(part));
      }),
    );
  });
});

describe("a sample", () => {
  it("has a mean, a standard deviation and the 95 % interval of Student's t", () => {
    expect(spreadOf([])).toEqual({ count: 0 });
    expect(spreadOf([3])).toEqual({ count: 1, mean: 3 });
    const { count, mean, deviation, interval } = spreadOf([2, 4, 4, 4, 5, 5, 7, 9]);
    expect([count, mean, deviation]).toEqual([8, 5, Math.sqrt(32 / 7)]);
    // t of 7 degrees of freedom in printed tables
    expect(interval).toBeCloseTo((2.364624 * Math.sqrt(32 / 7)) / Math.sqrt(8), 5);
  });

  it.each([
    [1, 12.7062],
    [2, 4.302653],
    [3, 3.182446],
    [4, 2.776445],
    [9, 2.262157],
    [30, 2.042272],
    [120, 1.97993],
    [9999, 1.960201],
  ])("of %i degrees of freedom has t %f of printed tables", (freedom, t) => {
    // deviation √(n / (n − 1)) · 1 of ±1 in equal parts, or of one 0 more
    const n = freedom + 1;
    const sample = Array.from({ length: n }, (_, k) => (n % 2 === 1 && k === 0 ? 0 : k % 2 === 0 ? 1 : -1));
    const { deviation, interval } = spreadOf(sample);
    expect((interval! * Math.sqrt(n)) / deviation!).toBeCloseTo(t, 4);
  });
});
