import { describe, expect, it } from "vitest";
import type { Network } from "../src/network/network.ts";
import type { ParameterRole } from "../src/operations/definition.ts";
import { elementCount } from "../src/operations/shape.ts";
import { zooEntries, zooModel } from "../src/zoo/zoo.ts";

const count = (network: Network, ...roles: ParameterRole[]) =>
  network.parameters
    .filter(({ role }) => roles.includes(role))
    .reduce((sum, { shape }) => sum + elementCount(shape), 0);

const cifar = (classCount: number) => ({ classCount, inputShape: [3, 32, 32] });
const tiny = { classCount: 200, inputShape: [3, 64, 64] };
const imageNet = { classCount: 1000, inputShape: [3, 224, 224] };

describe("the zoo has the parameter counts of the published models", () => {
  // tensors, prunable, batch-normalisation scales and shifts, biases: computed from the shapes of the authors' code
  it.each([
    ["resnet20", cifar(10), 22, 270_896, 1_568, 10],
    ["resnet20", cifar(100), 22, 276_656, 1_568, 100],
    ["resnet32", cifar(10), 34, 464_432, 2_464, 10],
    ["resnet32", cifar(100), 34, 470_192, 2_464, 100],
    ["wide-resnet20", cifar(10), 22, 1_081_440, 3_136, 10],
    ["vgg11-bn", cifar(10), 9, 9_222_848, 5_504, 2_752 + 10],
    ["vgg11-bn", cifar(100), 9, 9_268_928, 5_504, 2_752 + 100],
    ["vgg13-bn", cifar(10), 11, 9_407_168, 5_888, 2_944 + 10],
    ["vgg13-bn", cifar(100), 11, 9_453_248, 5_888, 2_944 + 100],
    ["vgg16-bn", cifar(10), 14, 14_715_584, 8_448, 4_224 + 10],
    ["vgg16-bn", cifar(100), 14, 14_761_664, 8_448, 4_224 + 100],
    ["vgg19-bn", cifar(10), 17, 20_024_000, 11_008, 5_504 + 10],
    ["vgg19-bn", cifar(100), 17, 20_070_080, 11_008, 5_504 + 100],
    ["vgg11-bn", tiny, 11, 12_568_256, 5_504, 2_752 + 2_248],
    ["vgg13-bn", tiny, 13, 12_752_576, 5_888, 2_944 + 2_248],
    ["vgg16-bn", tiny, 16, 18_060_992, 8_448, 4_224 + 2_248],
    ["vgg19-bn", tiny, 19, 23_369_408, 11_008, 5_504 + 2_248],
    ["resnet18", cifar(10), 21, 11_164_352, 9_600, 10],
    ["resnet18", cifar(100), 21, 11_210_432, 9_600, 100],
    ["resnet18", tiny, 21, 11_261_632, 9_600, 200],
    ["resnet34", cifar(10), 37, 21_265_088, 17_024, 10],
    ["resnet34", tiny, 37, 21_362_368, 17_024, 200],
    ["resnet50", cifar(10), 54, 23_467_712, 53_120, 10],
    ["resnet50", cifar(100), 54, 23_652_032, 53_120, 100],
    ["resnet50", tiny, 54, 23_856_832, 53_120, 200],
    ["resnet101", cifar(10), 105, 42_407_616, 42_512_970 - 42_407_616 - 10, 10],
    ["resnet152", cifar(10), 156, 58_005_184, 58_156_618 - 58_005_184 - 10, 10],
  ] as const)("%s for %j", (name, options, tensorCount, prunable, norm, bias) => {
    const network = zooModel(name, options);
    expect(network.prunable.length).toBe(tensorCount);
    expect(network.prunableCount).toBe(prunable);
    expect(count(network, "scale", "shift")).toBe(norm);
    expect(count(network, "bias")).toBe(bias);
    expect(count(network, "mean", "variance")).toBe(norm);
    expect(network.outputShape).toEqual([options.classCount]);
  });

  // n blocks per stage: each adds 2·9·(16² + 32² + 64²) = 96,768
  it.each([
    ["resnet44", 464_432 + 2 * 96_768],
    ["resnet56", 464_432 + 4 * 96_768],
    ["resnet110", 464_432 + 13 * 96_768],
  ])("%s for CIFAR-10 has %i", (name, prunable) => expect(zooModel(name).prunableCount).toBe(prunable));

  it("mlp has 784·300 + 300·100 + 100·10 = 266,200 and flattens images", () => {
    expect(zooModel("mlp").prunableCount).toBe(266_200);
    expect(zooModel("mlp", { inputShape: [1, 28, 28] }).prunableCount).toBe(266_200);
    expect(count(zooModel("mlp"), "bias")).toBe(410);
  });

  it("lenet5 has 150 + 2,400 + 48,000 + 10,080 + 840 = 61,470 at 10 classes", () => {
    const network = zooModel("lenet5", { classCount: 10 });
    expect(network.prunable.map(({ length }) => length)).toEqual([150, 2_400, 48_000, 10_080, 840]);
    expect(network.prunableCount).toBe(61_470);
    expect(count(network, "bias")).toBe(236);
  });

  // all trained parameters, as torchvision (mobilenet-v1: Keras) states them
  it.each([
    ["resnet18", 11_689_512],
    ["resnet34", 21_797_672],
    ["resnet50", 25_557_032],
    ["resnet101", 44_549_160],
    ["resnet152", 60_192_808],
    ["vgg11-bn", 132_868_840],
    ["vgg13-bn", 133_053_736],
    ["vgg16-bn", 138_365_992],
    ["vgg19-bn", 143_678_248],
    ["mobilenet-v1", 4_231_976],
    ["mobilenet-v2", 3_504_872],
  ])("%s for ImageNet has %i trained parameters", (name, total) =>
    expect(count(zooModel(name, imageNet), "weight", "bias", "scale", "shift")).toBe(total),
  );
});

