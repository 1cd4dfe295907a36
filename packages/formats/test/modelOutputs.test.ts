/** Models of several outputs: one network of all of them, or that of the one that is asked for; written back whole. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { layerMeasures, Masks, maskedWeights, type Network, prune } from "@phew/core";
import { describe, expect, it } from "vitest";
import {
  type ExportableModel,
  type ExportForm,
  exportModel,
  type ModelOutput,
  modelOutputs,
  readModel,
  readSafetensors,
  toFloat32,
} from "../src/index.ts";
import { masksFor } from "./masks.ts";
import { type FileNode, onnxFile, type Tensor, tensor } from "./onnxFile.ts";
import { batchFor, distance, hasRuntime, predict, type RuntimeCase, runOnnx } from "./onnxRun.ts";
import { scratchFolder } from "./scratch.ts";
import { auxiliaryModel, loadModel, randomise, saveModel, tfjsPredictAll } from "./tfjsModels.ts";

const scratchPath = scratchFolder();
const scratch = (name: string): string => {
  mkdirSync(scratchPath(name), { recursive: true });
  return scratchPath(name);
};
const COUNT = 3;

const conv = (x: string, y: string, w: string): FileNode => ({
  op: "Conv",
  in: [x, w, `${w}b`],
  out: [y],
  attributes: { kernel_shape: [3, 3], pads: [1, 1, 1, 1] },
});
const head = (x: string, y: string, w: string): FileNode[] => [
  { op: "GlobalAveragePool", in: [x], out: [`${y}_mean`] },
  { op: "Flatten", in: [`${y}_mean`], out: [`${y}_flat`] },
  { op: "Gemm", in: [`${y}_flat`, w, `${w}b`], out: [y], attributes: { transB: 1 } },
];
const weights = (seed: number): Record<string, Tensor> => ({
  stem: tensor([8, 3, 3, 3], seed),
  stemb: tensor([8], seed + 1),
  side: tensor([6, 8, 3, 3], seed + 2),
  sideb: tensor([6], seed + 3),
  body: tensor([8, 8, 3, 3], seed + 4),
  bodyb: tensor([8], seed + 5),
  fc: tensor([4, 8], seed + 6),
  fcb: tensor([4], seed + 7),
  aux: tensor([5, 6], seed + 8),
  auxb: tensor([5], seed + 9),
});
/** A stem that a main and a side branch read, each with a classifier; what is put out is up to the case. */
const nodes: FileNode[] = [
  conv("x", "s", "stem"),
  { op: "Relu", in: ["s"], out: ["stem_out"] },
  conv("stem_out", "d", "side"),
  { op: "Relu", in: ["d"], out: ["side_out"] },
  ...head("side_out", "aux_logits", "aux"),
  conv("stem_out", "b", "body"),
  { op: "Relu", in: ["b"], out: ["body_out"] },
  ...head("body_out", "logits", "fc"),
  { op: "Softmax", in: ["logits"], out: ["chances"], attributes: { axis: 1 } },
];
const OUTPUTS = {
  "auxiliary classifier": { logits: ["n", 4], aux_logits: ["n", 5] },
  "maps of one size": { body_out: ["n", 8, 6, 6], side_out: ["n", 6, 6, 6] },
  "a map that other layers read, and classes": { stem_out: ["n", 8, 6, 6], logits: ["n", 4] },
} as const;
const CASES = Object.keys(OUTPUTS) as (keyof typeof OUTPUTS)[];

function fileOf(name: string, outputs: Record<string, readonly (number | string)[]>): string {
  const path = `${scratch(name.replaceAll(" ", "-"))}/m.onnx`;
  // what no output depends on is no part of the file
  const live = new Set(Object.keys(outputs));
  const kept = nodes.toReversed().filter((node) => {
    if (!node.out.some((value) => live.has(value))) return false;
    for (const value of node.in) live.add(value);
    return true;
  });
  const tensors = Object.fromEntries(Object.entries(weights(3)).filter(([own]) => live.has(own)));
  writeFileSync(
    path,
    onnxFile({ nodes: kept.toReversed(), inputs: { x: ["n", 3, 6, 6] }, outputs, tensors }),
  );
  return path;
}

