import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { compactNetwork, Masks, maskedWeights, type Weights } from "@phew/core";
import { beforeAll, describe, expect, it } from "vitest";
import {
  exportModel,
  exportOnnx,
  type ImportedOnnx,
  importOnnx,
  type OnnxForm,
  type OnnxOutput,
  readOnnx,
  writeOnnx,
} from "../src/index.ts";
import { masksFor } from "./masks.ts";
import { onnxCases, writtenCases } from "./onnxCases.ts";
import { onnxFile, type Tensor, tensor, values } from "./onnxFile.ts";
import { batchFor, distance, hasRuntime, predict, type RuntimeCase, runOnnx } from "./onnxRun.ts";
import { scratchFolder } from "./scratch.ts";

const scratch = scratchFolder();
const GOLDEN = new URL("../../../../shared/golden/", import.meta.url).pathname;
const FIXTURES = new URL("./fixtures/onnx/", import.meta.url).pathname;
const FORMS: readonly OnnxForm[] = ["zeroed", "compact", "original+masks"];

async function bytesOf(model: ImportedOnnx, masks: Masks, form: OnnxForm): Promise<Uint8Array> {
  const { model: chunks, data } = await exportOnnx(model, masks, form);
  expect(data).toBeUndefined();
  return new Uint8Array(Buffer.concat([...chunks]));
}

/** The same names and numbers; what a factor made of 0 may be −0. */
function expectWeights(given: Weights, wanted: Weights): void {
  expect([...given.keys()].sort()).toEqual([...wanted.keys()].sort());
  for (const [name, values] of wanted) expect(distance(given.get(name)!, values), name).toBe(0);
}

interface Source {
  readonly name: string;
  read(): Promise<ImportedOnnx>;
}

const readBytes = (path: string) => new Uint8Array(readFileSync(path));
/** What is added to every unit alike gives a dead unit an output: see "what cannot be written". */
const ADDS_A_NUMBER = [
  "a number times batch normalisation, and one less, folded",
  "a number less a convolution, folded",
];
/** Units that a reshape counts together with others stay: see "what cannot be written". */
const COUNTED_TOGETHER = [
  "rotary embeddings: units of each head side by side, angles alike for all heads",
  "branches stacked and weighed by a softmax over them (selective kernels)",
  "groups of units weighed by a softmax over two of them (split attention)",
];
const sources: readonly Source[] = [
  ...writtenCases
    .filter(({ name }) => ![...ADDS_A_NUMBER, ...COUNTED_TOGETHER].includes(name))
    .map(({ name, file }) => ({ name, read: () => importOnnx(onnxFile(file)) })),
  ...readdirSync(FIXTURES)
    .filter((file) => file.endsWith(".onnx") && !file.includes("dynamo18"))
    .map((file) => ({ name: file, read: () => importOnnx(readBytes(FIXTURES + file)) })),
  ...(existsSync(GOLDEN)
    ? ["mlp", "convnet", "resnet-small", "depthwise", "nets/layer-scale", "nets/shufflenet-v2"]
    : []
  ).map((name) => ({
    name: `golden ${name}`,
    read: () => importOnnx(readBytes(`${GOLDEN}${name}/model.onnx`)),
  })),
];

/** Exported files, to be run by onnxruntime at the end, with the outputs they must give. */
const written: (RuntimeCase & { readonly expected: Float64Array })[] = [];

