import { elementPathSums, forward } from "@phew/oracle";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { analyse, layerMeasures, measures, SEPARATE_MEASURES } from "../src/analysis/analyse.ts";
import { layerEffects } from "../src/analysis/effective.ts";
import { fanIn, fanOut } from "../src/analysis/fan.ts";
import { keptGraph } from "../src/analysis/keptKernels.ts";
import { countPaths } from "../src/analysis/pathCount.ts";
import { pathKernelShares, pathKernelTrace, widePathKernelTrace } from "../src/analysis/pathKernelTrace.ts";
import { applyMasks, Masks } from "../src/masks/masks.ts";
import { NetworkBuilder, type Value } from "../src/network/builder.ts";
import { weightFlows } from "../src/network/unitFlow.ts";
import { zooModel } from "../src/zoo/zoo.ts";
import { oracleNetwork } from "./oracleNetwork.ts";
import { randomMasks, randomNetworks, randomWeights } from "./randomNetwork.ts";
import { unitPaths } from "./unitPaths.ts";

const masksByName = (masks: Masks) =>
  new Map(masks.network.prunable.map((parameter) => [parameter.name, masks.of(parameter)]));

describe("paths, effective weights and units of random networks", () => {
  it("equal those from an enumeration of all paths", () => {
    let compared = 0;
    fc.assert(
      fc.property(
        randomNetworks,
        fc.constantFrom(1, 0.6, 0.3, 0.1),
        fc.nat(),
        ({ network }, density, seed) => {
          const masks = randomMasks(network, density, seed);
          const paths = unitPaths(oracleNetwork(network), masksByName(masks), 20_000);
          if (paths === undefined) return;
          compared++;
          const graph = keptGraph(masks);
          const { logPathCount, logLayerPathCounts } = countPaths(graph);
          expect(Math.exp(logPathCount)).toBeCloseTo(paths.count, 5);
          const effects = layerEffects(graph);
          for (const [l, parameter] of network.prunable.entries()) {
            const through = paths.through.get(parameter.name)!;
            expect(Math.exp(logLayerPathCounts[l]!)).toBeCloseTo(
              through.reduce((a, b) => a + b, 0),
              5,
            );
            const effectiveCount = through.filter((count) => count > 0).length;
            expect(effects[l]!.effectiveCount).toBe(effectiveCount);
            expect(effects[l]!.effectiveCount + effects[l]!.ineffectiveCount).toBe(
              masks.of(parameter).reduce((a, b) => a + b, 0),
            );
            const { outCount } = weightFlows(network)[l]!;
            const rowLength = parameter.length / outCount;
            const idle = Array.from({ length: outCount }, (_, o) =>
              through.slice(o * rowLength, (o + 1) * rowLength),
            );
            expect(effects[l]!.ineffectiveUnitCount).toBe(
              idle.filter((row) => row.every((count) => count === 0)).length,
            );
          }
        },
      ),
      { numRuns: 300 },
    );
    expect(compared).toBeGreaterThan(150);
  });

  it("can lose their ineffective weights and compute the same", () => {
    fc.assert(
      fc.property(randomNetworks, fc.nat(), ({ network }, seed) => {
        const weights = randomWeights(network, seed);
        const masks = randomMasks(network, 0.3, seed);
        const trimmed = new Masks(network, masks.bytes.slice());
        const { ineffectiveCount } = analyse(weights, masks);
        const effective = unitPaths(oracleNetwork(network), masksByName(masks), 20_000);
        fc.pre(effective !== undefined);
        for (const parameter of network.prunable) {
          const through = effective!.through.get(parameter.name)!;
          trimmed.of(parameter).forEach((kept, k, mask) => {
            if (kept === 1 && through[k] === 0) mask[k] = 0;
          });
        }
        expect(trimmed.keptCount).toBe(masks.keptCount - ineffectiveCount);
        const x = Float64Array.from({ length: network.inputShape.reduce((a, b) => a * b) }, (_, k) =>
          Math.sin(k + seed),
        );
        const output = (m: Masks) => forward(oracleNetwork(network), applyMasks(weights, m), x, 1).output;
        const [before, after] = [output(masks), output(trimmed)];
        for (const [k, y] of before.entries()) expect(after[k]).toBeCloseTo(y, 10);
      }),
      { numRuns: 60 },
    );
  });
});

