/** `phew predict`: outputs of any shape and number, batches of any type, and how far they are from another program's. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { float32Tensor, readSafetensors, safetensorsChunks, type Tensor, toFloat32 } from "@phew/formats";
import { describe, expect, it } from "vitest";
import {
  type File,
  type FileNode,
  type Tensor as FileTensor,
  onnxFile,
} from "../../../packages/formats/test/onnxFile.ts";
import { pythonHas } from "../../../packages/formats/test/python.ts";
import { phew, scratchFolder, sharedFile } from "./phew.ts";

/** 1×1 convolution of 2 channels to 3, and the sums of its channels' means: numbers that are worked out below. */
const conv = [1, 2, -1, 0.5, 0, 3];
const dense = [1, 0, 0, 0, 2, 0];
const nodes: File["nodes"] = [
  { op: "Conv", in: ["x", "w"], out: ["map"], attributes: { kernel_shape: [1, 1] } },
  { op: "GlobalAveragePool", in: ["map"], out: ["mean"] },
  { op: "Flatten", in: ["mean"], out: ["flat"] },
  { op: "Gemm", in: ["flat", "v"], out: ["classes"], attributes: { transB: 1 } },
];
const model = (outputs: File["outputs"], batch: number | string = "n") =>
  onnxFile({
    nodes,
    inputs: { x: [batch, 2, 2, 2] },
    outputs: outputs!,
    tensors: { w: { dims: [3, 2, 1, 1], values: conv }, v: { dims: [2, 3], values: dense } },
  });
const MAP = { map: ["n", 3, 2, 2] };
const CLASSES = { classes: ["n", 2] };

const count = 6;
const x = Float32Array.from({ length: count * 8 }, (_, k) => ((k * 37) % 51) / 51);
const map = Float32Array.from({ length: count * 12 }, (_, k) => {
  const [n, c, p] = [Math.floor(k / 12), Math.floor(k / 4) % 3, k % 4];
  return conv[2 * c]! * x[8 * n + p]! + conv[2 * c + 1]! * x[8 * n + 4 + p]!;
});
const classes = Float32Array.from({ length: count * 2 }, (_, k) => {
  const [n, o] = [Math.floor(k / 2), k % 2];
  let sum = 0;
  for (let c = 0; c < 3; c++)
    for (let p = 0; p < 4; p++) sum += (dense[3 * o + c]! * map[12 * n + 4 * c + p]!) / 4;
  return sum;
});

type Named = Record<string, Tensor>;
const whole = (dtype: "I64" | "I32" | "U8", values: readonly number[]): Tensor => {
  const make = {
    I64: (v: readonly number[]) => BigInt64Array.from(v, BigInt),
    I32: (v: readonly number[]) => Int32Array.from(v),
    U8: (v: readonly number[]) => Uint8Array.from(v),
  };
  return { dtype, shape: [values.length], data: new Uint8Array(make[dtype](values).buffer) };
};
const whole64 = (values: readonly number[]): FileTensor => ({ dims: [values.length], values, type: "int64" });
const examples = float32Tensor([count, 2, 2, 2], x);
const classesTensor = float32Tensor([count, 2], classes);

function place(files: Record<string, Uint8Array | Named>): string {
  const folder = scratchFolder();
  for (const [name, content] of Object.entries(files)) {
    const bytes =
      content instanceof Uint8Array
        ? content
        : Buffer.concat(safetensorsChunks(new Map(Object.entries(content))));
    writeFileSync(path.join(folder, name), bytes);
  }
  return folder;
}
const run = (folder: string, ...args: string[]) =>
  phew(["predict", "m.onnx", "--batch", "x.safetensors", ...args], folder);
const written = async (folder: string) =>
  (await readSafetensors(path.join(folder, "out.safetensors"))).tensors;
function near(found: Tensor | undefined, shape: readonly number[], values: Float32Array) {
  expect(found?.shape).toEqual(shape);
  for (const [k, value] of toFloat32(found!).entries())
    expect(Math.abs(value - values[k]!)).toBeLessThan(1e-5);
}