describe.each(sources)("$name, masked and written", ({ name, read }) => {
  let model: ImportedOnnx;
  let masks: Masks;
  let masked: Weights;
  let x: Float32Array;
  let expected: Float64Array;

  beforeAll(async () => {
    model = await read();
    masks = masksFor(model.network, name.length);
    masked = maskedWeights(model.weights, masks);
    x = batchFor(model.network, 2);
    expected = predict(model.network, masked, x, 2);
  });

  const unread = ({ onnx }: ImportedOnnx) =>
    [...onnx.parts.initializers.keys()].filter((tensor) => !onnx.graph.readers.has(tensor)).length;
  const keep = (form: OnnxForm, bytes: Uint8Array, again: ImportedOnnx) => {
    expect(unread(again)).toBeLessThanOrEqual(unread(model));
    written.push({
      name: `${name}: ${form}`,
      model: bytes,
      x,
      shape: [2, ...model.network.inputShape],
      expected,
    });
  };

  it("zeroed: the masked weights come back, bit for bit, under their names", async () => {
    const bytes = await bytesOf(model, masks, "zeroed");
    const again = await importOnnx(bytes);
    expectWeights(again.weights, masked);
    expect(again.network.prunable.map((p) => p.name)).toEqual(model.network.prunable.map((p) => p.name));
    keep("zeroed", bytes, again);
  });

  it("compact: the channels that compactNetwork keeps, the same outputs", async () => {
    const bytes = await bytesOf(model, masks, "compact");
    const again = await importOnnx(bytes);
    const compact = compactNetwork(model.network, model.weights, masks);
    expect(again.network.parameters.map((p) => p.shape)).toEqual(
      compact.network.parameters.map((p) => p.shape),
    );
    expect(distance(predict(again.network, again.weights, x, 2), expected)).toBeLessThan(1e-5);
    keep("compact", bytes, again);
  });

  it("original+masks: weights, masks and their product", async () => {
    const bytes = await bytesOf(model, masks, "original+masks");
    const again = await importOnnx(bytes);
    expectWeights(again.weights, masked);
    keep("original+masks", bytes, again);
  });
});

describe("written models elsewhere", () => {
  it.skipIf(!hasRuntime)(
    "give the masked outputs in onnxruntime (skipped without python3 and onnxruntime)",
    () => {
      expect(written.length).toBe(sources.length * FORMS.length);
      const skipped = onnxCases.filter(({ runs }) => runs === false).map(({ name }) => name);
      const runnable = written.filter(({ name }) => !skipped.some((skip) => name.startsWith(skip)));
      const outputs = runOnnx(scratch("written"), runnable);
      for (const { name, expected } of runnable) {
        expect(distance(outputs.get(name)!, expected), name).toBeLessThan(1e-4);
      }
    },
  );
});

describe("what stays as it was", () => {
  it("changes nothing but payloads of masked tensors, and nothing at all where nothing is masked", async () => {
    const original = readBytes(`${FIXTURES}unet-script9.onnx`);
    const model = await importOnnx(original);
    expect(await bytesOf(model, Masks.dense(model.network), "zeroed")).toEqual(original);
    const masks = masksFor(model.network, 1);
    const bytes = await bytesOf(model, masks, "zeroed");
    expect(bytes.length).toBe(original.length);
    let changed = 0;
    for (const [k, byte] of bytes.entries()) {
      if (byte === original[k]) continue;
      changed++;
      expect(byte).toBe(0);
    }
    expect(changed).toBeGreaterThan(1000);
  });

  it("keeps fields that this project does not know, of the model, of the graph and of changed nodes", async () => {
    const { file } = onnxCases.find(
      ({ name }) => name === "a shape computed from Shape, Gather, Unsqueeze and Concat",
    )!;
    const model = await importOnnx(readBytes(`${FIXTURES}unet-dynamo22.onnx`));
    const note = Buffer.from("pkg.torch.export.graph_signature");
    expect(file.nodes.length).toBeGreaterThan(0);
    const compact = Buffer.from(await bytesOf(model, masksFor(model.network, 3), "compact"));
    // the producer's name is a field of the model that is copied as it is
    expect(compact.includes(Buffer.from("pytorch"))).toBe(true);
    expect(compact.includes(note)).toBe(
      Buffer.from(readBytes(`${FIXTURES}unet-dynamo22.onnx`)).includes(note),
    );
  });

  it("is smaller when it is compact", async () => {
    const model = await readOnnx(`${FIXTURES}resnet18-script9.onnx`);
    const compact = await bytesOf(model, masksFor(model.network, 5), "compact");
    expect(compact.length).toBeLessThan(readBytes(`${FIXTURES}resnet18-script9.onnx`).length * 0.8);
  });

  it("keeps a tensor that two layers share, and gives one of its own to an alias", async () => {
    const shared = onnxFile({
      inputs: { x: ["n", 4] },
      nodes: [
        { op: "Identity", in: ["w"], out: ["alias"] },
        { op: "Gemm", in: ["x", "w"], out: ["a"], attributes: { transB: 1 } },
        { op: "Relu", in: ["a"], out: ["r"] },
        { op: "Gemm", in: ["r", "alias"], out: ["b"], attributes: { transB: 1 } },
        { op: "Tanh", in: ["b"], out: ["t"] },
        { op: "Gemm", in: ["t", "w"], out: ["y"], attributes: { transB: 1 } },
      ],
      outputs: { y: ["n", 4] },
      tensors: { w: tensor([4, 4], 1) },
    });
    const model = await importOnnx(shared);
    expect(model.network.prunable.map((p) => p.name)).toEqual(["w", "alias"]);
    expect(model.network.prunable.map((p) => p.nodes.length)).toEqual([2, 1]);
    const masks = Masks.dense(model.network);
    masks.bytes[0] = 0;
    masks.bytes[17] = 0;
    for (const form of FORMS) {
      const again = await importOnnx(await bytesOf(model, masks, form));
      const x = batchFor(model.network, 3);
      const expected = predict(model.network, maskedWeights(model.weights, masks), x, 3);
      expect(distance(predict(again.network, again.weights, x, 3), expected), form).toBeLessThan(1e-5);
    }
  });

  it("writes weights that were trained since, in the file's own layout and type", async () => {
    for (const name of [
      "MatMul and Add, weight [in, out]",
      "Gemm with alpha and beta, both layouts, bias left out",
      "LayerNormalization of channels, height and width",
      "group normalisation as PyTorch writes it",
      "GroupNormalization with a scale for each channel",
      "layer normalisation step by step",
      "a number added to each element, channels last",
      "a class token before others",
      "a class token that is repeated for the batch",
      "gated units, last",
    ]) {
      const model = await importOnnx(onnxFile(onnxCases.find((entry) => entry.name === name)!.file));
      const weights = new Map(
        [...model.weights].map(([key, values]) => [key, values.map((v) => v * 2 + 0.25)]),
      );
      const { model: chunks } = await exportOnnx(model, Masks.dense(model.network), "zeroed", { weights });
      const again = await importOnnx(new Uint8Array(Buffer.concat([...chunks])));
      for (const [key, values] of weights)
        expect(distance(again.weights.get(key)!, values), key).toBeLessThan(1e-6);
    }
  });
});

