/** Compares scores and masks with those that PyTorch computed in float64 for the golden networks. */
import { expect } from "vitest";
import type { Network } from "../src/network/network.ts";
import { type PruneSettings, prune } from "../src/prune.ts";
import { GOLDEN, type GoldenName, goldenFacts, goldenNetwork, goldenWeights, readTensors } from "./golden.ts";

/** @param tolerance relative to the largest score of a tensor */
export function expectGoldenScores(
  name: GoldenName,
  network: Network,
  scores: ArrayLike<number>,
  method: string,
  tolerance: number,
): void {
  const golden = readTensors(`${GOLDEN}${name}/scores.safetensors`);
  for (const { name: parameter, start, length } of network.prunable) {
    const expected = golden.get(`${method}.${parameter}`)!.data;
    expect(expected).toHaveLength(length);
    const largest = expected.reduce((most, score) => Math.max(most, Math.abs(score)), 0);
    let worst = 0;
    for (let k = 0; k < length; k++) worst = Math.max(worst, Math.abs(scores[start + k]! - expected[k]!));
    expect(worst, parameter).toBeLessThanOrEqual(tolerance * largest);
  }
}

/** At the three densities: all but 0.1 % of the weights, on small networks all but two. */
export async function expectGoldenMasks(
  name: GoldenName,
  method: string,
  settings: Omit<Partial<PruneSettings>, "method"> = {},
): Promise<void> {
  const network = goldenNetwork(name);
  const weights = goldenWeights(name);
  const golden = readTensors(`${GOLDEN}${name}/masks.safetensors`);
  for (const density of goldenFacts(name).densities) {
    // the golden masks keep N − ⌊(1 − density)·N⌋: one weight more where density·N is not whole
    const { masks } = await prune(network, weights, { seed: 0, ...settings, method, density });
    let differing = 0;
    for (const parameter of network.prunable) {
      const expected = golden.get(`${method.replace("-", "_")}@${density}.${parameter.name}`)!.data;
      masks.of(parameter).forEach((kept, k) => {
        if (kept !== expected[k]) differing++;
      });
    }
    expect(differing, `density ${density}`).toBeLessThanOrEqual(Math.max(2, network.prunableCount / 1000));
  }
}
