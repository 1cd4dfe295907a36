import {
  ACTIVATIONS,
  type DifferentiationRequest,
  elementCount,
  type Masks,
  maskedParameters,
  maskedWeights,
  type Network,
  type Weights,
} from "@phew/core";
import { Random } from "@phew/engine";
import {
  crossEntropy,
  directionalDerivative,
  forward,
  gradient,
  type Parameters,
  type ScalarFunction,
} from "@phew/oracle";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  GOLDEN,
  GOLDEN_NAMES,
  type GoldenName,
  goldenNetwork,
  goldenPresent,
  goldenWeights,
  readTensors,
} from "../../core/test/golden.ts";
import { createDifferentiator } from "../src/sparse/differentiator.ts";
import {
  activationNetwork,
  convolutions,
  graphNetwork,
  normNetwork,
  poolingNetworks,
} from "./operationNetworks.ts";
import {
  oracleGraph,
  randomBatch,
  randomMasks,
  randomWeights,
  relativeDifference,
} from "./randomNetworks.ts";

const differentiator = createDifferentiator();

/** The loss of a request as the oracle computes it, a function of the parameters. */
function oracleLoss({
  network,
  batches,
  statistics,
  temperature = 1,
}: DifferentiationRequest): ScalarFunction {
  const graph = oracleGraph(network);
  const mode = statistics === "batch" ? "training" : "evaluation";
  return (parameters: Parameters) =>
    batches.reduce((sum, { x, y, count }) => {
      const { output } = forward(graph, parameters, x, count, { mode });
      return sum + crossEntropy(output, y, { divisor: temperature });
    }, 0);
}

const trained = (network: Network) =>
  network.parameters.filter(({ role }) => role !== "mean" && role !== "variance").map(({ name }) => name);

/** What of a derivative a request asks for: that of what is removed only where it says so. */
function asked({ masks, removed }: DifferentiationRequest, name: string, values: Float64Array): Float64Array {
  if (masks === undefined || removed) return values;
  const mask = masks.get(name) ?? maskedParameters(masks).get(name);
  return mask === undefined ? values : values.map((value, k) => (mask[k] === 1 ? value : 0));
}

const usedWeights = ({ weights, masks }: DifferentiationRequest): Weights =>
  masks === undefined ? weights : maskedWeights(weights, masks);

async function expectGradients(request: DifferentiationRequest): Promise<void> {
  const loss = oracleLoss(request);
  const weights = usedWeights(request);
  const result = await differentiator.gradients(request);
  expect(result.loss).toBeCloseTo(loss(weights), 5);
  expect([...result.gradients.keys()].sort()).toEqual(trained(request.network).sort());
  for (const [name, values] of result.gradients) {
    const expected = asked(request, name, gradient(loss, weights, name));
    expect(relativeDifference(values, expected), name).toBeLessThan(1e-4);
  }
}

/** Numbers in ±1 for every trained parameter. */
function randomDirection(network: Network, seed: number): Weights {
  const random = new Random(seed, 4);
  const names = new Set(trained(network));
  return new Map(
    network.parameters
      .filter(({ name }) => names.has(name))
      .map(({ name, shape }) => [
        name,
        Float32Array.from({ length: elementCount(shape) }, () => 2 * random.nextFloat() - 1),
      ]),
  );
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, value, k) => sum + value * b[k]!, 0);

/** u·Hv of one parameter at a time, u random, against second differences of the oracle's loss. */
async function expectProduct(request: DifferentiationRequest, seed: number): Promise<void> {
  const loss = oracleLoss(request);
  const weights = usedWeights(request);
  const given = randomDirection(request.network, seed);
  const restricted = (values: Weights) =>
    new Map([...values].map(([name, v]) => [name, asked(request, name, Float64Array.from(v))]));
  const direction = restricted(given);
  const result = await differentiator.hessianProduct(request, given);
  expect(result.loss).toBeCloseTo(loss(weights), 5);
  const along: ScalarFunction = (parameters) => directionalDerivative(loss, parameters, direction, 1e-4);
  for (const [name, probe] of restricted(randomDirection(request.network, seed + 1))) {
    const product = result.products.get(name)!;
    const expected = directionalDerivative(along, weights, new Map([[name, probe]]), 1e-4);
    const scale = Math.sqrt(dot(probe, probe) * dot(product, product)) + 1e-3;
    expect(Math.abs(dot(probe, product) - expected) / scale, name).toBeLessThan(2e-4);
  }
}

interface Case {
  readonly batchSize?: number;
  readonly seed: number;
  readonly masks?: Masks;
  readonly temperature?: number;
}

/** Both statistics; with masks, with and without what is removed. */
function requests(
  network: Network,
  { batchSize = 3, seed, masks, temperature }: Case,
): DifferentiationRequest[] {
  const weights = randomWeights(network, seed);
  const batches = [randomBatch(network, batchSize, seed)];
  return (["running", "batch"] as const).flatMap((statistics) =>
    (masks === undefined ? [false] : [false, true]).map((removed) => ({
      network,
      weights,
      batches,
      statistics,
      removed,
      ...(masks && { masks }),
      ...(temperature !== undefined && { temperature }),
    })),
  );
}

async function expectAll(network: Network, options: Case): Promise<void> {
  for (const request of requests(network, options)) await expectBoth(request, options.seed);
}

async function expectBoth(request: DifferentiationRequest, seed: number): Promise<void> {
  await expectGradients(request);
  await expectProduct(request, seed);
}

