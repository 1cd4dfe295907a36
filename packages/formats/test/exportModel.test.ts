import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { Masks, maskedWeights, type Network, NetworkBuilder, unitRun, zooModel } from "@phew/core";
import { describe, expect, it } from "vitest";
import {
  type ExportableModel,
  exportModel,
  fromFloat32,
  readMasks,
  readModel,
  readTensors,
  type Tensor,
  toFloat32,
  writeSafetensors,
} from "../src/index.ts";
import { readTfjs } from "../src/tfjs/importTfjs.ts";
import { uniform } from "./fuzz.ts";
import { inputs, masksWithDeadUnits, predict, randomWeights, sameBits, softmax } from "./predict.ts";
import { scratchFolder } from "./scratch.ts";
import { loadModel, randomise, saveModel, tfjsModels, tfjsPredict } from "./tfjsModels.ts";

const scratch = scratchFolder();

function close(found: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(found.length).toBe(expected.length);
  for (let k = 0; k < expected.length; k++)
    expect(Math.abs(found[k]! - expected[k]!)).toBeLessThan(1e-5 * (1 + Math.abs(expected[k]!)));
}

describe("a TensorFlow.js model written back", () => {
  it.each(Object.keys(tfjsModels))(
    "computes there what the masked network computes here, zeroed and compact: %s",
    async (name) => {
      const model = tfjsModels[name]!();
      randomise(model, 6);
      const read = await readModel(saveModel(scratch(name), model, 1000));
      const next = uniform(7);
      const masks = masksWithDeadUnits(read.network, next);
      const x = inputs(read.network, 2, next);
      const logits = predict(read.network, maskedWeights(read.weights, masks), x, 2);
      const isSoftmax = read.notes.some((note) => note.includes("logits"));
      const expected = isSoftmax ? softmax(logits, read.network.outputShape[0]!) : logits;
      for (const form of ["zeroed", "compact"] as const) {
        const path = scratch(`${name}/${form}.json`);
        expect(await exportModel(path, read, masks, form)).toEqual([]);
        close(tfjsPredict(await loadModel(path), x, read.network.inputShape, 2), expected);
        const back = await readTfjs(path);
        close(predict(back.network, back.weights, x, 2), logits);
      }
      const compact = await readTfjs(scratch(`${name}/compact.json`));
      expect(compact.network.prunableCount).toBeLessThan(read.network.prunableCount);
    },
  );

  it("keeps every bit of what is not masked, and cuts shards at 4 MiB", async () => {
    const model = tfjsModels.mlp!();
    randomise(model, 8);
    const path = saveModel(scratch("bits"), model);
    const read = await readModel(path);
    await exportModel(scratch("bits/same.json"), read, Masks.dense(read.network), "zeroed");
    const shard = readFileSync(scratch("bits/same-group1-shard1of1.bin"));
    expect(shard.equals(readFileSync(scratch("bits/group1-shard1of1.bin")))).toBe(true);
    const json = JSON.parse(readFileSync(path, "utf8"));
    const same = JSON.parse(readFileSync(scratch("bits/same.json"), "utf8"));
    expect(same.modelTopology).toEqual(json.modelTopology);
    expect(same.weightsManifest[0].weights).toEqual(json.weightsManifest[0].weights);

    const wide = new NetworkBuilder("wide", [1500]);
    const network = wide.build(wide.dense("a", wide.input, 1500, { bias: false }));
    const weights = new Map([["a.weight", new Float32Array(1500 * 1500).map((_, k) => k)]]);
    await exportModel(
      scratch("bits/model.json"),
      { format: "zoo", network, weights },
      Masks.dense(network),
      "zeroed",
      { force: true },
    );
    expect(readdirSync(scratch("bits")).filter((name) => name.endsWith("of3.bin"))).toEqual([
      "group1-shard1of3.bin",
      "group1-shard2of3.bin",
      "group1-shard3of3.bin",
    ]);
    const back = await readTfjs(scratch("bits/model.json"));
    expect(sameBits(back.weights.get("a/kernel"), weights.get("a.weight"))).toBe(true);
  });

  it("keeps halves and quantised bytes as they are where no mask touches them, and has exact zeros where one does", async () => {
    const model = tfjsModels.mlp!();
    const path = saveModel(scratch("codes"), model);
    const json = JSON.parse(readFileSync(path, "utf8"));
    const [{ weights: entries }] = json.weightsManifest;
    const named = (name: string) => entries.find((entry: { name: string }) => entry.name === name);
    named("a/kernel").quantization = { dtype: "float16", original_dtype: "float32" };
    named("b/kernel").quantization = { dtype: "uint8", scale: 0.1, min: -1 };
    named("b/bias").quantization = { dtype: "uint16", scale: 0.1, min: -1 };
    const lengths = { "a/kernel": 144, "b/kernel": 24, "b/bias": 6 } as Record<string, number>;
    const bytes = entries.map(({ name, shape: [length] }: { name: string; shape: number[] }, k: number) =>
      Buffer.from(Array.from({ length: lengths[name] ?? 4 * length! }, (_, i) => (7 * i + k) % 60)),
    );
    writeFileSync(path, JSON.stringify(json));
    writeFileSync(scratch("codes/group1-shard1of1.bin"), Buffer.concat(bytes));
    const read = await readModel(path);
    const masks = masksWithDeadUnits(read.network, uniform(12), 0.5);
    await exportModel(scratch("codes/dense.json"), read, Masks.dense(read.network), "zeroed");
    expect(readFileSync(scratch("codes/dense-group1-shard1of1.bin")).equals(Buffer.concat(bytes))).toBe(true);
    expect(await exportModel(scratch("codes/masked.json"), read, masks, "zeroed")).toEqual([
      'The weight "b/kernel" is written as float32, no longer quantised.',
    ]);
    const back = await readTfjs(scratch("codes/masked.json"));
    const expected = maskedWeights(read.weights, masks);
    for (const name of ["a/kernel", "b/kernel", "b/bias"])
      expect(sameBits(back.weights.get(name), expected.get(name))).toBe(true);
    const written = JSON.parse(readFileSync(scratch("codes/masked.json"), "utf8")).weightsManifest[0].weights;
    const types = written.map((entry: { name: string; quantization?: { dtype: string } }) => [
      entry.name,
      entry.quantization?.dtype,
    ]);
    expect(Object.fromEntries(types)).toMatchObject({
      "a/kernel": "float16",
      "b/kernel": undefined,
      "b/bias": "uint16",
    });
  });

  it("has new weights where they were trained since", async () => {
    const read = await readModel(saveModel(scratch("trained"), tfjsModels.lenet!()));
    const next = uniform(9);
    const masks = masksWithDeadUnits(read.network, next);
    const weights = randomWeights(read.network, next);
    const x = inputs(read.network, 2, next);
    const expected = predict(read.network, maskedWeights(weights, masks), x, 2);
    for (const form of ["zeroed", "compact"] as const) {
      await exportModel(scratch(`trained/${form}.json`), read, masks, form, { weights });
      const back = await readTfjs(scratch(`trained/${form}.json`));
      close(predict(back.network, back.weights, x, 2), expected);
    }
  });
});

