import { Walker, Ways } from "@phew/oracle";
import { describe, expect, it } from "vitest";
import { retraceWalks } from "../src/analysis/retraceWalks.ts";
import { unitWalks } from "../src/analysis/unitWalks.ts";
import { layerWidth } from "../src/analysis/width.ts";
import { NetworkBuilder } from "../src/network/builder.ts";
import { prune } from "../src/prune.ts";
import { phew } from "../src/pruners/phew.ts";
import { completeOptions } from "../src/pruners/pruner.ts";
import { initialise } from "../src/weights/initialise.ts";
import { zooModel } from "../src/zoo/zoo.ts";
import { oracleNetwork } from "./oracleNetwork.ts";
import { chiSquareQuantile } from "./statistics.ts";

const optionsOf = (seed: number, bias = "magnitude") =>
  phew.walks!({ seed, options: completeOptions(phew, { bias }) });

describe("walks through units", () => {
  it("are W / N_l on average if no branch bypasses a layer", async () => {
    const network = zooModel("mlp");
    const weights = await initialise(network, { seed: 1 });
    const { layers, walkCount } = await unitWalks(network, weights, optionsOf(1), 3000);
    expect(walkCount).toBe(3000);
    for (const layer of layers) {
      expect(layer.expected).toBeCloseTo(3000 / layer.unitCount, 9);
      expect(layer.mean).toBeCloseTo(3000 / layer.unitCount, 9);
    }
  });

  it("halve at a projection shortcut: the share of a layer is within sampling error (5 standard errors)", async () => {
    const network = zooModel("resnet20");
    const weights = await initialise(network, { seed: 2 });
    const walks = 4000;
    const { layers } = await unitWalks(network, weights, optionsOf(2), walks);
    for (const layer of layers) {
      const share = (layer.expected * layer.unitCount) / walks;
      const halved = /layer[23]\.0\./.test(layer.name);
      expect(share, layer.name).toBeCloseTo(halved ? 0.5 : 1, 9);
      const error = Math.sqrt((share * (1 - share)) / walks);
      expect(Math.abs((layer.mean * layer.unitCount) / walks - share)).toBeLessThanOrEqual(5 * error + 1e-12);
    }
  });

  it("spread evenly if walks are uniform (χ² over the units of a layer, false-alarm rate 1e-4 each)", async () => {
    const b = new NetworkBuilder("even", [5]);
    const network = b.build(b.dense("c", b.relu(b.dense("a", b.input, 20)), 7));
    const weights = await initialise(network, { seed: 3 });
    const options = { ...optionsOf(3, "uniform"), direction: "forward" } as const;
    const { layers } = await unitWalks(network, weights, options, 5000);
    for (const { unitCount, standardDeviation, expected } of layers) {
      const statistic = (standardDeviation ** 2 * unitCount) / expected;
      expect(statistic).toBeLessThan(chiSquareQuantile(1 - 1e-4, unitCount - 1));
    }
  });

  it("favour the units that strong weights lead to as the oracle's probabilities say", async () => {
    const b = new NetworkBuilder("small", [2]);
    const network = b.build(b.dense("c", b.relu(b.dense("a", b.input, 3)), 2));
    const weights = await initialise(network, { seed: 4 });
    const options = { ...optionsOf(4), direction: "forward" } as const;
    const walks = 20_000;
    const { layers } = await unitWalks(network, weights, options, walks);
    const walker = new Walker(new Ways(oracleNetwork(network)), weights, { ...options });
    const share = new Float64Array(3);
    for (const start of [0, 1]) {
      for (const { edges, probability } of walker.everyWalk(true, start)) {
        const first = edges.find(({ parameter }) => parameter === "a.weight")!;
        share[Math.floor(first.index / 2)]! += probability / 2;
      }
    }
    const [most, least] = [Math.max(...share), Math.min(...share)];
    const error = (p: number) => 5 * Math.sqrt(p * (1 - p) * walks);
    expect(Math.abs(layers[0]!.most - most * walks)).toBeLessThan(error(most));
    expect(Math.abs(layers[0]!.least - least * walks)).toBeLessThan(error(least));
  });

  it("are reproduced from a mask's origin, and not from another's", async () => {
    const network = zooModel("lenet5");
    const weights = await initialise(network, { seed: 6 });
    const origin = { method: "phew", seed: 6, options: {}, requestedDensity: 0.05 };
    const { masks, walkCount } = await prune(network, weights, { ...origin, density: 0.05 });
    const again = await retraceWalks(weights, masks, origin);
    expect(again?.walkCount).toBe(walkCount);
    for (const [l, parameter] of network.prunable.entries()) {
      expect(again!.layers[l]!.missedCount).toBe(
        layerWidth(masks.of(parameter), parameter.shape[0]!).deadUnitCount,
      );
    }
    expect((await retraceWalks(weights, masks, origin, { mostWalks: 5 }))?.walkCount).toBe(5);
    expect(await retraceWalks(weights, masks, { ...origin, seed: 7 })).toBeUndefined();
    expect(await retraceWalks(weights, masks, { ...origin, method: "random" })).toBeUndefined();
  });

  it("stop when aborted", async () => {
    const network = zooModel("mlp");
    const weights = await initialise(network, { seed: 1 });
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(unitWalks(network, weights, optionsOf(1), 10, signal)).rejects.toThrow("enough");
  });
});