/** The part of one output in a batch of all. */
function partOf({ start, shape }: ModelOutput, all: Float64Array, count: number): Float64Array {
  const length = shape.reduce((a, b) => a * b, 1);
  const whole = all.length / count;
  return Float64Array.from({ length: count * length }, (_, k) => {
    const n = Math.floor(k / length);
    return all[n * whole + start + (k - n * length)]!;
  });
}

describe("a file of several outputs", () => {
  it.each(CASES)("is one network, of which each output is what it is alone: %s", async (name) => {
    const path = fileOf(name, OUTPUTS[name]);
    const model = await readModel(path);
    const x = batchFor(model.network, COUNT);
    const all = predict(model.network, model.weights, x, COUNT);
    const outputs = modelOutputs(model);
    expect(outputs.map((output) => [output.name, output.shape])).toEqual(
      Object.entries(OUTPUTS[name]).map(([own, [, ...shape]]) => [own, shape]),
    );
    for (const output of outputs) {
      const alone = await readModel(path, { output: output.name! });
      const own = predict(alone.network, alone.weights, x, COUNT);
      expect(distance(partOf(output, all, COUNT), own)).toBe(0);
    }
  });

  it("counts a value once that is put out before and after its softmax", async () => {
    const model = await readModel(fileOf("chances", { logits: ["n", 4], chances: ["n", 4] }));
    expect(model.network.outputShape).toEqual([4]);
    const [logits, chances] = modelOutputs(model);
    expect([logits!.start, chances!.start]).toEqual([0, 0]);
    expect([logits!.softmaxes.length, chances!.softmaxes.length]).toEqual([0, 1]);
  });

  it("is walked from the units of every output, and only from those of the one that is asked for", async () => {
    const path = fileOf("walked", OUTPUTS["auxiliary classifier"]);
    const keptOf = async (output?: string) => {
      const { network, weights: values } = await readModel(path, output === undefined ? {} : { output });
      const { masks } = await prune(network, values, { method: "phew", density: 0.3, seed: 1, options: {} });
      return new Map(layerMeasures(masks).map((layer) => [layer.name, layer]));
    };
    const all = await keptOf();
    expect([...all.keys()].sort()).toEqual(["aux", "body", "fc", "side", "stem"]);
    for (const layer of all.values()) expect(layer.keptCount).toBeGreaterThan(0);
    // every class of both classifiers has walks
    expect([all.get("aux")!.width, all.get("fc")!.width]).toEqual([1, 1]);
    expect([...(await keptOf("aux_logits")).keys()].sort()).toEqual(["aux", "side", "stem"]);
  });

  it("names its outputs where one is asked for that it has not, or has parts that only one needs", async () => {
    const path = fileOf("unknown", OUTPUTS["auxiliary classifier"]);
    await expect(readModel(path, { output: "y" })).rejects.toThrow(
      /got the output "y", expected one of logits, aux_logits/,
    );
    const file = `${scratch("ids")}/m.onnx`;
    const bytes = onnxFile({
      nodes: [...nodes, { op: "ArgMax", in: ["logits"], out: ["ids"], attributes: { axis: 1 } }],
      inputs: { x: ["n", 3, 6, 6] },
      outputs: { logits: ["n", 4], ids: ["n", 1] },
      tensors: weights(3),
    });
    writeFileSync(file, bytes);
    await expect(readModel(file)).rejects.toThrow(/has 2 outputs \(logits, ids\): --output NAME takes/);
    expect((await readModel(file, { output: "logits" })).network.outputShape).toEqual([4]);
  });
});