it("refuses trained values of units where the file has one for each group of them", async () => {
  const name = "GroupNormalization with a scale for each group";
  const model = await importOnnx(onnxFile(onnxCases.find((entry) => entry.name === name)!.file));
  const weights = new Map([...model.weights].map(([key, values]) => [key, values.map((v) => v + 1)]));
  const written = await exportOnnx(model, Masks.dense(model.network), "zeroed", { weights });
  expect(() => Buffer.concat([...written.model])).toThrow(
    "6 trained values, where the file has 2 for groups",
  );
});

it("refuses trained values where the file multiplies them by 0, and keeps those that are 0", async () => {
  const model = await importOnnx(
    onnxFile({
      inputs: { x: ["n", 4] },
      nodes: [
        { op: "Gemm", in: ["x", "w"], out: ["a"], attributes: { transB: 1, alpha: { float: 0 } } },
        { op: "Relu", in: ["a"], out: ["r"] },
        { op: "Gemm", in: ["r", "v"], out: ["y"], attributes: { transB: 1 } },
      ],
      outputs: { y: ["n", 4] },
      tensors: { w: tensor([4, 4], 1), v: tensor([4, 4], 2) },
    }),
  );
  const masks = Masks.dense(model.network);
  const bytes = ({ model: chunks }: OnnxOutput) => Buffer.concat([...chunks]);
  const same = new Map([...model.weights].map(([name, values]) => [name, values.slice()]));
  const again = await importOnnx(
    new Uint8Array(bytes(await exportOnnx(model, masks, "zeroed", { weights: same }))),
  );
  expectWeights(again.weights, model.weights);
  const trained = new Map(same).set("w", new Float32Array(16).fill(0.5));
  const written = await exportOnnx(model, masks, "zeroed", { weights: trained });
  expect(() => bytes(written)).toThrow('"w": got the trained value 0.5, which the file multiplies by 0');
});