describe("number of paths in closed form", () => {
  it("is the product of the widths of a dense perceptron", () => {
    const network = zooModel("mlp");
    expect(countPaths(keptGraph(Masks.dense(network))).logPathCount).toBeCloseTo(
      Math.log(784 * 300 * 100 * 10),
      12,
    );
  });

  it("counts each weight of a kernel, each feature of a channel, and identity shortcuts", () => {
    const network = zooModel("lenet5");
    const { logPathCount, logLayerPathCounts } = countPaths(keptGraph(Masks.dense(network)));
    const expected = Math.log(25 * 6 * 25 * 16 * 25 * 120 * 84 * 10);
    expect(logPathCount).toBeCloseTo(expected, 12);
    for (const log of logLayerPathCounts) expect(log).toBeCloseTo(expected, 12);
    // resnet20: a block of c channels multiplies the paths by 1 + (9c)²; one that widens c to 2c by 9·2c·9·2c + 2c
    const block = (c: number) => Math.log(1 + (9 * c) ** 2);
    const opening = (c: number) => Math.log(9 * 2 * c * 9 * 2 * c + 2 * c);
    const resnet =
      Math.log(3 * 9 * 16) +
      3 * block(16) +
      opening(16) +
      2 * block(32) +
      opening(32) +
      2 * block(64) +
      Math.log(10);
    const counted = countPaths(keptGraph(Masks.dense(zooModel("resnet20"))));
    expect(counted.logPathCount).toBeCloseTo(resnet, 10);
    // half of the paths take the first block's shortcut
    expect(counted.logLayerPathCounts[1]).toBeCloseTo(resnet - block(16) + Math.log((9 * 16) ** 2), 10);
  });

  it("does not overflow on ResNet-152, which has more than e^709 paths, nor on a thousand layers", () => {
    const network = zooModel("resnet152");
    // a bottleneck of c inner channels has c·9c·4c paths from each unit; the first has a projection to 4c beside them
    const stage = (c: number, blockCount: number) =>
      Math.log(c * 9 * c * 4 * c + 4 * c) + (blockCount - 1) * Math.log(1 + c * 9 * c * 4 * c);
    const stages = stage(64, 3) + stage(128, 8) + stage(256, 36) + stage(512, 3);
    const expected = Math.log(27 * 64) + stages + Math.log(10);
    const { logPathCount, logLayerPathCounts } = countPaths(keptGraph(Masks.dense(network)));
    expect(expected).toBeGreaterThan(Math.log(Number.MAX_VALUE));
    expect(logPathCount / expected).toBeCloseTo(1, 12);
    expect(logLayerPathCounts.every(Number.isFinite)).toBe(true);
    const b = new NetworkBuilder("deep", [8]);
    let x: Value = b.input;
    for (let l = 0; l < 1000; l++) x = b.dense(`fc${l}`, x, 8, { bias: false });
    const deep = countPaths(keptGraph(Masks.dense(b.build(x))));
    expect(deep.logPathCount / (1001 * Math.log(8))).toBeCloseTo(1, 12);
  });

  it("is −∞ where nothing connects", () => {
    const network = zooModel("lenet5");
    const masks = Masks.dense(network);
    masks.get("fc2.weight")!.fill(0);
    const { logPathCount, logLayerPathCounts } = countPaths(keptGraph(masks));
    expect([logPathCount, ...logLayerPathCounts]).toEqual(Array(6).fill(Number.NEGATIVE_INFINITY));
  });
});