describe("outputs of any shape", () => {
  it("an image is computed and written in its shape", async () => {
    const folder = place({ "m.onnx": model(MAP), "x.safetensors": { x: examples } });
    const { exitCode, stderr } = await run(folder, "--out", "out.safetensors");
    expect(stderr).toBe("");
    expect(exitCode).toBe(0);
    near((await written(folder)).get("logits"), [count, 3, 2, 2], map);
  });

  it("several are each under their name, or the one that is asked for", async () => {
    const folder = place({ "m.onnx": model({ ...MAP, ...CLASSES }), "x.safetensors": { x: examples } });
    expect((await run(folder, "--out", "out.safetensors")).exitCode).toBe(0);
    const tensors = await written(folder);
    expect([...tensors.keys()].sort()).toEqual(["classes", "map"]);
    near(tensors.get("map"), [count, 3, 2, 2], map);
    near(tensors.get("classes"), [count, 2], classes);
    expect((await run(folder, "--out", "out.safetensors", "--force", "--output", "classes")).exitCode).toBe(
      0,
    );
    near((await written(folder)).get("logits"), [count, 2], classes);
    const wrong = await run(folder, "--output", "none");
    expect([wrong.exitCode, wrong.stderr]).toEqual([
      1,
      expect.stringMatching(/got the output "none", expected one of map, classes/),
    ]);
  });

  it("an image of a masked network whose layers stand in another order in the file than along its paths", async () => {
    const branches = onnxFile({
      nodes: [
        { op: "Conv", in: ["x", "late"], out: ["second"] },
        { op: "Conv", in: ["x", "w"], out: ["first"] },
        { op: "Add", in: ["first", "second"], out: ["y"] },
      ],
      inputs: { x: ["n", 2, 2, 2] },
      outputs: { y: ["n", 3, 2, 2] },
      tensors: {
        late: { dims: [3, 2, 1, 1], values: [9, 9, 9, 9, 9, 9] },
        w: { dims: [3, 2, 1, 1], values: conv },
      },
    });
    const bytes = (kept: number): Tensor => ({
      dtype: "BOOL",
      shape: [3, 2, 1, 1],
      data: new Uint8Array(6).fill(kept),
    });
    const folder = place({
      "m.onnx": branches,
      "x.safetensors": { x: examples },
      "masks.safetensors": { late_mask: bytes(0), w_mask: bytes(1) },
    });
    const { exitCode } = await run(folder, "--masks", "masks.safetensors", "--out", "out.safetensors");
    expect(exitCode).toBe(0);
    near((await written(folder)).get("logits"), [count, 3, 2, 2], map);
  });

  const tails: [string, FileNode[], (number | string)[], Record<string, FileTensor>][] = [
    ["Reshape", [{ op: "Reshape", in: ["map", "s"], out: ["y"] }], [3, 4], { s: whole64([-1, 3, 4]) }],
    ["Reshape to a list", [{ op: "Reshape", in: ["map", "s"], out: ["y"] }], [12], { s: whole64([0, -1]) }],
    ["Flatten", [{ op: "Flatten", in: ["map"], out: ["y"] }], [12], {}],
    ["Unsqueeze", [{ op: "Unsqueeze", in: ["map", "s"], out: ["y"] }], [3, 1, 2, 2], { s: whole64([2]) }],
    [
      "two of them",
      [
        { op: "Flatten", in: ["map"], out: ["f"] },
        { op: "Reshape", in: ["f", "s"], out: ["y"] },
      ],
      [2, 6],
      { s: whole64([0, 2, 6]) },
    ],
    [
      "an activation between",
      [
        { op: "Reshape", in: ["map", "s"], out: ["f"] },
        { op: "Neg", in: ["f"], out: ["g"] },
        { op: "Neg", in: ["g"], out: ["y"] },
      ],
      [3, 4],
      { s: whole64([0, 3, 4]) },
    ],
  ];
  it.each(tails)(
    "behind reshapes alone is written in the file's own shape: %s",
    async (_, tail, dims, tensors) => {
      const bytes = onnxFile({
        nodes: [nodes[0]!, ...tail],
        inputs: { x: ["n", 2, 2, 2] },
        outputs: { y: ["n", ...dims], ...MAP },
        tensors: { w: { dims: [3, 2, 1, 1], values: conv }, ...tensors },
      });
      const folder = place({ "m.onnx": bytes, "x.safetensors": { x: examples } });
      expect((await run(folder, "--out", "out.safetensors")).stderr).toBe("");
      near((await written(folder)).get("y"), [count, ...dims.map(Number)], map);
      near((await written(folder)).get("map"), [count, 3, 2, 2], map);
      expect((await run(folder, "--out", "out.safetensors", "--force", "--output", "y")).exitCode).toBe(0);
      near((await written(folder)).get("logits"), [count, ...dims.map(Number)], map);
      if (!pythonHas("onnxruntime", "numpy")) return;
      expect((await run(folder, "--compare", "onnxruntime", "--tolerance", "1e-5")).exitCode).toBe(0);
    },
  );

  it("squeezed to one number an example is a list of numbers", async () => {
    const bytes = onnxFile({
      nodes: [
        { op: "Conv", in: ["x", "w"], out: ["c"] },
        { op: "GlobalAveragePool", in: ["c"], out: ["g"] },
        { op: "Squeeze", in: ["g", "s"], out: ["y"] },
      ],
      inputs: { x: ["n", 2, 2, 2] },
      outputs: { y: ["n"] },
      tensors: { w: { dims: [1, 2, 1, 1], values: [1, 2] }, s: whole64([1, 2, 3]) },
    });
    const folder = place({ "m.onnx": bytes, "x.safetensors": { x: examples } });
    expect((await run(folder, "--out", "out.safetensors")).stderr).toBe("");
    const mean = Float32Array.from({ length: count }, (_, n) => {
      const of = (c: number) => x.subarray(8 * n + 4 * c, 8 * n + 4 * c + 4).reduce((a, b) => a + b, 0) / 4;
      return of(0) + 2 * of(1);
    });
    near((await written(folder)).get("logits"), [count], mean);
  });

  it("whose axes are exchanged at the end is given in the file's order", async () => {
    const bytes = onnxFile({
      nodes: [nodes[0]!, { op: "Transpose", in: ["map"], out: ["y"], attributes: { perm: [0, 2, 3, 1] } }],
      inputs: { x: ["n", 2, 2, 2] },
      outputs: { y: ["n", 2, 2, 3] },
      tensors: { w: { dims: [3, 2, 1, 1], values: conv } },
    });
    const folder = place({ "m.onnx": bytes, "x.safetensors": { x: examples } });
    expect((await run(folder, "--out", "out.safetensors")).stderr).toBe("");
    const turned = map.map((_, k) => map[12 * Math.floor(k / 12) + 4 * (k % 3) + (Math.floor(k / 3) % 4)]!);
    near((await written(folder)).get("logits"), [count, 2, 2, 3], turned);
  });

  it("200,000 classes are no more than many", async () => {
    const folder = place({
      "m.onnx": onnxFile({
        nodes: [{ op: "Gemm", in: ["x", "w"], out: ["y"], attributes: { transB: 1 } }],
        inputs: { x: ["n", 1] },
        tensors: {
          w: { dims: [200_000, 1], values: Float32Array.from({ length: 200_000 }, (_, k) => k / 2e5) },
        },
      }),
      "x.safetensors": { x: float32Tensor([2, 1], Float32Array.of(1, -1)), y: whole("I64", [199_999, 0]) },
    });
    const { exitCode, stdout } = await run(folder);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/accuracy: 100/);
  });

  it.each(
    ["conv_head_predict/conv_head", "fcn_predict/fcn"].map((name) => [
      name,
      sharedFile("cases", `${name}.onnx`),
    ]),
  )(
    "of an exported model are onnxruntime's (where shared/cases and onnxruntime are): %s",
    async (_, file) => {
      if (file === undefined || !pythonHas("onnxruntime", "numpy")) return;
      const args = ["predict", file, "--batch", sharedFile("cases", "x24.safetensors")!];
      expect((await phew([...args, "--compare", "onnxruntime", "--tolerance", "1e-5"])).exitCode).toBe(0);
    },
  );
});

