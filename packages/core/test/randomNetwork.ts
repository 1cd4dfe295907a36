/** Small networks of every structure that walks support, for property tests. */
import { randomFrom } from "@phew/oracle";
import fc from "fast-check";
import { Masks } from "../src/masks/masks.ts";
import { NetworkBuilder, type Value } from "../src/network/builder.ts";
import type { Network } from "../src/network/network.ts";
import { unitRun } from "../src/operations/select.ts";
import type { Weights } from "../src/weights/weights.ts";

const STRUCTURES = [
  "plain",
  "residual",
  "preActivation",
  "projection",
  "bottleneck",
  "inverted",
  "concat",
  "inception",
  "grouped",
  "depthwise",
  "threeWay",
  "longSkip",
  "uNet",
  "split",
  "several",
  "maxPool",
  "averagePool",
  "selfSum",
  "gate",
  "placeGate",
  "gatedUnits",
] as const;

interface Block {
  readonly structure: (typeof STRUCTURES)[number];
  /** Output channels, if the structure allows a choice, halved. */
  readonly width: number;
  readonly kernel: 1 | 3;
}

export interface RandomNetwork {
  readonly network: Network;
  readonly weights: Weights;
}

/** Networks of one to four blocks, 2 to 6 channels of 4×4, that end in a flatten or a global average, and a dense layer. */
export const randomNetworks: fc.Arbitrary<RandomNetwork> = fc
  .record({
    blocks: fc.array(
      fc.record({
        structure: fc.constantFrom(...STRUCTURES),
        width: fc.integer({ min: 1, max: 3 }),
        kernel: fc.constantFrom(1 as const, 3 as const),
      }),
      { minLength: 1, maxLength: 4 },
    ),
    flat: fc.boolean(),
    inChannels: fc.constantFrom(1, 2, 3),
    seed: fc.nat(2 ** 31),
  })
  .map(({ blocks, flat, inChannels, seed }) => {
    const network = build(blocks, flat, inChannels);
    return { network, weights: randomWeights(network, seed) };
  });

