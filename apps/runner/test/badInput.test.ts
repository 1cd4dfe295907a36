/** Bad input of every kind ends in one line that says what to do, exit code 1 or 2, and no partial file. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { filesBelow, phew, safetensorsBytes, scratchFolder } from "./phew.ts";

/** Runs it in a folder of its own and expects one line on standard error and no file that was not there before. */
async function expectRefusal(
  args: readonly string[],
  message: RegExp,
  prepare: (folder: string) => void = () => undefined,
) {
  const folder = scratchFolder();
  prepare(folder);
  const before = filesBelow(folder);
  const { exitCode, stdout, stderr } = await phew(args, folder);
  expect([1, 2], stderr).toContain(exitCode);
  const lines = stderr
    .trim()
    .split("\n")
    .filter((line) => !line.startsWith("(phew --help"));
  expect(lines.length, stderr).toBe(1);
  expect(lines[0]).toMatch(/^phew: /);
  expect(lines[0]).toMatch(message);
  expect(stderr).not.toMatch(/\n\s+at /);
  expect(stdout).toBe("");
  expect(filesBelow(folder)).toEqual(before);
}

const out = ["--out", "masks.safetensors"];

describe("phew prune refuses", () => {
  it.each([
    ["0", /above 0/],
    ["1.5", /For 1\.5 % pass 0\.015/],
    ["NaN", /fraction of weights kept/],
    ["5%", /For 5 % pass 0\.05/],
    ["", /fraction of weights kept/],
    ["-0.1", /above 0/],
    ["0.05,2", /For 2 % pass 0\.02/],
    ["1e-9", /less than one/],
  ])("the density %j", (density, message) =>
    expectRefusal(["prune", "lenet5", `--density=${density}`, ...out], message),
  );

  it("no density", () => expectRefusal(["prune", "lenet5", ...out], /--density 0\.05/));
  it("no model", () => expectRefusal(["prune", "--density", "0.1"], /phew zoo/));
  it("an unknown model, naming the nearest", () =>
    expectRefusal(["prune", "resnet21", "--density", "0.1", ...out], /Did you mean "resnet20"/));
  it("an unknown method, naming the nearest", () =>
    expectRefusal(
      ["prune", "lenet5", "--method", "magnitud", "--density", "0.1", ...out],
      /Did you mean "magnitude"/,
    ));
  it("an unknown option of the method", () =>
    expectRefusal(["prune", "lenet5", "--density", "0.1", "--option", "branch=weight", ...out], /branching/));
  it("a wrong value of an option", () =>
    expectRefusal(["prune", "lenet5", "--density", "0.1", "--option", "bias=cubic", ...out], /magnitude/));
  it("an unknown flag", () => expectRefusal(["prune", "lenet5", "--densty", "0.1", ...out], /--density/));
  it.each(["1.5", "-1", "x", "9007199254740993"])("the seed %s", (seed) =>
    expectRefusal(["prune", "lenet5", "--density", "0.1", `--seed=${seed}`, ...out], /whole number/),
  );
  it("an output that exists, without --force", () =>
    expectRefusal(["prune", "lenet5", "--density", "0.1", ...out], /--force/, (folder) =>
      writeFileSync(path.join(folder, "masks.safetensors"), "precious"),
    ));
  it("a folder as output", () =>
    expectRefusal(["prune", "lenet5", "--density", "0.1", "--out", "."], /folder/));
  it("an output in a folder that does not exist", () =>
    expectRefusal(
      ["prune", "lenet5", "--density", "0.1", "--out", "no/such/masks.safetensors"],
      /does not exist/,
    ));
  it("one output for two densities", () =>
    expectRefusal(["prune", "lenet5", "--density", "0.1,0.05", ...out], /\{density\}/));
  it("a folder instead of a weights file", () =>
    expectRefusal(["prune", "lenet5", "--weights", "w", "--density", "0.1", ...out], /folder/, (folder) =>
      mkdirSync(path.join(folder, "w")),
    ));
  it("a weights file that does not exist", () =>
    expectRefusal(
      ["prune", "lenet5", "--weights", "w.safetensors", "--density", "0.1", ...out],
      /w\.safetensors/,
    ));
  it("a truncated safetensors file", async () => {
    const header = { w: { dtype: "F32", shape: [4], data_offsets: [0, 16] } };
    await expectRefusal(
      ["prune", "lenet5", "--weights", "w.safetensors", "--density", "0.1", ...out],
      /w\.safetensors/,
      (folder) =>
        writeFileSync(path.join(folder, "w.safetensors"), safetensorsBytes(header, new Uint8Array(7))),
    );
  });
  it("a safetensors header larger than its file", () =>
    expectRefusal(
      ["prune", "lenet5", "--weights", "w.safetensors", "--density", "0.1", ...out],
      /w\.safetensors/,
      (folder) =>
        writeFileSync(
          path.join(folder, "w.safetensors"),
          safetensorsBytes("{}", new Uint8Array(0), 5_000_000),
        ),
    ));
  it("weights that are no number, by layer and index", async () => {
    const folder = scratchFolder();
    const weights = weightsWithNaN(folder);
    await expectRefusal(
      ["prune", "mlp", "--weights", weights, "--density", "0.1", ...out],
      /fc2\.weight.*weight 7.*NaN/s,
    );
  });
  it("scores of a method that has none", () =>
    expectRefusal(
      ["prune", "lenet5", "--method", "phew", "--density", "0.1", "--scores", "s.safetensors"],
      /scores/,
    ));
});

