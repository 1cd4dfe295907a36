import { describe, expect, it } from "vitest";
import { analyse } from "../src/analysis/analyse.ts";
import { ArgumentError, nearestName, unknownName } from "../src/errors.ts";
import { applyMasks, countKept, keepCountAt, Masks } from "../src/masks/masks.ts";
import { NetworkBuilder } from "../src/network/builder.ts";
import { prune } from "../src/prune.ts";
import { pruners } from "../src/pruners/registry.ts";
import { requireFiniteWeights, weightsFor } from "../src/weights/weights.ts";
import { randomWeights } from "./randomNetwork.ts";

const b = new NetworkBuilder("two", [3]);
const network = b.build(b.dense("out", b.relu(b.dense("in", b.input, 2)), 2));

describe("masks", () => {
  it("are views of one array, layer by layer in the order of the parameters", () => {
    const masks = new Masks(network, Uint8Array.from([1, 0, 1, 0, 0, 1, 1, 1, 0, 0]));
    expect([...masks.get("in.weight")!]).toEqual([1, 0, 1, 0, 0, 1]);
    expect([...masks.of(network.prunable[1]!)]).toEqual([1, 1, 0, 0]);
    masks.get("out.weight")![3] = 1;
    expect(masks.bytes[9]).toBe(1);
    expect(masks.keptCount).toBe(6);
    expect(masks.density).toBe(0.6);
    expect(masks.get("in.bias")).toBeUndefined();
    expect(new Masks(network).keptCount).toBe(0);
    expect(Masks.dense(network).density).toBe(1);
    expect(countKept(Uint8Array.of(1, 0, 1))).toBe(2);
    expect(() => new Masks(network, new Uint8Array(9))).toThrow(
      "masks: got 9 bytes, expected 10, one for each prunable weight of two.",
    );
  });

  it("are counted wherever they start and however short they are", () => {
    const bytes = Uint8Array.from({ length: 4000 }, (_, k) => (k % 3 === 0 ? 0 : 1));
    for (let start = 0; start < 8; start++) {
      for (const length of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 1019, 1020, 1021, 1030, 3990]) {
        const mask = bytes.subarray(start, start + length);
        expect(countKept(mask)).toBe(mask.reduce((sum, byte) => sum + byte, 0));
      }
    }
  });

  it("set removed weights to 0 and leave other parameters, and what they are given, as they are", () => {
    const weights = randomWeights(network, 1);
    const before = weights.get("in.weight")!.slice();
    const masked = applyMasks(weights, new Masks(network, Uint8Array.from([1, 0, 1, 0, 0, 1, 1, 1, 0, 0])));
    expect([...masked.get("in.weight")!]).toEqual([before[0], 0, before[2], 0, 0, before[5]]);
    expect(masked.get("in.bias")).toBe(weights.get("in.bias"));
    expect(weights.get("in.weight")).toEqual(before);
  });

  it("keep ⌊density · count⌋ weights, and refuse other numbers", () => {
    expect(keepCountAt(0.05, 61_470)).toBe(3073);
    expect(keepCountAt(1, 10)).toBe(10);
    expect(keepCountAt(0.1, 10)).toBe(1);
    // 0.57 · 100 is 56.99999999999999 in floating point
    expect(keepCountAt(0.57, 100)).toBe(57);
    for (const density of [0, -0.1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => keepCountAt(density, 10)).toThrow(
        `density: got ${density}, expected the fraction of weights kept, 0 < density ≤ 1.`,
      );
    }
    expect(() => keepCountAt(5, 10)).toThrow("If you meant 5 %, pass 0.05.");
    expect(() => keepCountAt(0.05, 10)).toThrow(
      "density: got 0.05, less than one of 10 weights, expected at least 0.10 for this network.",
    );
  });
});

