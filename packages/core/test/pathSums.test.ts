import { describe, expect, it } from "vitest";
import { pathSums } from "../src/analysis/pathSums.ts";
import { GOLDEN_NAMES, goldenFacts, goldenNetwork, goldenPresent, goldenWeights } from "./golden.ts";

describe.skipIf(!goldenPresent)("path sums of the golden networks (skipped without ../shared/golden)", () => {
  it.each(GOLDEN_NAMES)("%s: squared path products and path kernel trace are PyTorch's to 1e-4", (name) => {
    const network = goldenNetwork(name);
    const facts = goldenFacts(name);
    expect(network.prunableCount).toBe(facts.prunable);
    let trace = 0;
    const total = pathSums(network, goldenWeights(name), {
      power: 2,
      visit: (parameter, gradient) => {
        if (parameter in facts.shapes) trace += gradient.reduce((sum, g) => sum + g, 0);
      },
    });
    expect(Math.abs(total / facts.sum_squared_path_products_no_bias - 1)).toBeLessThan(1e-4);
    expect(Math.abs(trace / facts.path_kernel_trace_no_bias - 1)).toBeLessThan(1e-4);
  });
});