describe("external data", () => {
  it.each(FORMS)("%s: a new external file beside the model, the original untouched", async (form) => {
    const folder = scratch(`external-${form}`);
    mkdirSync(folder);
    for (const suffix of ["", ".data"]) {
      cpSync(`${FIXTURES}mobilenetv2-dynamo18.onnx${suffix}`, `${folder}/mobilenetv2-dynamo18.onnx${suffix}`);
    }
    const before = readBytes(`${folder}/mobilenetv2-dynamo18.onnx.data`);
    const model = await readOnnx(`${folder}/mobilenetv2-dynamo18.onnx`);
    const masks = masksFor(model.network, 11);
    await writeOnnx(`${folder}/out.onnx`, model, masks, form);
    expect(readBytes(`${folder}/mobilenetv2-dynamo18.onnx.data`)).toEqual(before);
    const again = await readOnnx(`${folder}/out.onnx`);
    const x = batchFor(model.network, 2);
    const expected = predict(model.network, maskedWeights(model.weights, masks), x, 2);
    expect(distance(predict(again.network, again.weights, x, 2), expected)).toBeLessThan(1e-5);
    if (form === "zeroed") expectWeights(again.weights, maskedWeights(model.weights, masks));
    await expect(writeOnnx(`${folder}/out.onnx`, model, masks, form)).rejects.toThrow("a file that exists");
    await writeOnnx(`${folder}/out.onnx`, model, masks, form, { force: true });
    if (!hasRuntime) return;
    const shape = [2, ...model.network.inputShape];
    const outputs = runOnnx(scratch(`ran-${form}`), [{ name: form, model: `${folder}/out.onnx`, x, shape }]);
    expect(distance(outputs.get(form)!, expected)).toBeLessThan(1e-4);
  });

  const large = (fill: NonNullable<Tensor["external"]>): Tensor => ({
    ...tensor([40, 16], 3),
    external: fill,
  });
  /** A tensor in an initialiser and one in a Constant node, both in m.data. */
  const twoPlaces = onnxFile({
    inputs: { x: ["n", 16] },
    nodes: [
      {
        op: "Constant",
        in: [],
        out: ["v"],
        attributes: { value: { tensor: large({ location: "m.data" }) } },
      },
      { op: "Gemm", in: ["x", "v"], out: ["a"], attributes: { transB: 1 } },
      { op: "Relu", in: ["a"], out: ["r"] },
      { op: "Gemm", in: ["r", "w"], out: ["y"] },
    ],
    outputs: { y: ["n", 16] },
    tensors: { w: large({ location: "m.data", offset: 2560 }) },
  });

  it("comes along with Constant nodes too: none names the file it was read from", async () => {
    const folder = scratch("constants");
    mkdirSync(`${folder}/elsewhere`, { recursive: true });
    writeFileSync(`${folder}/m.onnx`, twoPlaces);
    writeFileSync(`${folder}/m.data`, Buffer.from(values(1280, 9, 0.5).buffer));
    const model = await readOnnx(`${folder}/m.onnx`);
    const x = batchFor(model.network, 3);
    for (const masks of [Masks.dense(model.network), masksFor(model.network, 5)]) {
      const expected = predict(model.network, maskedWeights(model.weights, masks), x, 3);
      for (const form of FORMS) {
        const path = `${folder}/elsewhere/${form}.onnx`;
        await writeOnnx(path, model, masks, form, { force: true });
        const again = await readOnnx(path);
        expect(distance(predict(again.network, again.weights, x, 3), expected), form).toBeLessThan(1e-5);
        if (!hasRuntime) continue;
        const outputs = runOnnx(scratch("constants-ran"), [{ name: form, model: path, x, shape: [3, 16] }]);
        expect(distance(outputs.get(form)!, expected), form).toBeLessThan(1e-4);
      }
    }
  });

  it("given as Buffers at any offset is read, and left as it is by every form", async () => {
    const data = Buffer.from(values(1280, 9, 0.5).buffer);
    const before = Buffer.from(data.toString("hex"), "hex");
    let expected: Float64Array | undefined;
    for (let shift = 0; shift < 5; shift++) {
      const held = Buffer.alloc(data.length + 8);
      data.copy(held, shift);
      const externalData = (_: string, offset: number, length: number) =>
        held.subarray(shift + offset, shift + offset + length);
      const model = await importOnnx(twoPlaces, { externalData });
      const masks = masksFor(model.network, 3);
      const x = batchFor(model.network, 2);
      const output = predict(model.network, maskedWeights(model.weights, masks), x, 2);
      expected ??= output;
      expect(output).toEqual(expected);
      for (const form of FORMS) {
        const written = await exportOnnx(model, masks, form);
        for (const chunk of [...written.model, ...(written.data ?? [])]) expect(chunk).toBeDefined();
      }
      expect(held.subarray(shift, shift + data.length).equals(before)).toBe(true);
    }
  });

  it("replaces its own input, model and data, with the option to", async () => {
    const folder = scratch("in-place");
    mkdirSync(folder);
    for (const suffix of ["", ".data"]) {
      cpSync(`${FIXTURES}vgg-dynamo18.onnx${suffix}`, `${folder}/vgg-dynamo18.onnx${suffix}`);
    }
    const model = await readOnnx(`${folder}/vgg-dynamo18.onnx`);
    const masks = masksFor(model.network, 2);
    const masked = maskedWeights(model.weights, masks);
    await writeOnnx(`${folder}/vgg-dynamo18.onnx`, model, masks, "zeroed", { force: true });
    const again = await readOnnx(`${folder}/vgg-dynamo18.onnx`);
    expectWeights(again.weights, masked);
  });
});

