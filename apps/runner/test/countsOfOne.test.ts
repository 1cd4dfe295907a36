/** Every printed count reads right where there is one of it, and every percentage is one. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { progressText } from "../src/output/progress.ts";
import { phew, safetensorsBytes, scratchFolder } from "./phew.ts";

/** "1 examples", "10 %100 %", "7.000000000000001 %", and what is no number. */
const MISREADS: readonly RegExp[] = [
  /(?<![\d.,×±-])1 (?!is\b|was\b|class\b|axis\b|ms\b|loss\b|bias\b|less\b|across\b|process\b)[a-z]+s\b(?!\/)/,
  /%\d/,
  /\d\.\d{7,} %/,
  /\b(NaN|Infinity|undefined|null)\b/,
  /\b(?!1\b)\d+ (example|epoch|step|weight|walk|run|layer|mask|seed|class)\b(?![-\w])/,
];

function expectReadable(text: string): void {
  for (const misread of MISREADS) expect(text).not.toMatch(misread);
}

it("verbs with one of everything", async () => {
  const folder = scratchFolder();
  const x = Buffer.alloc(784 * 4 + 8);
  const header = {
    x: { dtype: "F32", shape: [1, 784], data_offsets: [0, 3136] },
    y: { dtype: "I64", shape: [1], data_offsets: [3136, 3144] },
  };
  writeFileSync(path.join(folder, "one.safetensors"), safetensorsBytes(header, x));
  const settings = { model: "mlp", dataset: "glyphs", epochs: 1, classCount: 2, trainCount: 4, testCount: 2 };
  const sweep = {
    settings: { ...settings, batchSize: 4, density: 0.07 },
    grid: { method: ["phew"] },
    seeds: 1,
  };
  writeFileSync(path.join(folder, "sweep.json"), JSON.stringify(sweep));
  const one =
    "--dataset glyphs --classes 2 --train-count 4 --test-count 2 --batch-size 4 --epochs 1 --threads 1";
  const cases = [
    "zoo mlp",
    "prune mlp --density 0.07 --layers --out m.safetensors",
    "prune mlp --density 0.00001 --method magnitude",
    "analyze mlp --masks m.safetensors --histograms",
    "compare mlp --method magnitude --density 0.07 --seed 0 --workers 1",
    "predict mlp --batch one.safetensors --masks m.safetensors",
    `train mlp ${one} --density 0.07 --no-figures`,
    `train mlp ${one} --density 0.07 --no-figures`,
    `imp mlp ${one} --density 0.5 --rounds 1`,
    "report runs --no-figures",
    "watch --once",
    "watch --plain",
    "sweep sweep.json --dry-run",
    "sweep sweep.json --workers 1",
    "sweep sweep.json --status",
    "data check glyphs",
  ];
  for (const line of cases) {
    const { exitCode, stdout, stderr } = await phew(line.split(" "), folder);
    expect(exitCode, stderr).toBe(0);
    expectReadable(stdout);
    expectReadable(stderr);
  }
});

it("a wrong percentage is answered with the number that was meant, without the computer's digits", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 11, max: 999 }), async (tenths) => {
      const percent = `${tenths / 10}`;
      const { stderr } = await phew(["prune", "mlp", `--density=${percent}%`]);
      const [, said, meant] = /For ([\d.]+) % pass ([\d.]+)\./.exec(stderr) ?? [];
      expect(said).toBe(percent);
      expect(meant!.length).toBeLessThanOrEqual(5);
      expect(100 * Number(meant)).toBeCloseTo(tenths / 10, 9);
    }),
    { numRuns: 5 },
  );
});

it("progress is one line whose percentage stands alone, from 0 to 100", () =>
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(1e9), fc.boolean(), (done, ms, bar) => {
      const text = progressText("phew 10 %", done, "1 step", ms, bar);
      expect(text).toMatch(/^phew 10 %(:| [█░]{24}) +(\d|[1-9]\d|100) % {2}1 step(, .* left)?$/);
      expectReadable(text);
    }),
  ));
