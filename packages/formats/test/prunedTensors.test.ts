/** Models that come pruned: original and mask side by side, as torch.nn.utils.prune and phew's own exports have them. */
import {
  maskedWeights,
  type Network,
  NetworkBuilder,
  nonzeroMasks,
  silencedCount,
  silentUnits,
} from "@phew/core";
import { describe, expect, it } from "vitest";
import {
  boolTensor,
  exportModel,
  float32Tensor,
  readMaskFile,
  readMasks,
  readModel,
  readTensors,
  readWeights,
  type Tensor,
  withOtherMasks,
  writeNpz,
  writeSafetensors,
} from "../src/index.ts";
import { readOwnTensors } from "../src/weightsFile.ts";
import { uniform } from "./fuzz.ts";
import { masksWithDeadUnits, randomWeights, sameBits } from "./predict.ts";
import { pythonHas, runPython } from "./python.ts";
import { scratchFolder } from "./scratch.ts";

const scratch = scratchFolder();
const next = uniform(31);

function small(): Network {
  const b = new NetworkBuilder("small", [2, 6, 6]);
  const x = b.relu(b.batchNorm("bn", b.conv2d("conv", b.input, { outChannels: 6, kernel: 3 })));
  return b.build(b.dense("fc", b.flatten(x), 4));
}
const network = small();
const weights = randomWeights(network, next);
const masks = masksWithDeadUnits(network, next, 0.5);
const masked = maskedWeights(weights, masks);
const zoo = { format: "zoo", network, weights } as const;