describe("batches of other types are converted with a word", () => {
  const typed: [string, Tensor, RegExp][] = [
    [
      "F64",
      { dtype: "F64", shape: examples.shape, data: new Uint8Array(Float64Array.from(x).buffer) },
      /from F64 to float32/,
    ],
    [
      "BF16",
      {
        dtype: "BF16",
        shape: examples.shape,
        data: new Uint8Array(Uint16Array.from(new Uint32Array(x.buffer), (bits) => bits >>> 16).buffer),
      },
      /from BF16 to float32/,
    ],
  ];
  it.each(typed)("%s", async (dtype, tensor, note) => {
    const folder = place({ "m.onnx": model(MAP), "x.safetensors": { x: tensor } });
    const { exitCode, stdout } = await run(folder, "--out", "out.safetensors");
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(note);
    const found = toFloat32((await written(folder)).get("logits")!);
    for (const [k, value] of found.entries())
      expect(Math.abs(value - map[k]!)).toBeLessThan(dtype === "BF16" ? 0.05 : 1e-5);
  });

  it("bytes are refused until it is said what they are multiplied by", async () => {
    const bytes: Tensor = {
      dtype: "U8",
      shape: examples.shape,
      data: Uint8Array.from(x, (v) => Math.round(v * 51)),
    };
    const folder = place({
      "m.onnx": model(MAP),
      "x.safetensors": { x: bytes, y: whole("U8", [0, 1, 0, 1, 0, 1]) },
    });
    const refused = await run(folder, "--out", "out.safetensors");
    expect([refused.exitCode, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/whole numbers \(U8\).*--scale 1\/255/),
    ]);
    const { exitCode, stdout } = await run(folder, "--out", "out.safetensors", "--scale", "1/51");
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/from U8 to float32.*\n.*multiplied by 0\.0196/);
    near((await written(folder)).get("logits"), [count, 3, 2, 2], map);
    expect((await run(folder, "--scale", "0")).stderr).toMatch(/--scale: got "0"/);
  });

  it.each(["I32", "U8"] as const)("labels in %s", async (dtype) => {
    const y = Array.from({ length: count }, (_, n) => (classes[2 * n]! > classes[2 * n + 1]! ? 0 : 1));
    const folder = place({ "m.onnx": model(CLASSES), "x.safetensors": { x: examples, y: whole(dtype, y) } });
    const { stdout } = await run(folder);
    expect(stdout).toMatch(new RegExp(`y was converted from ${dtype} to int64`));
    expect(stdout).toMatch(/accuracy: 100/);
  });
});

