/**
 * PHEW beside the oracle's slow walks on graphs with gates, shuffled channels, attention, a U-Net and a recurrence: how
 * often each weight is kept, that all kept weights are on paths, and that the order of units does not matter.
 */
import { edgesOnPaths, randomFrom, Walker, Ways } from "@phew/oracle";
import { describe, expect, it } from "vitest";
import { isLong } from "../../../vitest.long.ts";
import { NetworkBuilder } from "../src/network/builder.ts";
import type { Network } from "../src/network/network.ts";
import { phew } from "../src/pruners/phew.ts";
import { completeOptions } from "../src/pruners/pruner.ts";
import type { Weights } from "../src/weights/weights.ts";
import { oracleNetwork } from "./oracleNetwork.ts";
import { deviation, frequenciesOf, globalTest, normalQuantile } from "./statistics.ts";

/** Seeds of each: 2,000 where there is time. */
const RUN_COUNT = isLong ? 2000 : 250;
/** Of each comparison here. */
const FALSE_ALARM_RATE = 1e-4;
const DENSITY = 0.3;

interface Graph {
  readonly network: Network;
  /** Axes of weights that count the same four units, whose order is then changed. */
  readonly unitAxes: Readonly<Record<string, readonly number[]>>;
}

const GRAPHS: Readonly<Record<string, () => Graph>> = {
  "squeeze and excitation": () => {
    const b = new NetworkBuilder("gate", [2, 3, 3]);
    const x = b.relu(b.conv2d("first", b.input, { outChannels: 4, kernel: 1, bias: false }));
    const squeezed = b.relu(b.dense("squeeze", b.globalAveragePool(x), 2, { bias: false }));
    const gate = b.activation("sigmoid", b.dense("excite", squeezed, 4, { bias: false }));
    const gated = b.node("gated", { kind: "multiply" }, x, gate);
    const network = b.build(b.dense("fc", b.globalAveragePool(gated), 3, { bias: false }));
    const unitAxes = { "first.weight": [0], "squeeze.weight": [1], "excite.weight": [0], "fc.weight": [1] };
    return { network, unitAxes };
  },
  "shuffled channels": () => {
    const b = new NetworkBuilder("shuffle", [4, 2, 2]);
    const x = b.relu(b.conv2d("first", b.input, { outChannels: 4, kernel: 1, groups: 2, bias: false }));
    const shuffled = b.node("shuffled", { kind: "select", index: [0, 2, 1, 3] }, x);
    const y = b.relu(b.conv2d("second", shuffled, { outChannels: 4, kernel: 1, groups: 2, bias: false }));
    const network = b.build(b.dense("fc", b.globalAveragePool(b.add(x, y)), 3, { bias: false }));
    return { network, unitAxes: {} };
  },
  attention: () => {
    const b = new NetworkBuilder("attention", [3, 1, 4]);
    const x = b.dense("embed", b.input, 4, { bias: false });
    const [q, k, v] = ["q", "k", "v"].map((name) => b.dense(name, x, 4, { bias: false }));
    const mixed = b.node("mixed", { kind: "attention", heads: 2, scale: 0.7 }, q!, k!, v!);
    const added = b.add(x, b.dense("out", mixed, 4, { bias: false }));
    const network = b.build(b.dense("fc", b.globalAveragePool(added), 3, { bias: false }));
    const ins = { "q.weight": [1], "k.weight": [1], "v.weight": [1], "fc.weight": [1] };
    return { network, unitAxes: { "embed.weight": [0], "out.weight": [0], ...ins } };
  },
  "U-Net": () => {
    const b = new NetworkBuilder("unet", [2, 4, 4]);
    const x = b.relu(b.conv2d("first", b.input, { outChannels: 4, kernel: 1, bias: false }));
    const low = b.relu(
      b.conv2d("down", b.maxPool2d(x, { kernel: 2 }), { outChannels: 3, kernel: 1, bias: false }),
    );
    const doubled = { from: 2, places: [0, 0, 1, 1].map((at) => [[at, 1] as const]) };
    const up = b.node("up", { kind: "resample", name: "resize", axes: [doubled, doubled], fill: 0 }, low);
    const joined = b.concat(x, up);
    const last = b.relu(b.conv2d("last", joined, { outChannels: 3, kernel: 1, bias: false }));
    const network = b.build(b.dense("fc", b.globalAveragePool(last), 2, { bias: false }));
    return { network, unitAxes: {} };
  },
  recurrence: () => {
    const b = new NetworkBuilder("recurrence", [3, 1, 4]);
    const op = { kind: "recurrent", cell: "gru", isReverse: false, hiddenWeight: "hh.weight" } as const;
    const sums = b.dense("ih", b.input, 6, { bias: false });
    const hidden = b.dense("hh", b.node("before", { ...op, state: "before" }, sums), 6, { bias: false });
    const states = b.node("states", { ...op, state: "own" }, sums, hidden);
    const network = b.build(b.dense("fc", b.globalAveragePool(states), 3, { bias: false }));
    return { network, unitAxes: {} };
  },
};