it("says how a file with opaque parts is read again, and reads it", async () => {
  const file = onnxFile({
    nodes: [
      { op: "Conv", in: ["x", "w"], out: ["c"] },
      { op: "MeanVarianceNormalization", in: ["c"], out: ["i"] },
      { op: "Relu", in: ["i"], out: ["r"] },
      { op: "GlobalAveragePool", in: ["r"], out: ["g"] },
      { op: "Flatten", in: ["g"], out: ["f"] },
      { op: "Gemm", in: ["f", "v"], out: ["y"], attributes: { transB: 1 } },
    ],
    tensors: { w: tensor([4, 3, 3, 3], 1), s: tensor([4], 2), t: tensor([4], 3), v: tensor([2, 4], 4) },
  });
  const onnx = await importOnnx(file, { treatAsOpaque: true });
  const masks = masksFor(onnx.network, 4);
  for (const form of FORMS) {
    const path = scratch(`opaque-${form}.onnx`);
    const notes = await exportModel(path, { format: "onnx", ...onnx, onnx }, masks, form);
    expect(notes).toEqual([
      expect.stringContaining("a part taken as opaque: to read it again, pass --treat"),
    ]);
    const again = await readOnnx(path, { treatAsOpaque: true });
    expect(again.network.nodes.map(({ op }) => op.kind)).toEqual(onnx.network.nodes.map(({ op }) => op.kind));
  }
});

describe("what cannot be written", () => {
  it.each(COUNTED_TOGETHER)("a compact form of %s; zeros are", async (name) => {
    const model = await importOnnx(onnxFile(onnxCases.find((entry) => entry.name === name)!.file));
    const masks = masksFor(model.network, 3);
    await expect(bytesOf(model, masks, "compact")).rejects.toThrow(
      /counts its units together.*--form zeroed/,
    );
    const again = await importOnnx(await bytesOf(model, masks, "zeroed"));
    expectWeights(again.weights, maskedWeights(model.weights, masks));
  });

  it("refuses forms and masks that do not fit", async () => {
    const model = await readOnnx(`${FIXTURES}vgg-script9.onnx`);
    const masks = Masks.dense(model.network);
    await expect(exportOnnx(model, masks, "masks" as OnnxForm)).rejects.toThrow(
      /zeroed, compact, original\+masks.*\.safetensors/,
    );
    const added = await importOnnx(onnxFile(onnxCases.find(({ name }) => name === ADDS_A_NUMBER[0])!.file));
    expect((await bytesOf(added, Masks.dense(added.network), "zeroed")).length).toBeGreaterThan(0);
    const dead = Masks.dense(added.network);
    dead.bytes.fill(0, 0, 27);
    await expect(exportOnnx(added, dead, "zeroed")).rejects.toThrow("-0.5 added behind it");
    const other = await readOnnx(`${FIXTURES}unet-script9.onnx`);
    await expect(exportOnnx(model, Masks.dense(other.network), "zeroed")).rejects.toThrow(
      "made for the model that is written",
    );
  });
});
