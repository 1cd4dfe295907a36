/** PHEW on a network of gates, over many seeds: each weight is kept as often as by the oracle's slow walks. */
import { PHEW, randomFrom, Walker, Ways } from "@phew/oracle";
import { describe, expect, it } from "vitest";
import { isLong } from "../../../vitest.long.ts";
import { NetworkBuilder, type Value } from "../src/network/builder.ts";
import { phew, phewNested } from "../src/pruners/phew.ts";
import { completeOptions } from "../src/pruners/pruner.ts";
import { oracleNetwork } from "./oracleNetwork.ts";
import { randomWeights } from "./randomNetwork.ts";
import { deviation, frequenciesOf, globalTest, normalQuantile } from "./statistics.ts";

/** 2,000 with PHEW_TEST_LARGE. */
const RUN_COUNT = isLong ? 2000 : 500;
const DENSITY = 0.2;
/** Of each test here. */
const FALSE_ALARM_RATE = 1e-4;

/** A gate of channels behind a squeeze, a gate of places, and gated units at the end. */
function gates() {
  const b = new NetworkBuilder("gates", [2, 3, 3]);
  const conv = (name: string, x: Value, outChannels: number) =>
    b.conv2d(name, x, { outChannels, kernel: 1, bias: false });
  const multiply = (name: string, left: Value, right: Value) =>
    b.node(name, { kind: "multiply" }, left, right);
  const x = b.relu(conv("stem", b.input, 5));
  const squeezed = b.relu(conv("squeeze", b.averagePool2d(x, { kernel: 3 }), 2));
  const gated = multiply("channels", x, b.activation("sigmoid", conv("excite", squeezed, 5)));
  const placed = multiply("places", conv("value", gated, 4), conv("gate", gated, 1));
  const features = b.globalAveragePool(placed);
  const units = multiply("units", b.activation("silu", b.dense("g", features, 6)), b.dense("u", features, 6));
  return b.build(b.dense("last", units, 3));
}

describe("PHEW on gates, over many seeds", () => {
  const network = gates();
  const weights = randomWeights(network, 3);
  const keepCount = Math.floor(DENSITY * network.prunableCount);

  it("keeps each weight, and all together, as often as the oracle's slow walks", async () => {
    const ours: Uint8Array[] = [];
    const options = completeOptions(phew, {});
    for (let seed = 0; seed < RUN_COUNT; seed++)
      for await (const { masks } of phewNested({ network, weights, seed, options }, [keepCount]))
        ours.push(masks.bytes);
    const walker = new Walker(new Ways(oracleNetwork(network)), weights, PHEW);
    const random = randomFrom(11);
    const theirs = Array.from({ length: RUN_COUNT }, () => {
      const mask = new Uint8Array(network.prunableCount);
      const { kept } = walker.keep(keepCount, random);
      for (const { name, start } of network.prunable) mask.set(kept.get(name)!, start);
      return mask;
    });
    const [found, expected] = [frequenciesOf(ours), frequenciesOf(theirs)];
    // Bonferroni: correlation between the weights only makes false alarms rarer
    const limit = -normalQuantile(FALSE_ALARM_RATE / 2 / found.share.length);
    for (let k = 0; k < network.prunableCount; k++)
      expect(Math.abs(deviation(found, expected, k))).toBeLessThan(limit);
    const { statistic, threshold } = globalTest(found, expected, ours, FALSE_ALARM_RATE);
    expect(statistic).toBeLessThan(threshold);
  });
});
