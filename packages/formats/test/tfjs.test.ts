import { readFileSync, writeFileSync } from "node:fs";
import { ArgumentError, elementCount } from "@phew/core";
import { describe, expect, it } from "vitest";
import { caseCount } from "../../../vitest.long.ts";
import { importTfjs, readTfjs } from "../src/tfjs/importTfjs.ts";
import { parseTfjs } from "../src/tfjs/modelFile.ts";
import { fuzz, uniform } from "./fuzz.ts";
import { predict, softmax } from "./predict.ts";
import { scratchFolder } from "./scratch.ts";
import { randomise, savedParts, saveModel, tfjsModels, tfjsPredict } from "./tfjsModels.ts";

const scratch = scratchFolder();

/** model.json with its shards, in memory. */
const parsed = (json: unknown, data: Uint8Array, name = "w.bin") =>
  parseTfjs(Buffer.from(JSON.stringify(json)), new Map([[name, data]]));

describe("a LayersModel", () => {
  it.each(Object.keys(tfjsModels))("computes in core what it computes in TensorFlow.js: %s", async (name) => {
    const model = tfjsModels[name]!();
    randomise(model, 3);
    const { network, weights, notes } = await readTfjs(saveModel(scratch(name), model, 100));
    const next = uniform(9);
    const x = Float32Array.from({ length: 3 * elementCount(network.inputShape) }, () => next() - 0.5);
    const expected = tfjsPredict(model, x, network.inputShape, 3);
    let found = predict(network, weights, x, 3);
    if (notes.some((note) => note.includes("logits"))) found = softmax(found, network.outputShape[0]!);
    expect(found.length).toBe(expected.length);
    for (const [k, y] of expected.entries())
      expect(Math.abs(found[k]! - y)).toBeLessThan(1e-5 * (1 + Math.abs(y)));
  });

  it("gives parameters the names of the file's weights, and our layouts", async () => {
    const { network, notes } = await readTfjs(`${scratch("mobilenet")}/model.json`);
    expect(network.prunable.map(({ name, shape }) => [name, shape])).toEqual([
      ["conv1/kernel", [8, 3, 3, 3]],
      ["dw/depthwise_kernel", [16, 1, 3, 3]],
      ["sep/depthwise_kernel", [16, 1, 3, 3]],
      ["sep/pointwise_kernel", [6, 16, 1, 1]],
      ["preds/kernel", [5, 6, 1, 1]],
    ]);
    expect(network.inputShape).toEqual([3, 16, 16]);
    expect(notes).toEqual(["The softmax at the end is left out: outputs are logits."]);
  });

  it("takes another input size where it is asked to", async () => {
    const { network } = await readTfjs(`${scratch("mobilenet")}/model.json`, { inputShape: [3, 24, 20] });
    expect(network.inputShape).toEqual([3, 24, 20]);
  });

  it("is read in the form of Keras 3, with its names, shapes and calls", async () => {
    const model = tfjsModels.resnet!();
    randomise(model, 4);
    const path = saveModel(scratch("keras3"), model);
    const plain = await readTfjs(path);
    const json = JSON.parse(readFileSync(path, "utf8"));
    const { config } = json.modelTopology;
    for (const layer of config.layers) {
      layer.module = "keras.layers";
      layer.registered_name = null;
      layer.config.dtype = { module: "keras", class_name: "DTypePolicy", config: { name: "float32" } };
      if (layer.class_name === "InputLayer") {
        layer.config.batch_shape = layer.config.batch_input_shape;
        delete layer.config.batch_input_shape;
      }
      const tensor = ([name, call, output]: [string, number, number]) => ({
        class_name: "__keras_tensor__",
        config: { shape: [null, 1], dtype: "float32", keras_history: [name, call, output] },
      });
      layer.inbound_nodes = layer.inbound_nodes.map((inputs: [string, number, number][]) => ({
        args: inputs.length === 1 ? [tensor(inputs[0]!)] : [inputs.map(tensor)],
        kwargs: {},
      }));
    }
    [config.input_layers] = config.input_layers;
    [config.output_layers] = config.output_layers;
    json.modelTopology = {
      keras_version: "3.5.0",
      model_config: { ...json.modelTopology, class_name: "Functional" },
    };
    for (const weight of json.weightsManifest[0].weights) weight.name = `vars/${weight.name}`;
    writeFileSync(path, JSON.stringify(json));
    const keras3 = await readTfjs(path);
    const withoutFolders = JSON.parse(JSON.stringify(keras3.network.nodes).replaceAll("vars/", ""));
    expect(withoutFolders).toEqual(plain.network.nodes);
    for (const [name, values] of keras3.weights)
      expect(values).toEqual(plain.weights.get(name.replace("vars/", "")));
  });

  it("is read whatever version TensorFlow 1 wrote behind its classes' names", async () => {
    const model = tfjsModels.resnet!();
    randomise(model, 4);
    const path = saveModel(scratch("versions"), model);
    const plain = await readTfjs(path);
    const text = readFileSync(path, "utf8");
    for (const version of ["V1", "V2"]) {
      const renamed = text
        .replaceAll('"class_name":"BatchNormalization"', `"class_name":"BatchNormalization${version}"`)
        .replaceAll('"class_name":"Conv2D"', `"class_name":"Conv2D${version}"`)
        .replaceAll('"class_name":"Dense"', `"class_name":"Dense${version}"`);
      expect(renamed.length).toBeGreaterThan(text.length + 8);
      writeFileSync(path, renamed);
      const { network, weights } = await readTfjs(path);
      expect(network.nodes).toEqual(plain.network.nodes);
      expect(weights).toEqual(plain.weights);
    }
    writeFileSync(
      path,
      text.replaceAll('"class_name":"BatchNormalization"', '"class_name":"SyncBatchNormalization"'),
    );
    expect((await readTfjs(path)).network.nodes).toEqual(plain.network.nodes);
  });

  it.each([
    ["TensorFlowOpLayer", /TensorFlowOpLayer, an operation of TensorFlow without a layer of Keras/],
    ["Lambda", /Lambda, code of its own/],
    ["CuDNNLSTM", /CuDNNLSTM, a recurrent layer/],
    ["LSTMV2", /LSTM, a recurrent layer/],
  ])("is refused with the true reason for a %s", async (className, message) => {
    const path = saveModel(scratch(className), tfjsModels.resnet!());
    writeFileSync(
      path,
      readFileSync(path, "utf8").replace('"class_name":"Conv2D"', `"class_name":"${className}"`),
    );
    await expect(readTfjs(path)).rejects.toThrow(message);
  });

  it("gives weights in halves and in quantised bytes as the numbers they stand for", async () => {
    const { topology } = savedParts(tfjsModels.mlp!());
    const halves = Uint16Array.from({ length: 72 }, (_, k) => 0x3c00 + k);
    const vectors = new Float32Array(8 + 8 + 3).fill(0.5);
    const codes = Uint8Array.from({ length: 24 }, (_, k) => k);
    const data = Buffer.concat([halves, codes, vectors].map((a) => Buffer.from(a.buffer)));
    const spec = (name: string, shape: number[], quantization?: object) => ({
      name,
      shape,
      dtype: "float32",
      quantization,
    });
    const weights = [
      spec("a/kernel", [9, 8], { dtype: "float16", original_dtype: "float32" }),
      spec("b/kernel", [8, 3], { dtype: "uint8", scale: 0.5, min: -2 }),
      spec("n/moving_mean", [8]),
      spec("n/moving_variance", [8]),
      spec("b/bias", [3]),
    ];
    const file = await parsed(
      { modelTopology: topology, weightsManifest: [{ paths: ["w.bin"], weights }] },
      data,
    );
    const { weights: read } = await importTfjs(file);
    // [in, out] on file: input 8 of output 0 is number 64 there
    expect(read.get("a/kernel")![8]).toBe(1 + 64 / 1024);
    expect([...read.get("b/kernel")!.slice(0, 4)]).toEqual([-2, -0.5, 1, 2.5]);
    expect([...read.get("n/gamma")!]).toEqual(new Array(8).fill(1));
    expect([...read.get("n/beta")!]).toEqual(new Array(8).fill(0));
  });
});

