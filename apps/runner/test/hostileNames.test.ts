/**
 * Names from files hold whatever they like; a terminal, a spreadsheet and a browser get nothing of it that they would obey.
 * Every verb is given a hostile name in every place where it takes one.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { writeEventLine } from "@phew/runs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { filesBelow, phew, safetensorsBytes, zipOf } from "./phew.ts";

/** Clears the screen, sets the title, turns the order of letters, hides, breaks the line, is a formula and is HTML. */
const HOSTILE = '=1+\u001b[2J\u001b]0;x\u0007\u009b31m\u202e\u200b\u2066\u007f\r\n|<img src=x>"';
/** As a name of a file or folder: all but a slash goes. */
const FILE = `${HOSTILE}.onnx`;
const fixture = fileURLToPath(new URL("fixtures/hostileNames.onnx", import.meta.url));

// as ranges, so that it shares nothing with what it checks
const isObeyedOrUnseen = (code: number) =>
  (code < 0x20 && code !== 10) ||
  (code >= 0x7f && code <= 0x9f) ||
  (code >= 0x200b && code <= 0x200f) ||
  (code >= 0x2028 && code <= 0x202e) ||
  (code >= 0x2060 && code <= 0x206f) ||
  (code >= 0xd800 && code <= 0xdfff) ||
  code === 0xfeff;
const obeyed = (text: string) =>
  [...text].filter((character) => isObeyedOrUnseen(character.codePointAt(0)!)).map((c) => JSON.stringify(c));

/** The network of the fixture, whose second weight has a hostile name of as many bytes. */
function hostileModel(): Buffer {
  const bytes = readFileSync(fixture);
  const before = Buffer.from("evil\u001b[31m\u001b]0;pwned\u0007\u001b[2Jweight");
  const name = Buffer.from("=\u001b[2J\u001b]0;\u0007\u009b\u202e\u200b\n|<b>");
  const after = Buffer.concat([name, Buffer.alloc(before.length - name.length, "w")]);
  for (let at = bytes.indexOf(before); at >= 0; at = bytes.indexOf(before)) after.copy(bytes, at);
  return bytes;
}

function batch(): Buffer {
  const data = Buffer.alloc(2 * 48 * 4 + 16);
  for (let k = 0; k < 96; k++) data.writeFloatLE(k / 96, 4 * k);
  const header = {
    x: { dtype: "F32", shape: [2, 3, 4, 4], data_offsets: [0, 384] },
    y: { dtype: "I64", shape: [2], data_offsets: [384, 400] },
  };
  return safetensorsBytes(header, data);
}

/** A finished run all of whose texts are hostile. */
function writeHostileRun(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const config = { model: HOSTILE, dataset: HOSTILE, method: HOSTILE, density: 0.5, seed: 1 };
  writeFileSync(path.join(folder, "config.json"), JSON.stringify({ name: HOSTILE, config, seed: 1 }));
  const layer = { name: HOSTILE, shape: [2, 2], count: 4, keptCount: 2, width: 1, unitCount: 2 };
  const events = [
    { t: 1, kind: "run.started", name: HOSTILE, config },
    { t: 2, kind: "log", level: "warning", message: HOSTILE },
    { t: 3, kind: "prune.started", method: HOSTILE, density: 0.5, keepCount: 2, prunableCount: 4 },
    {
      ...{ t: 4, kind: "prune.finished", method: HOSTILE, requestedDensity: 0.5, density: 0.5, keptCount: 2 },
      ...{ elapsedMs: 1, layers: [layer] },
    },
    {
      ...{ t: 5, kind: "train.started", executor: HOSTILE, epochCount: 1, stepsPerEpoch: 1, batchSize: 1 },
      ...{ trainCount: 1, testCount: 1 },
    },
    { t: 6, kind: "train.step", epoch: 1, step: 1, loss: 1, rate: 0.1, imagesPerSecond: 1 },
    {
      ...{ t: 7, kind: "train.epoch", epoch: 1, loss: 1, accuracy: 0.5, testLoss: 1, testAccuracy: 0.5 },
      ...{ rate: 0.1, elapsedMs: 1 },
    },
    { t: 8, kind: "train.finished", testLoss: 1, testAccuracy: 0.5, elapsedMs: 1 },
    { t: 9, kind: "run.finished", elapsedMs: 1 },
  ];
  const lines = events.map((event) => `${writeEventLine(event as Parameters<typeof writeEventLine>[0])}`);
  writeFileSync(path.join(folder, "events.jsonl"), lines.map((line) => `${line.trimEnd()}\n`).join(""));
}

/** What each verb is called with, in a folder that has the files below; `fails` where a hostile name is its mistake. */
interface Case {
  readonly args: readonly string[];
  readonly fails?: true;
  /** Takes --json too. */
  readonly json?: true;
}

const masks = `${HOSTILE} masks.safetensors`;
const small = ["--dataset", "glyphs", "--classes", "2", "--train-count", "8", "--test-count", "4"];
const quick = [...small, "--batch-size", "4", "--epochs", "1", "--threads", "1", "--no-figures"];