describe("a network from elsewhere", () => {
  const networks: Record<string, () => Network> = {
    lenet5: () => zooModel("lenet5"),
    resnet20: () => zooModel("resnet20", { inputShape: [3, 12, 12] }),
    "mobilenet-v2": () => zooModel("mobilenet-v2", { inputShape: [3, 16, 16] }),
    windows: () => {
      const b = new NetworkBuilder("windows/1", [2, 11, 10]);
      let x = b.relu(
        b.conv2d("a", b.input, { outChannels: 4, kernel: [3, 2], stride: 2, padding: [1, 0, 1, 2] }),
      );
      x = b.maxPool2d(x, { kernel: 3, stride: 2, padding: 1 });
      x = b.activation("leakyRelu", b.conv2d("b", x, { outChannels: 6, kernel: 3, padding: 2, dilation: 2 }));
      x = b.concat(
        b.averagePool2d(x, { kernel: 3, stride: 1, padding: 1 }),
        b.maxPool2d(x, { kernel: 3, stride: 1, padding: 1 }),
      );
      x = b.activation("gelu", b.conv2d("c.weight", x, { outChannels: 24, kernel: 2, groups: 12 }));
      x = b.dropout(0.2, b.activation("elu", b.dense("d", b.flatten(x), 7)));
      return b.build(b.dense("e", b.activation("silu", x), 3));
    },
  };

  it.each(Object.keys(networks))(
    "is a LayersModel that computes the same, zeroed and compact: %s",
    async (name) => {
      const network = networks[name]!();
      const next = uniform(10);
      const weights = randomWeights(network, next);
      const masks = masksWithDeadUnits(network, next, name === "windows" || name === "lenet5" ? 0.5 : 0.1);
      const x = inputs(network, 1, next);
      const expected = predict(network, maskedWeights(weights, masks), x, 1);
      for (const form of ["zeroed", "compact"] as const) {
        const path = scratch(`${name}-${form}.json`);
        await exportModel(path, { format: "zoo", network, weights }, masks, form);
        close(tfjsPredict(await loadModel(path), x, network.inputShape, 1), expected);
      }
    },
  );

  it("that TensorFlow.js has no layers for is refused, all of them listed", async () => {
    const b = new NetworkBuilder("odd", [4, 8, 8]);
    let x = b.conv2d("g", b.input, { outChannels: 4, kernel: 3, groups: 2 });
    x = b.maxPool2d(x, { kernel: 3, stride: 1, padding: [1, 0, 0, 1] });
    x = b.activation("hardSwish", x);
    x = b.node("cut", { kind: "select", index: unitRun(1, 2) }, x);
    const network = b.build(b.globalAveragePool(x));
    const weights = randomWeights(network, uniform(1));
    const write = exportModel(
      scratch("odd.json"),
      { format: "zoo", network, weights },
      Masks.dense(network),
      "zeroed",
    );
    await expect(write).rejects.toThrow(
      /4 layers.*"g" \(2 groups\), "maxPool#1" \(a maximum over padding.*\), "hardSwish#2" \(hardSwish\), "cut" \(a part of the channels\)/,
    );
    expect(existsSync(scratch("odd.json"))).toBe(false);
  });
});

