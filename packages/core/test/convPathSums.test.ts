/** The engine's path-sum kernels compared with plain loops. */
import { pathKernels } from "@phew/engine";
import { randomFrom } from "@phew/oracle";
import fc from "fast-check";
import { expect, it } from "vitest";
import { type Conv2d, conv2d } from "../src/operations/conv2d.ts";
import {
  convPathBackward,
  convPathForward,
  plainPathBackward,
  plainPathForward,
} from "../src/operations/convPathSums.ts";
import type { PathSumInputs } from "../src/operations/definition.ts";
import { elementCount, type Shape } from "../src/operations/shape.ts";

const whole = (min: number, max: number) => fc.integer({ min, max });
const pair = (min: number, max: number) => fc.tuple(whole(min, max), whole(min, max));
const convolutions = fc
  .record({
    groups: whole(1, 3),
    inPerGroup: whole(1, 3),
    outPerGroup: whole(1, 5),
    size: pair(1, 40),
    kernel: pair(1, 4),
    stride: pair(1, 3),
    dilation: pair(1, 3),
    padding: fc.tuple(whole(0, 3), whole(0, 3), whole(0, 3), whole(0, 3)),
    power: fc.constantFrom(1 as const, 2 as const),
    biases: fc.boolean(),
    density: fc.constantFrom(undefined, 0, 0.1, 0.5),
    seed: fc.nat(),
  })
  .filter(({ size, kernel, dilation, padding }) =>
    [0, 1].every(
      (axis) => size[axis]! + padding[axis]! + padding[axis + 2]! > (kernel[axis]! - 1) * dilation[axis]!,
    ),
  );

/** Largest difference relative to the largest magnitude. */
function difference(actual: Float64Array, expected: Float64Array): number {
  expect(actual).toHaveLength(expected.length);
  const largest = expected.reduce((most, x) => Math.max(most, Math.abs(x)), Number.MIN_VALUE);
  return actual.reduce((most, x, k) => Math.max(most, Math.abs(x - expected[k]!)), 0) / largest;
}

it("the engine has its kernels: without them the sums take four times as long", () => {
  expect(pathKernels(), "build @phew/engine").toBeDefined();
});

it("path sums of any convolution and mask are those of plain loops to 1e-12, forward and backward", () =>
  fc.assert(
    fc.property(convolutions, ({ groups, inPerGroup, outPerGroup, size, seed, density, ...rest }) => {
      const random = randomFrom(seed);
      const floats = (length: number) => Float64Array.from({ length }, () => 2 * random() - 0.5);
      const op: Conv2d = {
        kind: "conv2d",
        weight: "w",
        bias: "b",
        outChannels: groups * outPerGroup,
        groups,
        ...rest,
      };
      const input: Shape = [groups * inPerGroup, ...size];
      const outputShape = conv2d.shape(op, [input], "conv");
      const weight = Float32Array.from(floats(op.outChannels * inPerGroup * op.kernel[0] * op.kernel[1]));
      const mask =
        density === undefined ? undefined : Uint8Array.from(weight, () => (random() < density ? 1 : 0));
      const bias = floats(op.outChannels);
      const values = floats(elementCount(input));
      const given: PathSumInputs = {
        inputs: [values],
        inputShapes: [input],
        outputShape,
        power: rest.power,
        biases: rest.biases,
        weight: () => weight,
        kept: () => mask,
        theta: () => bias,
      };
      expect(difference(convPathForward(op, given), plainPathForward(op, given))).toBeLessThan(1e-12);
      const gradient = floats(elementCount(outputShape));
      const [back, plain] = [convPathBackward(op, given, gradient), plainPathBackward(op, given, gradient)];
      expect(difference(back.input, plain.input)).toBeLessThan(1e-12);
      expect(difference(back.weight, plain.weight)).toBeLessThan(1e-12);
    }),
    { numRuns: 300 },
  ));