describe("a LayersModel that is wrong", () => {
  const { topology, specs, data } = savedParts(tfjsModels.lenet!());
  interface Json {
    modelTopology: {
      class_name: string;
      config: { layers: { class_name: string; config: Record<string, unknown> }[] };
    };
    weightsManifest: {
      paths: unknown[];
      weights: { name: string; shape: number[]; dtype: string; quantization?: object }[];
    }[];
    format?: string;
  }
  const good = (): Json =>
    JSON.parse(
      JSON.stringify({ modelTopology: topology, weightsManifest: [{ paths: ["w.bin"], weights: specs }] }),
    );
  const changed = (change: (json: Json) => void): Json => {
    const json = good();
    change(json);
    return json;
  };
  const layers = (json: Json) => json.modelTopology.config.layers;
  const weights = (json: Json) => json.weightsManifest[0]!.weights;

  it.each<[string, unknown, RegExp]>([
    ["is a GraphModel", { ...good(), format: "graph-model" }, /got a GraphModel.*tfjs_layers_model/],
    ["has no manifest", { modelTopology: topology }, /without a modelTopology and a weightsManifest/],
    [
      "is subclassed",
      changed((j) => {
        j.modelTopology.class_name = "MyModel";
      }),
      /class "MyModel"/,
    ],
    [
      "has no layers",
      changed((j) => {
        j.modelTopology.config.layers = [];
      }),
      /without layers/,
    ],
    [
      "has layers that are not supported",
      changed((j) => {
        layers(j)[2]!.class_name = "Conv2DTranspose";
        layers(j)[5]!.class_name = "Lambda";
        layers(j)[6]!.config.activation = "selu";
        layers(j)[0]!.config.data_format = "channels_first";
      }),
      /4 layers.*"c1" \(Conv2D, channels_first\), "c2" \(Conv2DTranspose\), "drop" \(Lambda, code of its own\), "d1" \(Dense, activation "selu"\)/,
    ],
    [
      "climbs out of its folder",
      changed((j) => {
        j.weightsManifest[0]!.paths = ["../w.bin"];
      }),
      /shard "\.\.\/w\.bin"/,
    ],
    [
      "has no shard",
      changed((j) => {
        j.weightsManifest[0]!.paths = ["x.bin"];
      }),
      /x\.bin: got no such file/,
    ],
    [
      "has a weight too many",
      changed((j) => {
        weights(j).push({ name: "z", shape: [2], dtype: "float32" });
      }),
      /bytes, expected/,
    ],
    [
      "has a huge weight",
      changed((j) => {
        weights(j)[0]!.shape = [2 ** 39];
      }),
      /expected 2199023/,
    ],
    [
      "has a weight twice",
      changed((j) => {
        weights(j)[1]!.name = weights(j)[0]!.name;
      }),
      /the weight "c1\/kernel" twice/,
    ],
    [
      "has a weight of text",
      changed((j) => {
        weights(j)[0]!.dtype = "string";
      }),
      /the type "string"/,
    ],
    [
      "misses a weight",
      changed((j) => {
        weights(j)[0]!.name = "other/kernel";
      }),
      /layer "c1": got no weight c1\/kernel/,
    ],
    [
      "has another kernel",
      changed((j) => {
        layers(j)[0]!.config.kernel_size = [3, 1];
      }),
      /weight "c1\/kernel": got F32 of shape \[3, 3, 2, 5\], expected F32 of shape \[3, 1, 2, 5\]/,
    ],
    [
      "leaves its input open",
      changed((j) => {
        layers(j)[0]!.config.batch_input_shape = [null, null, null, 2];
      }),
      /--input 3,224,224/,
    ],
    [
      "normalises height",
      changed((j) => {
        layers(j)[4]!.config.axis = 2;
      }),
      /axis 2/,
    ],
    [
      "is quantised in an unknown way",
      changed((j) => {
        weights(j)[0]!.quantization = { dtype: "uint8", scale: "1", min: 0 };
      }),
      /quantised in an unknown way/,
    ],
    [
      "has softmax in the middle",
      changed((j) => {
        layers(j)[0]!.config.activation = "softmax";
      }),
      /softmax at the network's end alone/,
    ],
    [
      "has half an unknown padding",
      changed((j) => {
        layers(j)[2]!.config.padding = "causal";
      }),
      /padding: "causal"/,
    ],
  ])("because it %s is refused in one line", async (_, json, message) => {
    const load = async () => importTfjs(await parsed(json, data));
    await expect(load()).rejects.toThrow(message);
    await expect(load()).rejects.toThrow(ArgumentError);
    await load().catch((error: Error) => expect(error.message).not.toContain("\n"));
  });

  it("and a padding around values below 0 before a maximum is refused", async () => {
    const { layers: l, sequential } = await import("@tensorflow/tfjs-layers");
    const model = sequential({
      layers: [
        l.conv2d({ inputShape: [6, 6, 1], filters: 2, kernelSize: 3, name: "c" }),
        l.zeroPadding2d({ padding: 1, name: "z" }),
        l.maxPooling2d({ poolSize: 2, name: "m" }),
      ],
    });
    await expect(readTfjs(saveModel(scratch("below"), model))).rejects.toThrow(
      /layer "m": got zero padding around values below 0/,
    );
  });

  it("costs an ArgumentError, little time and little memory", async () => {
    const minimal = (name: string) => {
      const parts = savedParts(tfjsModels[name]!());
      const json = JSON.stringify({
        modelTopology: parts.topology,
        weightsManifest: [{ paths: ["w.bin"], weights: parts.specs }],
      });
      // initialisers and constraints are not read: without them damage hits what is
      return {
        json: json.replace(/,"[a-z_]*(initializer|regularizer|constraint)":(null|\{[^{}]*\{[^{}]*\}\})/g, ""),
        data: parts.data,
      };
    };
    const bases = [minimal("mlp"), minimal("nested"), minimal("resnet")];
    let k = 0;
    const mutants = caseCount(4_000, 100_000);
    const report = await fuzz(
      bases.map(({ json }) => Buffer.from(json)),
      mutants,
      41,
      async (bytes) => importTfjs(await parseTfjs(bytes, new Map([["w.bin", bases[k++ % 3]!.data]]))),
    );
    expect(report.largestAllocation).toBeLessThan(1e6);
    expect(report.refusedCount).toBeGreaterThan(mutants / 4);
    expect(report.acceptedCount).toBeGreaterThan(mutants / 40);
  });
});
