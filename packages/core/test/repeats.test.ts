/** Path sums that leave out equal rows and columns, compared with the same sums over every position. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { pathSums } from "../src/analysis/pathSums.ts";
import { NetworkBuilder, type Value } from "../src/network/builder.ts";
import type { Network } from "../src/network/network.ts";
import type { PathSumInputs } from "../src/operations/definition.ts";
import { definitionOf } from "../src/operations/registry.ts";
import {
  allRepeated,
  coarsened,
  type PlaneRepeats,
  refined,
  withoutRepeats,
} from "../src/operations/repeats.ts";
import { elementCount } from "../src/operations/shape.ts";
import type { Weights } from "../src/weights/weights.ts";
import { withRandomParameters } from "./randomNetwork.ts";

const whole = (min: number, max: number) => fc.integer({ min, max });
const pair = (min: number, max: number) => fc.tuple(whole(min, max), whole(min, max));
const windows = fc.record({
  kind: fc.constantFrom("conv", "conv", "maxPool", "averagePool", "residual", "concat"),
  kernel: pair(1, 4),
  stride: pair(1, 3),
  padding: fc.tuple(whole(0, 2), whole(0, 2), whole(0, 2), whole(0, 2)),
  dilation: pair(1, 2),
  ceil: fc.boolean(),
});
type Window = typeof windows extends fc.Arbitrary<infer W> ? W : never;

const chains = fc.record({
  size: pair(9, 30),
  layers: fc.array(windows, { minLength: 1, maxLength: 5 }),
  head: fc.constantFrom("none", "flatten", "mean"),
  power: fc.constantFrom(1 as const, 2 as const),
  biases: fc.boolean(),
  seed: fc.nat(),
});

/** @returns undefined where a window does not fit */
function chain(size: readonly [number, number], layers: readonly Window[], head: string) {
  const b = new NetworkBuilder("chain", [2, ...size]);
  const conv = (name: string, x: Value, { kernel, stride, padding, dilation }: Partial<Window>) =>
    b.conv2d(name, x, {
      outChannels: 2,
      kernel: kernel!,
      stride: stride!,
      padding: padding!,
      dilation: dilation!,
    });
  const same = (kernel: 1 | 3) => ({
    kernel: [kernel, kernel] as [number, number],
    padding: new Array<number>(4).fill(kernel >> 1) as [number, number, number, number],
    stride: [1, 1] as [number, number],
    dilation: [1, 1] as [number, number],
  });
  let x: Value = conv("first", b.input, same(1));
  for (const [l, { kind, ...window }] of layers.entries()) {
    const { kernel, stride, padding, ceil } = window;
    const pool = {
      kernel,
      stride,
      ceil,
      padding: padding.map((p, side) => Math.min(p, kernel[side % 2]! - 1)),
    };
    if (kind === "conv") x = b.relu(b.batchNorm(`norm${l}`, conv(`conv${l}`, x, window)));
    else if (kind === "maxPool") x = b.maxPool2d(x, pool as never);
    else if (kind === "averagePool") x = b.averagePool2d(x, pool as never);
    else if (kind === "residual") x = b.add(x, conv(`conv${l}`, x, same(3)), conv(`short${l}`, x, same(1)));
    else x = conv(`conv${l}`, b.concat(conv(`branch${l}`, x, same(3)), x), same(1));
  }
  if (head === "mean") x = b.dense("fc", b.globalAveragePool(x), 2);
  if (head === "flatten") x = b.dense("fc", b.flatten(x), 2);
  try {
    return b.build(x);
  } catch {
    return undefined;
  }
}

