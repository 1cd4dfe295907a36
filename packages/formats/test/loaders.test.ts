/** The loaders of docs/pytorch.md and docs/formats.md, as they stand there, in the frameworks they are for. */
import { readFileSync, writeFileSync } from "node:fs";
import { maskedWeights, type Network, NetworkBuilder } from "@phew/core";
import { beforeAll, describe, expect, it } from "vitest";
import {
  bytesOf,
  exportModel,
  float32Tensor,
  readTensors,
  toFloat32,
  writeMasks,
  writeSafetensors,
} from "../src/index.ts";
import { readTfjs } from "../src/tfjs/importTfjs.ts";
import { uniform } from "./fuzz.ts";
import { fromDocs, NO_ORIGIN } from "./loaderDocs.ts";
import { inputs, masksWithDeadUnits, predict, randomWeights } from "./predict.ts";
import { pythonHas, runPython } from "./python.ts";
import { scratchFolder } from "./scratch.ts";
import { loadModel, randomise, saveModel, tfjsModels, tfjsPredict } from "./tfjsModels.ts";

const scratch = scratchFolder();

/** As `PYTORCH_MODEL` below. */
function network(): Network {
  const b = new NetworkBuilder("peer", [3, 9, 9]);
  const x = b.relu(
    b.batchNorm("bn1", b.conv2d("conv1", b.input, { outChannels: 8, kernel: 3, padding: 1, bias: false })),
  );
  let y = b.relu(
    b.batchNorm("bn2", b.conv2d("conv2", x, { outChannels: 8, kernel: 3, padding: 1, groups: 8 })),
  );
  y = b.add(b.conv2d("conv3", y, { outChannels: 8, kernel: 1 }), x);
  const z = b.relu(b.dense("fc1", b.flatten(b.maxPool2d(y, { kernel: 2 })), 12));
  return b.build(b.dense("fc2", z, 5));
}

const PYTORCH_MODEL = `
import sys, numpy, torch
from torch import nn
class Peer(nn.Module):
    def __init__(self, a=8, b=8, d=12):
        super().__init__()
        self.conv1 = nn.Conv2d(3, a, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(a)
        self.conv2 = nn.Conv2d(a, b, 3, padding=1, groups=a)
        self.bn2 = nn.BatchNorm2d(b)
        self.conv3 = nn.Conv2d(b, a, 1)
        self.fc1 = nn.Linear(a * 16, d)
        self.fc2 = nn.Linear(d, 5)
    def forward(self, x):
        x = self.bn1(self.conv1(x)).relu()
        y = self.conv3(self.bn2(self.conv2(x)).relu()) + x
        return self.fc2(self.fc1(nn.functional.max_pool2d(y, 2).flatten(1)).relu())
`;

