/** Weights for a zoo architecture: which of its variants they are for is determined by tensors, or must be given. */
import { initialise, Masks, type Network, zooEntries, zooModel, zooVariant } from "@phew/core";
import { beforeAll, describe, expect, it } from "vitest";
import { longCases } from "../../../vitest.long.ts";
import {
  AmbiguousVariantError,
  exportModel,
  float32Tensor,
  readModel,
  readTensors,
  toFloat32,
  writeSafetensors,
} from "../src/index.ts";
import { predict } from "./predict.ts";
import { pythonHas, runPython } from "./python.ts";
import { scratchFolder } from "./scratch.ts";

const scratch = scratchFolder();
const LARGER = [
  ["mobilenet-v2", 64, "imagenet"],
  ["mobilenet-v2", 128, undefined],
  ["resnet50", 32, undefined],
] as const;

/** A file with the parameters of a network, whatever their values. */
async function saved(name: string, network: Network): Promise<string> {
  const path = scratch(`${name}.safetensors`);
  const weights = await initialise(network, { seed: 1 });
  const tensors = network.parameters.map(
    (parameter) => [parameter.name, float32Tensor(parameter.shape, weights.get(parameter.name)!)] as const,
  );
  await writeSafetensors(path, new Map(tensors), {}, { force: true });
  return path;
}

const strides = (network: Network) =>
  network.nodes.flatMap(({ op }) => ("stride" in op ? [op.stride.join()] : [])).join(" ");

describe("variants that the same tensors fit", () => {
  it.each(["mobilenet-v1", "mobilenet-v2"])("%s: are never chosen in silence", async (architecture) => {
    const { heads, variants } = zooEntries.find(({ name }) => name === architecture)!;
    expect(variants.length).toBeGreaterThan(1);
    const path = await saved(architecture, zooModel(architecture, { classCount: 7 }));
    const asked = await readModel(path, { architecture }).catch((error: Error) => error.message);
    for (const variant of variants) expect(asked).toContain(`${variant} (made for 3×`);
    expect(asked).toMatch(/differ in the stride of \S+ \(cifar 1, .*imagenet 2\).*Give --variant cifar\|/);
    // any variant may have been trained on any small size, those of data sets too
    const small = heads.map(({ inputShape }) => inputShape).filter(([, height]) => height! < 128);
    for (const inputShape of [...small, [3, 96, 96]]) {
      const reading = readModel(path, { architecture, inputShape });
      await expect(reading).rejects.toThrow(AmbiguousVariantError);
    }
    const large = await readModel(path, { architecture, inputShape: [3, 160, 160] });
    expect(strides(large.network)).toBe(strides(zooModel(architecture, { variant: "imagenet" })));
    expect(large.notes.join()).toMatch(/fit several variants.*differ in the stride of.*--variant/);
    for (const variant of variants) {
      const read = await readModel(path, { architecture, inputShape: [3, 96, 96], variant });
      expect(strides(read.network)).toBe(
        strides(zooModel(architecture, { inputShape: [3, 96, 96], variant })),
      );
      expect(read.notes).toEqual([]);
    }
  });

  it("need not be given for a file that phew wrote of one", async () => {
    const network = zooModel("mobilenet-v2", { variant: "tiny-imagenet", classCount: 3 });
    const weights = await initialise(network, { seed: 1 });
    const metadata = { model: network.name, variant: "tiny-imagenet" };
    const path = scratch("said.safetensors");
    const model = { format: "zoo", network, weights } as const;
    await exportModel(path, model, Masks.dense(network), "zeroed", { metadata });
    const read = await readModel(path, { architecture: "mobilenet-v2", inputShape: [3, 32, 32] });
    expect(strides(read.network)).toBe(strides(network));
    expect([read.format, "variant" in read && read.variant]).toEqual(["safetensors", "tiny-imagenet"]);
    const other = { architecture: "mobilenet-v2", inputShape: [3, 32, 32], variant: "cifar" } as const;
    expect(strides((await readModel(path, other)).network)).not.toBe(strides(network));
  });

  it.each(
    zooEntries
      .map(({ name, heads }) => [name, heads] as const)
      .filter(([name]) => !/1[0-9][0-9]|5[06]$|44|19|34|vgg1[36]/.test(name)),
  )("%s: read with the input they were made for, they are that network", async (architecture, heads) => {
    for (const { inputShape } of heads.filter(({ dataSet }) => dataSet !== "imagenet")) {
      const network = zooModel(architecture, { inputShape, classCount: 3 });
      const variant = zooVariant(architecture, inputShape);
      const read = await readModel(await saved("own", network), { architecture, inputShape, variant });
      expect(read.network.nodes).toEqual(network.nodes);
    }
  });
});