const CASES: Readonly<Record<string, readonly Case[]>> = {
  prune: [
    { args: ["prune", FILE, "--density", "0.5", "--layers", "--out", masks, "--force"], json: true },
    { args: ["prune", FILE, "--density", "0.5", "--out", masks], fails: true },
    { args: ["prune", HOSTILE, "--density", "0.5"], fails: true },
    { args: ["prune", "mlp", "--weights", "tensors.safetensors", "--density", "0.5"], fails: true },
    { args: ["prune", "mlp", "--weights", "entries.npz", "--density", "0.5"], fails: true },
    { args: ["prune", FILE, "--density", "0.5", "--method", HOSTILE], fails: true },
    { args: ["prune", FILE, "--density", "0.5", "--option", `${HOSTILE}=${HOSTILE}`], fails: true },
    { args: ["prune", FILE, "--density", HOSTILE], fails: true },
  ],
  analyze: [
    { args: ["analyze", FILE, "--masks", masks, "--histograms"], json: true },
    { args: ["analyze", FILE, "--masks", `${masks},${masks}`, "--ascii"], json: true },
  ],
  compare: [
    {
      args: [
        "compare",
        FILE,
        "--method",
        "magnitude,random",
        "--density",
        "0.5",
        "--seed",
        "0",
        "--out",
      ].concat(`${HOSTILE} compared`, "--force"),
      json: true,
    },
    { args: ["compare", FILE, "--method", HOSTILE.slice(3), "--density", "0.5"], fails: true },
  ],
  predict: [
    {
      args: [
        "predict",
        FILE,
        "--batch",
        "batch.safetensors",
        "--masks",
        masks,
        "--out",
        `${HOSTILE}.safetensors`,
      ],
    },
    { args: ["predict", FILE, "--batch", HOSTILE], fails: true },
  ],
  export: [
    {
      args: ["export", FILE, "--masks", masks, "--form", "zeroed", "--out", `zeroed ${FILE}`, "--force"],
      json: true,
    },
    { args: ["export", FILE, "--masks", HOSTILE, "--out", "x.onnx"], fails: true },
  ],
  train: [
    { args: ["train", "mlp", ...quick, "--density", "0.5", "--runs", `${HOSTILE} runs`], json: true },
    { args: ["train", "mlp", ...quick, "--density", "0.5", "--experiment", HOSTILE], fails: true },
    { args: ["train", "mlp", "--dataset", HOSTILE, "--density", "0.5"], fails: true },
    { args: ["train", "mlp", "--dataset", "mnist", "--data-dir", HOSTILE, "--density", "0.5"], fails: true },
    { args: ["train", "--config", "config.json"], fails: true },
  ],
  imp: [
    { args: ["imp", "mlp", ...quick.slice(0, -1), "--density", "0.5", "--experiment", HOSTILE], fails: true },
  ],
  recipes: [{ args: ["recipes", HOSTILE], fails: true }, { args: ["recipes", "recipe.json"] }],
  data: [
    { args: ["data", "fetch", HOSTILE], fails: true },
    { args: ["data", "check", HOSTILE], fails: true },
    { args: ["data", "check", "image-folder", "--data-dir", "images"], fails: true },
  ],
  sweep: [
    { args: ["sweep", "sweep.json", "--dry-run"], fails: true },
    { args: ["sweep", `${HOSTILE}.json`, "--dry-run"], fails: true },
    { args: ["sweep", "named.json", "--dry-run"], fails: true },
  ],
  runs: [
    { args: ["runs", "list", "--runs", "several"], json: true },
    { args: ["runs", "list", "--runs", "hostile", "--columns", "id,name,model"], json: true },
    { args: ["runs", "show", path.join("hostile", HOSTILE, HOSTILE)], json: true },
    { args: ["runs", "diff", "--runs", "several", "a", "b"], json: true },
    { args: ["runs", "note", "--runs", "several", "a", HOSTILE], json: true },
    { args: ["runs", "list", "--runs", "hostile", HOSTILE], fails: true },
    { args: ["runs", "show", "--runs", "several", HOSTILE], fails: true },
    { args: ["runs", "tag", "--runs", "several", "a", `+${HOSTILE}`], fails: true },
    { args: ["runs", "remove", "--runs", "several", HOSTILE, "--yes"], fails: true },
  ],
  watch: [
    { args: ["watch", "--once", "hostile"] },
    { args: ["watch", "--plain", "hostile"] },
    { args: ["watch", "--once", "several"] },
    { args: ["watch", "--plain", "several"] },
    { args: ["watch", "--once", HOSTILE], fails: true },
  ],
  knee: [{ args: ["knee", HOSTILE], fails: true }],
  report: [
    { args: ["report", "several"], json: true },
    { args: ["report", HOSTILE], fails: true },
  ],
  zoo: [{ args: ["zoo", HOSTILE], fails: true }],
  doctor: [{ args: ["doctor", `--${HOSTILE}`], fails: true }],
  demo: [{ args: ["demo", `--${HOSTILE}`], fails: true }],
  completion: [{ args: ["completion", HOSTILE], fails: true }],
  reproduce: [{ args: ["reproduce", HOSTILE], fails: true }],
  bench: [{ args: ["bench", "prune", HOSTILE, "--density", "0.5"], fails: true }],
};