describe("the analysis of a mask", () => {
  // input 3 → a (2 units) → b (3 units) → c (2 units); one unit of b is dead, one feeds nothing
  const b = new NetworkBuilder("small", [3]);
  const network = b.build(b.dense("c", b.relu(b.dense("b", b.relu(b.dense("a", b.input, 2)), 3)), 2));
  const masks = new Masks(
    network,
    Uint8Array.from(
      [
        [1, 1, 0, 0, 0, 1],
        [1, 0, 0, 0, 1, 0],
        [1, 1, 0, 0, 1, 0],
      ].flat(),
    ),
  );
  const weights = randomWeights(network, 3);
  const analysis = analyse(weights, masks);

  it("counts kept, dead and ineffective, layer by layer and in all", () => {
    const picked = analysis.layers.map((layer) => [
      layer.name,
      layer.keptCount,
      layer.count,
      layer.width,
      layer.deadUnitCount,
      layer.ineffectiveUnitCount,
      layer.ineffectiveCount,
    ]);
    expect(picked).toEqual([
      ["a.weight", 3, 6, 1, 0, 1, 1],
      ["b.weight", 2, 6, 2 / 3, 1, 2, 1],
      ["c.weight", 3, 6, 1, 0, 1, 2],
    ]);
    expect(analysis).toMatchObject({
      keptCount: 8,
      count: 18,
      density: 8 / 18,
      effectiveDensity: 4 / 18,
      unitCount: 7,
      deadUnitCount: 1,
      ineffectiveUnitCount: 4,
      ineffectiveCount: 4,
      minWidth: 2 / 3,
      logPathCount: Math.log(2),
      collapsedLayers: [],
    });
    expect(analysis.meanWidth).toBeCloseTo((1 + 2 / 3 + 1) / 3, 15);
    expect(analysis.layers[2]!.fanIn).toEqual({ least: 1, mean: 1.5, most: 2, histogram: [0, 1, 1] });
    expect(analysis.layers[2]!.fanOut).toEqual({ least: 0, mean: 1, most: 2, histogram: [1, 1, 1] });
    expect(analysis.layers.map((layer) => layer.effectiveDensity)).toEqual([2 / 6, 1 / 6, 1 / 6]);
  });

  it("has the trace of the mask and its ratio to the dense network's", () => {
    const trace = pathKernelTrace(network, weights, masks);
    const dense = pathKernelTrace(network, weights);
    expect(analysis.pathKernelTrace).toBe(trace.total);
    expect(analysis.relativeTrace).toBe(trace.total / dense.total);
    expect(analysis.layers.map((layer) => layer.pathKernelTrace)).toEqual(trace.layers);
    expect(analysis.layers[1]!.relativeTrace).toBe(trace.layers[1]! / dense.layers[1]!);
    expect(analyse(weights, masks, { denseTrace: widePathKernelTrace(network, weights) })).toEqual(analysis);
    const all = analyse(weights, Masks.dense(network));
    expect(all).toMatchObject({
      relativeTrace: 1,
      density: 1,
      effectiveDensity: 1,
      minWidth: 1,
      ineffectiveCount: 0,
    });
  });

  it("has the sums over paths that the oracle writes down one by one", () => {
    const masked = (power: 1 | 2) =>
      elementPathSums(oracleNetwork(network), applyMasks(weights, masks), power);
    expect(analysis.pathSum).toBeCloseTo(masked(1).sum, 12);
    expect(analysis.squaredPathSum).toBeCloseTo(masked(2).sum, 12);
    const whole = (power: 1 | 2) => elementPathSums(oracleNetwork(network), weights, power).sum;
    expect(analysis.relativePathSum).toBeCloseTo(masked(1).sum / whole(1), 12);
    expect(analysis.relativeSquaredPathSum).toBeCloseTo(masked(2).sum / whole(2), 12);
  });

  it("shares the trace among the weights as the oracle's derivatives say", () => {
    const shares = pathKernelShares(network, weights, masks);
    const { gradients } = elementPathSums(oracleNetwork(network), applyMasks(weights, masks), 2);
    for (const { name, start, length } of network.prunable) {
      for (let k = 0; k < length; k++) {
        const kept = masks.bytes[start + k]!;
        expect(shares[start + k]).toBeCloseTo(kept * (gradients.get(name)?.[k] ?? 0), 10);
      }
    }
    expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(analysis.pathKernelTrace!, 10);
    expect(analysis.tracePerWeight).toBeCloseTo(analysis.pathKernelTrace! / 8, 12);
  });

  it("names the layers that no path leads through", () => {
    const cut = new Masks(network, masks.bytes.slice());
    cut.get("b.weight")!.fill(0);
    expect(analyse(weights, cut).collapsedLayers).toEqual(["a.weight", "b.weight", "c.weight"]);
    const residual = new NetworkBuilder("residual", [2]);
    const inner = residual.dense("inner", residual.relu(residual.dense("in", residual.input, 2)), 2);
    const whole = residual.build(residual.dense("out", residual.add(inner, residual.input), 2));
    const bypassed = Masks.dense(whole);
    bypassed.get("inner.weight")!.fill(0);
    const found = analyse(randomWeights(whole, 1), bypassed);
    expect(found.collapsedLayers).toEqual(["in.weight", "inner.weight"]);
    expect(Math.exp(found.logPathCount!)).toBeCloseTo(4, 12);
  });

  it("leaves out what is not wanted, and nothing else", () => {
    const { pathSum: _s, relativePathSum: _r, log10, ...rest } = analysis;
    const { pathSum: _t, relativePathSum: _u, ...logs } = log10;
    expect(analyse(weights, masks, { without: ["path-sum"] })).toEqual({ ...rest, log10: logs });
    const bare = analyse(weights, masks, { without: SEPARATE_MEASURES });
    const fields = ["pathKernelTrace", "relativeTrace", "squaredPathSum", "pathSum", "logPathCount"] as const;
    for (const field of fields) expect(bare[field]).toBeUndefined();
    for (const layer of bare.layers)
      expect(layer.fanIn ?? layer.fanOut ?? layer.pathKernelTrace).toBeUndefined();
    expect(bare).toMatchObject({ ineffectiveCount: 4, minWidth: 2 / 3 });
  });

  it("gives events their measures", () => {
    const {
      pathKernelTrace: trace,
      relativeTrace,
      meanWidth,
      minWidth,
      deadUnitCount,
      ineffectiveCount,
      logPathCount,
    } = analysis;
    expect(measures(weights, masks)).toEqual({
      pathKernelTrace: trace,
      relativeTrace,
      meanWidth,
      minWidth,
      deadUnitCount,
      ineffectiveCount,
      logPathCount,
    });
    expect(layerMeasures(masks)).toEqual(
      analysis.layers.map(({ name, shape, keptCount, count, width }) => ({
        name,
        shape,
        keptCount,
        count,
        width,
      })),
    );
  });

  it("sums fan-in and fan-out to the kept weights, groups and kernels included", () => {
    fc.assert(
      fc.property(randomNetworks, fc.nat(), ({ network: random }, seed) => {
        const some = randomMasks(random, 0.4, seed);
        for (const kernels of keptGraph(some).layers) {
          const { parameter, outCount, inCount, groups, kernelSize } = kernels.flow;
          const mask = some.of(parameter);
          const into = Array(outCount).fill(0);
          const from = Array(inCount).fill(0);
          mask.forEach((kept, k) => {
            const o = Math.floor(k / ((inCount / groups) * kernelSize));
            const group = Math.floor(o / (outCount / groups));
            into[o] += kept;
            from[group * (inCount / groups) + (Math.floor(k / kernelSize) % (inCount / groups))] += kept;
          });
          expect([...fanIn(kernels)]).toEqual(into);
          expect([...fanOut(kernels)]).toEqual(from);
        }
      }),
      { numRuns: 50 },
    );
  });

  it("counts kernels of more than 255 weights", () => {
    const wide = new NetworkBuilder("wide", [1, 20, 20]);
    const one = wide.build(wide.conv2d("conv", wide.input, { outChannels: 2, kernel: 20, bias: false }));
    const [kernels] = keptGraph(Masks.dense(one)).layers;
    expect([...kernels!.counts]).toEqual([400, 400]);
    expect(countPaths(keptGraph(Masks.dense(one))).logPathCount).toBeCloseTo(Math.log(800), 12);
  });
});
