/** Slopes in path sums: on no path; with biases, a trained parameter like others wherever a value is negative. */
import { describe, expect, it } from "vitest";
import { pathSums } from "../src/analysis/pathSums.ts";
import { NetworkBuilder } from "../src/network/builder.ts";
import type { Weights } from "../src/weights/weights.ts";

/** One feature to two, normalised so that the second is below 0, a slope for each or one for all, and summed. */
function network(shared: boolean) {
  const b = new NetworkBuilder("slopes", [1]);
  const normalised = b.batchNorm("norm", b.dense("first", b.input, 2, { bias: false }), { epsilon: 0 });
  const act = b.node("act", { kind: "prelu", slope: "act.weight", shared }, normalised);
  return b.build(b.dense("last", act, 1, { bias: false }));
}

const weights = (slopes: readonly number[]): Weights =>
  new Map([
    ["first.weight", Float32Array.of(0.5, -2)],
    ["norm.weight", Float32Array.of(1, 1)],
    ["norm.bias", Float32Array.of(0, 0)],
    ["norm.running_mean", Float32Array.of(0, 8)],
    ["norm.running_var", Float32Array.of(1, 1)],
    ["act.weight", Float32Array.from(slopes)],
    ["last.weight", Float32Array.of(3, 0.5)],
  ]);

describe.each([1, 2] as const)("path sums of power %i", (power) => {
  const to = (x: number) => Math.abs(x) ** power;

  it("ignore a slope if all values are positive", () => {
    const gradients = new Map<string, number[]>();
    const visit = (name: string, gradient: Float64Array) => void gradients.set(name, [...gradient]);
    const sum = pathSums(network(false), weights([-0.25, -0.75]), { power, visit });
    expect(sum).toBeCloseTo(to(0.5) * to(3) + to(2) * to(0.5), 12);
    expect(gradients.get("act.weight")).toBeUndefined();
    expect(gradients.get("first.weight")).toEqual([to(3), to(0.5)]);
  });

  it.each([false, true])("take it by magnitude or square below 0, one slope for all: %s", (shared) => {
    const gradients = new Map<string, number[]>();
    const visit = (name: string, gradient: Float64Array) => void gradients.set(name, [...gradient]);
    const slopes = shared ? [-0.75] : [-0.25, -0.75];
    const sum = pathSums(network(shared), weights(slopes), { power, biases: true, visit });
    // a mean counts by its magnitude in a sum of magnitudes, and unchanged in a sum of squares: both are 8
    const below = to(2) - 8;
    // with power 1 the sum is of magnitudes
    expect(sum).toBeCloseTo(Math.abs(to(0.5) * to(3) + to(0.75) * below * to(0.5)), 12);
    const slope = below * to(0.5);
    expect(gradients.get("act.weight")).toEqual(shared ? [slope] : [0, slope]);
    expect(gradients.get("first.weight")).toEqual([to(3), to(0.75) * to(0.5)]);
  });
});
