/**
 * Units of hidden layers have no order: a network whose units are numbered otherwise has the same scores, masks and shares
 * of walks, numbered so too. On graphs in which units are shuffled, joined and read by steps.
 */
import { describe, expect, it } from "vitest";
import { type Network, NetworkBuilder, pathSums, prune, type Weights } from "../src/index.ts";

/** For axis `axis` of a weight: element k of the new one was element `from[k]`. */
interface Move {
  readonly name: string;
  readonly axis: 0 | 1;
  readonly from: readonly number[];
}

interface Pair {
  readonly name: string;
  readonly network: Network;
  readonly permuted: Network;
  readonly moves: readonly Move[];
}

/** New unit k of four was unit `FROM[k]`. */
const FROM = [2, 0, 3, 1];
const TO = FROM.map((_, unit) => FROM.indexOf(unit));
const shiftedBy = (from: readonly number[], start: number) => from.map((unit) => start + unit);

/** Four channels, shuffled between two groups. @param index of the shuffle */
function shuffled(index: readonly number[]): Network {
  const b = new NetworkBuilder("shuffle", [2, 3, 3]);
  const one = b.relu(b.conv2d("one", b.input, { outChannels: 4, kernel: 1 }));
  const two = b.node("shuffle", { kind: "select", index: [...index] }, one);
  const three = b.relu(b.conv2d("two", two, { outChannels: 4, kernel: 3, padding: 1, groups: 2 }));
  return b.build(b.dense("last", b.globalAveragePool(three), 3));
}

/** Down, up by nearest neighbours, and together with what was there before. */
function ushaped(): Network {
  const b = new NetworkBuilder("u", [2, 4, 4]);
  const high = b.relu(b.conv2d("down", b.input, { outChannels: 4, kernel: 3, padding: 1 }));
  const low = b.relu(
    b.conv2d("low", b.averagePool2d(high, { kernel: 2, stride: 2 }), { outChannels: 4, kernel: 1 }),
  );
  const places = [0, 0, 1, 1].map((at) => [[at, 1] as const]);
  const axes = [0, 1].map(() => ({ from: 2, places }));
  const up = b.node("resize", { kind: "resample", name: "resize", axes, fill: 0 }, low);
  const out = b.relu(b.conv2d("up", b.concat(up, high), { outChannels: 4, kernel: 1 }));
  return b.build(b.dense("last", b.globalAveragePool(out), 3));
}

/** A GRU of four hidden units over three steps. */
function recurrent(): Network {
  const b = new NetworkBuilder("gru", [2, 1, 3]);
  const op = {
    kind: "recurrent",
    cell: "gru",
    isReverse: false,
    hiddenWeight: "hh.weight",
    hiddenBias: "hh.bias",
  } as const;
  const sums = b.dense("ih", b.input, 12);
  const hidden = b.dense("hh", b.node("before", { ...op, state: "before" }, sums), 12);
  const states = b.node("own", { ...op, state: "own" }, sums, hidden);
  return b.build(b.dense("last", b.globalAveragePool(states), 3));
}

const SHUFFLE = [0, 2, 1, 3];
const GATES = [0, 4, 8].flatMap((start) => shiftedBy(FROM, start));
const PAIRS: readonly Pair[] = [
  {
    name: "channel shuffle",
    network: shuffled(SHUFFLE),
    permuted: shuffled(SHUFFLE.map((unit) => TO[unit]!)),
    moves: [
      { name: "one.weight", axis: 0, from: FROM },
      // within each group
      { name: "two.weight", axis: 0, from: [1, 0, 3, 2] },
      { name: "last.weight", axis: 1, from: [1, 0, 3, 2] },
    ],
  },
  {
    name: "U-Net",
    network: ushaped(),
    permuted: ushaped(),
    moves: [
      { name: "down.weight", axis: 0, from: FROM },
      { name: "low.weight", axis: 1, from: FROM },
      { name: "low.weight", axis: 0, from: [3, 2, 0, 1] },
      { name: "up.weight", axis: 1, from: [3, 2, 0, 1, ...shiftedBy(FROM, 4)] },
    ],
  },
  {
    name: "recurrence",
    network: recurrent(),
    permuted: recurrent(),
    moves: [
      { name: "ih.weight", axis: 0, from: GATES },
      { name: "hh.weight", axis: 0, from: GATES },
      { name: "hh.weight", axis: 1, from: FROM },
      { name: "last.weight", axis: 1, from: FROM },
    ],
  },
];

