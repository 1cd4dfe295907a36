import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { multiplyAdds } from "../src/analysis/multiplyAdds.ts";
import { Masks } from "../src/masks/masks.ts";
import { NetworkBuilder } from "../src/network/builder.ts";
import { spreadAxis } from "../src/operations/resampling.ts";
import { zooModel } from "../src/zoo/zoo.ts";
import { randomMasks } from "./randomNetwork.ts";

interface Geometry {
  readonly size: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly padding: readonly [number, number, number, number];
}

/** All products of a convolution, one by one, with a test for each whether its tap lies inside the input. */
function productsOneByOne(
  { size, kernel, stride, dilation, padding }: Geometry,
  outHeight: number,
  outWidth: number,
) {
  let count = 0;
  for (let p = 0; p < outHeight; p++) {
    for (let q = 0; q < outWidth; q++) {
      for (let r = 0; r < kernel[0]; r++) {
        for (let c = 0; c < kernel[1]; c++) {
          const y = p * stride[0] + r * dilation[0] - padding[0];
          const x = q * stride[1] + c * dilation[1] - padding[1];
          if (y >= 0 && y < size[0] && x >= 0 && x < size[1]) count++;
        }
      }
    }
  }
  return count;
}

describe("multiply-adds of a dense network", () => {
  it("are one for each weight of an MLP", () => {
    const { dense, kept, layers } = multiplyAdds(zooModel("mlp"));
    expect(dense).toBe(784 * 300 + 300 * 100 + 100 * 10);
    expect(kept).toBe(dense);
    expect(layers.map((layer) => layer.name)).toEqual(["fc1.weight", "fc2.weight", "fc3.weight"]);
  });

  it("with padding are those of the papers: 40.8 M for ResNet-20, 398 M for VGG-19, 1.81 G and 4.09 G for ImageNet's ResNet-18 and 50", () => {
    const withPadding = (name: string, options = {}) =>
      multiplyAdds(zooModel(name, options), { padding: true }).dense;
    // 3×3 at 32², 16², 8²: the stem, six layers, five and a half, five and a half; then shortcuts and classifier
    const resnet20 =
      32 * 32 * 9 * (3 * 16 + 6 * 16 * 16) +
      16 * 16 * (9 * (16 * 32 + 5 * 32 * 32) + 16 * 32) +
      8 * 8 * (9 * (32 * 64 + 5 * 64 * 64) + 32 * 64) +
      640;
    expect(withPadding("resnet20")).toBe(resnet20);
    expect(withPadding("resnet20") / 1e6).toBeCloseTo(40.8, 1);
    expect(withPadding("vgg19-bn") / 1e6).toBeCloseTo(398.1, 1);
    const imageNet = { inputShape: [3, 224, 224], classCount: 1000 };
    expect(withPadding("resnet18", imageNet) / 1e9).toBeCloseTo(1.81, 2);
    expect(withPadding("resnet50", imageNet) / 1e9).toBeCloseTo(4.09, 2);
  });

  it("without padding are those of a plain count, for any stride, padding, dilation and grouping", () => {
    const side = fc.integer({ min: 1, max: 3 });
    const length = fc.integer({ min: 5, max: 9 });
    const rate = fc.integer({ min: 1, max: 2 });
    const geometry: fc.Arbitrary<Geometry> = fc.record({
      size: fc.tuple(length, length),
      kernel: fc.tuple(side, side),
      stride: fc.tuple(side, side),
      dilation: fc.tuple(rate, rate),
      padding: fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2), fc.nat(2)),
    });
    fc.assert(
      fc.property(geometry, fc.constantFrom(1, 2), (given, groups) => {
        const { size, ...window } = given;
        const b = new NetworkBuilder("one", [4, ...size]);
        const network = b.build(b.conv2d("conv", b.input, { outChannels: 6, ...window, groups }));
        const [, outHeight, outWidth] = network.outputShape as [number, number, number];
        const perKernel = productsOneByOne(given, outHeight, outWidth);
        expect(multiplyAdds(network).dense).toBe(6 * (4 / groups) * perKernel);
      }),
      { numRuns: 200 },
    );
  });

  it("of a transposed convolution leave out the zeros between its input's positions, and what is taken off", () => {
    const b = new NetworkBuilder("up", [2, 3, 1]);
    const spread = { kind: "resample", name: "spread", fill: 0 } as const;
    const axes = [spreadAxis(3, 2, [0, 0]), spreadAxis(1, 1, [0, 0])];
    const op = {
      kind: "conv2d",
      weight: "up.weight",
      outChannels: 5,
      groups: 1,
      kernel: [3, 1],
      stride: [1, 1],
      dilation: [1, 1],
      padding: [1, 0, 2, 0],
      transposed: { stride: [2, 1], padding: [1, 0], size: [3, 1] },
    } as const;
    const network = b.build(b.node("up", op, b.node("zeros", { ...spread, axes }, b.input)));
    // outputs are at 2i + tap − 1 of 0 … 5: the first tap of the first input is taken off
    expect(network.outputShape).toEqual([5, 6, 1]);
    expect(multiplyAdds(network).dense).toBe(2 * 5 * (2 + 3 + 3));
    expect(multiplyAdds(network, { padding: true }).dense).toBe(2 * 5 * 9);
  });

  it("of a convolution of a volume are those of its axes, multiplied", () => {
    const b = new NetworkBuilder("volume", [2, 4, 3, 5]);
    const window = {
      kernel: [3, 3, 2],
      stride: [1, 1, 2],
      dilation: [1, 1, 1],
      padding: [1, 1, 0, 1, 1, 0],
    } as const;
    const op = { kind: "conv3d", weight: "conv.weight", outChannels: 3, groups: 1, ...window } as const;
    const network = b.build(b.node("conv", op, b.input));
    expect(network.outputShape).toEqual([3, 4, 3, 2]);
    expect(multiplyAdds(network).dense).toBe(2 * 3 * (3 + 4 + 3) * (2 + 3 + 2) * (2 + 2));
  });

  it("leave out 5 of 9 products of a 3×3 kernel on a 2×2 map with padding 1", () => {
    const b = new NetworkBuilder("corner", [8, 2, 2]);
    const network = b.build(b.conv2d("conv", b.input, { outChannels: 8, kernel: 3, padding: 1 }));
    const without = multiplyAdds(network).dense;
    expect(without / multiplyAdds(network, { padding: true }).dense).toBeCloseTo(4 / 9, 12);
  });
});

