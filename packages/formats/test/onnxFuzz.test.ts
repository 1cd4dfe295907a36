import { existsSync, readdirSync, readFileSync } from "node:fs";
import { ArgumentError, maskedWeights } from "@phew/core";
import { describe, expect, it } from "vitest";
import { caseCount } from "../../../vitest.long.ts";
import { exportOnnx, ONNX_FORMS } from "../src/onnx/exportOnnx.ts";
import { importOnnx } from "../src/onnx/importOnnx.ts";
import { looseOnnx } from "../src/onnx/looseOnnx.ts";
import { readParts } from "../src/onnx/parts.ts";
import { memorySource } from "../src/onnx/source.ts";
import { fuzz, uniform } from "./fuzz.ts";
import { masksFor } from "./masks.ts";
import { onnxCases } from "./onnxCases.ts";
import { type File, type FileNode, onnxFile, type Tensor } from "./onnxFile.ts";
import { batchFor, distance, predict } from "./onnxRun.ts";

const FIXTURES = new URL("./fixtures/onnx/", import.meta.url).pathname;
const small = onnxCases.map(({ file }) => onnxFile(file));
const exported = ["vgg-script9.onnx", "vgg-raw18.onnx", "unet-dynamo22.onnx", "vgg-dynamo18.onnx"].map(
  (name) => new Uint8Array(readFileSync(FIXTURES + name)),
);
const GOLDEN = new URL("../../../../shared/golden/nets/", import.meta.url).pathname;
// half of the damaged files are read with everything unknown taken as opaque, and a shape given
const read = (bytes: Uint8Array) =>
  bytes.length % 2 === 0
    ? importOnnx(bytes)
    : importOnnx(bytes, { treatAsOpaque: true, externalData: (_l, _o, length) => new Uint8Array(length) });

/** Changes what a file says rather than how: names, edges, lengths, types. */
function mutateFile(file: File, next: () => number): File {
  const below = (n: number) => Math.floor(next() * n);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const names = [
    "",
    ...Object.keys(file.tensors ?? {}),
    ...Object.keys(file.inputs ?? { x: [] }),
    ...file.nodes.flatMap(({ out }) => out),
  ];
  const huge = () => pick([0, -1, 1, 2, 3, 7, 2 ** 16, 2 ** 20 + 7, 2 ** 31, 2 ** 40, 2 ** 52, -(2 ** 31)]);
  const nodes: FileNode[] = file.nodes.map((node) => ({ ...node }));
  const tensors: Record<string, Tensor> = { ...file.tensors };
  let { inputs = { x: ["n", 3, 8, 8] }, opset } = file;
  for (let round = 1 + below(3); round > 0; round--) {
    const at = below(nodes.length);
    const node = nodes[at]!;
    switch (below(9)) {
      case 0: // an edge from anywhere: cycles, missing and extra inputs
        nodes[at] = { ...node, in: node.in.map((name) => (next() < 0.5 ? pick(names) : name)) };
        break;
      case 1: // a name twice
        nodes[at] = { ...node, out: [pick(names)] };
        break;
      case 2:
        nodes[at] = { ...node, op: pick(file.nodes).op };
        break;
      case 3: {
        const attributes: Record<string, NonNullable<FileNode["attributes"]>[string]> = {
          ...node.attributes,
        };
        const key = pick([
          ...Object.keys(attributes),
          "axis",
          "axes",
          "pads",
          "perm",
          "strides",
          "kernel_shape",
          "group",
        ]);
        attributes[key] = pick([
          huge(),
          [huge(), huge()],
          [huge(), huge(), huge(), huge()],
          "SAME_UPPER",
          { float: huge() },
        ]);
        nodes[at] = { ...node, attributes };
        break;
      }
      case 4: {
        const entries = Object.entries(tensors);
        if (entries.length === 0) break;
        const [name, tensor] = pick(entries);
        const dims = tensor.dims.map((length) => (next() < 0.5 ? huge() : length));
        tensors[name] =
          next() < 0.5 ? { ...tensor, dims } : { ...tensor, dims: pick([dims, [], [...tensor.dims, 1]]) };
        break;
      }
      case 5: {
        const integers = Object.entries(tensors).filter(([, { type }]) => type === "int64");
        if (integers.length === 0) break;
        const [name, tensor] = pick(integers);
        tensors[name] = { ...tensor, values: Array.from(tensor.values, (v) => (next() < 0.5 ? huge() : v)) };
        break;
      }
      case 6:
        inputs = { x: pick([["n", 3, huge(), huge()], ["n", huge()], [huge(), 3, 8, 8], [huge()], []]) };
        break;
      case 7:
        opset = pick([9, 11, 13, 18, 22, huge()]);
        break;
      case 8:
        nodes.splice(at, 1, ...(next() < 0.5 ? [] : [node, { ...node }]));
        if (nodes.length === 0) nodes.push(node);
    }
  }
  return { ...file, nodes, tensors, inputs, ...(opset === undefined ? {} : { opset }) };
}

