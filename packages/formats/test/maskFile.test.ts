import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { Masks, type Network, NetworkBuilder, type Weights } from "@phew/core";
import { describe, expect, it } from "vitest";
import {
  bytesOf,
  digestWeights,
  float32Tensor,
  fromFloat32,
  type MaskOrigin,
  readBatch,
  readMaskFile,
  readMasks,
  readSafetensors,
  readWeights,
  type Tensor,
  toFloat32,
  writeMasks,
  writeSafetensors,
  writeScores,
} from "../src/index.ts";
import { maskMetadata, maskTensors } from "../src/maskFile.ts";
import { uniform } from "./fuzz.ts";
import { pythonHas, runPython } from "./python.ts";
import { scratchFolder } from "./scratch.ts";

const scratch = scratchFolder();
const golden = new URL("../../../../shared/golden/", import.meta.url).pathname;

function tiny(): Network {
  const b = new NetworkBuilder("tiny", [2, 6, 6]);
  const x = b.relu(b.batchNorm("bn", b.conv2d("conv", b.input, { outChannels: 3, kernel: 3, bias: false })));
  return b.build(b.dense("fc", b.flatten(x), 4));
}
const network = tiny();
const next = uniform(5);
const random = new Masks(
  network,
  Uint8Array.from({ length: network.prunableCount }, () => (next() < 0.3 ? 1 : 0)),
);
const weights: Weights = new Map(
  network.parameters.map(({ name, shape }) => [
    name,
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => next() - 0.5),
  ]),
);
const origin: MaskOrigin = {
  method: "phew",
  options: { granularity: "weight", branching: "uniform", alpha: 0.5, both: true },
  seed: 7,
  requestedDensity: 0.3,
  weightsDigest: digestWeights(network, weights),
  version: "0.1.0",
};