describe("multiply-adds of kept weights", () => {
  it("add up weight by weight, taps at the border counted less often", () => {
    const b = new NetworkBuilder("taps", [2, 4, 4]);
    const network = b.build(b.conv2d("conv", b.input, { outChannels: 3, kernel: 3, padding: 1 }));
    const alone = (k: number) => {
      const masks = new Masks(network);
      masks.bytes[k] = 1;
      return multiplyAdds(network, { masks }).kept;
    };
    // kernel 0: its corner meets 3×3 of 4×4 places, an edge 4×3, the middle all
    expect([0, 1, 2, 3, 4].map(alone)).toEqual([9, 12, 9, 12, 16]);
    const masks = randomMasks(network, 0.4, 3);
    const expected = [...masks.bytes].reduce((total, kept, k) => total + kept * alone(k), 0);
    expect(multiplyAdds(network, { masks }).kept).toBe(expected);
  });

  it("are none of an empty mask and all of a full one, for every layer", () => {
    const network = zooModel("mobilenet-v2");
    const empty = multiplyAdds(network, { masks: new Masks(network) });
    const full = multiplyAdds(network, { masks: Masks.dense(network) });
    expect(empty.layers.every(({ kept, dense }) => kept === 0 && dense > 0)).toBe(true);
    expect(full.layers.every(({ kept, dense }) => kept === dense)).toBe(true);
  });
});