describe("zoo models", () => {
  it("have PyTorch's order and names of tensors", () => {
    const shapes = zooModel("resnet20").prunable.map(({ shape }) => shape.join());
    const [a, b, c] = ["16,16,3,3", "32,32,3,3", "64,64,3,3"] as const;
    expect(shapes).toEqual([
      "16,3,3,3",
      ...Array<string>(6).fill(a),
      ...["32,16,3,3", b, "32,16,1,1"],
      ...Array<string>(4).fill(b),
      ...["64,32,3,3", c, "64,32,1,1"],
      ...Array<string>(4).fill(c),
      "10,64",
    ]);
    const names = (name: string, options = {}) => zooModel(name, options).parameters.map((p) => p.name);
    expect(names("resnet20")).toEqual(
      expect.arrayContaining(["conv1.weight", "bn1.running_var", "layer2.0.shortcut.0.weight", "fc.bias"]),
    );
    expect(names("resnet50", imageNet)).toEqual(
      expect.arrayContaining(["layer1.0.downsample.0.weight", "layer4.2.conv3.weight", "layer4.2.bn3.bias"]),
    );
    expect(names("vgg16-bn", imageNet)).toEqual(
      expect.arrayContaining([
        "features.0.bias",
        "features.40.weight",
        "features.41.running_mean",
        "classifier.6.bias",
      ]),
    );
    expect(names("mobilenet-v2", imageNet)).toEqual(
      expect.arrayContaining([
        "features.1.conv.1.weight",
        "features.17.conv.3.bias",
        "features.18.0.weight",
        "classifier.1.weight",
      ]),
    );
  });

  it("take the variant for the size of the image", () => {
    const spatial = (name: string, inputShape: number[]) => {
      const network = zooModel(name, { inputShape });
      const last = network.nodes.findLast(({ shape }) => shape.length === 3)!;
      return [network.prunable[0]!.shape.slice(2), last.shape.slice(1)];
    };
    expect(spatial("resnet50", [3, 224, 224])).toEqual([
      [7, 7],
      [7, 7],
    ]);
    expect(spatial("resnet50", [3, 64, 64])).toEqual([
      [3, 3],
      [8, 8],
    ]);
    expect(spatial("resnet50", [3, 32, 32])).toEqual([
      [3, 3],
      [4, 4],
    ]);
    expect(spatial("resnet20", [3, 32, 32])).toEqual([
      [3, 3],
      [8, 8],
    ]);
    expect(spatial("vgg19-bn", [3, 32, 32])).toEqual([
      [3, 3],
      [2, 2],
    ]);
    expect(spatial("vgg19-bn", [3, 64, 64])).toEqual([
      [3, 3],
      [2, 2],
    ]);
    expect(spatial("mobilenet-v2", [3, 32, 32])).toEqual([
      [3, 3],
      [4, 4],
    ]);
    expect(spatial("mobilenet-v2", [3, 224, 224])).toEqual([
      [3, 3],
      [7, 7],
    ]);
  });

  it.each(zooEntries.flatMap((entry) => entry.heads.map((head) => [entry.name, head] as const)))(
    "%s builds for %j",
    (name, { inputShape, classCount }) => {
      const network = zooModel(name, { inputShape, classCount });
      expect(network.inputShape).toEqual(inputShape);
      expect(network.outputShape).toEqual([classCount]);
      expect(network.name).toBe(name);
    },
  );

  it("list their prunable count at the default head", () => {
    const entry = zooEntries.find(({ name }) => name === "vgg19-bn")!;
    expect(entry.inputShape).toEqual([3, 32, 32]);
    expect(entry.classCount).toBe(10);
    expect(entry.prunableCount).toBe(20_024_000);
  });

  it("say what is wrong with a name, a class count or an input", () => {
    expect(() => zooModel("resnet2O")).toThrow(
      /model: got "resnet2O", expected one of mlp, .*Did you mean "resnet20"\?/,
    );
    for (const classCount of [0, -1, 2.5, Number.NaN])
      expect(() => zooModel("mlp", { classCount })).toThrow(/class count: got .* whole number of at least 1/);
    expect(() => zooModel("resnet20", { inputShape: [784] })).toThrow(
      /layer "conv1": got an input of shape \[784\]/,
    );
    expect(() => zooModel("lenet5", { inputShape: [1, 8, 8] })).toThrow(/layer "conv2".*larger images/);
    expect(() => zooModel("mlp", { inputShape: [0, 28, 28] })).toThrow(
      /input "input": got shape \[0, 28, 28\]/,
    );
  });
});