/** Normal weights of which one in ten is 0; batch normalisation as at the start. */
export function randomWeights(network: Network, seed: number): Weights {
  const random = randomFrom(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return new Map(
    network.parameters.map(({ name, shape, role }) => {
      const length = shape.reduce((a, b) => a * b, 1);
      const value = () => {
        if (role === "weight") return random() < 0.1 ? 0 : normal();
        return role === "scale" || role === "variance" ? 1 : 0;
      };
      return [name, Float32Array.from({ length }, value)];
    }),
  );
}

/** No parameter at its initial value: signs, biases, scales and statistics all random. */
export function withRandomParameters(network: Network, seed: number): Weights {
  const random = randomFrom(seed);
  return new Map(
    network.parameters.map(({ name, shape, role }) => {
      const length = shape.reduce((a, b) => a * b, 1);
      const value = () => (role === "variance" ? 0.5 + random() : 2 * random() - 1);
      return [name, Float32Array.from({ length }, value)];
    }),
  );
}

/** Each weight kept with probability `density`. */
export function randomMasks(network: Network, density: number, seed: number): Masks {
  const random = randomFrom(seed + 1);
  return new Masks(
    network,
    Uint8Array.from({ length: network.prunableCount }, () => (random() < density ? 1 : 0)),
  );
}

function build(blocks: readonly Block[], flat: boolean, inChannels: number): Network {
  const b = new NetworkBuilder("random", [inChannels, 4, 4]);
  let convCount = 0;
  const conv = (x: Value, outChannels: number, kernel = 3, groups = 1) =>
    b.conv2d(`conv${convCount++}`, x, {
      outChannels,
      kernel,
      padding: kernel >> 1,
      groups,
      bias: false,
    });
  let productCount = 0;
  const multiply = (left: Value, right: Value) =>
    b.node(`product${productCount++}`, { kind: "multiply" }, left, right);
  let channels = 4;
  let x = b.relu(conv(b.input, channels));
  for (const [index, { structure, width, kernel }] of blocks.entries()) {
    const start = x;
    const wide = 2 * width;
    switch (structure) {
      case "gate":
        x = multiply(x, b.activation("sigmoid", conv(b.averagePool2d(x, { kernel: 4 }), channels, 1)));
        break;
      case "placeGate":
        x = multiply(b.activation("sigmoid", conv(x, 1, kernel)), conv(x, channels, kernel));
        break;
      case "gatedUnits":
        x = multiply(b.activation("silu", conv(x, wide, kernel)), conv(x, wide, kernel));
        channels = wide;
        break;
      case "plain":
        x = b.relu(conv(x, wide, kernel));
        channels = wide;
        break;
      case "residual":
        x = b.relu(b.add(conv(b.relu(conv(x, wide, kernel)), channels), x));
        break;
      case "preActivation":
        x = b.add(x, conv(b.relu(b.batchNorm(`bn${index}`, x)), channels, kernel));
        break;
      case "projection":
        x = b.relu(b.add(conv(b.relu(conv(x, wide, kernel)), wide), conv(start, wide, 1)));
        channels = wide;
        break;
      case "bottleneck":
        x = b.add(conv(b.relu(conv(b.relu(conv(x, width, 1)), width)), channels, 1), x);
        break;
      case "inverted": {
        const inner = b.relu(conv(x, 2 * channels, 1));
        x = b.add(x, conv(b.relu(conv(inner, 2 * channels, 3, 2 * channels)), channels, 1));
        break;
      }
      case "concat":
        x = b.concat(x, b.relu(conv(x, width, kernel)));
        channels += width;
        break;
      case "inception":
        x = b.concat(conv(x, width, 1), conv(conv(x, wide, 1), wide, kernel), maxPool(b, x));
        channels += width + wide;
        break;
      case "grouped":
        x = b.relu(conv(x, wide, kernel, channels % 2 === 0 ? 2 : 1));
        channels = wide;
        break;
      case "depthwise":
        x = conv(b.relu(conv(x, channels, 3, channels)), wide, 1);
        channels = wide;
        break;
      case "threeWay":
        x = b.add(conv(x, channels, kernel), x, conv(b.relu(conv(x, wide, 1)), channels, 1));
        break;
      case "longSkip": {
        const inner = b.add(conv(x, channels, 1), x);
        x = b.add(b.relu(b.add(inner, conv(b.relu(inner), channels, kernel))), start);
        break;
      }
      case "uNet": {
        const skip = b.relu(conv(x, wide, kernel));
        x = b.concat(conv(b.relu(conv(skip, wide, 3)), width, 1), skip);
        channels = width + wide;
        break;
      }
      case "split": {
        const half = Math.max(1, channels >> 1);
        const rest = channels - half;
        if (rest === 0) break;
        const left = b.node(`left${index}`, { kind: "select", index: unitRun(0, half).toReversed() }, x);
        const right = b.node(`right${index}`, { kind: "select", index: unitRun(half, rest) }, x);
        x = b.concat(right, b.add(left, conv(right, half, kernel)));
        break;
      }
      case "several": {
        // some channels once, some twice, some by a branch beside
        const again = Array.from({ length: channels + width }, (_, k) => (k * 3) % channels);
        const all = [...Array(channels).keys(), ...again].toReversed();
        const taken = b.node(`several${index}`, { kind: "select", index: all }, x);
        x = b.add(conv(taken, wide, kernel), conv(x, wide, 1));
        channels = wide;
        break;
      }
      case "maxPool":
        x = maxPool(b, x);
        break;
      case "averagePool":
        x = b.averagePool2d(x, { kernel: 3, stride: 1, padding: 1 });
        break;
      case "selfSum":
        x = b.add(b.relu(x), x);
        break;
    }
  }
  const head = flat ? b.flatten(x) : b.flatten(b.globalAveragePool(x));
  return b.build(b.dense("fc", head, 3));
}

function maxPool(b: NetworkBuilder, x: Value): Value {
  return b.maxPool2d(x, { kernel: 3, stride: 1, padding: 1 });
}