describe("--compare", () => {
  const changed = classes.slice();
  changed[7]! += 0.25;
  const folderWith = (named: Named) =>
    place({ "m.onnx": model(CLASSES), "x.safetensors": { x: examples }, "e.safetensors": named });

  it.each(["classes", "logits", "out", "y"])("takes the outputs under the name %s", async (name) => {
    const folder = folderWith({ x: examples, [name]: classesTensor });
    expect(await run(folder, "--compare", "e.safetensors", "--tolerance", "1e-5")).toMatchObject({
      exitCode: 0,
      stderr: "",
    });
  });

  it("says how much and where they differ, and fails beyond the tolerance", async () => {
    const folder = folderWith({ logits: float32Tensor([count, 2], changed) });
    const { exitCode, stdout } = await run(folder, "--compare", "e.safetensors");
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/greatest difference from e\.safetensors: 0\.25.*example 3, \[1\]/);
    const strict = await run(folder, "--compare", "e.safetensors", "--tolerance", "0.01");
    expect(strict.exitCode).toBe(1);
    expect(strict.stderr).toMatch(/^phew: the output "classes" differs by/);
    const [document] = [JSON.parse((await run(folder, "--compare", "e.safetensors", "--json")).stdout)];
    expect(document.outputs[0].difference).toMatchObject({ at: [3, 1] });
    expect(document.outputs[0].difference.absolute).toBeCloseTo(0.25, 5);
  });

  it("takes a number that is none for the greatest difference", async () => {
    const broken = classes.slice();
    broken[0] = Number.NaN;
    const folder = folderWith({ logits: float32Tensor([count, 2], broken) });
    expect((await run(folder, "--compare", "e.safetensors", "--tolerance", "1e9")).exitCode).toBe(1);
  });

  it("never takes labels or other shapes for outputs", async () => {
    const folder = folderWith({
      y: whole("I64", [0, 1, 0, 1, 0, 1]),
      logits: float32Tensor([count, 3], new Float32Array(18)),
    });
    const { exitCode, stderr } = await run(folder, "--compare", "e.safetensors");
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/got y I64 \[6\], logits F32 \[6, 3\]|got logits F32 \[6, 3\], y I64 \[6\]/);
  });

  it("is refused with what has no meaning", async () => {
    const folder = folderWith({ logits: classesTensor });
    expect(await run(folder, "--tolerance", "0.1")).toMatchObject({ exitCode: 2 });
    expect(
      await phew(["predict", "lenet5", "--batch", "x.safetensors", "--compare", "onnxruntime"], folder),
    ).toMatchObject({ exitCode: 2 });
  });

  it.skipIf(!pythonHas("onnxruntime", "numpy"))(
    "runs onnxruntime (where python3 has it): several outputs, a fixed batch, masks",
    async () => {
      const folder = place({
        "m.onnx": model({ map: [4, 3, 2, 2], classes: [4, 2] }, 4),
        "x.safetensors": { x: examples },
      });
      const both = await run(folder, "--compare", "onnxruntime", "--tolerance", "1e-5");
      expect(both).toMatchObject({ exitCode: 0, stderr: "" });
      expect(both.stdout).toMatch(/of map from onnxruntime.*\n.*of classes from onnxruntime/);
      writeFileSync(path.join(folder, "m.onnx"), model(CLASSES));
      expect(
        (
          await phew(
            ["prune", "m.onnx", "--method", "magnitude", "--density", "0.5", "--out", "k.safetensors"],
            folder,
          )
        ).exitCode,
      ).toBe(0);
      const masked = await run(
        folder,
        "--masks",
        "k.safetensors",
        "--compare",
        "onnxruntime",
        "--tolerance",
        "1e-5",
      );
      expect(masked).toMatchObject({ exitCode: 0 });
      writeFileSync(
        path.join(folder, "e.safetensors"),
        Buffer.concat(safetensorsChunks(new Map([["out", classesTensor]]))),
      );
      expect(
        (await run(folder, "--masks", "k.safetensors", "--compare", "e.safetensors", "--tolerance", "1e-5"))
          .exitCode,
      ).toBe(1);
    },
  );
});

