/**
 * Every operation of the registry through everything that must know it: units cut out, ONNX and TensorFlow.js and back,
 * both executors, first and second derivatives, a training that is stopped and goes on. Its paths: operationPaths.test.ts.
 */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import {
  type Batch,
  compactNetwork,
  elementCount,
  initialise,
  Masks,
  maskedParameters,
  maskedWeights,
  type Network,
  NetworkBuilder,
  operations,
  type Value,
  type Weights,
} from "@phew/core";
import { exportModel, readModel } from "@phew/formats";
import { createDifferentiator, type Executor, type ExecutorFactory, loadExecutor } from "@phew/training";
import { describe, expect, it } from "vitest";
import { hasRuntime, type RuntimeCase, runOnnx } from "../../../packages/formats/test/onnxRun.ts";
import {
  crossEntropy,
  directionalDerivative,
  forward,
  type Parameters,
  randomFrom,
} from "../../../packages/oracle/src/index.ts";
import {
  type Build,
  firstConvolution,
  inputFor,
  type Kind,
  networksWith,
  oracleGraph,
  randomWeights,
  SAMPLES,
} from "./operationSamples.ts";
import { lastingFolder } from "./phew.ts";

/** @param between a layer of 4 units over the first convolution, before the operation */
function networkWith(build: Build, kind: Kind, between = (_b: NetworkBuilder, x: Value) => x): Network {
  const b = new NetworkBuilder("sample", inputFor(kind, 2));
  // no relu: its kinks would spoil the differences
  const image = between(b, firstConvolution(b, kind, 3));
  return b.build(b.dense("last", b.flatten(b.activation("tanh", build(b, image))), 3));
}

const CASES = networksWith(networkWith);
const COMPUTED = CASES.filter(({ kind }) => kind !== "opaque");
const DEEPER = networksWith((build, kind) =>
  networkWith(build, kind, (b, x) => b.dense("second", x, 4)),
).filter(({ kind }) => kind !== "opaque");
const FIRST = COMPUTED.filter(({ name, kind }) => name === kind);

/** Some 60 % of the weights; none enters unit 1 of the first layer. */
function randomMasks(network: Network, seed: number): Masks {
  const random = randomFrom(seed);
  const masks = Masks.dense(network);
  for (const { name, length } of network.prunable) {
    const mask = masks.get(name)!;
    for (let k = 0; k < length; k++) mask[k] = random() < 0.6 ? 1 : 0;
  }
  const first = masks.get("first.weight")!;
  first.fill(0, first.length / 4, first.length / 2);
  return masks;
}

/**
 * All weights but those of the last layer that read one unit of the operation's value. Before the operation each unit
 * reads one of the first layer, which goes if that alone is not read.
 */
function masksWithUnread(network: Network, unit: number): Masks {
  const masks = Masks.dense(network);
  masks.get("second.weight")!.forEach((_, k, mask) => {
    mask[k] = k % 5 === 0 ? 1 : 0;
  });
  const node = network.nodes.find(({ name }) => name === "last")!;
  const { shape } = network.nodes[network.nodes[node.inputs[0]!]!.inputs[0]!]!;
  const [perUnit, fanIn] = [elementCount(shape) / shape[0]!, elementCount(shape)];
  const mask = masks.get("last.weight")!;
  for (let row = 0; row < mask.length; row += fanIn)
    mask.fill(0, row + unit * perUnit, row + (unit + 1) * perUnit);
  return masks;
}

/** Unit 1 of the second layer is 0 by its weights and its bias: no mask says so, nor makes what is added to it 0. */
function withZeroUnit(weights: Weights): Weights {
  const zeroed = (name: string) => {
    const values = weights.get(name)!.slice();
    return [name, values.fill(0, values.length / 4, values.length / 2)] as const;
  };
  return new Map([...weights, zeroed("second.weight"), zeroed("second.bias")]);
}

function randomBatch(network: Network, count: number): Batch {
  const random = randomFrom(5);
  const x = Float32Array.from({ length: count * elementCount(network.inputShape) }, () => 2 * random() - 1);
  return { x, y: Int32Array.from({ length: count }, (_, k) => k % 3), count };
}

function lossOf(network: Network, { x, y, count }: Batch, mode: "training" | "evaluation") {
  const graph = oracleGraph(network);
  return (parameters: Parameters) =>
    crossEntropy(forward(graph, parameters, x, count, { mode }).output, y, {});
}

function expectNear(
  found: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what = "",
): void {
  expect(found.length).toBe(expected.length);
  const scale = tolerance * Math.max(1e-2, ...Array.from(expected, Math.abs));
  for (let k = 0; k < expected.length; k++)
    expect(Math.abs(found[k]! - expected[k]!), what).toBeLessThan(scale);
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, value, k) => sum + value * b[k]!, 0);

/** Numbers for every trained parameter, 0 where a mask has one. */
function direction(network: Network, masks: Masks, seed: number): Map<string, Float32Array> {
  const random = randomFrom(seed);
  const silent = maskedParameters(masks);
  return new Map(
    network.parameters
      .filter(({ trained }) => trained)
      .map(({ name, shape }) => {
        const mask = masks.get(name) ?? silent.get(name);
        return [
          name,
          Float32Array.from({ length: elementCount(shape) }, (_, k) => (random() - 0.5) * (mask?.[k] ?? 1)),
        ];
      }),
  );
}

