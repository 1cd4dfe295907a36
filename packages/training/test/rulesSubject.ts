/** A change of masks on random numbers, for the rules and for the oracle's plain versions of them. */
import { keepCountAt, Masks, type Network, NetworkBuilder, weightFlows } from "@phew/core";
import { Random } from "@phew/engine";
import type { PlainStreams, PlainWeight } from "@phew/oracle";
import type { ChangeState } from "../src/rules/rule.ts";
import { randomWeights } from "./randomNetworks.ts";

/** A grouped and a strided convolution, two dense layers. */
export function layeredNetwork(): Network {
  const b = new NetworkBuilder("layered", [2, 5, 4]);
  const first = b.relu(
    b.batchNorm("bn", b.conv2d("conv", b.input, { outChannels: 4, kernel: 3, padding: 1 })),
  );
  const second = b.relu(b.conv2d("grouped", first, { outChannels: 4, kernel: [2, 1], stride: 2, groups: 2 }));
  return b.build(b.dense("out", b.relu(b.dense("hidden", b.flatten(second), 6)), 3));
}

export function perceptron(): Network {
  const b = new NetworkBuilder("perceptron", [6]);
  return b.build(b.dense("c", b.relu(b.dense("b", b.relu(b.dense("a", b.input, 6)), 5)), 3));
}

export interface SubjectOptions {
  readonly seed: number;
  readonly density?: number;
  readonly change?: number;
  readonly progress?: number;
  readonly memory?: Readonly<Record<string, number>>;
}

/** Masks with exactly the wanted number of weights, spread at random. */
export function exactMasks(network: Network, density: number, seed: number): Masks {
  const masks = new Masks(network);
  const order = Uint32Array.from({ length: network.prunableCount }, (_, k) => k);
  new Random(seed, 4).shuffleInto(order);
  for (const k of order.subarray(0, keepCountAt(density, network.prunableCount))) masks.bytes[k] = 1;
  return masks;
}

/** The state of a change, and the same as single weights. */
export function subject(network: Network, options: SubjectOptions) {
  const { seed, density = 0.4, change = 3, progress = 0.25, memory = {} } = options;
  const masks = exactMasks(network, density, seed);
  const drawn = randomWeights(network, seed);
  // removed weights are 0, as in an executor
  const weights = new Map(drawn);
  const random = new Random(seed, 5);
  const gradient = new Float32Array(network.prunableCount).map(() => random.nextFloat() - 0.5);
  const momentum = new Map<string, Float32Array>();
  for (const parameter of network.prunable) {
    const mask = masks.of(parameter);
    const name = parameter.name;
    weights.set(
      name,
      drawn.get(name)!.map((w, k) => (mask[k] === 1 ? w : 0)),
    );
    momentum.set(
      name,
      drawn.get(name)!.map((_, k) => mask[k]! * (random.nextFloat() - 0.5)),
    );
  }
  const asked: (readonly [string, number])[] = [];
  const state: ChangeState = {
    network,
    masks,
    weights,
    momentum,
    startCounts: network.prunable.map((parameter) => masks.of(parameter).reduce((sum, bit) => sum + bit, 0)),
    change,
    progress,
    seed,
    memory,
    gradients: async (requests, take) => {
      for (const { name, start, length } of [...network.prunable].reverse()) {
        const request = requests.get(name);
        if (request === undefined) continue;
        const own = gradient.slice(start, start + length);
        asked.push([name, request === "all" ? length : request.length]);
        take(name, request === "all" ? own : Float32Array.from(request, (k) => own[k]!));
      }
    },
  };
  const streams: PlainStreams = (purpose, layer) => {
    const own = 2 * ((layer ?? -1) + 1) + (purpose === "drop" ? 0 : 1);
    const numbers = new Random(seed, 2 ** 43 + change * 2 ** 18 + own);
    return { below: (bound) => numbers.below(bound), float: () => numbers.nextFloat() };
  };
  return { state, streams, plain: plainWeights(state, gradient), asked };
}

function plainWeights(
  { network, masks, weights, momentum }: ChangeState,
  gradient: Float32Array,
): PlainWeight[] {
  return weightFlows(network).flatMap(({ parameter, outCount, inCount, groups, kernelSize }, layer) =>
    Array.from({ length: parameter.length }, (_, k) => {
      const kernel = Math.floor(k / kernelSize);
      const perGroup = inCount / groups;
      const out = Math.floor(kernel / perGroup);
      return {
        id: parameter.start + k,
        layer,
        out,
        in: Math.floor((out * groups) / outCount) * perGroup + (kernel % perGroup),
        tap: k % kernelSize,
        value: weights.get(parameter.name)![k]!,
        kept: masks.of(parameter)[k] === 1,
        gradient: gradient[parameter.start + k]!,
        momentum: momentum!.get(parameter.name)![k]!,
      };
    }),
  );
}