/** An activation is at its kink where nothing comes in, and central differences take the mean of both slopes there. */
const kinked = new Set(["relu", "relu6", "leakyRelu", "hardSwish", "hardSigmoid", "elu"]);

describe("derivatives, operation by operation, against central differences", () => {
  it.each(ACTIVATIONS)("%s", async (name) => {
    const network = activationNetwork(name);
    await expectAll(network, { batchSize: 5, seed: 3 });
    if (!kinked.has(name)) await expectAll(network, { seed: 3, masks: randomMasks(network, 0.5, 1) });
  });

  it("convolutions of any stride, padding, dilation and grouping", async () => {
    const chosen = fc.record({
      network: convolutions,
      seed: fc.integer({ min: 1, max: 1000 }),
      density: fc.constantFrom(1, 0.5, 0.2),
    });
    await fc.assert(
      fc.asyncProperty(chosen, async ({ network, seed, density }) => {
        const masks = randomMasks(network, density, seed);
        const [request, withRemoved] = requests(network, { batchSize: 2, seed, masks });
        await expectBoth(request!, seed);
        await expectBoth(withRemoved!, seed);
      }),
      { numRuns: 20, seed: 5 },
    );
  });

  it("batch normalisation of images and of features", async () => {
    const network = normNetwork();
    await expectAll(network, { batchSize: 6, seed: 11, temperature: 3 });
    await expectAll(network, { batchSize: 5, seed: 11, masks: randomMasks(network, 0.3, 4) });
  });

  it("pooling with overlap, uneven padding, ceil mode and dilation", async () => {
    for (const network of poolingNetworks()) {
      const [request] = requests(network, { seed: 2 });
      await expectBoth(request!, 2);
    }
  });

  it("add, concat, slice, identity, global pooling and values read several times", async () => {
    const network = graphNetwork();
    const [request] = requests(network, { seed: 7 });
    await expectBoth(request!, 7);
    const masked = requests(network, { batchSize: 2, seed: 7, masks: randomMasks(network, 0.3, 8) });
    for (const each of masked.slice(0, 2)) await expectBoth(each, 7);
  });
});

describe.runIf(goldenPresent)("golden networks (skipped where ../shared is absent)", () => {
  const normalised: readonly GoldenName[] = ["resnet-small", "depthwise"];
  const cases = [
    ...GOLDEN_NAMES.map((name) => ({ name, score: "snip", statistics: "running" as const })),
    ...normalised.map((name) => ({ name, score: "snip_batch_statistics", statistics: "batch" as const })),
  ];

  it.each(cases)("$name: $score is |θ·∂L/∂θ| over its sum", async ({ name, score, statistics }) => {
    const request = goldenRequest(name, statistics);
    const { gradients } = await differentiator.gradients(request);
    const { network, weights } = request;
    const scores = network.prunable.map((parameter) => {
      const g = gradients.get(parameter.name)!;
      return Float64Array.from(weights.get(parameter.name)!, (w, k) => Math.abs(w * g[k]!));
    });
    const total = scores.reduce((sum, values) => sum + values.reduce((a, b) => a + b, 0), 0);
    expectScores(
      name,
      score,
      network,
      scores.map((values) => values.map((v) => v / total)),
      1e-4,
    );
  });

  const graspCases = cases.map(({ score, ...rest }) => ({ ...rest, score: score.replace("snip", "grasp") }));

  it.each(graspCases)(
    "$name: $score is θ·Hg over its sum, g of prunable weights",
    async ({ name, score, statistics }) => {
      const request = { ...goldenRequest(name, statistics), temperature: 200 };
      const { network, weights } = request;
      const { gradients } = await differentiator.gradients(request);
      const prunable = new Set(network.prunable.map((parameter) => parameter.name));
      const direction = new Map([...gradients].filter(([parameter]) => prunable.has(parameter)));
      const { products } = await differentiator.hessianProduct(request, direction);
      const scores = network.prunable.map((parameter) => {
        const product = products.get(parameter.name)!;
        return Float64Array.from(weights.get(parameter.name)!, (w, k) => w * product[k]!);
      });
      const total = scores.reduce((sum, values) => sum + values.reduce((a, b) => a + b, 0), 0);
      const scale = Math.abs(total) + 1e-10;
      expectScores(
        name,
        score,
        network,
        scores.map((values) => values.map((v) => v / scale)),
        1e-3,
      );
    },
  );
});

function goldenRequest(name: GoldenName, statistics: "running" | "batch"): DifferentiationRequest {
  const network = goldenNetwork(name);
  const tensors = readTensors(`${GOLDEN}${name}/batch.safetensors`);
  const y = Int32Array.from(tensors.get("y")!.data);
  const batch = { x: tensors.get("x")!.data, y, count: y.length };
  return { network, weights: goldenWeights(name), batches: [batch], statistics };
}

/** max|difference| ≤ tolerance · max|score| of every tensor. */
function expectScores(
  name: GoldenName,
  score: string,
  { prunable }: Network,
  scores: readonly Float64Array[],
  tolerance: number,
): void {
  const expected = readTensors(`${GOLDEN}${name}/scores.safetensors`);
  for (const [k, parameter] of prunable.entries()) {
    const { data } = expected.get(`${score}.${parameter.name}`)!;
    const greatest = data.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    const difference = scores[k]!.reduce((most, v, e) => Math.max(most, Math.abs(v - data[e]!)), 0);
    expect(difference / greatest, parameter.name).toBeLessThan(tolerance);
  }
}
