/** Numbers that a builder of networks refuses, with the layer or the field named. */
import { describe, expect, it } from "vitest";
import { ArgumentError } from "../src/errors.ts";
import { NetworkBuilder, type Value } from "../src/network/builder.ts";

type Build = (b: NetworkBuilder, value: never) => Value;

const NO_COUNTS: readonly unknown[] = [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "3"];
const CASES: readonly (readonly [name: string, values: readonly unknown[], build: Build])[] = [
  ["features", [...NO_COUNTS, undefined, null], (b, n) => b.dense("fc", b.flatten(b.input), n)],
  ["channels", NO_COUNTS, (b, outChannels) => b.conv2d("c", b.input, { outChannels, kernel: 3 })],
  ["groups", NO_COUNTS, (b, groups) => b.conv2d("c", b.input, { outChannels: 4, kernel: 3, groups })],
  [
    "kernel",
    [...NO_COUNTS, undefined, [3]],
    (b, kernel) => b.conv2d("c", b.input, { outChannels: 4, kernel }),
  ],
  ["stride", NO_COUNTS, (b, stride) => b.conv2d("c", b.input, { outChannels: 4, kernel: 3, stride })],
  ["dilation", NO_COUNTS, (b, dilation) => b.conv2d("c", b.input, { outChannels: 4, kernel: 3, dilation })],
  [
    "padding",
    [-1, 0.5, Number.NaN, "1"],
    (b, padding) => b.conv2d("c", b.input, { outChannels: 4, kernel: 3, padding }),
  ],
  ["maxima", NO_COUNTS, (b, kernel) => b.maxPool2d(b.input, { kernel })],
  ["means", NO_COUNTS, (b, stride) => b.averagePool2d(b.input, { kernel: 2, stride })],
  ["rate", [-0.1, 1, Number.NaN, "0.5"], (b, rate) => b.dropout(rate, b.input)],
  [
    "epsilon",
    [-1, Number.NaN, Number.POSITIVE_INFINITY],
    (b, epsilon) => b.layerNorm("n", b.input, { epsilon }),
  ],
  ["momentum", [-1, 1.5, Number.NaN], (b, momentum) => b.batchNorm("n", b.input, { momentum })],
];

describe("a builder of networks", () => {
  it.each(CASES)("refuses %s that cannot be", (_, values, build) => {
    for (const value of values) {
      const b = new NetworkBuilder("small", [4, 8, 8]);
      const making = () => b.build(b.dense("last", b.flatten(build(b, value as never)), 2));
      expect(making, `${value}`).toThrow(ArgumentError);
    }
  });

  it("names the layer", () => {
    const b = new NetworkBuilder("small", [4]);
    expect(() => b.build(b.dense("fc", b.input, Number.NaN))).toThrow(
      'layer "fc": got NaN output features, expected a whole number of at least 1',
    );
  });
});