describe("a mask file", () => {
  it("gives the masks and what made them back", async () => {
    await writeMasks(scratch("m.safetensors"), random, origin);
    const { masks, metadata } = await readMaskFile(scratch("m.safetensors"), network);
    expect(masks.bytes).toEqual(random.bytes);
    expect(metadata).toEqual({
      format: "pt",
      method: "phew",
      options: '{"alpha":0.5,"both":true,"branching":"uniform","granularity":"weight"}',
      seed: "7",
      requestedDensity: "0.3",
      density: String(random.density),
      weightsDigest: origin.weightsDigest,
      version: "0.1.0",
      normalisations: '["bn.running_mean"]',
    });
    expect((await readMasks(scratch("m.safetensors"), network)).bytes).toEqual(random.bytes);
  });

  it.each([
    ["options", "{bad", /"options" is left out: got "\{bad", expected a JSON object/],
    ["options", '{"a":[1]}', /expected a JSON object of texts, numbers and truth values/],
    ["checkOptions", "[]", /"checkOptions" is left out/],
    ["seed", "abc", /"seed" is left out: got "abc", expected a whole number/],
    ["seed", "1e3", /"seed" is left out/],
    ["weightsSeed", "9007199254740993", /"weightsSeed" is left out/],
    ["requestedDensity", "NaN", /expected a number above 0 and at most 1/],
    ["density", "", /"density" is left out/],
  ])("whose %s is %s is read without it, with a note", async (key, value, note) => {
    const tensors = maskTensors(random);
    await writeSafetensors(
      scratch("odd.safetensors"),
      tensors,
      { ...maskMetadata(random, origin), [key]: value },
      { force: true },
    );
    const { masks, metadata, notes } = await readMaskFile(scratch("odd.safetensors"), network);
    expect(masks.bytes).toEqual(random.bytes);
    expect(metadata[key]).toBeUndefined();
    expect(metadata.method).toBe("phew");
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(note);
  });

  it("has the same bytes for the same masks, whatever the order of the options", async () => {
    const options = Object.fromEntries(Object.entries(origin.options).reverse());
    await writeMasks(scratch("1.safetensors"), random, origin);
    await writeMasks(scratch("2.safetensors"), random, { ...origin, options });
    expect(readFileSync(scratch("1.safetensors")).equals(readFileSync(scratch("2.safetensors")))).toBe(true);
  });

  it.skipIf(!pythonHas("torch", "safetensors"))("is BOOL tensors <parameter>_mask to PyTorch", async () => {
    await writeMasks(scratch("torch.safetensors"), random, origin);
    const printed = runPython(
      `import sys, json
from safetensors.torch import load_file
print(json.dumps({k: [str(v.dtype), list(v.shape), v.flatten().int().tolist()] for k, v in load_file(sys.argv[1]).items()}))`,
      scratch("torch.safetensors"),
    );
    const conv = network.prunable[0]!;
    const fc = network.prunable[1]!;
    expect(JSON.parse(printed)).toEqual({
      "conv.weight_mask": ["torch.bool", [3, 2, 3, 3], [...random.of(conv)]],
      "fc.weight_mask": ["torch.bool", [4, 48], [...random.of(fc)]],
    });
  });

  const asTensors = (convert: (mask: Uint8Array, shape: readonly number[]) => Tensor) =>
    new Map(network.prunable.map((p) => [`${p.name}_mask`, convert(random.of(p), p.shape)]));

  it.each<[string, (mask: Uint8Array, shape: readonly number[]) => Tensor]>([
    ["U8", (mask, shape) => ({ dtype: "U8", shape, data: mask })],
    ["F32", (mask, shape) => float32Tensor(shape, Float32Array.from(mask))],
    ["F16", (mask, shape) => fromFloat32("F16", shape, Float32Array.from(mask))],
    ["I64", (mask, shape) => ({ dtype: "I64", shape, data: bytesOf(BigInt64Array.from(mask, BigInt)) })],
  ])("may be %s of 0 and 1", async (name, convert) => {
    await writeSafetensors(scratch(`${name}.safetensors`), asTensors(convert));
    expect((await readMasks(scratch(`${name}.safetensors`), network)).bytes).toEqual(random.bytes);
  });

  it.each<[string, (tensors: Map<string, Tensor>) => void, RegExp]>([
    [
      "misses a layer",
      (t) => t.delete("fc.weight_mask"),
      /no mask for 1 of the 2 layers of tiny \(fc\.weight_mask\)/,
    ],
    [
      "has another shape",
      (t) => t.set("conv.weight_mask", { dtype: "U8", shape: [54], data: new Uint8Array(54) }),
      /tensor "conv\.weight_mask": got shape \[54\], expected \[3, 2, 3, 3\]/,
    ],
    [
      "has a 2",
      (t) =>
        t.set("conv.weight_mask", {
          dtype: "U8",
          shape: [3, 2, 3, 3],
          data: new Uint8Array(54).fill(2, 9, 10),
        }),
      /conv\.weight_mask", element 9: got 2, expected 0 \(removed\) or 1 \(kept\)/,
    ],
    [
      "has a NaN",
      (t) => t.set("fc.weight_mask", float32Tensor([4, 48], new Float32Array(192).fill(Number.NaN))),
      /fc\.weight_mask", element 0: got NaN/,
    ],
    [
      "is of another network",
      (t) => t.set("conv2.weight_mask", { dtype: "BOOL", shape: [1], data: new Uint8Array(1) }),
      /tensor "conv2\.weight_mask": got a mask of no parameter of tiny/,
    ],
  ])("that %s is refused", async (name, change, message) => {
    const tensors = asTensors((data, shape) => ({ dtype: "BOOL", shape, data }));
    change(tensors);
    const path = scratch(`bad ${name}.safetensors`);
    await writeSafetensors(path, tensors);
    await expect(readMasks(path, network)).rejects.toThrow(message);
  });

  it("may hold the weights too, as torch.nn.utils.prune does", async () => {
    const tensors = asTensors((data, shape) => ({ dtype: "BOOL", shape, data }));
    tensors.set("conv.weight_orig", float32Tensor([3, 2, 3, 3], weights.get("conv.weight")!));
    await writeSafetensors(scratch("orig.safetensors"), tensors);
    expect((await readMasks(scratch("orig.safetensors"), network)).bytes).toEqual(random.bytes);
  });
});

describe("weights", () => {
  it("are digested as SHA-256 of the prunable ones, float32 little-endian, in the network's order", () => {
    const whole = Buffer.concat(["conv.weight", "fc.weight"].map((name) => bytesOf(weights.get(name)!)));
    const expected = createHash("sha256").update(whole).digest("hex");
    expect(digestWeights(network, weights)).toBe(`sha256:${expected}`);
    const other = new Map(weights).set(
      "fc.weight",
      weights.get("fc.weight")!.map((w, k) => (k === 191 ? -w : w)),
    );
    expect(digestWeights(network, other)).not.toBe(`sha256:${expected}`);
  });

  it("are read by name and shape, other tensors passed over, halves converted", async () => {
    const tensors = new Map<string, Tensor>(
      network.parameters.map(({ name, shape }) => [name, fromFloat32("F16", shape, weights.get(name)!)]),
    );
    tensors.set("bn.num_batches_tracked", { dtype: "I64", shape: [], data: new Uint8Array(8) });
    await writeSafetensors(scratch("w.safetensors"), tensors);
    const back = await readWeights(scratch("w.safetensors"), network);
    expect([...back.keys()]).toEqual(network.parameters.map(({ name }) => name));
    expect(back.get("fc.bias")).toEqual(toFloat32(tensors.get("fc.bias")!));
    tensors.delete("bn.bias");
    await writeSafetensors(scratch("w.safetensors"), tensors, {}, { force: true });
    await expect(readWeights(scratch("w.safetensors"), network)).rejects.toThrow(
      /no tensor for 1 of the 7 parameters of tiny \(bn\.bias\)/,
    );
  });
});