describe("a network of fewer units", () => {
  const widths = (network: Network) => network.prunable.map(({ shape }) => shape[0]!);

  it("of the perceptron has as many weights as any that are at most a unit from one factor of all layers", () => {
    const whole = zooModel("mlp");
    // pairs of widths that one factor gives: they change where f·300 or f·100 passes a half
    const factors = [300, 100].flatMap((n) => [...Array(n).keys()].map((k) => (k + 0.5) / n));
    const pairs = [0, ...factors].map((f) =>
      [300, 100].map((n) => Math.max(1, Math.floor(f * n + 0.5 + 1e-9))),
    );
    const countOf = ([a, b]: readonly number[]) => 784 * a! + a! * b! + b! * 10;
    for (const density of [0.01, 0.02, 0.05, 0.1, 0.33, 0.5, 0.999]) {
      const off = (count: number) => Math.abs(count - density * whole.prunableCount);
      const scaled = Math.min(...pairs.map((pair) => off(countOf(pair))));
      const network = zooModel("mlp", { narrowTo: density });
      const [a, b, c] = widths(network);
      expect(network.prunableCount).toBe(countOf([a!, b!]));
      expect(off(network.prunableCount)).toBeLessThanOrEqual(scaled + 1e-6);
      const isNear = pairs.some(([x, y]) => Math.abs(a! - x!) <= 1 && Math.abs(b! - y!) <= 1);
      expect(isNear).toBe(true);
      expect(c).toBe(10);
    }
    expect(widths(zooModel("mlp", { narrowTo: 1 }))).toEqual([300, 100, 10]);
  });

  it.each(zooEntries.filter(({ prunableCount }) => prunableCount < 6e6).map(({ name }) => name))(
    "of %s has a tenth of the weights, the same inputs and classes, and every layer",
    (name) => {
      const [whole, narrow] = [zooModel(name), zooModel(name, { narrowTo: 0.1 })];
      expect(Math.abs(narrow.prunableCount / whole.prunableCount - 0.1)).toBeLessThan(0.003);
      expect([narrow.inputShape, narrow.outputShape]).toEqual([whole.inputShape, whole.outputShape]);
      expect(narrow.prunable.map((own) => own.name)).toEqual(whole.prunable.map((own) => own.name));
      const isDepthwise = ({ nodes }: Network) =>
        nodes.map(({ op }) => op.kind === "conv2d" && op.groups > 1);
      expect(isDepthwise(narrow)).toEqual(isDepthwise(whole));
    },
  );

  it("is refused for a density that is none, or that whole units come nowhere near", () => {
    for (const narrowTo of [0, -1, 1.5, Number.NaN])
      expect(() => zooModel("mlp", { narrowTo })).toThrow(/density to narrow to: got .*, expected above 0/);
    expect(() => zooModel("mlp", { narrowTo: 0.001 })).toThrow(
      "density to narrow to: got 0.1 % of the 266,200 weights of mlp, expected a number of weights that whole units come near: 795 weights are the nearest. Ask for 0.00299, which is that.",
    );
  });
});
