import { describe, expect, it } from "vitest";
import { NetworkBuilder } from "../src/network/builder.ts";
import { type Initialisation, initialisationByName, initialisations } from "../src/weights/initialisation.ts";
import { initialise } from "../src/weights/initialise.ts";
import { ownInitialisation, zooModel } from "../src/zoo/zoo.ts";

function moments(values: Float32Array) {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const central = (power: number) => values.reduce((sum, v) => sum + (v - mean) ** power, 0) / values.length;
  return { mean, variance: central(2), kurtosis: central(4) / central(2) ** 2 };
}

// a grouped convolution of 8·(16/2)·5·3 and a dense layer of 80·400 weights
const b = new NetworkBuilder("two", [16, 7, 5]);
const conv = b.conv2d("conv", b.input, { outChannels: 200, kernel: [5, 3], groups: 2 });
const network = b.build(b.dense("fc", b.flatten(b.batchNorm("bn", conv)), 40));
const [convFanIn, convFanOut, denseFanIn, denseFanOut] = [8 * 15, 200 * 15, 200 * 9, 40];

describe("fresh weights", () => {
  // bounds are 6 standard errors: a false alarm in 10^8 for each of them
  it.each([
    ["kaiming-fan-in", 2 / convFanIn, 2 / denseFanIn, 3],
    ["kaiming-fan-out", 2 / convFanOut, 2 / denseFanOut, 3],
    ["xavier-normal", 2 / (convFanIn + convFanOut), 2 / (denseFanIn + denseFanOut), 3],
    ["xavier-uniform", 2 / (convFanIn + convFanOut), 2 / (denseFanIn + denseFanOut), 1.8],
    ["normal", 0.1, 0.1, 3],
  ])(
    "are drawn as %s says: mean, variance and kurtosis",
    async (name, convVariance, denseVariance, kurtosis) => {
      const weights = await initialise(network, { seed: 5, initialisation: initialisationByName(name) });
      for (const [parameter, variance] of [
        ["conv.weight", convVariance],
        ["fc.weight", denseVariance],
      ] as const) {
        const values = weights.get(parameter)!;
        const found = moments(values);
        const n = values.length;
        expect(Math.abs(found.mean)).toBeLessThan(6 * Math.sqrt(variance / n));
        expect(Math.abs(found.variance / variance - 1)).toBeLessThan(6 * Math.sqrt((kurtosis - 1) / n));
        // the sample kurtosis of n normal numbers has a standard error of √(24 / n); of uniform ones less
        expect(Math.abs(found.kurtosis - kurtosis)).toBeLessThan(6 * Math.sqrt(24 / n));
        if (kurtosis < 3) {
          const bound = Math.sqrt(3 * variance) * (1 + 1e-6);
          expect(values.every((v) => Math.abs(v) <= bound)).toBe(true);
        }
      }
    },
  );

  it("are the same for the same seed, and independent between seeds and parameters", async () => {
    const one = await initialise(network, { seed: 1 });
    expect(await initialise(network, { seed: 1 })).toEqual(one);
    const other = await initialise(network, { seed: 2 });
    const a = one.get("conv.weight")!;
    for (const c of [other.get("conv.weight")!, one.get("fc.weight")!]) {
      const n = Math.min(a.length, c.length);
      const scale = Math.sqrt(moments(a.subarray(0, n)).variance * moments(c.subarray(0, n)).variance);
      let correlation = 0;
      for (let k = 0; k < n; k++) correlation += (a[k]! * c[k]!) / (n * scale);
      expect(Math.abs(correlation)).toBeLessThan(6 / Math.sqrt(n));
    }
  });

  it("start biases at 0 and batch normalisation as the identity", async () => {
    const weights = await initialise(network, { seed: 1 });
    expect([...weights.keys()]).toEqual(network.parameters.map(({ name }) => name));
    const all = (name: string, value: number) =>
      expect(weights.get(name)!.every((v) => v === value)).toBe(true);
    all("conv.bias", 0);
    all("fc.bias", 0);
    all("bn.weight", 1);
    all("bn.bias", 0);
    all("bn.running_mean", 0);
    all("bn.running_var", 1);
  });

  it("refuse seeds that are not whole numbers, and unknown initialisations", async () => {
    for (const seed of [-1, 0.5, Number.NaN, 2 ** 53])
      await expect(initialise(network, { seed })).rejects.toThrow(/seed: got .* a whole number from 0/);
    expect(() => initialisationByName("kaiming")).toThrow(
      /initialisation: got "kaiming", expected one of kaiming-fan-in/,
    );
    expect([...initialisations.keys()].map(initialisationByName)).toHaveLength(5);
  });

  it("follow each family's own custom", () => {
    const own = (name: string, inputShape: number[]) => ownInitialisation(zooModel(name, { inputShape }));
    const [cifar, tiny] = [
      [3, 32, 32],
      [3, 64, 64],
    ] as const;
    const fan = (side: "in" | "out") => ({ kind: "kaiming", fan: side });
    const small = { kind: "normal", standardDeviation: 0.01 };
    const both = (side: "in" | "out"): Initialisation => ({
      conv: { kind: "kaiming", fan: side },
      dense: { kind: "kaiming", fan: side },
    });
    expect(own("resnet20", [...cifar])).toEqual(both("in"));
    expect(own("resnet50", [...tiny])).toEqual(both("out"));
    expect(own("vgg19-bn", [...cifar])).toEqual({ conv: fan("in"), dense: small });
    expect(own("vgg19-bn", [...tiny])).toEqual({ conv: fan("out"), dense: small });
    expect(ownInitialisation(network)).toEqual(both("in"));
  });
});