describe("scores", () => {
  it("are one F32 tensor a prunable parameter", async () => {
    const scores = Float64Array.from({ length: network.prunableCount }, (_, k) => k / 3);
    await writeScores(scratch("s.safetensors"), network, scores);
    const { tensors } = await readSafetensors(scratch("s.safetensors"));
    expect([...tensors].map(([name, t]) => [name, t.dtype, t.shape])).toEqual([
      ["conv.weight", "F32", [3, 2, 3, 3]],
      ["fc.weight", "F32", [4, 48]],
    ]);
    expect(toFloat32(tensors.get("fc.weight")!)[0]).toBe(Math.fround(54 / 3));
  });

  it.each([700, -700])(
    "beyond float32 are divided by one power of two: largest 3 · 2^%i",
    async (exponent) => {
      const scores = new Float64Array(network.prunableCount).fill(2 ** exponent);
      scores[3] = 3 * 2 ** exponent;
      const file = scratch(`far${exponent}.safetensors`);
      await writeScores(file, network, scores);
      const { tensors, metadata } = await readSafetensors(file);
      expect(metadata.scale).toBe(`2^${exponent + 1}`);
      expect([...toFloat32(tensors.get("conv.weight")!).subarray(2, 5)]).toEqual([0.5, 1.5, 0.5]);
    },
  );

  it("that are not numbers are refused by their index", async () => {
    const scores = new Float64Array(network.prunableCount);
    scores[3] = Number.POSITIVE_INFINITY;
    await expect(writeScores(scratch("inf.safetensors"), network, scores)).rejects.toThrow(
      /score 3: got Infinity/,
    );
    expect(existsSync(scratch("inf.safetensors"))).toBe(false);
  });
});

describe("a batch file", () => {
  const x = (shape: readonly number[], values?: Float32Array) =>
    float32Tensor(shape, values ?? new Float32Array(shape.reduce((a, b) => a * b, 1)));
  const y = (...classes: bigint[]): Tensor => ({
    dtype: "I64",
    shape: [classes.length],
    data: bytesOf(BigInt64Array.from(classes)),
  });
  let count = 0;
  const written = async (tensors: Record<string, Tensor>) => {
    const path = scratch(`b${count++}.safetensors`);
    await writeSafetensors(path, new Map(Object.entries(tensors)));
    return path;
  };

  it("gives examples and classes", async () => {
    const path = await written({ x: x([2, 1, 2, 2], Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8)), y: y(3n, 0n) });
    expect(await readBatch(path, { inputShape: [1, 2, 2], classCount: 4, labelled: true })).toMatchObject({
      notes: [],
      count: 2,
      inputShape: [1, 2, 2],
      x: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8),
      y: Int32Array.of(3, 0),
    });
    const unlabelled = await readBatch(await written({ x: x([1, 3]) }));
    expect(unlabelled).toMatchObject({ count: 1, inputShape: [3], x: new Float32Array(3), notes: [] });
    expect(unlabelled.y).toBeUndefined();
  });

  it.each<[string, Record<string, Tensor>, RegExp]>([
    ["has no x", { y: y(1n) }, /tensor "x": got none \(there are: y\)/],
    [
      "has x of another type",
      { x: { dtype: "BOOL", shape: [1, 1], data: new Uint8Array(1) } },
      /got BOOL of shape \[1, 1\]/,
    ],
    ["has no examples", { x: x([0, 4]), y: y() }, /got no example \(F32 of shape \[0, 4\]\)/],
    ["is of other images", { x: x([1, 3]), y: y(0n) }, /examples of shape \[3\], expected \[4\]/],
    ["has a NaN", { x: x([1, 4], Float32Array.of(0, 1, Number.NaN, 0)), y: y(0n) }, /element 2: got NaN/],
    ["has no y", { x: x([1, 4]) }, /tensor "y": got none/],
    [
      "has too few classes",
      { x: x([2, 4]), y: y(0n) },
      /got I64 of shape \[1\], expected I64 of shape \[2\]/,
    ],
    ["has y of another type", { x: x([1, 4]), y: x([1]) }, /got F32 of shape \[1\]/],
    ["has a class too high", { x: x([2, 4]), y: y(0n, 10n) }, /element 1: got class 10, expected 0 … 9/],
    ["has a class below 0", { x: x([2, 4]), y: y(0n, -1n) }, /element 1: got class -1/],
  ])("that %s is refused", async (_, tensors, message) => {
    const expected = { inputShape: [4], classCount: 10, labelled: true };
    await expect(readBatch(await written(tensors), expected)).rejects.toThrow(message);
  });

  it.skipIf(!existsSync(golden))("of the golden cases is read whole", async () => {
    const batch = await readBatch(`${golden}convnet/batch.safetensors`, {
      inputShape: [3, 8, 8],
      labelled: true,
    });
    expect(batch.x.length).toBe(batch.count * 192);
    expect(batch.y!.length).toBe(batch.count);
  });
});