describe("exports of a model of several outputs", () => {
  const FORMS: ExportForm[] = ["zeroed", "original+masks", "compact"];
  /** One start of Python for all: it takes longer than what it runs. */
  const toRun: { given: RuntimeCase; expected: Float64Array }[] = [];

  it.each(CASES)("hold all of them, and compute what the masked network does: %s", async (name) => {
    const path = fileOf(name, OUTPUTS[name]);
    const model = await readModel(path);
    const masks = masksFor(model.network, 5);
    const x = batchFor(model.network, COUNT);
    const expected = predict(model.network, maskedWeights(model.weights, masks), x, COUNT);
    for (const form of FORMS) {
      const out = `${dirname(path)}/${form}.onnx`;
      await exportModel(out, model, masks, form);
      const again = await readModel(out);
      expect(modelOutputs(again).map((output) => output.name)).toEqual(Object.keys(OUTPUTS[name]));
      expect(distance(predict(again.network, again.weights, x, COUNT), expected)).toBeLessThan(1e-5);
      const shape = [COUNT, ...model.network.inputShape];
      toRun.push({ given: { name: `${name}, ${form}`, model: out, x, shape }, expected });
    }
  });

  it("leave the other outputs' own weights as they are where one is asked for, and say so", async () => {
    const path = fileOf("one", OUTPUTS["auxiliary classifier"]);
    const whole = await readModel(path);
    const model = await readModel(path, { output: "logits" });
    const masks = masksFor(model.network, 5);
    const folder = dirname(path);
    const notes = await exportModel(`${folder}/zeroed.onnx`, model, masks, "zeroed");
    expect(notes.join()).toMatch(/other outputs \(aux_logits\) are kept.*share with "logits" are pruned/);
    const zeroed = await readModel(`${folder}/zeroed.onnx`);
    for (const own of ["side", "sideb", "aux", "auxb"])
      expect(zeroed.weights.get(own)).toEqual(whole.weights.get(own));
    const pruned = maskedWeights(model.weights, masks);
    for (const own of ["stem", "body", "fc"]) expect(zeroed.weights.get(own)).toEqual(pruned.get(own));

    await exportModel(`${folder}/t.safetensors`, model, masks, "zeroed");
    const { tensors } = await readSafetensors(`${folder}/t.safetensors`);
    expect([...tensors.keys()].sort()).toEqual(Object.keys(weights(3)).sort());
    expect(toFloat32(tensors.get("side")!)).toEqual(whole.weights.get("side"));

    const said = await exportModel(`${folder}/compact.onnx`, model, masks, "compact");
    expect(said.join()).toMatch(/What leads to "logits" is written; .*\(aux_logits\) alone is left out/);
    const compact = await readModel(`${folder}/compact.onnx`);
    expect(modelOutputs(compact).map(({ name }) => name)).toEqual(["logits"]);
    const x = batchFor(model.network, COUNT);
    const expected = predict(model.network, pruned, x, COUNT);
    expect(distance(predict(compact.network, compact.weights, x, COUNT), expected)).toBeLessThan(1e-5);
    const shape = [COUNT, ...model.network.inputShape];
    const both = predict(zeroed.network, zeroed.weights, x, COUNT);
    toRun.push({ given: { name: "one, compact", model: `${folder}/compact.onnx`, x, shape }, expected });
    toRun.push({ given: { name: "one, zeroed", model: `${folder}/zeroed.onnx`, x, shape }, expected: both });
  });

  it.skipIf(!hasRuntime)("compute the same in onnxruntime (skipped without python3 and onnxruntime)", () => {
    expect(toRun.length).toBe(CASES.length * FORMS.length + 2);
    const cases = toRun.map(({ given }) => given);
    const ran = runOnnx(scratch("run"), cases);
    for (const { given, expected } of toRun)
      expect(distance(ran.get(given.name)!, expected), given.name).toBeLessThan(1e-4);
  });

  it("do not change a tensor that another output reads, too", async () => {
    const path = `${scratch("shared")}/m.onnx`;
    const twin = nodes.map((node) => ({
      ...node,
      in: node.in.map((own) => (own === "body" ? "twin" : own)),
    }));
    const side = twin.map((node) => ({ ...node, in: node.in.map((own) => (own === "side" ? "twin" : own)) }));
    const tensors = {
      ...weights(3),
      twin: tensor([8, 8, 3, 3], 40),
      sideb: tensor([8], 41),
      aux: tensor([5, 8], 42),
    };
    const outputs = OUTPUTS["auxiliary classifier"];
    writeFileSync(path, onnxFile({ nodes: side, inputs: { x: ["n", 3, 6, 6] }, outputs, tensors }));
    const model = await readModel(path, { output: "logits" });
    const masks = masksFor(model.network, 5);
    for (const form of ["zeroed", "original+masks"] as const) {
      await exportModel(`${dirname(path)}/${form}.onnx`, model, masks, form);
      const aux = await readModel(`${dirname(path)}/${form}.onnx`, { output: "aux_logits" });
      const before = await readModel(path, { output: "aux_logits" });
      const values = (network: Network, of: ReadonlyMap<string, Float32Array>) =>
        of.get(network.prunable[1]!.name);
      expect(values(aux.network, aux.weights)).toEqual(values(before.network, before.weights));
    }
  });

  it("are a LayersModel or an ONNX file of as many outputs where they are made anew", async () => {
    const path = fileOf("anew", OUTPUTS["auxiliary classifier"]);
    const model = await readModel(path);
    const masks = masksFor(model.network, 5);
    const x = batchFor(model.network, COUNT);
    const expected = predict(model.network, maskedWeights(model.weights, masks), x, COUNT);
    for (const form of ["zeroed", "compact"] as const) {
      const out = `${dirname(path)}/${form}/model.json`;
      scratch(`anew/${form}`);
      await exportModel(out, model, masks, form, { force: true });
      const loaded = await loadModel(out);
      const parts = tfjsPredictAll(loaded, x, model.network.inputShape, COUNT);
      expect(parts.length).toBe(2);
      for (const [k, output] of modelOutputs(model).entries())
        expect(distance(parts[k]!, partOf(output, expected, COUNT))).toBeLessThan(1e-5);
    }
  });
});

