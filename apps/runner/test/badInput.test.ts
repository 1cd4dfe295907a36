/**
 * Bad input of every kind, to every verb that takes it, ends in one line that says what to do, exit code 1 or 2, and no
 * file that was not there before, nor another content of one that was. The table is badInputs.ts.
 */
import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { float32Tensor, safetensorsChunks } from "@phew/formats";
import { RunWriter } from "@phew/runs";
import { asciiMarks } from "@phew/runs/text";
import { beforeAll, describe, expect, it } from "vitest";
import { longCases } from "../../../vitest.long.ts";
import {
  DATA,
  DATA_LINES,
  ENVIRONMENTS,
  FILES,
  gemm,
  LINES,
  OBSTACLES,
  OPTIONS,
  OUTPUTS,
  PLACES,
  QUIET_LINES,
  REFUSED_WITH,
  VERBS,
  weightsWithNaN,
} from "./badInputs.ts";
import {
  lastingFolder,
  type Outcome,
  outcomeOf,
  phew,
  phewProcess,
  safetensorsBytes,
  scratchFolder,
} from "./phew.ts";

const folder = lastingFolder();

beforeAll(async () => {
  const header = {
    x: { dtype: "F32", shape: [1, 784], data_offsets: [0, 3136] },
    y: { dtype: "I64", shape: [1], data_offsets: [3136, 3144] },
  };
  writeFileSync(path.join(folder, "batch.safetensors"), safetensorsBytes(header, new Uint8Array(3144)));
  writeFileSync(path.join(folder, "batch.txt"), "no batch");
  mkdirSync(path.join(folder, "empty"));
  const settings = { model: "mlp", density: 0.5, epochs: 1, trainCount: 8, testCount: 8 };
  writeFileSync(path.join(folder, "sweep.json"), JSON.stringify({ settings }));
  const made = await phew(["prune", "mlp", "--density", "0.5", "--out", "masks.safetensors"], folder);
  expect(made.exitCode, made.stderr).toBe(0);
  const config = { model: "mlp", dataset: "glyphs", method: "phew", density: 0.05, seed: 1 };
  const place = { root: path.join(folder, "runs"), experiment: "e", name: "phew 5 %" };
  const writer = RunWriter.open({ ...place, config, defaults: {}, seed: 1 });
  writer.append({ kind: "run.started", name: "phew 5 %", config });
  const losses = { loss: 1, accuracy: 0.5, testLoss: 1, testAccuracy: 0.5 };
  writer.append({ kind: "train.epoch", epoch: 1, ...losses, rate: 0.1, elapsedMs: 9 });
  writer.close({ state: "finished" });
  for (const [k, density] of [0.05, 0.1, 1].entries()) {
    const own = {
      model: "mlp",
      dataset: "glyphs",
      method: density === 1 ? "dense" : "phew",
      density,
      seed: 0,
    };
    const of = RunWriter.open({
      ...place,
      root: path.join(folder, "knees"),
      experiment: "k",
      name: `${density}`,
      config: own,
      defaults: {},
      seed: 0,
    });
    of.append({ kind: "run.started", name: `${density}`, config: own });
    of.append({
      kind: "train.epoch",
      epoch: 1,
      ...losses,
      testAccuracy: 0.5 + 0.1 * k,
      rate: 0.1,
      elapsedMs: 9,
    });
    of.close({ state: "finished" });
  }
});

/** Everything below a folder: names, kinds and contents. */
function everythingBelow(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .map((name) => {
      const file = path.join(root, name);
      const content = lstatSync(file).isFile()
        ? createHash("sha1").update(readFileSync(file)).digest("hex")
        : "";
      return `${name} ${content}`;
    })
    .sort();
}

