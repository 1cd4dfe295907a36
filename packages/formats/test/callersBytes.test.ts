/**
 * No function changes what it is given, or depends on where that lies in memory: each is called with its bytes as a
 * Buffer at every offset from 0 to 15, as readFileSync gives small files, and must give the same and leave them alone.
 */
import { readFileSync } from "node:fs";
import {
  analyse,
  applyMasks,
  compactNetwork,
  deadUnits,
  initialise,
  keepTop,
  Masks,
  maskedParameters,
  maskedWeights,
  NetworkBuilder,
  overlap,
  pathKernelTrace,
  pathSums,
  prune,
  pruners,
  type Weights,
  zooModel,
} from "@phew/core";
import { describe, expect, it } from "vitest";
import {
  boolTensor,
  bytesOf,
  elementsOf,
  exportOnnx,
  float32Tensor,
  importOnnx,
  openBytes,
  parseSafetensors,
  safetensorsChunks,
  type Tensor,
  toFloat32,
} from "../src/index.ts";
import { pickMasks } from "../src/maskFile.ts";
import { npyChunks, parseNpy } from "../src/npy.ts";
import { npzChunks, parseNpz } from "../src/npz.ts";
import { zeroedTensor } from "../src/parameterMasks.ts";
import { gather } from "../src/strides.ts";
import { importTfjs } from "../src/tfjs/importTfjs.ts";
import { parseTfjs } from "../src/tfjs/modelFile.ts";
import { parseTorch } from "../src/torchFile.ts";
import { zipChunks } from "../src/zip.ts";
import { onnxFile } from "./onnxFile.ts";

const OFFSETS = Array.from({ length: 16 }, (_, k) => k);

/** The bytes inside a larger piece of memory, as a Buffer. */
function placed(bytes: Uint8Array, offset: number): Buffer {
  const room = Buffer.from(new ArrayBuffer(bytes.length + 64));
  room.set(bytes, 16 + offset);
  return room.subarray(16 + offset, 16 + offset + bytes.length);
}

/** Calls a function with its bytes at every offset. @param use gives something that can be compared */
async function everywhere(bytes: Uint8Array, use: (bytes: Uint8Array) => unknown): Promise<void> {
  const expected = await use(new Uint8Array(bytes));
  for (const offset of OFFSETS) {
    const buffer = placed(bytes, offset);
    expect(await use(buffer)).toEqual(expected);
    expect(Buffer.compare(buffer, bytes), `changed at offset ${offset}`).toBe(0);
  }
}

/** Numbers as they are, wherever they lie. */
const plain = (weights: Weights | ReadonlyMap<string, Tensor>) =>
  [...weights].map(([name, value]) => [
    name,
    "dtype" in value ? [value.dtype, value.shape, [...value.data]] : [...value],
  ]);

const floats = Float32Array.from({ length: 24 }, (_, k) => Math.sin(k + 1));
const tensors = new Map<string, Tensor>([
  ["a", float32Tensor([2, 3, 4], floats)],
  ["d", { dtype: "F64", shape: [3], data: bytesOf(Float64Array.of(1, 2, 3)) }],
  ["h", { dtype: "F16", shape: [2], data: bytesOf(Uint16Array.of(0x3c00, 0x4000)) }],
  ["i", { dtype: "I64", shape: [2], data: bytesOf(BigInt64Array.of(5n, -6n)) }],
]);
const small = (() => {
  const b = new NetworkBuilder("small", [6]);
  return b.build(b.dense("fc2", b.relu(b.dense("fc1", b.input, 5)), 3));
})();
const onnx = onnxFile({
  nodes: [
    { op: "Gemm", in: ["x", "w", "b"], out: ["h"], attributes: { transB: 1 } },
    { op: "Relu", in: ["h"], out: ["r"] },
    { op: "Gemm", in: ["r", "v"], out: ["y"], attributes: { transB: 1 } },
  ],
  inputs: { x: ["n", 6] },
  tensors: {
    w: { dims: [4, 6], values: floats },
    b: { dims: [4], values: [1, 2, 3, 4], as: "plain" },
    v: { dims: [3, 4], values: floats.subarray(0, 12) },
  },
});