/** R and ∂R/∂θ' over every position: the operations one after the other. */
function inFull(network: Network, weights: Weights, power: 1 | 2, biases: boolean) {
  const { nodes, output, parameters } = network;
  const roles = new Map(parameters.map(({ name, role }) => [name, role]));
  const values: Float64Array[] = [];
  const given = (index: number): PathSumInputs => ({
    inputs: nodes[index]!.inputs.map((input) => values[input]!),
    inputShapes: nodes[index]!.inputs.map((input) => nodes[input]!.shape),
    outputShape: nodes[index]!.shape,
    power,
    biases,
    weight: (name) => weights.get(name)!,
    theta: (name) => {
      const asItIs = power === 2 && (roles.get(name) === "mean" || roles.get(name) === "variance");
      return Float64Array.from(weights.get(name)!, (w) => (asItIs ? w : Math.abs(w) ** power));
    },
    kept: () => undefined,
  });
  for (const [index, { op, shape }] of nodes.entries()) {
    values[index] =
      op.kind === "input"
        ? new Float64Array(elementCount(shape)).fill(1)
        : definitionOf(op).pathForward(op, given(index));
  }
  const gradients = nodes.map(({ shape }, k) =>
    new Float64Array(elementCount(shape)).fill(k === output ? 1 : 0),
  );
  const ofParameter = new Map<string, Float64Array>();
  for (let index = nodes.length - 1; index >= 0; index--) {
    const { op, inputs } = nodes[index]!;
    if (op.kind === "input") continue;
    const back = definitionOf(op).pathBackward(op, given(index), values[index]!, gradients[index]!);
    for (const [name, gradient] of back.parameters) ofParameter.set(name, gradient.slice());
    for (const [k, input] of inputs.entries())
      for (const [p, g] of back.inputs[k]!.entries()) gradients[input]![p]! += g;
  }
  return { sum: values[output]!.reduce((sum, y) => sum + y, 0), gradients: ofParameter };
}

it("path sums without repetitions are those over every position, gradient by gradient, through any windows", () => {
  let comparedCount = 0;
  fc.assert(
    fc.property(chains, ({ size, layers, head, power, biases, seed }) => {
      const network = chain(size, layers, head);
      fc.pre(network !== undefined);
      const weights = withRandomParameters(network, seed);
      const expected = inFull(network, weights, power, biases);
      const seen = new Map<string, Float64Array>();
      const sum = pathSums(network, weights, {
        power,
        biases,
        visit: (name, gradient) => seen.set(name, gradient.slice()),
      });
      // means are subtracted: the difference may be far smaller than its terms
      const tolerance = 1e-9 * (1 + Math.abs(expected.sum));
      expect(Math.abs(sum - Math.abs(expected.sum))).toBeLessThanOrEqual(tolerance);
      expect([...seen.keys()].sort()).toEqual([...expected.gradients.keys()].sort());
      for (const [name, gradient] of seen) {
        const plain = expected.gradients.get(name)!;
        const most = plain.reduce((m, g) => Math.max(m, Math.abs(g)), 0);
        for (const [k, g] of gradient.entries())
          expect(Math.abs(g - plain[k]!)).toBeLessThanOrEqual(1e-9 * most + 1e-9);
      }
      comparedCount++;
    }),
    { numRuns: 150 },
  );
  expect(comparedCount).toBeGreaterThan(100);
});

const repeats = (length: number) =>
  fc
    .tuple(whole(0, length - 1), whole(0, length - 1))
    .map(([start, more]) => ({ start, removed: Math.min(more, length - 1 - start) }));

it("putting repetitions back and summing gradients of repetitions are transposes of each other", () =>
  fc.assert(
    fc.property(
      pair(1, 9).chain(([height, width]) =>
        fc.record({
          shape: fc.constant([2, height, width] as const),
          rows: repeats(height),
          columns: repeats(width),
          share: fc.double({ min: 0, max: 1, noNaN: true }),
        }),
      ),
      ({ shape, rows, columns, share }) => {
        const from: PlaneRepeats = [rows, columns];
        const to = from.map(({ start, removed }) => ({ start, removed: Math.floor(share * removed) }));
        const fine = to as [PlaneRepeats[0], PlaneRepeats[1]];
        const x = Float64Array.from({ length: elementCount(withoutRepeats(shape, from)) }, (_, k) => k + 1);
        const g = Float64Array.from({ length: elementCount(withoutRepeats(shape, fine)) }, (_, k) => k * k);
        const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, k) => sum + value * b[k]!, 0);
        const [there, back] = [refined(x, shape, from, fine), coarsened(g, shape, from, fine)];
        expect(there).toHaveLength(g.length);
        expect(back).toHaveLength(x.length);
        expect(dot(there, g)).toBe(dot(x, back));
      },
    ),
  ));

it("an image of ones is one position a channel", () =>
  expect(withoutRepeats([3, 224, 160], allRepeated([3, 224, 160]))).toEqual([3, 1, 1]));