describe("a softmax at the end, which is left out here", () => {
  const images = [
    ...nodes.slice(0, 1),
    { op: "Softmax", in: ["map"], out: ["shares"], attributes: { axis: 1 } },
  ];
  const ends: Record<
    string,
    { file: Uint8Array; shape: number[]; logits: Float32Array; expected: Float32Array }
  > = Object.fromEntries(
    (["Softmax", "LogSoftmax"] as const).map((op) => [
      op,
      {
        file: softmaxModel([...nodes, { op, in: ["classes"], out: ["p"], attributes: { axis: 1 } }], {
          p: ["n", 2],
        }),
        shape: [count, 2],
        logits: classes,
        expected: shares(classes, 2, 1, op === "LogSoftmax"),
      },
    ]),
  );
  ends.images = {
    file: softmaxModel(images, { shares: ["n", 3, 2, 2] }),
    shape: [count, 3, 2, 2],
    logits: map,
    expected: shares(map, 3, 4, false),
  };

  it.each(Object.keys(ends))(
    "%s: is applied before outputs are compared with a file of them",
    async (name) => {
      const { file, shape, logits, expected } = ends[name]!;
      const folder = place({
        "m.onnx": file,
        "x.safetensors": { x: examples },
        "past.safetensors": { y: float32Tensor(shape, expected) },
        "before.safetensors": { y: float32Tensor(shape, logits) },
      });
      const compared = await run(folder, "--compare", "past.safetensors", "--tolerance", "1e-5");
      expect(compared.stderr).toBe("");
      expect(compared.exitCode).toBe(0);
      const kind = name === "LogSoftmax" ? "LogSoftmax" : "Softmax";
      expect(compared.stdout).toContain(`from past.safetensors after the ${kind} that is left out here: `);
      const json = JSON.parse((await run(folder, "--compare", "past.safetensors", "--json")).stdout);
      expect(json.outputs[0].difference.after).toBe(kind);
      // what predict --out wrote are logits, and so they are compared
      const before = await run(folder, "--compare", "before.safetensors", "--tolerance", "1e-5");
      expect(before.exitCode).toBe(0);
      expect(before.stdout).not.toContain("after the");
    },
  );

  it.skipIf(!pythonHas("onnxruntime", "numpy"))(
    "several outputs, one of them past it, are onnxruntime's, and what is written is said to be logits (where onnxruntime is)",
    async () => {
      for (const opset of [11, 17]) {
        // of an image before opset 13 all axes behind the given one go together
        for (const axis of [1, 2]) {
          const past = { op: "Softmax", in: ["map"], out: ["shares"], attributes: { axis } };
          const folder = place({
            "m.onnx": softmaxModel([...nodes, past], { ...CLASSES, shares: ["n", 3, 2, 2] }, opset),
            "x.safetensors": { x: examples },
          });
          const args = ["--compare", "onnxruntime", "--tolerance", "1e-5", "--out", "out.safetensors"];
          const { exitCode, stdout } = await run(folder, ...args);
          expect(exitCode).toBe(0);
          expect(stdout).toMatch(/of classes from onnxruntime: /);
          expect(stdout).toMatch(/of shares from onnxruntime after the Softmax that is left out here: /);
          expect(stdout).toMatch(/^note: What out\.safetensors holds of "shares" are logits/m);
          expect(stdout).not.toMatch(/holds of "classes"/);
        }
      }
    },
  );

  it("over the examples of a batch is refused", async () => {
    const past = { op: "Softmax", in: ["classes"], out: ["p"], attributes: { axis: 0 } };
    const folder = place({
      "m.onnx": softmaxModel([...nodes, past], { p: ["n", 2] }),
      "x.safetensors": { x: examples },
    });
    const { exitCode, stderr } = await run(folder);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/its axis 0 is none of an example's/);
  });
});

