/** Measures of experiments against closed forms, verdicts from made-up rows, and the tables of docs/results read again. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { formatTable } from "@phew/report";
import { describe, expect, it } from "vitest";
import { isLong } from "../../../vitest.long.ts";
import { accuracyIn, leadClaims } from "../src/reproduce/ablations/claims.ts";
import { runGrids, type Situation, situations } from "../src/reproduce/ablations/grids.ts";
import { sourceOf } from "../src/reproduce/commits.ts";
import { type Measured, type RunGrid, SCALES, type Scale } from "../src/reproduce/experiment.ts";
import { classes, slopesOf } from "../src/reproduce/experiments/classes.ts";
import { areaUnder, stepsTo } from "../src/reproduce/experiments/convergence.ts";
import { density } from "../src/reproduce/experiments/density.ts";
import { littleData } from "../src/reproduce/experiments/littleData.ts";
import { rules } from "../src/reproduce/experiments/rules.ts";
import { judge } from "../src/reproduce/judge.ts";
import { labelOf, settingsOf } from "../src/reproduce/maskWords.ts";
import { readMeasured } from "../src/reproduce/readMeasured.ts";
import { experimentByName } from "../src/reproduce/registry.ts";
import { type RunRow, readRunRows, writeRunRows } from "../src/reproduce/results.ts";
import { minus } from "../src/reproduce/statistics.ts";
import { accuracyTable } from "../src/reproduce/tables.ts";
import { YARDSTICKS } from "../src/reproduce/yardsticks.ts";
import { filesBelow, phew, scratchFolder } from "./phew.ts";

const row = (fields: Partial<RunRow>): RunRow => ({
  ...{ key: "k", model: "lenet5", dataset: "glyphs", method: "phew", density: 0.02, init: "own" },
  ...{ classes: NaN, trainCount: 1000, epochs: 3, seed: 0, accuracy: 0.5, loss: 1, reached: 0.02, trace: 1 },
  ...{ logRelativeTrace: -1, meanWidth: 1, minWidth: 1, multiplyAdds: 1, stepsPerEpoch: 100 },
  ...{ accuracies: [0.2, 0.6, 0.8], losses: [2, 1, 0.5], ...fields },
});
const measuredFrom = (rows: Readonly<Record<string, readonly RunRow[]>>): Measured => ({
  ...{ masks: () => [], own: () => [], runs: (grid) => rows[grid] ?? [] },
});

describe("a learning curve", () => {
  it("has the mean of its trapezoids under it, wherever it begins", () => {
    // (0.2 + 0.6) / 2 and (0.6 + 0.8) / 2, of equal lengths
    expect(areaUnder(row({}))).toBeCloseTo(0.55, 12);
    // one more evaluation than epochs: (0.1 + 0.2) / 2 besides
    expect(areaUnder(row({ accuracies: [0.1, 0.2, 0.6, 0.8] }))).toBeCloseTo((0.15 + 0.4 + 0.7) / 3, 12);
    expect(areaUnder(row({ accuracies: [0.7], epochs: 1 }))).toBe(0.7);
    expect(areaUnder(row({ accuracies: [] }))).toBeNaN();
  });

  it("reaches a level on the line between two evaluations, at the first, or never", () => {
    // half of the way from 0.2 after 100 steps to 0.6 after 200
    expect(stepsTo(0.4, row({}))).toBeCloseTo(150, 9);
    expect(stepsTo(0.6, row({}))).toBeCloseTo(200, 9);
    expect(stepsTo(0.1, row({}))).toBe(100);
    expect(stepsTo(0.9, row({}))).toBeNaN();
    expect(stepsTo(0.15, row({ accuracies: [0.1, 0.2, 0.6, 0.8] }))).toBeCloseTo(50, 9);
  });
});

describe("gaps over classes", () => {
  it("have the slope of the line that they lie on, of each seed", () => {
    const gaps = [4, 8, 32].map((count) => ({
      count,
      gap: new Map([
        [0, 3 - 2 * Math.log2(count)],
        [1, 0.5 * Math.log2(count)],
      ]),
    }));
    gaps[1]!.gap.set(2, 7);
    const slopes = slopesOf(gaps);
    expect([...slopes.keys()]).toEqual([0, 1]);
    expect(slopes.get(0)).toBeCloseTo(-2, 12);
    expect(slopes.get(1)).toBeCloseTo(0.5, 12);
  });

  it("are differences of seeds that both have", () => {
    expect(
      minus(
        new Map([
          [0, 5],
          [1, 2],
        ]),
        new Map([
          [1, 3],
          [2, 9],
        ]),
      ),
    ).toEqual(new Map([[1, -1]]));
  });

  it("come from grids that keep the examples of each class, or those of all, and share what is alike", () => {
    const { runs = [] } = classes.plan("laptop", new Set(["glyphs"]));
    const counts = runs.map(({ settings }) => [settings.classCount, settings.trainCount]);
    for (const own of [5, 10, 20, 36, 62]) {
      expect(counts).toContainEqual([own, 200 * own]);
      expect(counts).toContainEqual([own, 4000]);
    }
    expect(counts).toHaveLength(9);
  });
});

describe("words for what is trained", () => {
  it.each(["phew", "phew:bias=square", "synflow+shuffle", "phew:branching=weight+rescale:over=layer"])(
    "%s are settings, and again the same words",
    (label) => {
      const settings = settingsOf(label);
      expect(labelOf({ options: {}, ...settings } as Parameters<typeof labelOf>[0])).toBe(label);
    },
  );

  it("say of a dense network that it is narrow", () => {
    const config = { method: "dense", options: {}, narrowToDensity: 0.1 };
    expect(labelOf(config as unknown as Parameters<typeof labelOf>[0])).toBe("narrow dense");
  });

  it("end with the rule and its options", () => {
    const config = { method: "erk", options: {}, rule: "rigl", ruleOptions: { every: 20, alpha: 0.5 } };
    expect(labelOf(config as unknown as Parameters<typeof labelOf>[0])).toBe("erk rigl:every=20:alpha=0.5");
  });

  it("name a check and its options apart from the method's", () => {
    expect(settingsOf("phew:bias=square+reinitialise:fanIn=unit")).toEqual({
      ...{
        method: "phew",
        options: { bias: "square" },
        check: "reinitialise",
        checkOptions: { fanIn: "unit" },
      },
    });
    expect(settingsOf("erk")).toEqual({ method: "erk" });
    expect(() => settingsOf("phew+shuffel")).toThrow("shuffle");
  });
});

describe("ablations", () => {
  it.each(SCALES)("train at %s scale what every situation compares", (scale) => {
    const grids = new Map(runGrids(scale).map((grid) => [grid.name, grid]));
    for (const { grid, check, density } of situations(scale)) {
      const labels = labelsOf(grids.get(grid)!);
      expect(labels.filter((label) => label.endsWith(`${check} ${density}`)).length).toBeGreaterThan(1);
      expect(labels).toContain(`phew${check} ${density}`);
    }
  });

  it("tell whether a lead shrinks by the difference of two leads, and take the best rate of each", () => {
    const seeds = [0, 1, 2, 3, 4];
    const [first, ...others] = situations("laptop");
    const rate = (of: number) => others.find((one) => one.rate === of && one.check === "")!;
    const rows: Record<string, RunRow[]> = {};
    const put = ({ grid, check }: Situation, method: string, accuracy: number) => {
      rows[grid] ??= [];
      for (const seed of seeds)
        rows[grid].push(row({ method: `${method}${check}`, seed, accuracy: accuracy + seed / 1000 }));
    };
    for (const [one, phewOwn, synflow] of [
      [first, 0.87, 0.93],
      [rate(0.05), 0.92, 0.94],
      [rate(0.1), 0.9, 0.5],
    ] as const) {
      put(one, "phew", phewOwn);
      put(one, "synflow", synflow);
    }
    const measured = measuredFrom(rows);
    expect(accuracyIn(first, "phew", measured).get(2)).toBeCloseTo(87.2, 9);
    const claims = leadClaims(measured, "laptop");
    const byRate = claims.find(({ claim }) => claim.includes("learning rate: it shrinks"))!;
    // 6 points before; 2 at 0.05, −40 at 0.1
    expect(byRate.evidence.map(({ mean }) => Math.round(mean))).toEqual([4, 46]);
    const best = claims.find(({ claim }) => claim.includes("SynFlow is still more accurate"))!;
    expect(best.evidence.map(({ what, mean }) => [what, Math.round(mean)])).toEqual([
      ["synflow at 0.05 − phew at 0.05", 2],
    ]);
    expect(judge({ claims: [best] })[0]!.decision).toBe("holds");
  });
});

describe("rules", () => {
  const seeds = [0, 1, 2];
  const runs = (method: string, asked: number, accuracy: number) =>
    seeds.map((seed) => row({ method, density: asked, seed, accuracy: accuracy + seed / 1000 }));

  it.each(["laptop", "paper"] as const)(
    "have the runs of accuracy as static controls at %s scale",
    (scale) => {
      const { runs: grids = [] } = rules.plan(scale, new Set(["glyphs", "mnist", "cifar10"]));
      const { runs: others = [] } = experimentByName("accuracy").plan(
        scale,
        new Set(["glyphs", "mnist", "cifar10"]),
      );
      for (const { only, of, ...grid } of grids.filter((one) => one.only !== undefined)) {
        expect(of).toBe("accuracy");
        expect(others).toContainEqual(grid);
        // otherwise nothing would be compared
        for (const [name, values] of Object.entries(only!).filter(([key]) => key !== "seed"))
          expect(grid.grid![name]).toEqual(expect.arrayContaining([...values]));
        expect(Math.max(...(only!.seed as number[]))).toBeLessThan(grid.seedCount);
      }
    },
  );

  it("are compared with the static masks that they begin with, and with each other, seed by seed", () => {
    const measured = measuredFrom({
      "cifar10-resnet20": [
        ...runs("phew", 0.05, 0.7),
        ...runs("erk", 0.05, 0.6),
        ...runs("synflow", 0.05, 0.65),
      ].map((one) => ({ ...one, model: "resnet20", dataset: "cifar10" })),
      "cifar10-resnet20-rules": [
        ...runs("erk rigl:every=20", 0.05, 0.75),
        ...runs("phew path-rewire:every=20", 0.05, 0.72),
        ...runs("erk path-rewire:every=20", 0.05, 0.58),
      ],
    });
    const { claims, tables } = rules.analyse(measured, "laptop");
    const differences = (words: string) =>
      claims.find(({ claim }) => claim.includes(words))!.evidence.map(({ mean }) => Math.round(mean));
    expect(differences("Networks of rigl")).toEqual([15]);
    expect(differences("Networks of path-rewire are")).toEqual([2]);
    expect(differences("Networks of path-rewire from erk")).toEqual([-2]);
    expect(differences("path-rewire is more accurate than RigL")).toEqual([-3]);
    expect(differences("The published order")).toEqual([15, -5]);
    // a method of ours that loses is said to
    const verdicts = judge({ claims });
    expect(verdicts.find(({ claim }) => claim.includes("than RigL"))!.decision).toBe("does not hold");
    expect(tables[0]!.report.rows.map(({ rule, from, published }) => [rule, from, published])).toEqual([
      ["static", "phew", undefined],
      ["static", "erk", 83.81],
      ["static", "synflow", 82.86],
      ["rigl", "erk", 86.49],
      ["path-rewire", "phew", undefined],
      ["path-rewire", "erk", undefined],
    ]);
  });
});

describe("density", () => {
  const sweepOf = (classes: number, knee: number) =>
    [0, 1, 2].flatMap((seed) => [
      ...[0.02, 0.05, 0.1, 0.2, 0.4].map((asked) => {
        const validationAccuracy = asked < knee ? 0.5 : 0.9;
        return row({ density: asked, seed, classes, validationAccuracy, accuracies: [0.1, 0.3] });
      }),
      row({ method: "dense", density: 1, seed, classes, validationAccuracy: 0.9, accuracies: [0.1, 0.8] }),
    ]);
  const foundOf = (reached: number) =>
    [0, 1, 2].map((seed) =>
      row({
        ...{ method: "phew path-find:growth=0.4:tolerance=0.005", density: 1, seed },
        ...{ reached: Number((reached + seed / 100).toFixed(2)), accuracies: [0.99, 0.85 + seed / 1000] },
      }),
    );
  const found = {
    "glyphs-10-sweep": sweepOf(10, 0.1),
    "glyphs-10-found": foundOf(0.1),
    "glyphs-47-sweep": sweepOf(47, 0.4),
    "glyphs-47-found": foundOf(0.3),
  };

  it("is held static as it was found, with the seed that found it", () => {
    const following = density.following!(measuredFrom(found), "laptop", new Set(["glyphs"]));
    expect(following.map(({ name }) => name)).toEqual(["glyphs-10-control", "glyphs-47-control"]);
    expect(following[0]!.list).toEqual([
      { method: "phew", density: 0.1, seed: 0 },
      { method: "phew", density: 0.11, seed: 1 },
      { method: "phew", density: 0.12, seed: 2 },
    ]);
  });

  it("is compared over tasks, with the knee of the validation accuracies, and with its control by the last epoch", () => {
    const controls = [0, 1, 2].map((seed) =>
      row({
        density: Number((0.1 + seed / 100).toFixed(2)),
        seed,
        reached: 0.1,
        accuracies: [0.2, 0.88 + seed / 2000],
      }),
    );
    // of a density that no run found
    const stale = row({ density: 0.5, seed: 0, accuracies: [0, 0] });
    const measured = measuredFrom({ ...found, "glyphs-10-control": [...controls, stale] });
    const { claims, tables } = density.analyse(measured, "laptop");
    const claim = (words: string) => claims.find((one) => one.claim.includes(words))!;
    expect(claim("path-find finds a higher density").evidence.map(({ mean }) => mean)).toEqual([
      expect.closeTo(20, 9),
    ]);
    expect(claim("more accurate than static masks").evidence.map(({ mean }) => mean)).toEqual([
      expect.closeTo(-2.95, 9),
    ]);
    expect(claim("A sweep has its knee").given!.verdict).toBe("holds");
    // accuracies jump between 0.05 and 0.1, and between 0.2 and 0.4: the knee is just below the upper one
    expect(claim("path-find finds the knee").given!.verdict).toBe("does not hold");
    expect(tables[0]!.report.rows.map(({ task, seeds, gain }) => [task, seeds, gain])).toEqual([
      ["glyphs-10", 3, expect.stringMatching(/^-2\.9|^-3\.0/)],
      ["glyphs-47", 3, "–"],
    ]);
  });
});

describe("little data", () => {
  it("is another choice of examples for each seed, the same for all networks, with as many steps for every number", () => {
    const { runs: grids = [] } = littleData.plan("laptop", new Set(["glyphs"]));
    expect(grids.map(({ settings }) => settings.samplesPerClass)).toEqual([10, 50, 100, 500]);
    expect(new Set(grids.map(({ settings: { trainCount, epochs } }) => `${trainCount} ${epochs}`)).size).toBe(
      1,
    );
    for (const { list = [], settings } of grids) {
      expect(list.every(({ seed, dataSeed }) => seed === dataSeed)).toBe(true);
      const looking = list.filter(({ options }) => options !== undefined);
      expect(looking.length).toBeGreaterThan(0);
      for (const { options } of looking)
        expect(Object.values(options as object)).toEqual([settings.samplesPerClass]);
      // the dense network once, all others at both densities
      expect(
        list.filter(({ method, narrowToDensity: narrow }) => method === "dense" && narrow === undefined),
      ).toHaveLength(5);
      expect(list).toHaveLength(5 + 2 * 5 * 5);
    }
  });

  it("compares networks seed by seed, and how a lead changes as examples double", () => {
    const runs = (method: string, asked: number, accuracy: number) =>
      [0, 1, 2, 3].map((seed) => row({ method, density: asked, seed, accuracy: accuracy + seed / 1000 }));
    const measured = measuredFrom(
      Object.fromEntries(
        [10, 50, 100, 500].map((count) => [
          `glyphs-${count}`,
          [
            ...runs("dense", 1, 0.5),
            ...runs("narrow dense", 0.05, 0.4),
            // 12 points at 10, 2 fewer for each doubling
            ...runs("phew", 0.05, 0.62 - 0.02 * Math.log2(count / 10)),
            ...runs(`phew:data=${count}`, 0.05, 0.7),
            ...runs(`snip:samples=${count}`, 0.05, 0.6),
          ],
        ]),
      ),
    );
    const { claims, tables, figures } = littleData.analyse(measured, "laptop");
    const means = (words: string) =>
      claims.find(({ claim }) => claim.includes(words))!.evidence.map(({ mean }) => Number(mean.toFixed(3)));
    expect(means("grows as examples become fewer")).toEqual([-2]);
    expect(means("PHEW's networks are more accurate than the dense network")).toEqual([12, 7.356]);
    expect(means("dense one of as many weights")[0]).toBe(22);
    expect(means("look at the examples are better")[0]).toBe(8);
    expect(means("than SNIP")[0]).toBe(2);
    expect(tables[0]!.report.rows.map(({ method }) => method)).toEqual([
      ...["dense", "dense", "narrow dense", "phew", "phew with data", "snip"],
    ]);
    expect(figures.map(({ name }) => name)).toEqual(["figure-glyphs-0.2", "figure-glyphs-0.05"]);
  });
});

describe("tables of runs", () => {
  it("have validation accuracies where there are some, and are read with and without", () => {
    const [old, own] = [path.join(scratchFolder(), "old.csv"), path.join(scratchFolder(), "own.csv")];
    writeRunRows(old, [row({})]);
    writeRunRows(own, [row({}), row({ key: "l", validationAccuracy: 0.25 })]);
    expect(readFileSync(old, "utf8")).not.toContain("validationAccuracy");
    expect(readRunRows(old).get("k")!.validationAccuracy).toBeUndefined();
    expect(readRunRows(own).get("k")!.validationAccuracy).toBeNaN();
    expect(readRunRows(own).get("l")!.validationAccuracy).toBe(0.25);
  });
});

describe("published accuracies", () => {
  it("stand beside runs of the same network, data, method and density alone", () => {
    const own = row({
      model: "resnet20",
      dataset: "cifar10",
      method: "synflow",
      density: 0.05,
      accuracy: 0.7,
    });
    const { columns, rows } = accuracyTable([own, { ...own, method: "phew" }]);
    expect(columns.map(({ key }) => key)).toContain("published");
    expect(rows.map(({ method, published }) => [method, published])).toEqual([
      ["synflow", 82.86],
      ["phew", undefined],
    ]);
    expect(accuracyTable([row({})]).columns.map(({ key }) => key)).not.toContain("published");
  });

  it("are stated once each", () => {
    const keys = YARDSTICKS.map(({ model, method, density }) => `${model} ${method} ${density}`);
    expect(new Set(keys).size).toBe(keys.length);
  });
});

const results = fileURLToPath(new URL("../../../docs/results", import.meta.url));

describe("docs/results", () => {
  const folders = readdirSync(results).map((name) => name.match(/^(.+)-(smoke|laptop|paper)$/)!);

  it.each(folders.map(([name, experiment, scale]) => [name, experiment!, scale as Scale] as const))(
    "%s has the verdicts that its tables give",
    (name, experiment, scale) => {
      const own = experimentByName(experiment);
      const findings = own.analyse(readMeasured(own, scale, results), scale);
      const written = JSON.parse(readFileSync(path.join(results, name, "verdicts.json"), "utf8"));
      expect(written.verdicts).toEqual(JSON.parse(JSON.stringify(judge(findings))));
      for (const { name: table, report } of findings.tables) {
        const file = path.join(results, name, `table-${table}.csv`);
        expect(readFileSync(file, "utf8"), file).toBe(formatTable(report.columns, report.rows, "csv"));
      }
    },
  );
});

describe("a table of an experiment", () => {
  it("that was begun before commits were noted is gone on with; others are refused", () => {
    const file = path.join(scratchFolder(), "runs.csv");
    writeRunRows(file, [row({ key: "a", commit: "0123456789" }), row({ key: "b" })]);
    expect([...readRunRows(file).values()].map(({ commit }) => commit)).toEqual(["0123456789", ""]);
    const old = readFileSync(file, "utf8").replace(/,[^,\n]*$/gm, "");
    writeFileSync(file, old);
    expect([...readRunRows(file).values()]).toEqual([row({ key: "a" }), row({ key: "b" })]);
    writeFileSync(file, old.replace(/,[^,\n]*$/gm, ""));
    expect(() => readRunRows(file)).toThrow(/expected key,.*losses/);
  });

  it("says which seeds and commits its rows are of", () => {
    const rows = [
      row({ seed: 3, commit: "b" }),
      row({ seed: 1, commit: "a b" }),
      row({ seed: 0, commit: "" }),
    ];
    const grid = experimentByName("accuracy").plan("smoke", new Set(["glyphs"])).runs![0]!.name;
    const source = (measured: Measured) => sourceOf(experimentByName("accuracy"), "smoke", measured);
    expect(source(measuredFrom({ [grid]: rows }))).toBe(
      "seeds 0 to 3; commits a, b; 1 of 3 rows names no commit",
    );
    expect(source(measuredFrom({}))).toBe("no seeds");
  });
});

describe("phew report of experiments", () => {
  it("prints the verdicts, and writes a page with all figures that needs nothing beside it", async () => {
    const folder = scratchFolder();
    const args = ["report", path.join(results, "method-laptop"), "--html", "--out", "page.html"];
    const { exitCode, stdout } = await phew([...args, "--json"], folder);
    expect(exitCode).toBe(0);
    const { claims, files } = JSON.parse(stdout);
    const { verdicts } = JSON.parse(
      readFileSync(path.join(results, "method-laptop", "verdicts.json"), "utf8"),
    );
    expect(claims.map(({ claim, verdict }: Record<string, string>) => [claim, verdict])).toEqual(
      verdicts.map(({ claim, decision }: Record<string, string>) => [claim, decision]),
    );
    expect(files).toEqual(["page.html"]);
    const page = readFileSync(path.join(folder, "page.html"), "utf8");
    expect(page).not.toMatch(/(src|href)="(?!#)/);
    expect(page.match(/<figure/g)).toHaveLength(5);
    for (const { claim } of claims) expect(page).toContain(claim);
    expect((await phew(args, folder)).stderr).toContain("--force");
    const all = await phew(["report", path.join(results, "method-laptop"), "--all"], folder);
    expect([all.exitCode, all.stderr]).toEqual([1, expect.stringContaining("folder of experiments")]);
  });
});

describe.runIf(isLong)("smoke runs", () => {
  it.each(["convergence", "classes", "ablations", "rules", "density", "little-data"])(
    "of %s give the same tables and verdicts twice",
    async (name) => {
      const [once, twice] = [scratchFolder(), scratchFolder()];
      for (const folder of [once, twice]) {
        const args = ["reproduce", name, "--scale", "smoke", "--out", "out", "--runs", "runs"];
        expect((await phew(args, folder)).exitCode).toBe(0);
      }
      const files = filesBelow(path.join(once, "out"));
      expect(files).toContain(path.join(`${name}-smoke`, "verdicts.md"));
      expect(filesBelow(path.join(twice, "out"))).toEqual(files);
      for (const file of files)
        expect(readFileSync(path.join(twice, "out", file)), file).toEqual(
          readFileSync(path.join(once, "out", file)),
        );
    },
  );
});

/** "phew+shuffle 0.02", of every run but for its seed. */
function labelsOf({ list = [], grid = {}, settings }: RunGrid): string[] {
  const lists = (grid.method ?? []).flatMap((method) =>
    (grid.density ?? []).map((density) => ({ method, density })),
  );
  return [...list, ...lists].map((one) => {
    const { density, ...own } = { options: {}, ...settings, ...one } as unknown as Parameters<
      typeof labelOf
    >[0] & { density: number };
    return `${labelOf(own)} ${density}`;
  });
}