/** By weight, the old index of each element. */
function places({ network, moves }: Pair): ReadonlyMap<string, readonly number[]> {
  return new Map(
    network.prunable.map(({ name, shape, length }) => {
      let from = Array.from({ length }, (_, k) => k);
      for (const move of moves.filter((each) => each.name === name)) {
        const run = length / shape.slice(0, move.axis + 1).reduce((a, b) => a * b, 1);
        const count = shape[move.axis]!;
        const given = from;
        from = given.map((_, k) => {
          const at = Math.floor(k / run) % count;
          return given[k + (move.from[at]! - at) * run]!;
        });
      }
      return [name, from];
    }),
  );
}

/** Distinct in size, of both signs; biases of 0. */
const weightsOf = (network: Network): Weights =>
  new Map(
    network.parameters.map(({ name, shape, role }) => [
      name,
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, k) =>
        role === "weight" ? Math.sin(5 * k + 3 * name.length) + 0.1 : 0,
      ),
    ]),
  );

describe.each(PAIRS)("units of a $name in another order", (pair) => {
  const from = places(pair);
  const weights = weightsOf(pair.network);
  const moved: Weights = new Map(
    Array.from(weights, ([name, values]) => {
      const own = from.get(name);
      return [name, own === undefined ? values : Float32Array.from(own, (k) => values[k]!)];
    }),
  );

  it.each([1, 2] as const)("have the same sums over paths, power %i", (power) => {
    const gradients = [[pair.network, weights] as const, [pair.permuted, moved] as const].map(
      ([network, own]) => {
        const found = new Map<string, Float64Array>();
        pathSums(network, own, { power, visit: (name, values) => found.set(name, values.slice()) });
        return found;
      },
    );
    for (const [name, places] of from) {
      const [before, after] = gradients.map((found) => found.get(name)!) as [Float64Array, Float64Array];
      for (const [k, at] of places.entries())
        expect(Math.abs(after[k]! - before[at]!), `${name} ${k}`).toBeLessThan(
          1e-9 * Math.abs(before[at]!) + 1e-12,
        );
    }
  });

  it.each(["synflow", "magnitude"])("have the same masks by %s", async (method) => {
    const options = { method, density: 0.4, seed: 1 };
    const before = await prune(pair.network, weights, options);
    const after = await prune(pair.permuted, moved, options);
    for (const [name, places] of from)
      expect([...after.masks.get(name)!], name).toEqual(places.map((k) => before.masks.get(name)![k]!));
  });

  /** Of 120 seeds each, shares differ by 5 standard errors in one of 10⁶ weights. */
  it("are kept as often by walks", async () => {
    const seeds = 120;
    const shares = await Promise.all(
      [[pair.network, weights] as const, [pair.permuted, moved] as const].map(async ([network, own]) => {
        const counts = new Map(network.prunable.map(({ name, length }) => [name, new Float64Array(length)]));
        for (let seed = 0; seed < seeds; seed++) {
          const { masks } = await prune(network, own, { method: "phew", density: 0.3, seed });
          for (const [name, count] of counts)
            for (const [k, kept] of masks.get(name)!.entries()) count[k]! += kept / seeds;
        }
        return counts;
      }),
    );
    for (const [name, places] of from) {
      const [before, after] = shares.map((counts) => counts.get(name)!) as [Float64Array, Float64Array];
      for (const [k, at] of places.entries()) {
        const p = (after[k]! + before[at]!) / 2;
        const error = Math.sqrt((2 * p * (1 - p)) / seeds);
        expect(Math.abs(after[k]! - before[at]!), `${name} ${k}`).toBeLessThanOrEqual(5 * error);
      }
    }
  });
});