function weightsOf({ parameters }: Network): Weights {
  const random = randomFrom(11);
  return new Map(
    parameters.map(({ name, shape }) => {
      const length = shape.reduce((product, n) => product * n, 1);
      return [name, Float32Array.from({ length }, () => 2 * random() - 1)];
    }),
  );
}

/** One mask a seed. */
async function masksOf(network: Network, weights: Weights, firstSeed: number): Promise<Uint8Array[]> {
  const keepCount = Math.floor(DENSITY * network.prunableCount);
  const options = completeOptions(phew, {});
  const found: Uint8Array[] = [];
  for (let seed = firstSeed; seed < firstSeed + RUN_COUNT; seed++)
    found.push((await phew.prune({ network, weights, keepCount, seed, options })).masks.bytes);
  return found;
}

function oracleMasks(network: Network, weights: Weights): Uint8Array[] {
  const walker = new Walker(new Ways(oracleNetwork(network)), weights);
  const keepCount = Math.floor(DENSITY * network.prunableCount);
  const random = randomFrom(5);
  return Array.from({ length: RUN_COUNT }, () => {
    const { kept } = walker.keep(keepCount, random);
    const all = new Uint8Array(network.prunableCount);
    for (const { name, start } of network.prunable) all.set(kept.get(name)!, start);
    return all;
  });
}

function expectOneDistribution(ours: Uint8Array[], others: Uint8Array[]): void {
  const [a, b] = [frequenciesOf(ours), frequenciesOf(others)];
  const greatest = Math.max(...Array.from(a.share, (_, k) => Math.abs(deviation(a, b, k))));
  expect(greatest).toBeLessThan(-normalQuantile(FALSE_ALARM_RATE / 2 / a.share.length));
  const { statistic, threshold } = globalTest(a, b, ours, FALSE_ALARM_RATE);
  expect(statistic).toBeLessThan(threshold);
}

const ORDER = [2, 0, 3, 1];

/** For each weight of the network, the index of the weight in whose place it stands when units are in another order. */
function moved({ network, unitAxes }: Graph): Uint32Array {
  const places = Uint32Array.from({ length: network.prunableCount }, (_, k) => k);
  for (const { name, shape, start, length } of network.prunable) {
    for (let k = 0; k < length; k++) {
      let [rest, to, step] = [k, 0, 1];
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        const at = rest % shape[axis]!;
        rest = (rest - at) / shape[axis]!;
        to += step * (unitAxes[name]?.includes(axis) ? ORDER[at]! : at);
        step *= shape[axis]!;
      }
      places[start + k] = start + to;
    }
  }
  return places;
}

describe.each(Object.keys(GRAPHS))(`PHEW on a graph: %s, ${RUN_COUNT} seeds`, (name) => {
  const graph = GRAPHS[name]!();
  const { network } = graph;
  const weights = weightsOf(network);

  it("keeps each weight as often as the oracle's walks, and all of them on paths", async () => {
    const masks = await masksOf(network, weights, 0);
    expectOneDistribution(masks, oracleMasks(network, weights));
    const ways = new Ways(oracleNetwork(network));
    for (const bytes of masks.slice(0, 20)) {
      const kept = new Map(
        network.prunable.map(({ name: own, start, length }) => [own, bytes.slice(start, start + length)]),
      );
      for (const [own, onPath] of edgesOnPaths(ways, kept)) expect(onPath, own).toEqual(kept.get(own));
    }
  });

  it.skipIf(Object.keys(graph.unitAxes).length === 0)(
    "keeps each weight as often where its units stand in another order",
    async () => {
      const places = moved(graph);
      const other = new Map(
        network.prunable.map(({ name: own, start, length }) => {
          const values = new Float32Array(length);
          weights.get(own)!.forEach((value, k) => {
            values[places[start + k]! - start] = value;
          });
          return [own, values];
        }),
      );
      const masks = await masksOf(network, other, 1e6);
      const back = masks.map((bytes) => Uint8Array.from(places, (place) => bytes[place]!));
      expectOneDistribution(back, await masksOf(network, weights, 2e6));
    },
  );
});