describe("readers", () => {
  const safetensors = new Uint8Array(Buffer.concat(safetensorsChunks(tensors)));
  it("parseSafetensors", () =>
    everywhere(safetensors, (bytes) => {
      const read = parseSafetensors(bytes).tensors;
      return [plain(read), [...read.values()].map((tensor) => [...toFloat32(tensor)])];
    }));
  it("parseNpy and parseNpz", async () => {
    await everywhere(new Uint8Array(Buffer.concat(npyChunks(tensors.get("a")!))), (bytes) =>
      plain(new Map([["a", parseNpy(bytes)]])),
    );
    const npz = new Uint8Array(Buffer.concat([...npzChunks(tensors)]));
    await everywhere(npz, async (bytes) => plain(await parseNpz(bytes)));
  });
  it("parseTorch", () => {
    const ordered = "ccollections\nOrderedDict\n)R";
    const storage = "(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x18tQ";
    const pickle = `\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n(${storage}K\0(K\x06K\x04t(K\x01K\x06t\x89${ordered}tRs.`;
    const file = Buffer.concat([
      ...zipChunks([
        ["m/data.pkl", [Buffer.from(pickle, "latin1")]],
        ["m/data/0", [bytesOf(floats)]],
      ]),
    ]);
    return everywhere(new Uint8Array(file), async (bytes) => plain((await parseTorch(bytes)).tensors));
  });
  it("parseTfjs", () => {
    const json = Buffer.from(
      JSON.stringify({
        modelTopology: {
          class_name: "Sequential",
          config: [
            {
              class_name: "Dense",
              config: { name: "d", units: 4, batch_input_shape: [null, 6], use_bias: false },
            },
          ],
        },
        weightsManifest: [{ paths: ["w"], weights: [{ name: "d/kernel", shape: [6, 4], dtype: "float32" }] }],
      }),
    );
    return everywhere(bytesOf(floats), async (bytes) => {
      const model = await importTfjs(await parseTfjs(placed(json, 3), new Map([["w", bytes]])));
      return plain(model.weights);
    });
  });
  it("openBytes", () =>
    everywhere(safetensors, async (bytes) => [...(await openBytes("m", bytes).read(3, 20)).slice()]));
  it("importOnnx, and every form of exportOnnx", () =>
    everywhere(onnx, async (bytes) => {
      const model = await importOnnx(bytes);
      const masks = Masks.dense(model.network);
      masks.bytes.fill(0, 0, 9);
      const forms = ["original+masks", "zeroed", "compact"] as const;
      const written: string[] = [];
      for (const form of forms) {
        written.push(Buffer.concat([...(await exportOnnx(model, masks, form)).model]).toString("hex"));
      }
      expect(plain(model.weights)).toEqual(plain((await importOnnx(new Uint8Array(onnx))).weights));
      return [plain(model.weights), written];
    }));
  it("importOnnx of exported files", () => {
    const file = readFileSync(new URL("./fixtures/onnx/vgg-script9.onnx", import.meta.url));
    return everywhere(new Uint8Array(file), async (bytes) => plain((await importOnnx(bytes)).weights));
  });
});