function expectOneLine({ exitCode, stdout, stderr }: Outcome, commandText: string, message: RegExp): void {
  expect.soft([1, 2], `${commandText}: ${stderr}${stdout}`).toContain(exitCode);
  // faults of data and of what fits them alone are found behind the word that they are read
  const lines = stderr
    .trimEnd()
    .split("\n")
    .filter((line) => !/^\S+: .*data .*come first|^\d+ runs in \S+: the data \(/.test(line));
  expect.soft(lines, commandText).toHaveLength(1);
  expect.soft(lines[0], commandText).toMatch(/^phew: /);
  expect.soft(lines[0], commandText).toMatch(message);
  expect.soft(lines[0]!.length, commandText).toBeLessThan(2000);
  expect.soft(lines[0], commandText).not.toMatch(/^\s+at |node:internal|\bundefined\b|\[object/);
  expect.soft(stdout, commandText).toBe("");
}

/** @param exitCode where it must be one of the two */
async function expectRefusal(args: readonly string[], message: RegExp, where = folder, exitCode?: number) {
  const before = everythingBelow(where);
  const outcome = await phew(args, where);
  const commandText = `phew ${args.map((arg) => (arg === "" ? '""' : arg)).join(" ")}`;
  expectOneLine(outcome, commandText, message);
  if (exitCode !== undefined) expect.soft(outcome.exitCode, commandText).toBe(exitCode);
  expect.soft(everythingBelow(where), commandText).toEqual(before);
}

describe("every option that takes a value refuses wrong ones", () => {
  it.each(Object.entries(VERBS))("of phew %s", async (verb, args) => {
    const { stdout } = await phew([...verb.split(" "), "--help"]);
    const options = [...stdout.matchAll(/^ {2}(?:-[a-z], )?(--[a-z-]+) [<[]/gm)].map(([, option]) => option!);
    for (const option of options) {
      expect(OPTIONS, `${option} of phew ${verb} is not in the table`).toHaveProperty(option);
      const { values, message, with: needed = [] } = OPTIONS[`${verb} ${option}`] ?? OPTIONS[option]!;
      const more = Array.isArray(needed) ? needed : ((needed as Record<string, string[]>)[verb] ?? []);
      const usual = new RegExp(option.slice(2).replaceAll("-", "[- ]?"), "i");
      for (const value of values)
        await expectRefusal([...args, ...more, `${option}=${value}`], message ?? usual);
    }
  });

  it("every verb is among them", async () => {
    const verbsOf = async (...args: string[]) => {
      const { stdout } = await phew([...args, "--help"]);
      const listed = stdout.slice(stdout.indexOf("Commands:"));
      return [...listed.matchAll(/^ {2}([a-z]+)(?= [[<]| {2})/gm)]
        .map(([, verb]) => verb!)
        .filter((verb) => verb !== "help");
    };
    const verbs = await verbsOf();
    const nested = ["bench", "data", "runs"];
    const all = verbs.filter((verb) => !nested.includes(verb));
    for (const verb of nested) all.push(...(await verbsOf(verb)).map((inner) => `${verb} ${inner}`));
    expect(Object.keys(VERBS).sort()).toEqual(all.sort());
  });
});

describe("command lines that are wrong as a whole", () => {
  it.each(LINES)("phew %s", (line, exitCode, message) =>
    expectRefusal(line.split(" "), message, folder, exitCode),
  );
});

describe("what is no such file is called what it is, given as", () => {
  it.each(Object.entries(PLACES))("%s", async (_, { file, lines, good, beside = {}, content }) => {
    const right = good?.() ?? readFileSync(path.join(folder, "masks.safetensors"));
    for (const { make, message, isOf } of Object.values(FILES)) {
      if (content === "raw" && isOf === "tensors") continue;
      const own = scratchFolder();
      for (const name of ["batch.safetensors", "masks.safetensors"])
        symlinkSync(path.join(folder, name), path.join(own, name));
      for (const [name, bytes] of Object.entries(beside)) writeFileSync(path.join(own, name), bytes);
      if (make(path.join(own, file), right) === false) continue;
      const isCalled =
        isOf === undefined || content === undefined || (content !== "json" && isOf === "download");
      for (const line of lines) {
        const args = line.split(" ").map((word) => (word === "FILE" ? path.join(own, file) : word));
        await expectRefusal(args, isCalled ? message : /./, own);
      }
    }
  });
});

describe("what is in the way of a new file or folder is reported before any work", () => {
  const table = Object.entries(OUTPUTS).flatMap(([kind, lines]) =>
    lines.map((line) => [line, kind] as const),
  );
  it.each(table)("phew %s", async (line, kind) => {
    for (const { make, below, name = "new.safetensors", message, of } of Object.values(OBSTACLES)) {
      if (of !== undefined && of !== kind) continue;
      const own = scratchFolder();
      for (const file of ["batch.safetensors", "masks.safetensors", "sweep.json", "runs"])
        symlinkSync(path.join(folder, file), path.join(own, file));
      make(path.join(own, name));
      const out = below === undefined ? name : path.join(name, below);
      await expectRefusal(line.replace("OUT", out).split(" "), message, own);
    }
  });
});

describe.skipIf(process.getuid?.() !== 0)("a disk that takes nothing (where root may mount one)", () => {
  const table = Object.values(OUTPUTS).flat();
  it.each(["ro,size=1m", "size=4k"])("%s", async (options) => {
    const disk = scratchFolder();
    const mounted = await outcomeOf("mount", ["-t", "tmpfs", "-o", options, "tmpfs", disk], disk);
    if (mounted.exitCode !== 0) return;
    try {
      for (const line of table) {
        const out = path.join(disk, "new.safetensors");
        const outcome = await phew(line.replace("OUT", out).split(" "), folder);
        if (options.startsWith("ro")) expectOneLine(outcome, line, /read-only file system/);
        else if (outcome.exitCode !== 0)
          expect(outcome.stderr.split("\n").at(-2), line).toMatch(/^phew: .*space/);
        // a file is whole or not there
        expect(readdirSync(disk).filter((name) => name.endsWith("partial"))).toEqual([]);
        rmSync(out, { recursive: true, force: true });
      }
    } finally {
      await outcomeOf("umount", [disk], tmpdir());
    }
  });
});

describe("data that are not what they should be", () => {
  it.each(Object.entries(DATA))("%s", async (_, { dataset, make, message }) => {
    for (const line of DATA_LINES) {
      const own = scratchFolder();
      const data = path.join(own, "data");
      make(data);
      const args = line
        .split(" ")
        .map((word) => (word === "NAME" ? dataset : word === "FOLDER" ? data : word));
      await expectRefusal(args, message, own);
    }
  });
});

it("weights that are NaN are reported with layer and index", async () => {
  const own = scratchFolder();
  writeFileSync(path.join(own, "nan.safetensors"), weightsWithNaN());
  for (const verb of ["prune mlp --density 0.1", "compare mlp --method phew --density 0.1"])
    await expectRefusal(`${verb} --weights nan.safetensors`.split(" "), /fc2\.weight.*weight 7.*NaN/s, own);
});

const environments = Object.entries(ENVIRONMENTS);
/** Without durations, which columns are as wide as, and with signs in ASCII, as they are where nothing else is shown. */
const lasting = (text: string) =>
  asciiMarks(text.replaceAll(/\d+(\.\d+)? (ms|s|min)\b|"\w*Ms": [\d.]+/g, "time")).replaceAll(
    /(?:\s|-{4,})+/g,
    " ",
  );

describe("environments of every kind change no word that is printed", () => {
  const inProcesses = longCases(QUIET_LINES);

  it.each(QUIET_LINES)("by phew %s", async (line) => {
    const args = line.split(" ");
    const usual = await phew(args, folder);
    expect(usual.exitCode, usual.stderr).toBe(0);
    for (const [name, environment] of environments) {
      const run = inProcesses.includes(line) ? phewProcess : phew;
      const { exitCode, stdout, stderr } = await run(args, folder, environment);
      expect.soft(exitCode, `${name}: ${stderr}`).toBe(0);
      expect.soft(lasting(stdout), name).toBe(lasting(usual.stdout));
      expect.soft(lasting(stderr), name).toBe(lasting(usual.stderr));
    }
  });

  it("by processes in which all of it is wrong at once", async () => {
    const everything = Object.assign({}, ...environments.map(([, environment]) => environment));
    for (const line of ["zoo mlp", "watch --once", "prune mlp --density 0.5"]) {
      const [usual, odd] = await Promise.all([
        phew(line.split(" "), folder),
        phewProcess(line.split(" "), folder, everything),
      ]);
      expect.soft(odd.exitCode, odd.stderr).toBe(0);
      expect.soft(lasting(odd.stdout)).toBe(lasting(usual.stdout));
    }
  });

  it.each(REFUSED_WITH)("but phew %s with %o is refused", async (line, environment, message) => {
    writeFileSync(path.join(folder, "m.onnx"), gemm());
    const x = new Map([["x", float32Tensor([1, 4], new Float32Array(4))]]);
    writeFileSync(path.join(folder, "x.safetensors"), Buffer.concat(safetensorsChunks(x)));
    expectOneLine(await phew(line.split(" "), folder, environment), line, message);
  });

  it("PHEW_DEBUG adds the stack below the line", async () => {
    const args = ["zoo", "nothing"];
    const [plain, debugged] = [await phew(args), await phew(args, undefined, { PHEW_DEBUG: "1" })];
    const [first, ...stack] = debugged.stderr.split("\n");
    expect(`${first}\n`).toBe(plain.stderr);
    expect(stack.join("\n")).toMatch(/^\s+at /m);
  });
});
