/** Sweep files: what they expand to, what they extend, and how they are refused. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { expandSweep, readSweep, type Sweep, sweepJsonSchema } from "../src/sweeps/index.ts";

const shape = {
  method: z.enum(["phew", "random", "dense"]),
  density: z.number().gt(0).max(1).describe("the fraction of weights kept, above 0 and at most 1"),
  rate: z.number(),
  options: z.record(z.string(), z.string()),
};

/** Writes files into a folder of their own and reads the first. */
function read(...documents: readonly (readonly [name: string, document: unknown])[]): Sweep {
  const folder = mkdtempSync(join(tmpdir(), "phew-sweep-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, document] of documents) {
    writeFileSync(join(folder, name), typeof document === "string" ? document : JSON.stringify(document));
  }
  return readSweep(join(folder, documents[0]![0]), shape, ["pool", "slurm"]);
}

const expanded = (document: unknown) => expandSweep(read(["sweep.json", document]));

it("runs every combination of a grid with every seed, in the order of the file", () => {
  expect(
    expanded({
      settings: { rate: 1 },
      grid: { method: ["random", "phew"], density: [0.1, 0.05] },
      seeds: [7, 3],
    }),
  ).toEqual(
    ["random", "phew"].flatMap((method) =>
      [0.1, 0.05].flatMap((density) => [7, 3].map((seed) => ({ rate: 1, method, density, seed }))),
    ),
  );
});

it("takes zipped lists together, and the combinations of groups and grid", () => {
  const runs = expanded({
    zip: [{ method: ["phew", "random"], rate: [1, 2] }],
    grid: { density: [0.1, 0.2] },
  });
  expect(runs.map(({ method, rate, density }) => [method, rate, density])).toEqual([
    ["phew", 1, 0.1],
    ["phew", 1, 0.2],
    ["random", 2, 0.1],
    ["random", 2, 0.2],
  ]);
});

it("runs a list beside the grid, alone where there is no grid, and the settings where there is neither", () => {
  const list = [{ method: "dense", density: 1 }];
  expect(expanded({ grid: { density: [0.1] }, list }).map(({ density }) => density)).toEqual([0.1, 1]);
  expect(expanded({ list, seeds: 2 })).toEqual([0, 1].map((seed) => ({ method: "dense", density: 1, seed })));
  expect(expanded({ settings: { rate: 3 } })).toEqual([{ rate: 3, seed: 0 }]);
});

it("has as many runs as the lengths of its lists multiply to, none twice", () => {
  const list = (most: number) =>
    fc.uniqueArray(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: most });
  fc.assert(
    fc.property(list(5), list(5), list(4), (densities, rates, seeds) => {
      const runs = expanded({ grid: { density: densities.map((d) => d / 100), rate: rates }, seeds });
      expect(runs.length).toBe(densities.length * rates.length * seeds.length);
      expect(new Set(runs.map((run) => JSON.stringify(run))).size).toBe(runs.length);
    }),
    { numRuns: 50 },
  );
});

it("runs what a list repeats of the grid once", () => {
  expect(expanded({ grid: { density: [0.1, 0.2] }, list: [{ density: 0.2 }] }).length).toBe(2);
});

it("runs what has a seed of its own with that one alone, where a program makes the sweep", () => {
  const list = [{ method: "phew", seed: 7 }, { method: "random" }];
  const sweep = { ...read(["sweep.json", { seeds: 2 }]), list };
  expect(expandSweep(sweep).map(({ method, seed }) => [method, seed])).toEqual([
    ["phew", 7],
    ["random", 0],
    ["random", 1],
  ]);
});

