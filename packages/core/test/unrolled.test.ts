/** Recurrent layers written step by step; what they compute is tested beside PyTorch's (recurrentTorch.test.ts). */
import { describe, expect, it } from "vitest";
import { NetworkBuilder } from "../src/network/builder.ts";
import { unrolled } from "../src/network/unrolled.ts";

function recurrence(steps: number) {
  const b = new NetworkBuilder("recurrence", [3, 1, steps]);
  const op = { kind: "recurrent", cell: "tanh", isReverse: false, hiddenWeight: "hh.weight" } as const;
  const sums = b.dense("ih", b.input, 2, { bias: false });
  const hidden = b.dense("hh", b.node("before", { ...op, state: "before" }, sums), 2, { bias: false });
  const states = b.node("states", { ...op, state: "own" }, sums, hidden);
  return b.build(b.dense("fc", b.globalAveragePool(states), 2));
}

describe("a recurrence step by step", () => {
  it("has the same parameters in the same order, and its hidden weights at every step", () => {
    const network = recurrence(5);
    const steps = unrolled(network);
    expect(steps.parameters).toEqual(network.parameters);
    expect(steps.prunable.map(({ name, start }) => [name, start])).toEqual(
      network.prunable.map(({ name, start }) => [name, start]),
    );
    expect(steps.prunable.map(({ nodes }) => nodes.length)).toEqual([1, 5, 1]);
    // a network without recurrent layers is itself, and no network is unrolled twice
    expect(unrolled(steps)).toBe(steps);
    expect(unrolled(network)).toBe(steps);
  });

  it("is refused for more steps than can be computed one by one", () => {
    expect(() => unrolled(recurrence(1025))).toThrow(
      'layer "states": got a recurrence over 1,025 steps, to be computed, expected at most 1024',
    );
  });
});