describe("phew train refuses", () => {
  const train = ["train", "lenet5", "--method", "phew", "--density", "0.1", "--epochs", "1"];
  it("an unknown data set, naming the nearest", () =>
    expectRefusal([...train, "--dataset", "glyph"], /Did you mean "glyphs"/));
  it("an unknown method before any work", () =>
    expectRefusal(["train", "lenet5", "--method", "snap", "--density", "0.1"], /magnitude/));
  it("an unknown model", () => expectRefusal(["train", "lenet6", "--density", "0.1"], /lenet5/));
  it("no data folder where one is needed", () =>
    expectRefusal([...train, "--dataset", "mnist"], /--data-dir/));
  it("a data folder that does not exist", () =>
    expectRefusal([...train, "--dataset", "mnist", "--data-dir", "nowhere"], /nowhere/));
  it("a data folder without the files", () =>
    expectRefusal([...train, "--dataset", "mnist", "--data-dir", "empty"], /train-images/, (folder) =>
      mkdirSync(path.join(folder, "empty")),
    ));
  it("images that are cut short", () =>
    expectRefusal([...train, "--dataset", "mnist", "--data-dir", "mnist"], /train-images/, (folder) =>
      writeMnist(path.join(folder, "mnist"), { missingBytes: 10 }),
    ));
  it("labels out of range", () =>
    expectRefusal([...train, "--dataset", "mnist", "--data-dir", "odd"], /label/, (folder) =>
      writeMnist(path.join(folder, "odd"), { label: 12 }),
    ));
  it.each([
    ["--classes", "1"],
    ["--epochs", "0"],
    ["--batch-size", "0"],
    ["--rate", "fast"],
    ["--momentum", "1.5"],
    ["--drops", "0.7,0.5"],
    ["--executor", "gpu"],
  ])("%s %s", (flag, value) => expectRefusal([...train, flag, value], new RegExp(flag)));
  it("more classes than the data set has", () =>
    expectRefusal([...train, "--classes", "63"], /classes: got 63, expected a whole number from 2 to 62/));
  it("a density for a dense run", () =>
    expectRefusal(["train", "lenet5", "--method", "dense", "--density", "0.5"], /--density/));
});

