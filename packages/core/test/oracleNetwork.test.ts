import { forward, shapesOf } from "@phew/oracle";
import { describe, expect, it } from "vitest";
import { GOLDEN, GOLDEN_NAMES, goldenNetwork, goldenPresent, goldenWeights, readTensors } from "./golden.ts";
import { oracleNetwork } from "./oracleNetwork.ts";

describe("the oracle, reading a core network", () => {
  it.each(GOLDEN_NAMES)("infers the shapes of %s as core does", (name) => {
    const network = goldenNetwork(name);
    expect(shapesOf(oracleNetwork(network))).toEqual(network.nodes.map((node) => node.shape));
  });

  it.skipIf(!goldenPresent).each(GOLDEN_NAMES)("gives PyTorch's logits of %s", (name) => {
    const network = goldenNetwork(name);
    const batch = readTensors(`${GOLDEN}${name}/batch.safetensors`);
    const { shape, data } = batch.get("x")!;
    const { output } = forward(oracleNetwork(network), goldenWeights(name), data, shape[0]!);
    const logits = batch.get("logits")!.data;
    expect(output.length).toBe(logits.length);
    for (const [k, logit] of logits.entries()) expect(output[k]).toBeCloseTo(logit, 5);
  });
});