const mutants = caseCount(4_000, 100_000);

describe("damaged ONNX files end in errors that say what is wrong", () => {
  it("with flipped bits, cuts, repeats and huge lengths", async () => {
    const { refusedCount, acceptedCount, largestAllocation } = await fuzz(small, mutants, 1, read);
    expect(refusedCount).toBeGreaterThan(mutants / 4);
    expect(acceptedCount).toBeGreaterThan(mutants / 40);
    // no array is larger than a few times the file: 65,536 numbers at most are ever computed
    expect(largestAllocation).toBeLessThan(2 ** 21);
  });

  it("of what exporters write", async () => {
    const count = caseCount(500, 100_000);
    const { refusedCount, largestAllocation } = await fuzz(exported, count, 2, read);
    expect(refusedCount).toBeGreaterThan(count / 4);
    expect(largestAllocation).toBeLessThan(2 ** 21);
  });

  it.skipIf(!existsSync(GOLDEN))("of gates, attention, U-Nets and others of these families", async () => {
    const golden = readdirSync(GOLDEN).map(
      (name) => new Uint8Array(readFileSync(`${GOLDEN}${name}/model.onnx`)),
    );
    const count = caseCount(150, 20_000);
    const { refusedCount, largestAllocation } = await fuzz(golden, count, 5, read);
    expect(refusedCount).toBeGreaterThan(count / 5);
    expect(largestAllocation).toBeLessThan(2 ** 24);
  });

  it("also where their weights alone are read", async () => {
    const loose = (bytes: Uint8Array) =>
      looseOnnx(readParts(memorySource(bytes, "model")), (_l, _o, length) => new Uint8Array(length), {
        name: "model",
        embeddings: bytes.length % 2 === 0,
      });
    const count = caseCount(1_000, 100_000);
    const { refusedCount, acceptedCount, largestAllocation } = await fuzz(small, count, 4, loose);
    expect(refusedCount).toBeGreaterThan(count / 5);
    expect(acceptedCount).toBeGreaterThan(count / 10);
    expect(largestAllocation).toBeLessThan(2 ** 21);
  });

  it("that are well-formed and wrong: cycles, names twice, lengths and types", async () => {
    const files = onnxCases.map(({ file }) => file);
    let k = 0;
    // the mutation is of the structure; the bytes given are left aside
    const report = await fuzz([new Uint8Array(1)], mutants, 3, () => {
      const next = uniform(1000 + k);
      return read(onnxFile(mutateFile(files[k++ % files.length]!, next)));
    });
    expect(report.refusedCount).toBeGreaterThan(0.3 * mutants);
    expect(report.acceptedCount).toBeGreaterThan(mutants / 20);
    expect(report.largestAllocation).toBeLessThan(2 ** 21);
  });
});

/** @returns undefined where it was refused with a reason; other errors go on */
function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof ArgumentError) return undefined;
    throw error;
  }
}

describe("damaged files that are read", () => {
  it("are written in every form and read again, with the masked network's output, or refused with a reason", () => {
    const files = onnxCases.map(({ file }) => file);
    let writtenCount = 0;
    for (let k = 0; k < caseCount(400, 20_000); k++) {
      const options = { treatAsOpaque: k % 2 === 0 };
      const bytes = onnxFile(mutateFile(files[k % files.length]!, uniform(5000 + k)));
      const model = attempt(() => importOnnx(bytes, options));
      const isSmall = model?.network.nodes.every(({ shape }) => shape.reduce((a, b) => a * b, 1) <= 2000);
      if (model === undefined || !isSmall) continue;
      const masks = masksFor(model.network, k, 0.5);
      for (const form of ONNX_FORMS) {
        const written = attempt(() => exportOnnx(model, masks, form));
        if (written === undefined) continue;
        const again = importOnnx(new Uint8Array(Buffer.concat([...written.model])), options);
        writtenCount++;
        if (model.network.nodes.some(({ op }) => op.kind === "opaque")) continue;
        const x = batchFor(model.network, 1);
        const expected = predict(model.network, maskedWeights(model.weights, masks), x, 1);
        if (!expected.every(Number.isFinite)) continue;
        const allowed = 1e-4 * expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
        expect(distance(predict(again.network, again.weights, x, 1), expected), `${k} ${form}`).toBeLessThan(
          allowed,
        );
      }
    }
    expect(writtenCount).toBeGreaterThan(100);
  });
});