describe("named tensors", () => {
  const network = zooModel("resnet20", { inputShape: [3, 16, 16], classCount: 4 });
  const next = uniform(11);
  const weights = randomWeights(network, next);
  const masks = masksWithDeadUnits(network, next);
  const zoo: ExportableModel = { format: "zoo", network, weights };
  const masked = maskedWeights(weights, masks);

  it.each([".safetensors", ".npz"])(
    "hold the zeroed weights under their names, counters of batches too: %s",
    async (ending) => {
      await exportModel(scratch(`zeroed${ending}`), zoo, masks, "zeroed");
      const read = await readModel(scratch(`zeroed${ending}`), {
        architecture: "resnet20",
        inputShape: [3, 16, 16],
      });
      expect(read.network.outputShape).toEqual([4]);
      for (const [name, values] of masked) expect(sameBits(read.weights.get(name), values)).toBe(true);
      const { tensors } = await readTensors(scratch(`zeroed${ending}`));
      expect(tensors.get("bn1.num_batches_tracked")).toEqual({
        dtype: "I64",
        shape: [],
        data: new Uint8Array(8),
      });
    },
  );

  it.each([".safetensors", ".npz"])(
    "hold masks that are read again, of dead units' biases too: %s",
    async (ending) => {
      await exportModel(scratch(`masks${ending}`), zoo, masks, "masks");
      expect(sameBits((await readMasks(scratch(`masks${ending}`), network)).bytes, masks.bytes)).toBe(true);
      const { tensors } = await readTensors(scratch(`masks${ending}`));
      expect([...tensors.get("bn1.bias_mask")!.data]).toEqual(
        [...masked.get("bn1.bias")!].map((b) => (b === 0 ? 0 : 1)),
      );
    },
  );

  it("hold originals and masks as torch.nn.utils.prune names them", async () => {
    await exportModel(scratch("both.npz"), zoo, masks, "original+masks");
    const { tensors } = await readTensors(scratch("both.npz"));
    expect(toFloat32(tensors.get("conv1.weight_orig")!)).toEqual(weights.get("conv1.weight"));
    expect([...tensors.get("conv1.weight_mask")!.data]).toEqual([...masks.get("conv1.weight")!]);
    expect(tensors.has("conv1.weight")).toBe(false);
    expect(toFloat32(tensors.get("bn1.bias")!)).toEqual(masked.get("bn1.bias"));
    expect(sameBits((await readMasks(scratch("both.npz"), network)).bytes, masks.bytes)).toBe(true);
  });

  it("in TensorFlow's layout are read again as masks, and permuted behind a flatten", async () => {
    const lenet = zooModel("lenet5");
    const some = masksWithDeadUnits(lenet, next);
    await exportModel(
      scratch("tf.safetensors"),
      { format: "zoo", network: lenet, weights: randomWeights(lenet, next) },
      some,
      "masks",
      { layout: "tensorflow" },
    );
    const { tensors, metadata } = await readTensors(scratch("tf.safetensors"));
    expect(metadata).toEqual({ form: "masks", format: "tf", layout: "tensorflow" });
    const [conv1, , fc1] = lenet.prunable;
    expect(tensors.get(`${conv1!.name}_mask`)!.shape).toEqual([5, 5, 1, 6]);
    const theirs = tensors.get(`${fc1!.name}_mask`)!;
    expect(theirs.shape).toEqual([400, 120]);
    // feature (channel c, row y, column x) of 16×5×5 stands at (y·5 + x)·16 + c there
    const ours = some.of(fc1!);
    for (const [c, y, x, o] of [
      [0, 0, 0, 0],
      [3, 1, 2, 7],
      [15, 4, 4, 119],
      [9, 0, 3, 50],
    ] as const)
      expect(theirs.data[((y * 5 + x) * 16 + c) * 120 + o]).toBe(ours[o * 400 + c * 25 + y * 5 + x]);
    expect(sameBits((await readMasks(scratch("tf.safetensors"), lenet)).bytes, some.bytes)).toBe(true);
  });

  it("keep the file's own types and other tensors, bit for bit", async () => {
    const lenet = zooModel("lenet5");
    const own = randomWeights(lenet, next);
    const types = ["F16", "BF16", "F64", "F32"] as const;
    const tensors = new Map<string, Tensor>(
      lenet.parameters.map(({ name, shape }, k) => [name, fromFloat32(types[k % 4]!, shape, own.get(name)!)]),
    );
    tensors.set("step", { dtype: "I64", shape: [], data: Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0) });
    await writeSafetensors(scratch("types.safetensors"), tensors);
    const read = await readModel(scratch("types.safetensors"), { architecture: "lenet5" });
    expect(read.notes).toEqual(["Took the input to be 1×28×28."]);
    await exportModel(scratch("same.safetensors"), read, Masks.dense(lenet), "zeroed");
    const same = (await readTensors(scratch("same.safetensors"))).tensors;
    expect([...same.keys()].sort()).toEqual([...tensors.keys()].sort());
    for (const [name, tensor] of tensors) expect(sameBits(same.get(name)!.data, tensor.data)).toBe(true);
    const some = masksWithDeadUnits(lenet, next);
    await exportModel(scratch("zeros.safetensors"), read, some, "zeroed");
    const zeros = (await readTensors(scratch("zeros.safetensors"))).tensors;
    const expected = maskedWeights(read.weights, some);
    for (const { name } of lenet.parameters) {
      expect(zeros.get(name)!.dtype).toBe(tensors.get(name)!.dtype);
      expect(sameBits(toFloat32(zeros.get(name)!), expected.get(name))).toBe(true);
    }
    const notes = await exportModel(scratch("small.safetensors"), read, some, "compact");
    expect(notes).toEqual([]);
    expect((await readTensors(scratch("small.safetensors"))).tensors.get("step")).toEqual(
      tensors.get("step"),
    );
  });

  it.each<[string, ExportableModel, string, RegExp]>([
    ["masks.json", zoo, "masks", /masks for a model file/],
    ["both.json", zoo, "original+masks", /masks for a model file/],
    ["m.onnx", zoo, "masks", /masks for a model file/],
    ["m.h5", zoo, "zeroed", /the ending \.h5, expected \.safetensors, \.npz, \.json/],
    ["m", zoo, "zeroed", /a name without an ending/],
    ["m.npz", zoo, "zero", /form: got "zero".*Did you mean "zeroed"/],
  ])("cannot be %s in this form", async (name, model, form, message) => {
    await expect(exportModel(scratch(name), model, masks, form as "zeroed")).rejects.toThrow(message);
  });
});