describe("functions of tensors", () => {
  const over = (bytes: Uint8Array): Tensor => ({ dtype: "F32", shape: [4, 6], data: bytes });
  const uses: [string, (tensor: Tensor) => unknown][] = [
    ["elementsOf", (tensor) => [...elementsOf(tensor)].map(Number)],
    ["toFloat32", (tensor) => [...toFloat32(tensor)]],
    ["zeroedTensor", (tensor) => [...zeroedTensor(tensor, new Uint8Array(24)).data]],
    [
      "safetensorsChunks",
      (tensor) => Buffer.concat(safetensorsChunks(new Map([["a", tensor]]))).toString("hex"),
    ],
    ["npzChunks", (tensor) => Buffer.concat([...npzChunks(new Map([["a", tensor]]))]).toString("hex")],
    ["gather", (tensor) => [...gather(tensor.data, 4, [6, 4], [1, 6])]],
    ["gather of wide elements", (tensor) => [...gather(tensor.data, 8, [3, 4], [1, 3])]],
  ];
  it.each(uses)("%s", (_, use) => everywhere(bytesOf(floats), (bytes) => use(over(bytes))));
  it("pickMasks", () => {
    const masks = new Uint8Array(small.prunableCount).map((_, k) => k % 2);
    return everywhere(masks, (bytes) => {
      const [a, b] = small.prunable.map(({ name, shape, start, length }) => [
        `${name}_mask`,
        boolTensor(shape, bytes.subarray(start, start + length)),
      ]) as [[string, Tensor], [string, Tensor]];
      return [...pickMasks(small, new Map([a, b]), "m").bytes];
    });
  });
});

describe("functions of core", () => {
  const kept = new Uint8Array(small.prunableCount).map((_, k) => Number(k % 3 !== 0));
  /** Weights over one run of bytes, where they lie on a multiple of 4; masks lie anywhere. */
  const withMasks = (use: (masks: Masks, weights: Weights) => unknown) =>
    everywhere(kept, async (bytes) => {
      const weights = await initialise(small, { seed: 3 });
      const before = plain(weights);
      const result = await use(new Masks(small, bytes), weights);
      expect(plain(weights)).toEqual(before);
      return result;
    });
  const uses: [string, (masks: Masks, weights: Weights) => unknown][] = [
    ["analyse", (masks, weights) => analyse(weights, masks)],
    ["applyMasks", (masks, weights) => plain(applyMasks(weights, masks))],
    ["maskedWeights", (masks, weights) => plain(maskedWeights(weights, masks))],
    ["maskedParameters", (masks) => [...maskedParameters(masks)].map(([name, mask]) => [name, [...mask]])],
    ["deadUnits", (masks) => [...deadUnits(masks.of(small.prunable[0]!), 5)]],
    ["overlap", (masks) => overlap(masks, Masks.dense(small))],
    ["pathKernelTrace", (masks, weights) => pathKernelTrace(small, weights, masks)],
    ["pathSums", (masks, weights) => pathSums(small, weights, { masks, power: 2 })],
    ["compactNetwork", (masks, weights) => compactNetwork(small, weights, masks).network.parameters],
    [
      "keepTop from",
      (masks) => [
        ...keepTop(small, (name) => new Float32Array(name === "fc1.weight" ? 30 : 15).fill(1), 35, {
          from: masks,
        }).bytes,
      ],
    ],
  ];
  it.each(uses)("%s", (_, use) => withMasks(use));

  it.each(
    [...pruners.keys()].filter(
      (name) => pruners.get(name)!.examplesOption !== "samples" && pruners.get(name)!.confinable,
    ),
  )("prune within, by %s", (method) =>
    withMasks(async (within, weights) => {
      const { masks } = await prune(small, weights, { method, density: 0.3, seed: 1, within });
      return [...masks.bytes];
    }),
  );

  it("prune of weights that are views of a file at a multiple of 4", async () => {
    const mlp = zooModel("lenet5");
    const weights = await initialise(mlp, { seed: 1 });
    const file = Buffer.concat(
      safetensorsChunks(
        new Map(mlp.parameters.map(({ name, shape }) => [name, float32Tensor(shape, weights.get(name)!)])),
      ),
    );
    const views = [...parseSafetensors(file).tensors].map(
      ([name, tensor]) => [name, toFloat32(tensor)] as const,
    );
    const before = Buffer.from(file);
    for (const method of ["phew", "magnitude", "synflow"])
      await prune(mlp, new Map(views), { method, density: 0.1, seed: 1 });
    expect(Buffer.compare(file, before)).toBe(0);
  });
});