describe("original+masks, as phew writes it", () => {
  it.each(["both.safetensors", "both.npz"])(
    "%s is read as the masked weights, and as the masks",
    async (name) => {
      await exportModel(scratch(name), zoo, masks, "original+masks");
      const read = await readWeights(scratch(name), network);
      const { notes } = await readOwnTensors(scratch(name), network);
      for (const { name: own } of network.parameters)
        expect([...read.get(own)!].map(plus0)).toEqual([...masked.get(own)!].map(plus0));
      expect(notes).toEqual([
        expect.stringMatching(/^Took 2 parameters as the product of original and mask \(conv\.weight_orig, /),
      ]);
      const file = await readMaskFile(scratch(name), network);
      expect(sameBits(file.masks.bytes, masks.bytes)).toBe(true);
      expect(file.notes).toEqual([]);
    },
  );

  it.each(["both.safetensors", "both.npz"])(
    "%s is refused where a parameter is there by itself too, with the same values or others",
    async (name) => {
      await exportModel(scratch(name), zoo, masks, "original+masks", { force: true });
      const { tensors } = await readTensors(scratch(name));
      const twice = new Map([...tensors, ["conv.weight", tensors.get("conv.weight_orig")!]]);
      await (name.endsWith(".npz") ? writeNpz : writeSafetensors)(scratch(`twice.${name}`), twice);
      await expect(readWeights(scratch(`twice.${name}`), network)).rejects.toThrow(
        /twice\.both\.\w+: got "conv\.weight" by itself and as "conv\.weight_orig" and "conv\.weight_mask"/,
      );
    },
  );

  it("the masks are found behind a prefix of all names", async () => {
    await exportModel(scratch("plain.safetensors"), zoo, masks, "masks");
    const { tensors } = await import("../src/index.ts").then((f) =>
      f.readTensors(scratch("plain.safetensors")),
    );
    const named = new Map([...tensors].map(([own, tensor]) => [`module.${own}`, tensor]));
    await writeSafetensors(scratch("prefixed.safetensors"), named);
    const file = await readMaskFile(scratch("prefixed.safetensors"), network);
    expect(sameBits(file.masks.bytes, masks.bytes)).toBe(true);
  });
});

describe("what torch.nn.utils.prune leaves", () => {
  const tensors = (): Map<string, Tensor> => {
    const all = new Map<string, Tensor>();
    for (const { name, shape } of network.parameters) all.set(name, float32Tensor(shape, weights.get(name)!));
    const conv = network.prunable[0]!;
    all.delete(conv.name);
    all.set(`${conv.name}_orig`, float32Tensor(conv.shape, weights.get(conv.name)!));
    all.set(`${conv.name}_mask`, float32Tensor(conv.shape, Float32Array.from(masks.of(conv))));
    return all;
  };

  it("keeps all of a layer that was not pruned, with a word, and passes over a model's own buffers", async () => {
    const file = tensors().set("causal_mask", boolTensor([2], new Uint8Array([1, 0])));
    await writeSafetensors(scratch("some.safetensors"), file);
    const { masks: read, notes } = await readMaskFile(scratch("some.safetensors"), network);
    expect(sameBits(read.get("conv.weight"), masks.get("conv.weight"))).toBe(true);
    expect(read.get("fc.weight")!.every((kept) => kept === 1)).toBe(true);
    expect(notes).toEqual([
      expect.stringMatching(/^No mask for fc\.weight, whose whole weight is in the file/),
    ]);
  });

  it.each<[string, Tensor, RegExp]>([
    ["of another shape", float32Tensor([1], new Float32Array(1)), /conv\.weight_mask": got shape \[1\]/],
    [
      "of halves",
      float32Tensor([6, 2, 3, 3], new Float32Array(108).fill(0.5)),
      /element 0: got 0\.5, expected 0/,
    ],
  ])("is refused where a mask is %s", async (name, mask, message) => {
    await writeSafetensors(scratch(`${name}.safetensors`), tensors().set("conv.weight_mask", mask));
    await expect(readWeights(scratch(`${name}.safetensors`), network)).rejects.toThrow(message);
  });

  it.skipIf(!pythonHas("torch", "onnx"))(
    "is known by its modules' names in an ONNX export with the masks in it (skipped without python3, torch and onnx)",
    async () => {
      runPython(
        `import sys, torch, warnings
from torch import nn
from torch.nn.utils import prune
warnings.filterwarnings("ignore")
torch.manual_seed(0)
model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 4)).eval()
for layer in (model[0], model[3]):
    prune.random_unstructured(layer, "weight", 0.6)
torch.onnx.export(model, (torch.randn(1, 1, 6, 6),), sys.argv[1], dynamo=False,
                  training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)
torch.save(model.state_dict(), sys.argv[2])`,
        scratch("hooked.onnx"),
        scratch("hooked.pt"),
      );
      const model = await readModel(scratch("hooked.onnx"));
      expect(model.network.prunable.map(({ name }) => name)).toEqual(["0.weight", "3.weight"]);
      const state = await readWeights(scratch("hooked.pt"), model.network);
      for (const { name } of model.network.parameters)
        expect([...model.weights.get(name)!].map(plus0)).toEqual([...state.get(name)!].map(plus0));
      const fromOnnx = await readMaskFile(scratch("hooked.onnx"), model.network);
      const fromState = await readMaskFile(scratch("hooked.pt"), model.network);
      expect(sameBits(fromOnnx.masks.bytes, fromState.masks.bytes)).toBe(true);
      expect(fromOnnx.masks.density).toBeCloseTo(0.4, 1);
    },
    30_000,
  );
});

describe("masks of biases and normalisation", () => {
  const deadConv = silentUnits(masks)[network.nodes.findIndex(({ name }) => name === "conv")]!;
  const alive = deadConv.indexOf(0);
  const without = (length: number, ...units: number[]) =>
    boolTensor(
      [length],
      Uint8Array.from({ length }, (_, u) => Number(!units.includes(u))),
    );
  const maskFile = async (name: string, more: Record<string, Tensor>) => {
    const all = network.prunable.map(
      (own) => [`${own.name}_mask`, boolTensor(own.shape, masks.of(own))] as const,
    );
    await writeSafetensors(scratch(name), new Map([...all, ...Object.entries(more)]));
    return readMaskFile(scratch(name), network);
  };

  it("that remove what dead units have alone follow from the weights' masks", async () => {
    expect(deadConv).toContain(1);
    const { others } = await maskFile("dead.safetensors", {
      "conv.bias_mask": boolTensor(
        [6],
        deadConv.map((dead) => 1 - dead),
      ),
      "bn.running_mean_mask": boolTensor(
        [6],
        deadConv.map((dead) => 1 - dead),
      ),
      "fc.bias_mask": without(4),
    });
    expect(others.size).toBe(0);
    await expect(readMasks(scratch("dead.safetensors"), network)).resolves.toBeDefined();
  });

  it("that remove more are set to 0 in the weights, and refused where masks alone are taken", async () => {
    const { others } = await maskFile("more.safetensors", {
      "conv.bias_mask": without(6, alive),
      "bn.weight_mask": without(6, alive),
      "fc.bias_mask": without(4, 1, 3),
    });
    expect([...others.keys()].sort()).toEqual(["bn.weight", "conv.bias", "fc.bias"]);
    const found = withOtherMasks(zoo, weights, others);
    for (const { name } of network.parameters) {
      const removed = { "conv.bias": [alive], "bn.weight": [alive], "fc.bias": [1, 3] }[name] ?? [];
      const own = weights.get(name)!.map((value, k) => (removed.includes(k) ? 0 : value));
      expect([name, ...found.get(name)!]).toEqual([name, ...own]);
    }
    // as they are where they are 0 already
    expect(withOtherMasks(zoo, found, others)).toBe(found);
    await expect(readMasks(scratch("more.safetensors"), network)).rejects.toThrow(
      /got masks of conv\.bias, bn\.weight, fc\.bias, which remove more than dead units have.*prune\.remove/,
    );
  });

  it.each<[string, Tensor, RegExp]>([
    ["halves", float32Tensor([4], new Float32Array(4).fill(0.5)), /fc\.bias_mask", element 0: got 0\.5/],
    ["shape", without(3), /fc\.bias_mask": got shape \[3\]/],
  ])("are refused where they are no masks: %s", async (name, mask, message) => {
    await expect(maskFile(`${name}.other.safetensors`, { "fc.bias_mask": mask })).rejects.toThrow(message);
  });
});

describe("masks from zeros", () => {
  it("are the weights other than 0, and say what else they silence", () => {
    const found = nonzeroMasks(network, masked);
    expect(sameBits(found.bytes, masks.bytes)).toBe(true);
    expect(silencedCount(masked, found)).toBe(0);
    // pruned elsewhere: dead units keep their biases
    const voiced = new Map([...masked, ["conv.bias", weights.get("conv.bias")!] as const]);
    const conv = masks.get("conv.weight")!;
    const deadCount = Array.from({ length: 6 }, (_, u) => conv.subarray(18 * u, 18 * u + 18)).filter(
      (row) => !row.includes(1),
    ).length;
    expect(deadCount).toBeGreaterThan(0);
    expect(silencedCount(voiced, found)).toBe(deadCount);
  });
});

/** PyTorch multiplies: a removed weight below 0 is −0 there. */
function plus0(value: number): number {
  return value + 0;
}