it("extends another file: a setting it names is taken out of all that one says, the rest stays", () => {
  const sweep = read(
    ["sweep.json", { extends: "base.json", settings: { rate: 5 }, grid: { method: ["random"] } }],
    [
      "base.json",
      {
        experiment: "base",
        grid: { method: ["phew", "random"], density: [0.1] },
        zip: [{ rate: [1, 2], options: [{}, { a: "b" }] }],
        seeds: 3,
        slurm: { throttle: 4, sbatch: ["--time=10"] },
      },
    ],
  );
  expect(sweep).toMatchObject({
    experiment: "base",
    settings: { rate: 5 },
    grid: { density: [0.1], method: ["random"] },
    zip: [{ options: [{}, { a: "b" }] }],
    seeds: [0, 1, 2],
    slurm: { throttle: 4, sbatch: ["--time=10"] },
  });
});

it("is named after its file where it names no experiment", () => {
  expect(read(["two words.json", {}]).experiment).toBe("two-words");
});

it.each<[string, unknown, RegExp]>([
  ["no JSON", '{"grid": ', /sweep\.json: got no JSON: .*expected a sweep file in JSON/],
  ["an unknown field", { gird: {} }, /sweep\.json: gird: got an unknown name.*Did you mean "grid"\?/],
  [
    "an unknown setting",
    { grid: { densty: [1] } },
    /: grid\.densty: got an unknown name.*Did you mean "density"\?/,
  ],
  [
    "an unknown method",
    { grid: { method: ["phew", "phwe"] } },
    /: grid\.method\[1\]: got "phwe".*one of phew, random, dense.*Did you mean "phew"\?/,
  ],
  [
    "a value out of range",
    { grid: { density: [0.1, 5] } },
    /: grid\.density\[1\]: got 5, expected the fraction of weights kept/,
  ],
  [
    "a value for a list",
    { grid: { density: 0.1 } },
    /: grid\.density: got 0\.1, expected a list, each of which: the fraction/,
  ],
  ["an empty list", { grid: { density: [] } }, /: grid\.density: got \[\]/],
  [
    "zipped lists of unequal length",
    { zip: [{ rate: [1, 2], density: [0.1] }] },
    /: zip\[0\]: got rate has 2, density has 1/,
  ],
  [
    "a setting in two places",
    { settings: { rate: 1 }, grid: { rate: [1] } },
    /: grid\.rate: got a setting that settings has too/,
  ],
  ["a seed twice", { seeds: [1, 2, 1] }, /: seeds: got 1 twice/],
  ["a negative seed", { seeds: [-1] }, /: seeds/],
  ["a bad experiment", { experiment: "../out" }, /: experiment: got "\.\.\/out"/],
  ["an unknown executor", { on: "slrum" }, /: on: got "slrum", expected one of pool, slurm.*"slurm"/],
  ["several mistakes", { seeds: 0, grid: { rate: ["x"] } }, /Also at fault: /],
])("refuses %s, naming the place", (_, document, message) => {
  expect(() => read(["sweep.json", document])).toThrow(message);
});

it("refuses files that extend each other, and one that is not there", () => {
  expect(() => read(["a.json", { extends: "b.json" }], ["b.json", { extends: "./a.json" }])).toThrow(
    /extends: got a\.json → b\.json → a\.json, expected files that do not lead back/,
  );
  expect(() => read(["a.json", { extends: "b.json" }])).toThrow(
    /a\.json: extends: got ".*b\.json", which is not there/,
  );
});

it("describes its files as JSON Schema: names, ranges and words", () => {
  const schema = sweepJsonSchema(shape, ["pool", "slurm"]) as {
    properties: Record<string, { properties?: object }>;
  };
  expect(schema).toMatchObject({ type: "object", additionalProperties: false });
  expect(Object.keys(schema.properties)).toEqual(
    expect.arrayContaining(["$schema", "extends", "grid", "zip", "list", "seeds", "slurm"]),
  );
  expect(schema.properties.grid!.properties).toMatchObject({
    density: { type: "array", items: { type: "number", exclusiveMinimum: 0, maximum: 1 } },
    method: { items: { enum: ["phew", "random", "dense"] } },
  });
});
