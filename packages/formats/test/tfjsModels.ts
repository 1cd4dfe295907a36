/** Models built and run by TensorFlow.js itself, saved as it saves them. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import * as tfl from "@tensorflow/tfjs-layers";
import "@tensorflow/tfjs-backend-cpu";
import { uniform } from "./fuzz.ts";

// without it tfjs advertises its native backend on every run
tf.env().set("IS_TEST", true);
const { layers: l } = tfl;
type Sym = tfl.SymbolicTensor;
type Layer = ReturnType<typeof l.conv2d>;
const on = (layer: unknown, x: Sym | Sym[]): Sym => (layer as Layer).apply(x) as Sym;

/** Gives every weight seeded random numbers, statistics too: initial zeros would hide mistakes. */
export function randomise(model: tfl.LayersModel, seed: number): void {
  const next = uniform(seed);
  const values = model.weights.map((weight) => {
    const shape = weight.shape as number[];
    const isVariance = weight.name.includes("variance");
    const length = shape.reduce((a, b) => a * b, 1);
    return tf.tensor(
      Float32Array.from({ length }, () => (isVariance ? 0.5 + next() : next() - 0.5)),
      shape,
    );
  });
  model.setWeights(values);
}

/** What `model.save` hands to a saver, at once. */
export function savedParts(model: tfl.LayersModel): { topology: object; specs: object[]; data: Uint8Array } {
  const topology = model.toJSON(null, false) as object;
  const specs = model.weights.map(({ originalName, shape, dtype }) => ({ name: originalName, shape, dtype }));
  const values = model.weights.map((weight) => {
    const { buffer, byteOffset, byteLength } = weight.read().dataSync();
    return new Uint8Array(buffer, byteOffset, byteLength);
  });
  return { topology, specs, data: new Uint8Array(Buffer.concat(values)) };
}

/** Writes `model.json` and shards of at most `shardBytes`, as tf.io does. @returns the path of model.json */
export function saveModel(folder: string, model: tfl.LayersModel, shardBytes = 2 ** 22): string {
  mkdirSync(folder, { recursive: true });
  const { topology, specs, data } = savedParts(model);
  const count = Math.max(1, Math.ceil(data.length / shardBytes));
  const paths = Array.from({ length: count }, (_, k) => `group1-shard${k + 1}of${count}.bin`);
  for (const [k, path] of paths.entries())
    writeFileSync(`${folder}/${path}`, data.subarray(k * shardBytes, (k + 1) * shardBytes));
  const json = {
    format: "layers-model",
    modelTopology: topology,
    weightsManifest: [{ paths, weights: specs }],
  };
  writeFileSync(`${folder}/model.json`, JSON.stringify(json));
  return `${folder}/model.json`;
}

/** Loads what lies on disk with TensorFlow.js itself, every weight asked for. */
export function loadModel(path: string): Promise<tfl.LayersModel> {
  const json = JSON.parse(readFileSync(path, "utf8"));
  const [{ paths, weights }] = json.weightsManifest;
  const shards = paths.map((name: string) => readFileSync(`${dirname(path)}/${name}`));
  const weightData = new Uint8Array(Buffer.concat(shards)).buffer;
  const artifacts = { modelTopology: json.modelTopology, weightSpecs: weights, weightData };
  return tfl.loadLayersModel({ load: async () => artifacts });
}

/** @param x channels first, `[count, ...shape]` @returns what TensorFlow.js computes */
export function tfjsPredict(
  model: tfl.LayersModel,
  x: Float32Array,
  shape: readonly number[],
  count: number,
): Float32Array {
  return tfjsPredictAll(model, x, shape, count)[0]!;
}

/** The same of a model of several outputs, one list of values for each. */
export function tfjsPredictAll(
  model: tfl.LayersModel,
  x: Float32Array,
  shape: readonly number[],
  count: number,
): Float32Array[] {
  return tf.tidy(() => {
    const input = tf.tensor(x, [count, ...shape]);
    const ready = shape.length === 3 ? tf.transpose(input, [0, 2, 3, 1]) : input;
    return [model.predict(ready)].flat().map((output) => output.dataSync() as Float32Array);
  });
}

/** A stem that two branches read, each with a classifier. */
export function auxiliaryModel(): tfl.LayersModel {
  const input = tfl.input({ shape: [6, 6, 3], name: "in" });
  const conv = (name: string, filters: number, x: Sym) =>
    on(l.conv2d({ filters, kernelSize: 3, padding: "same", activation: "relu", name }), x);
  const head = (name: string, units: number, x: Sym) =>
    on(l.dense({ units, name }), on(l.globalAveragePooling2d({ name: `${name}_mean` }), x));
  const stem = conv("stem", 8, input);
  const outputs = [head("logits", 4, conv("body", 8, stem)), head("aux_logits", 5, conv("side", 6, stem))];
  return tfl.model({ inputs: input, outputs, name: "auxiliary" });
}