describe("weights from a file", () => {
  const tensors = () =>
    new Map(
      network.parameters.map(({ name, shape }) => [
        name,
        { shape, data: new Float32Array(shape.reduce((x, y) => x * y)).fill(0.5) },
      ]),
    );

  it("are picked by name; further tensors are ignored", () => {
    const given = tensors().set("other", { shape: [1], data: new Float32Array(1) });
    const weights = weightsFor(network, given);
    expect([...weights.keys()]).toEqual(network.parameters.map(({ name }) => name));
    expect(weights.get("in.weight")).toBe(given.get("in.weight")!.data);
  });

  it("are refused where tensors are missing or of another shape", () => {
    const few = tensors();
    few.delete("in.bias");
    few.delete("out.weight");
    expect(() => weightsFor(network, few, "init.safetensors")).toThrow(
      "init.safetensors: got no tensor for 2 of the 4 parameters of two (in.bias, out.weight), expected one tensor for each parameter",
    );
    const other = tensors().set("in.weight", { shape: [3, 2], data: new Float32Array(6) });
    expect(() => weightsFor(network, other)).toThrow(
      'weights: tensor "in.weight": got shape [3, 2], expected [2, 3] for two.',
    );
  });

  it("are refused where a prunable weight is missing, too short or not finite", () => {
    const weights = new Map(randomWeights(network, 1));
    expect(() => requireFiniteWeights(network, weights)).not.toThrow();
    weights.get("out.weight")![2] = Number.NaN;
    expect(() => requireFiniteWeights(network, weights)).toThrow(
      'layer "out.weight", weight 2: got NaN, expected a finite number.',
    );
    weights.set("out.weight", new Float32Array(3));
    expect(() => requireFiniteWeights(network, weights)).toThrow(
      'layer "out.weight": got 3 weights, expected 4 (2 × 2).',
    );
    weights.delete("in.weight");
    expect(() => requireFiniteWeights(network, weights)).toThrow('layer "in.weight": got no weights');
  });

  it("are refused by every method where a bias, scale, shift or statistic is not finite, under its own name", async () => {
    const b = new NetworkBuilder("normed", [2, 3, 3]);
    const x = b.batchNorm("bn", b.conv2d("conv", b.input, { outChannels: 2, kernel: 3, bias: true }));
    const normed = b.build(b.dense("fc", b.flatten(x), 2));
    const batch = { x: new Float32Array(18), y: new Int32Array(1), count: 1 };
    const never = () => Promise.reject(new Error("differentiated"));
    const data = {
      batches: [batch],
      differentiator: { activations: never, gradients: never, hessianProduct: never },
    };
    for (const { name, role } of normed.parameters) {
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, ...(role === "variance" ? [-1] : [])]) {
        const weights = new Map(randomWeights(normed, 1));
        weights.set(name, weights.get(name)!.slice().fill(value, 1));
        const expected = `layer "${name}", ${role} 1: got ${value}, expected a finite number`;
        for (const method of pruners.keys()) {
          await expect(prune(normed, weights, { method, density: 0.5, seed: 0, data })).rejects.toThrow(
            expected,
          );
        }
        expect(() => analyse(weights, Masks.dense(normed))).toThrow(expected);
      }
    }
    batch.x[5] = Number.NaN;
    const weights = randomWeights(normed, 1);
    await expect(prune(normed, weights, { method: "snip", density: 0.5, seed: 0, data })).rejects.toThrow(
      "example 0: got NaN in it, expected finite numbers",
    );
  });
});

describe("errors", () => {
  it("say what was given, what was expected and what to do", () => {
    const error = new ArgumentError("density", {
      given: "5",
      expected: "a fraction",
      remedy: "Divide by 100.",
    });
    expect(error.message).toBe("density: got 5, expected a fraction. Divide by 100.");
    expect(error).toMatchObject({ name: "ArgumentError", subject: "density", fault: { given: "5" } });
  });

  it("name the nearest known name, if there is one near", () => {
    expect(nearestName("resnt20", ["resnet20", "resnet32"])).toBe("resnet20");
    expect(nearestName("RESNET20", ["resnet32", "resnet20"])).toBe("resnet20");
    expect(nearestName("transformer", ["resnet20", "mlp"])).toBeUndefined();
    expect(unknownName("method", "fhew", ["phew", "snip"]).message).toBe(
      'method: got "fhew", expected one of phew, snip. Did you mean "phew"?',
    );
    expect(unknownName("method", "xyz123", ["phew", "snip"]).message).toBe(
      'method: got "xyz123", expected one of phew, snip.',
    );
  });
});