describe("what only one variant fits", () => {
  it("is read without an input where the architecture has no variants", async () => {
    for (const architecture of ["mlp", "lenet5", "resnet20"]) {
      const { network } = await readModel(await saved("alone", zooModel(architecture)), { architecture });
      expect(network.inputShape).toEqual(zooModel(architecture).inputShape);
    }
  });

  it("is that variant, whatever the input", async () => {
    const large = await saved("large", zooModel("resnet18", { inputShape: [3, 224, 224], classCount: 4 }));
    const small = await saved("small", zooModel("resnet18", { classCount: 4 }));
    for (const inputShape of [
      [3, 64, 64],
      [3, 32, 32],
      [3, 224, 224],
    ]) {
      const read = await readModel(large, { architecture: "resnet18", inputShape });
      expect(strides(read.network)).toMatch(/^2,2 2,2 /);
      expect(read.network.inputShape).toEqual(inputShape);
      const other = await readModel(small, { architecture: "resnet18", inputShape });
      expect(strides(other.network)).toMatch(/^1,1 1,1 /);
    }
    expect((await readModel(large, { architecture: "resnet18" })).network.inputShape).toEqual([3, 224, 224]);
    await expect(readModel(large, { architecture: "resnet18", variant: "cifar" })).rejects.toThrow(
      /no tensor for|got shape/,
    );
    await expect(readModel(large, { architecture: "resnet18", variant: "tiny-imagenet" })).rejects.toThrow(
      /one of cifar, imagenet/,
    );
  });

  it("says what input its dense layers want", async () => {
    const path = await saved("lenet", zooModel("lenet5", { inputShape: [1, 28, 28] }));
    await expect(readModel(path, { architecture: "lenet5", inputShape: [1, 32, 32] })).rejects.toThrow(
      /got 1×32×32, expected 1×28×28.*--input 1,28,28/,
    );
  });

  it("that is of a deeper network is said to hold more", async () => {
    const path = await saved("deep", zooModel("resnet34"));
    const { notes } = await readModel(path, { architecture: "resnet18", inputShape: [3, 32, 32] });
    expect(notes.join()).toMatch(/holds 80 tensors that resnet18 has not \(layer1\.2\./);
  });
});

/** torchvision, whose compiled part may be for another PyTorch: the operation that it misses then is not used here. */
const TORCHVISION = `
import json, sys, torch
try: import torchvision
except RuntimeError:
    for name in [m for m in sys.modules if m.startswith("torchvision")]: del sys.modules[name]
    lib = torch.library.Library("torchvision", "DEF"); lib.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
import torchvision.models as models
from safetensors.torch import save_file
torch.manual_seed(0)
def bring(name, architecture, sides):
    model = getattr(models, name)(num_classes=10).eval()
    for part in model.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.1); part.running_var.uniform_(0.5, 1.5)
    torch.save(model.state_dict(), sys.argv[1] + architecture + ".pt")
    with torch.no_grad():
        for side in sides:
            x = torch.randn(1, 3, side, side)
            save_file({"x": x, "logits": model(x)}, f"{sys.argv[1]}{architecture}-{side}.safetensors")
for architecture, sides in json.loads(sys.argv[2]).items(): bring(architecture.replace("-", "_"), architecture, sides)
`;

describe.skipIf(!pythonHas("torch", "torchvision", "safetensors"))(
  "torchvision's weights (where it is installed)",
  () => {
    const images = [
      ["mobilenet-v2", 32, "imagenet"],
      ["resnet18", 64, undefined],
      // the long tests take the larger ones too
      ...longCases(LARGER),
    ] as const;

    beforeAll(() => {
      const sidesOf = (wanted: string) => images.flatMap(([name, side]) => (name === wanted ? [side] : []));
      const names = new Set(["vgg11-bn", ...images.map(([name]) => name)]);
      const sides = Object.fromEntries([...names].map((name) => [name, sidesOf(name)]));
      runPython(TORCHVISION, `${scratch("")}/`, JSON.stringify(sides));
    });

    it.each(images)(
      "are computed as torchvision does: %s at %i pixels",
      async (architecture, side, variant) => {
        const { network, weights } = await readModel(scratch(`${architecture}.pt`), {
          architecture,
          inputShape: [3, side, side],
          ...(variant === undefined ? {} : { variant }),
        });
        const { tensors } = await readTensors(scratch(`${architecture}-${side}.safetensors`));
        const logits = toFloat32(tensors.get("logits")!);
        const own = await predict(network, weights, toFloat32(tensors.get("x")!), 1);
        const largest = logits.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        for (const [k, value] of own.entries())
          expect(Math.abs(value - logits[k]!)).toBeLessThan(1e-5 * largest);
      },
    );

    it("whose adaptive pooling has no place here are refused with the input that has", async () => {
      const reading = readModel(scratch("vgg11-bn.pt"), {
        architecture: "vgg11-bn",
        inputShape: [3, 64, 64],
      });
      await expect(reading).rejects.toThrow(/images of 64×64, which leave 2×2.*--input 3,224,224/);
    });
  },
);