describe("readModel", () => {
  const golden = new URL("../../../../shared/golden/", import.meta.url).pathname;

  it("finds input shape and classes of an architecture in the file, and takes off what stands before its names", async () => {
    const network = zooModel("vgg11-bn", { inputShape: [3, 64, 64], classCount: 7 });
    const tensors = new Map<string, Tensor>(
      network.parameters.map(({ name, shape }) => [
        `net.model.${name}`,
        { dtype: "U8", shape, data: new Uint8Array(shape.reduce((a, b) => a * b, 1)) },
      ]),
    );
    await writeSafetensors(scratch("vgg.safetensors"), tensors);
    const read = await readModel(scratch("vgg.safetensors"), { architecture: "vgg11-bn" });
    expect(read.network.outputShape).toEqual([7]);
    expect(read.network.inputShape).toEqual([3, 64, 64]);
    expect(read.notes).toEqual(['Took "net.model." off the names.', "Took the input to be 3×64×64."]);
    await expect(
      readModel(scratch("vgg.safetensors"), { architecture: "vgg11-bn", classCount: 8 }),
    ).rejects.toThrow(/got shape \[7/);
    await expect(readModel(scratch("vgg.safetensors"), { architecture: "vgg12-bn" })).rejects.toThrow(
      /Did you mean "vgg1/,
    );
    await expect(readModel(scratch("vgg.safetensors"))).rejects.toThrow(
      /weights without their network.*--architecture/,
    );
  });

  it.skipIf(!existsSync(golden))("knows ONNX by its content, under any name", async () => {
    const { copyFileSync } = await import("node:fs");
    copyFileSync(`${golden}mlp/model.onnx`, scratch("renamed.bin"));
    expect((await readModel(scratch("renamed.bin"))).format).toBe("onnx");
    await expect(readModel(scratch("renamed.bin"), { architecture: "mlp" })).rejects.toThrow(
      /The file itself says/,
    );
  });

  it.each<[string, Uint8Array, RegExp]>([
    [
      "k.h5",
      Buffer.from("\x89HDF\r\n\x1a\n0000000000", "latin1"),
      /a Keras HDF5 file.*tensorflowjs_converter/,
    ],
    ["k.tflite", Buffer.from("\x1c\0\0\0TFL3000000000000", "latin1"), /a TensorFlow Lite file/],
    ["k.json", Buffer.from('{"a": 1}'), /JSON of another kind/],
    ["k.json2", Buffer.from('{"a": '), /broken JSON/],
    ["empty", new Uint8Array(), /an empty file/],
  ])("refuses %s", async (name, bytes, message) => {
    writeFileSync(scratch(name), bytes);
    await expect(readModel(scratch(name))).rejects.toThrow(message);
  });
});