/** Models of the structures that people bring, small. */
export const tfjsModels: Readonly<Record<string, () => tfl.LayersModel>> = {
  lenet: () =>
    tfl.sequential({
      layers: [
        l.conv2d({ inputShape: [12, 10, 2], filters: 5, kernelSize: 3, activation: "relu", name: "c1" }),
        l.maxPooling2d({ poolSize: 2, name: "p1" }),
        l.conv2d({
          filters: 6,
          kernelSize: [3, 2],
          padding: "same",
          strides: [2, 1],
          activation: "tanh",
          useBias: false,
          name: "c2",
        }),
        l.flatten({ name: "flat" }),
        l.batchNormalization({ name: "bn" }),
        l.dropout({ rate: 0.3, name: "drop" }),
        l.dense({ units: 7, activation: "elu", name: "d1" }),
        l.dense({ units: 4, activation: "softmax", name: "d2" }),
      ],
    }),
  mobilenet: () => {
    const input = tfl.input({ shape: [16, 16, 3], name: "in" });
    let x = on(
      l.zeroPadding2d({
        padding: [
          [0, 1],
          [0, 1],
        ],
        name: "pad1",
      }),
      input,
    );
    x = on(l.conv2d({ filters: 8, kernelSize: 3, strides: 2, useBias: false, name: "conv1" }), x);
    x = on(
      l.reLU({ maxValue: 6, name: "relu1" }),
      on(l.batchNormalization({ name: "bn1", epsilon: 0.01 }), x),
    );
    x = on(
      l.depthwiseConv2d({
        kernelSize: 3,
        padding: "same",
        strides: 2,
        depthMultiplier: 2,
        useBias: false,
        name: "dw",
      }),
      x,
    );
    x = on(
      l.activation({ activation: "relu6", name: "relu2" }),
      on(l.batchNormalization({ name: "bn2", scale: false }), x),
    );
    x = on(
      l.separableConv2d({ filters: 6, kernelSize: 3, padding: "same", activation: "relu", name: "sep" }),
      x,
    );
    x = on(l.globalAveragePooling2d({ name: "gap" }), x);
    x = on(l.reshape({ targetShape: [1, 1, 6], name: "back" }), x);
    x = on(l.dropout({ rate: 0.1, name: "drop" }), x);
    x = on(l.conv2d({ filters: 5, kernelSize: 1, name: "preds" }), x);
    x = on(l.activation({ activation: "softmax", name: "soft" }), x);
    return tfl.model({
      inputs: input,
      outputs: on(l.reshape({ targetShape: [5], name: "out" }), x),
      name: "mobile",
    });
  },
  resnet: () => {
    const input = tfl.input({ shape: [15, 13, 3], name: "in" });
    let x = on(l.zeroPadding2d({ padding: 3, name: "pad1" }), input);
    x = on(l.conv2d({ filters: 6, kernelSize: 7, strides: 2, name: "conv1" }), x);
    x = on(
      l.activation({ activation: "relu", name: "relu1" }),
      on(l.batchNormalization({ name: "bn1", center: false }), x),
    );
    x = on(
      l.maxPooling2d({ poolSize: 3, strides: 2, name: "pool1" }),
      on(l.zeroPadding2d({ padding: 1, name: "pad2" }), x),
    );
    const block = (from: Sym, filters: number, strides: number, name: string): Sym => {
      let y = on(l.conv2d({ filters, kernelSize: 1, strides, name: `${name}_1` }), from);
      y = on(
        l.leakyReLU({ alpha: 0.1, name: `${name}_1_relu` }),
        on(l.batchNormalization({ name: `${name}_1_bn` }), y),
      );
      y = on(l.conv2d({ filters, kernelSize: 3, padding: "same", name: `${name}_2` }), y);
      const shortcut =
        strides === 1 ? from : on(l.conv2d({ filters, kernelSize: 1, strides, name: `${name}_0` }), from);
      return on(l.reLU({ name: `${name}_out` }), on(l.add({ name: `${name}_add` }), [y, shortcut]));
    };
    x = block(block(x, 6, 1, "b1"), 9, 2, "b2");
    x = on(l.globalMaxPooling2d({ name: "gmp" }), x);
    return tfl.model({ inputs: input, outputs: on(l.dense({ units: 3, name: "fc" }), x), name: "res" });
  },
  inception: () => {
    const input = tfl.input({ shape: [9, 9, 2], name: "in" });
    const x = on(
      l.conv2d({
        filters: 4,
        kernelSize: 3,
        padding: "same",
        dilationRate: 2,
        activation: "softplus",
        name: "c0",
      }),
      input,
    );
    const a = on(l.conv2d({ filters: 3, kernelSize: 1, name: "a" }), x);
    const b = on(l.averagePooling2d({ poolSize: 3, strides: 1, padding: "same", name: "b" }), x);
    const c = on(l.maxPooling2d({ poolSize: 3, strides: 1, padding: "same", name: "c" }), x);
    const d = on(l.dense({ units: 2, activation: "sigmoid", name: "d" }), x);
    const y = on(l.concatenate({ name: "mix" }), [a, b, c, d]);
    const pooled = on(l.averagePooling2d({ poolSize: 2, padding: "same", name: "half" }), y);
    const flat = on(l.concatenate({ name: "flats" }), [
      on(l.flatten({ name: "f1" }), pooled),
      on(l.dense({ units: 3, name: "side" }), on(l.flatten({ name: "f2" }), c)),
    ]);
    return tfl.model({
      inputs: input,
      outputs: on(l.dense({ units: 3, activation: "swish" as never, name: "fc" }), flat),
      name: "inc",
    });
  },
  nested: () => {
    const head = tfl.sequential({
      name: "head",
      layers: [
        l.dense({ inputShape: [36], units: 5, activation: "relu", name: "h1" }),
        l.dense({ units: 2, name: "h2" }),
      ],
    });
    const base = tfl.sequential({
      name: "base",
      layers: [
        l.conv2d({ inputShape: [5, 5, 1], filters: 4, kernelSize: 3, name: "conv" }),
        l.flatten({ name: "flat" }),
      ],
    });
    return tfl.sequential({ name: "whole", layers: [base, head] });
  },
  mlp: () =>
    tfl.sequential({
      layers: [
        l.dense({ inputShape: [9], units: 8, useBias: false, name: "a" }),
        l.batchNormalization({ name: "n", center: false, scale: false }),
        l.activation({ activation: "sigmoid", name: "s" }),
        l.dense({ units: 3, name: "b" }),
      ],
    }),
};