let folder: string;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "phew-hostile-"));
  writeFileSync(path.join(folder, FILE), hostileModel());
  writeFileSync(path.join(folder, "batch.safetensors"), batch());
  const tensor = { [HOSTILE]: { dtype: HOSTILE, shape: [1], data_offsets: [0, 4] } };
  writeFileSync(path.join(folder, "tensors.safetensors"), safetensorsBytes(tensor, new Uint8Array(4)));
  writeFileSync(path.join(folder, "entries.npz"), zipOf(`${HOSTILE}.npy`));
  writeFileSync(path.join(folder, "config.json"), JSON.stringify({ config: { model: HOSTILE } }));
  const recipe = { summary: HOSTILE, source: HOSTILE, settings: { epochs: 1 } };
  writeFileSync(path.join(folder, "recipe.json"), JSON.stringify(recipe));
  writeFileSync(path.join(folder, "sweep.json"), JSON.stringify({ [HOSTILE]: [HOSTILE] }));
  writeFileSync(
    path.join(folder, "named.json"),
    JSON.stringify({ experiment: HOSTILE, models: [HOSTILE], methods: [HOSTILE], densities: [0.5] }),
  );
  for (const part of ["train", "test"]) {
    mkdirSync(path.join(folder, "images", part, HOSTILE), { recursive: true });
    writeFileSync(path.join(folder, "images", part, HOSTILE, `${HOSTILE}.png`), "no image");
  }
  writeHostileRun(path.join(folder, "hostile", HOSTILE, HOSTILE));
  for (const name of ["a", "b"]) writeHostileRun(path.join(folder, "several", HOSTILE, `${name}${HOSTILE}`));
  const { exitCode, stderr } = await phew(["prune", FILE, "--density", "0.5", "--out", masks], folder);
  expect(exitCode, stderr).toBe(0);
});

function expectHarmless(text: string): void {
  expect(obeyed(text)).toEqual([]);
}

/** The texts that a verb leaves in files for people. */
function expectHarmlessFiles(): void {
  for (const name of filesBelow(folder)) {
    if (!/\.(txt|csv|md|svg)$/.test(name) || name.includes(`${path.sep}tb${path.sep}`)) continue;
    const text = readFileSync(path.join(folder, name), "utf8");
    expectHarmless(text);
    if (name.endsWith(".csv"))
      for (const cell of cellsOf(text)) expect(cell).not.toMatch(/^[=+@\t]|^-(?![\d.])/);
    if (name.endsWith(".md") || name.endsWith(".svg")) expect(text).not.toMatch(/(?<!\\)<(img|b)\b/);
  }
}

/** Cells of RFC 4180. */
function cellsOf(csv: string): string[] {
  return [...csv.matchAll(/(?:^|[,\n])(?:"((?:[^"]|"")*)"|([^",\n]*))/g)].map(
    ([, quoted, plain]) => quoted ?? plain ?? "",
  );
}

describe("with hostile names in its files", () => {
  it.each(Object.entries(CASES))("phew %s prints nothing that a terminal obeys", async (_, cases) => {
    for (const { args, fails, json } of cases) {
      for (const more of json ? [[], ["--json"]] : [[]]) {
        const { exitCode, stdout, stderr } = await phew([...args, ...more], folder);
        const context = `${JSON.stringify(args)} ${stderr}`;
        if (fails) expect([1, 2], context).toContain(exitCode);
        else expect(exitCode, context).toBe(0);
        expectHarmless(stdout);
        expectHarmless(stderr);
        // it came as far as the output: what is not shown proves nothing
        expect(stdout + stderr, context).toContain("\\u001b[2J");
        if (fails)
          expect(
            stderr
              .trim()
              .split("\n")
              .filter((line) => !line.startsWith("(") && !line.includes(": its data come first (")),
            context,
          ).toHaveLength(1);
        if (more.length > 0) expect(() => JSON.parse(stdout)).not.toThrow();
      }
    }
    expectHarmlessFiles();
  });

  it("every verb is among them", async () => {
    const { stdout } = await phew(["--help"]);
    const verbs = [...stdout.slice(stdout.indexOf("Commands:")).matchAll(/^ {2}([a-z]+)/gm)].map(
      ([, verb]) => verb!,
    );
    expect(Object.keys(CASES).sort()).toEqual(
      verbs.filter((verb) => verb !== "help" && verb !== "phew").sort(),
    );
  });

  it("an unknown verb or option is printed without its control characters", async () => {
    for (const args of [[HOSTILE], ["prune", `--${HOSTILE}`], ["zoo", "mlp", HOSTILE]]) {
      const { exitCode, stderr } = await phew(args);
      expect(exitCode).toBe(2);
      expectHarmless(stderr);
    }
  });
});