describe("a LayersModel of several outputs", () => {
  async function saved(name: string) {
    const model = auxiliaryModel();
    randomise(model, 4);
    const path = saveModel(scratch(name), model);
    return { model, path };
  }

  it("is one network, of which each output is what TensorFlow.js computes", async () => {
    const { model, path } = await saved("tfjs-all");
    const read = await readModel(path);
    const x = batchFor(read.network, COUNT);
    const all = predict(read.network, read.weights, x, COUNT);
    const parts = tfjsPredictAll(model, x, read.network.inputShape, COUNT);
    const outputs = modelOutputs(read);
    expect(outputs.map(({ name }) => name)).toEqual(["logits", "aux_logits"]);
    for (const [k, output] of outputs.entries())
      expect(distance(partOf(output, all, COUNT), parts[k]!)).toBeLessThan(1e-5);
    const alone = await readModel(path, { output: "aux_logits" });
    expect(distance(predict(alone.network, alone.weights, x, COUNT), parts[1]!)).toBeLessThan(1e-5);
    await expect(readModel(path, { output: "y" })).rejects.toThrow(/expected one of logits, aux_logits/);
  });

  it("is written with all of them, in its own format and as ONNX", async () => {
    const { path } = await saved("tfjs-out");
    const read = await readModel(path);
    const masks = masksFor(read.network, 6);
    const x = batchFor(read.network, COUNT);
    const expected = predict(read.network, maskedWeights(read.weights, masks), x, COUNT);
    const models: ExportableModel[] = [];
    for (const form of ["zeroed", "compact"] as const) {
      for (const file of [`${form}/model.json`, `${form}.onnx`]) {
        scratch(`tfjs-out/${form}`);
        await exportModel(`${dirname(path)}/${file}`, read, masks, form, { force: true });
        models.push(await readModel(`${dirname(path)}/${file}`));
      }
    }
    for (const { network, weights: values, ...rest } of models as (ExportableModel & { format: string })[]) {
      expect(modelOutputs({ network, weights: values, ...rest } as ExportableModel).length).toBe(2);
      expect(distance(predict(network, values, x, COUNT), expected)).toBeLessThan(1e-5);
    }
  });

  it("keeps the others' weights to the bit where one is asked for; cutting units out takes all outputs", async () => {
    const { path } = await saved("tfjs-one");
    const whole = await readModel(path);
    const read = await readModel(path, { output: "logits" });
    const masks = new Masks(read.network);
    scratch("tfjs-one/zeroed");
    const out = `${dirname(path)}/zeroed/model.json`;
    expect((await exportModel(out, read, masks, "zeroed", { force: true })).join()).toMatch(
      /\(aux_logits\) are kept/,
    );
    const again = await readModel(out);
    for (const own of ["side/kernel", "aux_logits/kernel"])
      expect(again.weights.get(own)).toEqual(whole.weights.get(own));
    expect(again.weights.get("stem/kernel")!.every((value) => value === 0)).toBe(true);
    await expect(exportModel(out, read, masks, "compact", { force: true })).rejects.toThrow(
      /Write the form zeroed/,
    );
    expect(JSON.parse(readFileSync(out, "utf8")).format).toBe("layers-model");
  });
});