describe("phew analyze refuses", () => {
  it("masks of another network", async () => {
    const folder = scratchFolder();
    const masks = path.join(folder, "masks.safetensors");
    expect((await phew(["prune", "mlp", "--density", "0.1", "--out", masks])).exitCode).toBe(0);
    await expectRefusal(["analyze", "lenet5", "--masks", masks], /no mask for/);
  });
  it("weights the masks were not made for, where --same-weights asks for them", async () => {
    const folder = scratchFolder();
    const masks = path.join(folder, "masks.safetensors");
    expect((await phew(["prune", "mlp", "--density", "0.1", "--seed", "3", "--out", masks])).exitCode).toBe(
      0,
    );
    expect((await phew(["analyze", "mlp", "--masks", masks])).exitCode).toBe(0);
    const other = ["analyze", "mlp", "--masks", masks, "--seed", "4"];
    expect((await phew(other)).stdout).toMatch(
      /note: .*made for other weights than these \(drawn with seed 4\)/,
    );
    await expectRefusal([...other, "--same-weights"], /other weights/);
  });
});

describe("other verbs refuse", () => {
  it("an unknown verb", () => expectRefusal(["prone"], /prune/));
  it("a runs folder that does not exist", () => expectRefusal(["watch", "nowhere"], /nowhere/));
});

it.skipIf(process.getuid?.() !== 0)(
  "a read-only file system is refused in one line, when root may mount one",
  async ({ skip }) => {
    const folder = scratchFolder();
    const mount = spawnSync("mount", ["-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", folder]);
    if (mount.status !== 0) skip("no right to mount a file system here");
    try {
      const { exitCode, stderr } = await phew([
        "prune",
        "mlp",
        "--density",
        "0.1",
        "--out",
        path.join(folder, "m.safetensors"),
      ]);
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(/read-only file system/);
      const run = await phew(["train", "mlp", "--density", "0.1", "--runs", path.join(folder, "runs")]);
      expect(run.exitCode).toBe(1);
      expect(run.stderr.trim().split("\n")).toHaveLength(1);
    } finally {
      spawnSync("umount", [folder]);
    }
  },
);

function weightsWithNaN(folder: string): string {
  const file = path.join(folder, "nan.safetensors");
  const shapes: [string, number[]][] = [
    ["fc1.weight", [300, 784]],
    ["fc1.bias", [300]],
    ["fc2.weight", [100, 300]],
    ["fc2.bias", [100]],
    ["fc3.weight", [10, 100]],
    ["fc3.bias", [10]],
  ];
  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const [name, shape] of shapes) {
    const end = offset + 4 * shape.reduce((a, b) => a * b, 1);
    header[name] = { dtype: "F32", shape, data_offsets: [offset, end] };
    if (name === "fc2.weight") header.__fault = offset + 4 * 7;
    offset = end;
  }
  const data = Buffer.alloc(offset);
  for (let k = 0; k < offset; k += 4) data.writeFloatLE(((k * 7919) % 1000) / 1000 - 0.5, k);
  data.writeFloatLE(Number.NaN, header.__fault as number);
  delete header.__fault;
  writeFileSync(file, safetensorsBytes(header, data));
  return file;
}

function writeMnist(folder: string, fault: { missingBytes?: number; label?: number }): void {
  mkdirSync(folder);
  for (const [part, count] of [
    ["train", 20],
    ["t10k", 10],
  ] as const) {
    const images = Buffer.alloc(16 + count * 784 - (part === "train" ? (fault.missingBytes ?? 0) : 0));
    for (const [k, field] of [0x803, count, 28, 28].entries()) images.writeUInt32BE(field, 4 * k);
    const labels = Buffer.alloc(8 + count);
    for (const [k, field] of [0x801, count].entries()) labels.writeUInt32BE(field, 4 * k);
    for (let k = 0; k < count; k++) labels[8 + k] = k % 10;
    if (fault.label !== undefined) labels[8 + 3] = fault.label;
    writeFileSync(path.join(folder, `${part}-images-idx3-ubyte.gz`), gzipSync(images));
    writeFileSync(path.join(folder, `${part}-labels-idx1-ubyte.gz`), gzipSync(labels));
  }
}

it("the precious file is still there after a refusal", async () => {
  const folder = scratchFolder();
  const file = path.join(folder, "masks.safetensors");
  writeFileSync(file, "precious");
  expect((await phew(["prune", "lenet5", "--density", "0.1", "--out", file])).exitCode).not.toBe(0);
  expect(readFileSync(file, "utf8")).toBe("precious");
});
