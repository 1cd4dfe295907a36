/** Weights of ONNX files whose graphs need not be known: which tensors they are, their names, and zeros in the file. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Masks } from "@phew/core";
import { describe, expect, it, onTestFinished } from "vitest";
import { looseOnnx, readLooseOnnx, writeLooseOnnx } from "../src/onnx/looseOnnx.ts";
import { readParts } from "../src/onnx/parts.ts";
import { memorySource } from "../src/onnx/source.ts";
import { type File, onnxFile } from "./onnxFile.ts";

const rising = (count: number, first = 1) => Float32Array.from({ length: count }, (_, k) => first + k);

const read = (file: File, embeddings = false) => {
  const bytes = onnxFile({ producer: "pytorch", ...file });
  return looseOnnx(readParts(memorySource(bytes, "model")), undefined, { name: "model", embeddings });
};
const shapesOf = ({ network }: ReturnType<typeof read>) =>
  Object.fromEntries(network.prunable.map(({ name, shape }) => [name, [...shape]]));

/** One recurrent layer of two directions, named as PyTorch's exporter names what it made of the parameters. */
function recurrent(op: string, gates: number, hidden: number, inputs: number): File {
  const rows = gates * hidden;
  return {
    nodes: [{ op, name: `/rnn/${op}`, in: ["x", "onnx::R_1", "onnx::R_2", "onnx::R_3"], out: ["y"] }],
    tensors: {
      "onnx::R_1": { dims: [2, rows, inputs], values: rising(2 * rows * inputs) },
      "onnx::R_2": { dims: [2, rows, hidden], values: rising(2 * rows * hidden) },
      "onnx::R_3": { dims: [2, 2 * rows], values: rising(4 * rows) },
    },
    inputs: { x: [4, 1, inputs] },
    outputs: { y: [4, 2, 1, hidden] },
  };
}

describe("recurrent layers", () => {
  // where PyTorch's gates stand in ONNX: i, f, g, o among i, o, f, c; r, z, n among z, r, h
  it.each([
    ["LSTM", "ifgo", "iofg"],
    ["GRU", "rzn", "zrn"],
    ["RNN", "i", "i"],
  ])("%s: a weight for each direction, gates in PyTorch's order", (op, ours, theirs) => {
    const [hidden, inputs] = [3, 2];
    const found = read(recurrent(op, ours.length, hidden, inputs));
    const rows = ours.length * hidden;
    expect(shapesOf(found)).toEqual({
      "rnn.weight_ih_l0": [rows, inputs],
      "rnn.weight_ih_l0_reverse": [rows, inputs],
      "rnn.weight_hh_l0": [rows, hidden],
      "rnn.weight_hh_l0_reverse": [rows, hidden],
    });
    for (const [direction, name] of ["rnn.weight_ih_l0", "rnn.weight_ih_l0_reverse"].entries()) {
      const expected: number[] = [];
      for (const gate of ours)
        for (let unit = 0; unit < hidden; unit++)
          for (let input = 0; input < inputs; input++) {
            const row = theirs.indexOf(gate) * hidden + unit;
            expected.push(1 + (direction * rows + row) * inputs + input);
          }
      expect([...found.weights.get(name)!], name).toEqual(expected);
    }
  });
});

const DENSE: File = {
  nodes: [
    { op: "MatMul", name: "/fc/MatMul", in: ["x", "onnx::MatMul_7"], out: ["a"] },
    { op: "Add", name: "/fc/Add", in: ["fc.bias", "a"], out: ["b"] },
    { op: "Softmax", in: ["b"], out: ["s"] },
    { op: "MatMul", in: ["s", "b"], out: ["m"] },
    { op: "Transpose", in: ["head.weight"], out: ["t"], attributes: { perm: [1, 0] } },
    { op: "Cast", in: ["t"], out: ["u"], attributes: { to: 1 } },
    { op: "MatMul", in: ["m", "u"], out: ["y"] },
  ],
  tensors: {
    "onnx::MatMul_7": { dims: [2, 3], values: rising(6) },
    "fc.bias": { dims: [3], values: rising(3) },
    "head.weight": { dims: [4, 3], values: rising(12, 10) },
    scale: { dims: [1, 3], values: rising(3) },
  },
  inputs: { x: [3, 2] },
  outputs: { y: [3, 4] },
};

it("dense layers: turned weights have the module's name and shape, others their own; products of values have none", () => {
  const found = read(DENSE);
  expect(shapesOf(found)).toEqual({ "fc.weight": [3, 2], "head.weight": [4, 3] });
  expect([...found.weights.get("fc.weight")!]).toEqual([1, 4, 2, 5, 3, 6]);
  // of a program that turns nothing the tensor stands as it is
  const foreign = read({ ...DENSE, producer: "tf2onnx" });
  expect(shapesOf(foreign)).toEqual({ "onnx::MatMul_7": [2, 3], "head.weight": [4, 3] });
});