describe.skipIf(!pythonHas("torch", "safetensors", "numpy"))("in PyTorch", () => {
  const model = network();
  const next = uniform(20);
  const weights = randomWeights(model, next);
  const masks = masksWithDeadUnits(model, next, 0.5);
  const x = inputs(model, 4, next);
  const zoo = { format: "zoo", network: model, weights } as const;
  const expected = predict(model, maskedWeights(weights, masks), x, 4);

  beforeAll(async () => {
    const dense = masksWithDeadUnits(model, () => 0.99, 1);
    await exportModel(scratch("weights.safetensors"), zoo, dense, "zeroed");
    for (const form of ["masks", "original+masks", "zeroed", "compact"] as const)
      await exportModel(scratch(`${form}.safetensors`), zoo, masks, form);
    await exportModel(scratch("zeroed.npz"), zoo, masks, "zeroed");
    await writeMasks(scratch("pruned.safetensors"), masks, NO_ORIGIN);
    await writeSafetensors(scratch("x.safetensors"), new Map([["x", float32Tensor([4, 3, 9, 9], x)]]));
    runPython(
      `${fromDocs("load_masks.py")}
${fromDocs("load_pruned.py")}
${PYTORCH_MODEL}
from safetensors.torch import save_file
to = sys.argv[1] + "/"
x = load_file(to + "x.safetensors")["x"]
def fresh():
    model = Peer()
    model.load_state_dict(load_file(to + "weights.safetensors"))
    return model
def zeroed(state):
    model = Peer()
    model.load_state_dict(state)
    return model
small = load_file(to + "compact.safetensors")
compact = Peer(small["conv1.weight"].shape[0], small["conv2.weight"].shape[0], small["fc1.weight"].shape[0])
compact.load_state_dict(small)
models = {
    "masks": load_masks(fresh(), to + "masks.safetensors"),
    "original+masks": load_pruned(Peer(), to + "original+masks.safetensors"),
    "zeroed": zeroed(load_file(to + "zeroed.safetensors")),
    "npz": zeroed({k: torch.from_numpy(v) for k, v in numpy.load(to + "zeroed.npz").items()}),
    "compact": compact,
}
pruned = load_masks(fresh(), to + "pruned.safetensors")
with torch.no_grad():
    out = {name: model.eval()(x) for name, model in models.items()}
out["pruned weight"] = pruned.conv1.weight.detach().contiguous()
save_file(out, to + "out.safetensors")`,
      scratch(""),
    );
  });

  it.each(["masks", "original+masks", "zeroed", "npz", "compact"])(
    "%s give the masked network's outputs",
    async (name) => {
      const { tensors } = await readTensors(scratch("out.safetensors"));
      const found = toFloat32(tensors.get(name)!);
      expect(found.length).toBe(expected.length);
      for (const [k, y] of expected.entries())
        expect(Math.abs(found[k]! - y)).toBeLessThan(1e-4 * (1 + Math.abs(y)));
    },
  );

  it("masks of phew prune mask the weights", async () => {
    const { tensors } = await readTensors(scratch("out.safetensors"));
    const found = toFloat32(tensors.get("pruned weight")!);
    // PyTorch multiplies: a removed weight below 0 is −0 there
    expect([...found].map((w) => w + 0)).toEqual([...maskedWeights(weights, masks).get("conv1.weight")!]);
  });

  it("the compact model is smaller", async () => {
    const { tensors } = await readTensors(scratch("compact.safetensors"));
    expect(tensors.get("fc1.weight")!.shape[0]).toBeLessThan(12);
  });
});

describe("in TensorFlow.js", () => {
  it("masks in its layout give the masked network's outputs", async () => {
    const tf = await import("@tensorflow/tfjs-core");
    writeFileSync(scratch("loadMasks.mjs"), fromDocs("loadMasks.mjs"));
    const { loadMasks } = await import(scratch("loadMasks.mjs"));
    for (const name of ["mlp", "inception", "resnet", "mobilenet"]) {
      const original = tfjsModels[name]!();
      randomise(original, 21);
      const path = saveModel(scratch(name), original);
      const tfjs = await readTfjs(path);
      const { network: model, weights, notes } = tfjs;
      const next = uniform(22);
      const masks = masksWithDeadUnits(model, next, 0.5);
      await exportModel(
        scratch(`${name}.safetensors`),
        { format: "tfjs", network: model, weights, notes, tfjs },
        masks,
        "masks",
      );
      const loaded = await loadModel(path);
      loadMasks(tf, loaded, new Uint8Array(readFileSync(scratch(`${name}.safetensors`))).buffer);
      // the topology of zeroed is the original's: so must be its outputs
      await exportModel(
        scratch(`${name}/zeroed.json`),
        { format: "tfjs", network: model, weights, notes, tfjs },
        masks,
        "zeroed",
      );
      const x = inputs(model, 2, next);
      const expected = tfjsPredict(await loadModel(scratch(`${name}/zeroed.json`)), x, model.inputShape, 2);
      const found = tfjsPredict(loaded, x, model.inputShape, 2);
      expect(Buffer.compare(bytesOf(found.map((y) => y + 0)), bytesOf(expected.map((y) => y + 0)))).toBe(0);
    }
  });
});