const known = new WeakMap<Network, ReadonlyMap<string, number>>();

/** How the loss of training changes along each probe by itself; once for all executors. */
function slopesAlong(network: Network, weights: Weights, batch: Batch, probes: Weights) {
  const loss = lossOf(network, batch, "training");
  const slopes =
    known.get(network) ??
    new Map(
      Array.from(probes, ([name, probe]) => [
        name,
        directionalDerivative(loss, weights, new Map([[name, probe]]), DIFFERENCE),
      ]),
    );
  known.set(network, slopes);
  return slopes;
}

/** So small that hardly any element comes from one side of a kink to the other. */
const DIFFERENCE = 1e-5;

const optimiser = { name: "sgd", settings: { momentum: 0.9, nesterov: true, weightDecay: 0.01 } };
const executors: readonly (readonly [string, () => Promise<ExecutorFactory>])[] = [
  ["sparse", () => loadExecutor("sparse")],
  ["tensorflow", () => loadExecutor("tensorflow")],
];

describe("every operation", () => {
  const folder = lastingFolder();
  const written: (RuntimeCase & { readonly expected: Float64Array })[] = [];

  it("has a sample", () => {
    expect(Object.keys(SAMPLES).sort()).toEqual(Object.keys(operations).sort());
  });

  it.each(CASES)(
    "$name: initial weights are what its parameters say, drawn or one number",
    async ({ network }) => {
      const weights = await initialise(network, { seed: 1 });
      for (const { name, shape, initial, role } of network.parameters) {
        const values = weights.get(name)!;
        expect(values.length).toBe(elementCount(shape));
        if (initial === "drawn") expect([role, new Set(values).size > 1]).toEqual(["weight", true]);
        else expect(new Set(values)).toEqual(new Set([Math.fround(initial)]));
      }
    },
  );

  it.each(CASES)(
    "$name: is left with fewer units where it may have them, and computes the same",
    ({ kind, network, limits }) => {
      const [weights, masks] = [randomWeights(network, 2), randomMasks(network, 3)];
      const compact = compactNetwork(network, weights, masks);
      // unit 1 of the first layer is silent
      const holds = limits.includes("keeps its input's units");
      expect(compact.network.nodes.find((node) => node.name === "first")!.shape[0]!).toBe(holds ? 4 : 3);
      if (kind === "opaque") return;
      const { x, count } = randomBatch(network, 3);
      const expected = forward(oracleGraph(network), maskedWeights(weights, masks), x, count).output;
      expectNear(forward(oracleGraph(compact.network), compact.weights, x, count).output, expected, 1e-9);
    },
  );

  it.each(DEEPER)(
    "$name: computes the same without units that are 0 by their weights, or that nothing reads",
    ({ network }) => {
      const weights = randomWeights(network, 2);
      const { x, count } = randomBatch(network, 3);
      const cases = [
        [withZeroUnit(weights), masksWithUnread(network, 0)],
        [weights, masksWithUnread(network, 1)],
      ] as const;
      for (const [given, masks] of cases) {
        const compact = compactNetwork(network, given, masks);
        const expected = forward(oracleGraph(network), maskedWeights(given, masks), x, count).output;
        expectNear(forward(oracleGraph(compact.network), compact.weights, x, count).output, expected, 1e-9);
      }
    },
  );

  it.each(COMPUTED)(
    "$name: computes the same from ONNX and TensorFlow.js, whole and compact",
    async ({ name, network, limits }) => {
      const [weights, masks] = [randomWeights(network, 2), randomMasks(network, 3)];
      const { x, count } = randomBatch(network, 2);
      const expected = forward(oracleGraph(network), maskedWeights(weights, masks), x, count).output;
      for (const form of ["zeroed", "compact"] as const) {
        for (const path of [`${folder}/${name}-${form}.onnx`, `${folder}/${name}-${form}/model.json`]) {
          mkdirSync(dirname(path), { recursive: true });
          const done = exportModel(path, { format: "zoo", network, weights }, masks, form);
          if (path.endsWith(".json") && limits.includes("not in TensorFlow.js")) {
            await expect(done).rejects.toThrow("that TensorFlow.js has not");
            continue;
          }
          await done;
          if (path.endsWith(".onnx"))
            written.push({ name: path, model: path, x, shape: [count, ...network.inputShape], expected });
          if (limits.includes("not read from ONNX")) continue;
          const read = await readModel(path);
          const found = forward(oracleGraph(read.network), read.weights, x, count).output;
          expectNear(found, expected, 1e-5, path);
          if (form === "compact") continue;
          const trained = (own: Network) => own.parameters.filter((parameter) => parameter.trained).length;
          expect(trained(read.network), path).toBe(trained(network));
        }
      }
    },
  );

  it.skipIf(!hasRuntime)(
    "is valid ONNX, and the same in onnxruntime (skipped without python3 and onnxruntime)",
    () => {
      expect(written.length).toBe(2 * COMPUTED.length);
      const found = runOnnx(`${folder}/runs`, written);
      for (const { name, expected } of written) expectNear(found.get(name)!, expected, 1e-5, name);
    },
  );

  it.each(COMPUTED)("$name: has the oracle's second derivatives", async ({ network }) => {
    const masks = randomMasks(network, 3);
    const weights = maskedWeights(randomWeights(network, 2), masks);
    const batch = randomBatch(network, 3);
    const along = direction(network, masks, 7);
    const hasBoth = network.parameters.some(({ trained }) => !trained);
    for (const statistics of hasBoth ? (["running", "batch"] as const) : (["running"] as const)) {
      const loss = lossOf(network, batch, statistics === "batch" ? "training" : "evaluation");
      const request = { network, weights, masks, batches: [batch], statistics };
      const { products } = await createDifferentiator().hessianProduct(request, along);
      const slope = (parameters: Parameters) => directionalDerivative(loss, parameters, along, DIFFERENCE);
      for (const [name, probe] of direction(network, masks, 8)) {
        const expected = directionalDerivative(slope, weights, new Map([[name, probe]]), DIFFERENCE);
        const product = products.get(name)!;
        const scale = Math.sqrt(dot(probe, probe) * dot(product, product)) + 1e-2;
        expect(Math.abs(dot(probe, product) - expected) / scale, name).toBeLessThan(5e-4);
      }
    }
  });

  describe.each(executors)("in the %s executor", (_, load) => {
    const made = async (network: Network, masks: Masks): Promise<Executor> => {
      const weights = randomWeights(network, 2);
      return (await load())({ network, weights, masks, optimiser, batchSize: 8, seed: 1 });
    };

    it.each(COMPUTED)(
      "$name: has the oracle's values and gradients, and decays what is trained",
      async ({ network }) => {
        const masks = randomMasks(network, 3);
        const weights = maskedWeights(randomWeights(network, 2), masks);
        const batch = randomBatch(network, 3);
        const executor = await made(network, masks);
        const expected = forward(oracleGraph(network), weights, batch.x, batch.count).output;
        expectNear(await executor.predict(batch.x, batch.count), expected, 1e-4);
        await executor.step(batch, 0.1);
        const momentum = (await executor.state()).get("momentum")!;
        const probes = direction(network, masks, 9);
        expect([...momentum.keys()].sort()).toEqual([...probes.keys()].sort());
        const slopes = slopesAlong(network, weights, batch, probes);
        for (const [name, probe] of probes) {
          const slope = slopes.get(name)!;
          // after a first step from rest the momentum is the gradient and the decay
          const first = slope + optimiser.settings.weightDecay * dot(probe, weights.get(name)!);
          const found = dot(probe, momentum.get(name)!);
          const scale = Math.sqrt(dot(probe, probe) * dot(momentum.get(name)!, momentum.get(name)!)) + 1e-3;
          expect(Math.abs(found - first) / scale, name).toBeLessThan(1e-3);
        }
        executor.dispose();
      },
    );

    it.each(COMPUTED)(
      "$name: has the gradients by absent weights, and goes on with other masks",
      async ({ network }) => {
        const batch = randomBatch(network, 3);
        const executor = await made(network, randomMasks(network, 3));
        await executor.step(batch, 0.1);
        const masks = randomMasks(network, 4);
        await executor.changeMasks(masks);
        const weights = await executor.weights();
        const request = {
          network,
          weights,
          masks,
          batches: [batch],
          statistics: "batch",
          removed: true,
        } as const;
        const { gradients } = await createDifferentiator().gradients(request);
        const all = new Map(network.prunable.map(({ name }) => [name, "all" as const]));
        await executor.absentGradients(all, batch, (name, gradient) =>
          expectNear(gradient, gradients.get(name)!, 1e-4),
        );
        const other = await made(network, masks);
        await other.restore(weights, await executor.state(), 1);
        expect(await executor.step(batch, 0.1)).toEqual(await other.step(batch, 0.1));
        expect(await executor.weights()).toEqual(await other.weights());
        for (const each of [executor, other]) each.dispose();
      },
    );

    it.each(FIRST)(
      "$name: goes on from what it was stopped with as if it had not been",
      async ({ network }) => {
        const masks = randomMasks(network, 3);
        const batch = randomBatch(network, 8);
        const whole = await made(network, masks);
        for (let step = 0; step < 2; step++) await whole.step(batch, 0.1);
        const [weights, state] = [await whole.weights(), await whole.state()];
        expect([...weights.keys()]).toEqual(network.parameters.map(({ name }) => name));
        const resumed = await made(network, masks);
        await resumed.restore(weights, state, 2);
        for (const executor of [whole, resumed]) await executor.step(batch, 0.1);
        const [expected, found] = [await whole.weights(), await resumed.weights()];
        for (const { name, trained } of network.parameters) {
          expect(found.get(name), name).toEqual(expected.get(name));
          if (trained) expect(found.get(name), name).not.toEqual(weights.get(name));
        }
        for (const executor of [whole, resumed]) executor.dispose();
      },
    );
  });
});