it("tables of embeddings are left, and heads that are tied to them, unless they are asked for", () => {
  const table = rising(8);
  const turned = Float32Array.from({ length: 8 }, (_, k) => table[(k % 4) * 2 + Math.floor(k / 4)]!);
  const file: File = {
    nodes: [
      { op: "Gather", in: ["wte.weight", "ids"], out: ["e"] },
      { op: "MatMul", in: ["e", "fc.weight"], out: ["h"] },
      { op: "MatMul", in: ["h", "val_9"], out: ["y"] },
    ],
    tensors: {
      "wte.weight": { dims: [4, 2], values: table },
      "fc.weight": { dims: [2, 2], values: rising(4) },
      val_9: { dims: [2, 4], values: turned },
    },
    inputs: { ids: [1, 5] },
    outputs: { y: [1, 5, 4] },
  };
  expect(shapesOf(read(file))).toEqual({ "fc.weight": [2, 2] });
  expect(read(file).notes.join()).toMatch(/wte\.weight.*--prune-embeddings/);
  expect(shapesOf(read(file, true))).toEqual({ "fc.weight": [2, 2], "wte.weight": [4, 2] });
});

describe("what is refused", () => {
  it("quantised weights, and graphs without any", () => {
    const quantised: File = {
      nodes: [
        { op: "DequantizeLinear", in: ["q", "s"], out: ["w"] },
        { op: "MatMul", in: ["x", "w"], out: ["y"] },
      ],
      tensors: { q: { dims: [2, 2], values: [1, 2, 3, 4], type: "uint8" }, s: { dims: [], values: [1] } },
    };
    expect(() => read(quantised)).toThrow(/DequantizeLinear.*Export before quantising/);
    expect(() => read({ nodes: [{ op: "Relu", in: ["x"], out: ["y"] }] })).toThrow(/no weight of two axes/);
  });

  it("constants that are put together without end; long chains that move one are none", () => {
    const chain = (op: string, count: number) => ({
      nodes: Array.from({ length: count }, (_, k) => [
        { op, in: [k === 0 ? "w" : `v${k - 1}`, "w"], out: [`v${k}`] },
        { op: "MatMul", in: ["x", `v${k}`], out: [`y${k}`] },
      ]).flat(),
      tensors: { w: { dims: [2, 2], values: [1, 2, 3, 4] } },
    });
    expect(() => read(chain("Concat", 700))).toThrow(/puts its constants together in more than/);
    expect(shapesOf(read(chain("Identity", 20_000)))).toEqual({ w: [2, 2] });
    expect(
      shapesOf(
        read({
          ...chain("Identity", 1),
          nodes: [
            { op: "Identity", in: ["b"], out: ["a"] },
            { op: "Identity", in: ["a"], out: ["b"] },
            { op: "MatMul", in: ["x", "b"], out: ["y"] },
            { op: "MatMul", in: ["y", "w"], out: ["z"] },
          ],
        }),
      ),
    ).toEqual({ w: [2, 2] });
  });
});

it("zeros stand in the file where the masks have them, and every other byte is its own", async () => {
  const folder = path.join(tmpdir(), `phew-loose-${process.pid}`);
  const [file, zeroed] = [`${folder}.onnx`, `${folder}-zeroed.onnx`];
  onTestFinished(() => {
    for (const each of [file, zeroed]) rmSync(each, { force: true });
  });
  const bytes = onnxFile({ ...recurrent("LSTM", 4, 2, 3), producer: "pytorch" });
  writeFileSync(file, bytes);
  const model = await readLooseOnnx(file);
  const masks = Masks.dense(model.network);
  // the second gate of PyTorch, which is ONNX's third
  const first = model.network.prunable[0]!;
  masks.of(first).fill(0, 2 * 3, 4 * 3);
  await writeLooseOnnx(zeroed, model, masks, { force: true });
  const written = readFileSync(zeroed);
  expect(written.length).toBe(bytes.length);
  const changed = [...bytes.keys()].filter((k) => written[k] !== bytes[k]);
  expect(changed.every((k) => written[k] === 0)).toBe(true);
  const again = await readLooseOnnx(zeroed);
  for (const { name } of model.network.prunable) {
    const own = model.weights.get(name)!;
    const expected = own.map((value, k) => (masks.get(name)![k] === 1 ? value : 0));
    expect(again.weights.get(name), name).toEqual(expected);
  }
});