function softmaxModel(given: File["nodes"], outputs: NonNullable<File["outputs"]>, opset = 17) {
  return onnxFile({
    nodes: given,
    inputs: { x: ["n", 2, 2, 2] },
    outputs,
    opset,
    tensors: { w: { dims: [3, 2, 1, 1], values: conv }, v: { dims: [2, 3], values: dense } },
  });
}

/** exp(v) over the sum of them, or the logarithm of it, of `length` values `stride` apart. */
function shares(values: Float32Array, length: number, stride: number, isLog: boolean): Float32Array {
  return values.map((value, k) => {
    const first = Math.floor(k / (length * stride)) * length * stride + (k % stride);
    let sum = 0;
    for (let c = 0; c < length; c++) sum += Math.exp(values[first + c * stride]!);
    return isLog ? value - Math.log(sum) : Math.exp(value) / sum;
  });
}

describe("labels that are not used", () => {
  it.each([
    ["several outputs", { ...MAP, ...CLASSES }],
    ["an output that is no classes", MAP],
  ])("are named in a note: %s", async (_, outputs) => {
    const y = whole("I64", [0, 1, 0, 1, 0, 1]);
    const folder = place({ "m.onnx": model(outputs), "x.safetensors": { x: examples, y } });
    const { exitCode, stdout } = await run(folder);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^note: y of the batch is not used: accuracy is computed of a single output/m);
    expect(stdout).not.toMatch(/accuracy: /);
  });

  it("not where there is an accuracy, or no labels", async () => {
    const y = whole("I64", [0, 1, 0, 1, 0, 1]);
    const folder = place({ "m.onnx": model(CLASSES), "x.safetensors": { x: examples, y } });
    expect((await run(folder)).stdout).not.toMatch(/y of the batch/);
    const without = place({ "m.onnx": model(MAP), "x.safetensors": { x: examples } });
    expect((await run(without)).stdout).not.toMatch(/y of the batch/);
  });
});
