import { spawnSync } from "node:child_process";
import {
  ACTIVATIONS,
  ArgumentError,
  type Batch,
  type DifferentiationRequest,
  elementCount,
  initialise,
  type Masks,
  maskedParameters,
  maskedWeights,
  type Network,
  NetworkBuilder,
  type Value,
  type Weights,
  zooModel,
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
import { isLong } from "../../../vitest.long.ts";
import {
  GOLDEN,
  GOLDEN_NAMES,
  type GoldenName,
  goldenNetwork,
  goldenPresent,
  goldenWeights,
  readTensors,
} from "../../core/test/golden.ts";
import { torchDerivatives } from "../src/bench/torchDerivatives.ts";
import { createDifferentiator } from "../src/sparse/run/differentiator.ts";
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
const kinked = new Set([
  "relu",
  "relu6",
  "leakyRelu",
  "hardSwish",
  "hardSigmoid",
  "elu",
  "selu",
  "celu",
  "thresholdedRelu",
  "clip",
]);

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

/** Convolutions, batch normalisation, ReLU, a projection shortcut, pooling. */
function residualNetwork(): Network {
  const b = new NetworkBuilder("residual", [2, 6, 6]);
  const norm = (name: string, x: Value, outChannels: number, kernel: number, stride = 1) =>
    b.batchNorm(
      `${name}.bn`,
      b.conv2d(name, x, { outChannels, kernel, stride, padding: kernel >> 1, bias: false }),
    );
  const stem = b.relu(norm("stem", b.input, 4, 3));
  const block = b.add(
    norm("one.b", b.relu(norm("one.a", stem, 6, 3, 2)), 6, 3),
    norm("one.s", stem, 6, 1, 2),
  );
  return b.build(b.dense("out", b.flatten(b.maxPool2d(b.relu(block), { kernel: 2, stride: 1 })), 4));
}

describe("properties", () => {
  const chosen = fc.record({
    network: fc.oneof(convolutions, fc.constantFrom(residualNetwork(), graphNetwork(), normNetwork())),
    seed: fc.integer({ min: 1, max: 1000 }),
    statistics: fc.constantFrom("running" as const, "batch" as const),
    density: fc.constantFrom(1, 0.4),
    removed: fc.boolean(),
    count: fc.integer({ min: 2, max: 20 }),
  });
  type Chosen = typeof chosen extends fc.Arbitrary<infer Value> ? Value : never;
  const requestOf = ({ network, seed, density, count, ...rest }: Chosen) => ({
    network,
    weights: randomWeights(network, seed),
    masks: randomMasks(network, density, seed),
    batches: [randomBatch(network, count, seed)],
    ...rest,
  });
  const inner = (a: Weights, b: Weights): number =>
    [...a].reduce((sum, [name, values]) => sum + dot(values, b.get(name)!), 0);
  const norm = (a: Weights): number => Math.sqrt(inner(a, a));
  const combined = (a: Weights, p: number, b: Weights, q: number): Weights =>
    new Map([...a].map(([name, values]) => [name, values.map((v, k) => p * v + q * b.get(name)![k]!)]));

  it("the Hessian is symmetric: u·Hv = v·Hu, on what is trained", async () => {
    await fc.assert(
      fc.asyncProperty(chosen, async (given) => {
        const request = requestOf(given);
        const [u, v] = [1, 2].map((seed) => randomDirection(request.network, seed)) as [Weights, Weights];
        const { products: hv } = await differentiator.hessianProduct(request, v);
        const { products: hu } = await differentiator.hessianProduct(request, u);
        const scale = norm(u) * norm(hv) + norm(v) * norm(hu) + 1e-3;
        expect(Math.abs(inner(u, hv) - inner(v, hu)) / scale).toBeLessThan(1e-5);
      }),
      { numRuns: 40, seed: 3 },
    );
  });

  it("the product is linear in the direction, and its gradients are those without one", async () => {
    await fc.assert(
      fc.asyncProperty(chosen, async (given) => {
        const request = requestOf(given);
        const [u, v] = [1, 2].map((seed) => randomDirection(request.network, seed)) as [Weights, Weights];
        const { products: hu, gradients, loss } = await differentiator.hessianProduct(request, u);
        const { products: hv } = await differentiator.hessianProduct(request, v);
        const { products: both } = await differentiator.hessianProduct(request, combined(u, 2, v, -0.5));
        const expected = combined(hu, 2, hv, -0.5);
        expect(norm(combined(both, 1, expected, -1)) / (norm(hu) + norm(hv) + 1e-3)).toBeLessThan(1e-5);
        const plain = await differentiator.gradients(request);
        expect(loss).toBeCloseTo(plain.loss, 5);
        for (const [name, values] of gradients)
          expect(relativeDifference(values, plain.gradients.get(name)!), name).toBeLessThan(2e-5);
      }),
      { numRuns: 25, seed: 4 },
    );
  });

  it("any number of threads gives the same bits", async () => {
    const network = residualNetwork();
    for (const statistics of ["running", "batch"] as const) {
      const weights = randomWeights(network, 1);
      const request = { network, weights, batches: [randomBatch(network, 53, 1)], statistics };
      const direction = randomDirection(network, 2);
      const [one, ...others] = await Promise.all(
        [1, 2, 3].map((threadCount) =>
          createDifferentiator({ threadCount }).hessianProduct(request, direction),
        ),
      );
      for (const other of others) expect(other).toEqual(one);
      const plain = await Promise.all(
        [1, 3].map((threadCount) => createDifferentiator({ threadCount }).gradients(request)),
      );
      expect(plain[0]).toEqual(plain[1]);
    }
  });

  it("batches add up, and with running statistics a large one is the mean of its parts", async () => {
    const network = residualNetwork();
    const weights = randomWeights(network, 1);
    const direction = randomDirection(network, 2);
    const [small, other] = [randomBatch(network, 6, 1), randomBatch(network, 9, 2)];
    const product = (batches: readonly Batch[], statistics: "running" | "batch") =>
      differentiator.hessianProduct({ network, weights, batches, statistics }, direction);
    for (const statistics of ["running", "batch"] as const) {
      const [a, b, both] = [
        await product([small], statistics),
        await product([other], statistics),
        await product([small, other], statistics),
      ];
      expect(both.loss).toBeCloseTo(a.loss + b.loss, 5);
      expectClose(both.products, combined(a.products, 1, b.products, 1));
      expectClose(both.gradients, combined(a.gradients, 1, b.gradients, 1));
    }
    const large = randomBatch(network, 300, 3);
    const half = (start: number): Batch => ({
      x: large.x.subarray(start * 72, (start + 150) * 72),
      y: large.y.subarray(start, start + 150),
      count: 150,
    });
    const [whole, first, second] = [
      await product([large], "running"),
      await product([half(0)], "running"),
      await product([half(150)], "running"),
    ];
    expect(whole.loss).toBeCloseTo((first.loss + second.loss) / 2, 5);
    expectClose(whole.products, combined(first.products, 0.5, second.products, 0.5));
    const narrow = createDifferentiator({ memoryBytes: 1 });
    const inFours = await narrow.hessianProduct(
      { network, weights, batches: [small, other], statistics: "running" },
      direction,
    );
    expectClose(inFours.products, (await product([small, other], "running")).products);
  });

  function expectClose(a: Weights, b: Weights): void {
    for (const [name, values] of a) expect(relativeDifference(values, b.get(name)!), name).toBeLessThan(2e-5);
  }

  it("a layer cut off, units dead and everything removed are no exception", async () => {
    const network = residualNetwork();
    for (const density of [0, 0.02, 0.1])
      for (const request of requests(network, { seed: 9, masks: randomMasks(network, density, 1) })) {
        const { gradients, products } = await differentiator.hessianProduct(
          request,
          randomDirection(network, 1),
        );
        for (const values of [...gradients.values(), ...products.values()])
          expect(values.every(Number.isFinite)).toBe(true);
        if (request.removed) continue;
        for (const [name, values] of [...gradients, ...products])
          expect(Float64Array.from(values), name).toEqual(asked(request, name, Float64Array.from(values)));
      }
  });
});

describe("what is refused", () => {
  const network = normNetwork();
  const request: DifferentiationRequest = {
    network,
    weights: randomWeights(network, 1),
    batches: [randomBatch(network, 3, 1)],
    statistics: "batch",
  };
  const withWeight = (value: number): Weights =>
    new Map(request.weights).set("conv.weight", new Float32Array(54).fill(value));
  const batch = request.batches[0]!;

  const cases: [string, Partial<DifferentiationRequest>, RegExp][] = [
    ["no batch", { batches: [] }, /batches: got none/],
    ["a class out of range", { batches: [{ ...batch, y: Int32Array.of(0, 1, 3) }] }, /class 3.*0 to 2/],
    ["too few classes", { batches: [{ ...batch, y: Int32Array.of(0, 1) }] }, /2 classes for 3 examples/],
    ["too few values", { batches: [{ ...batch, x: batch.x.subarray(1) }] }, /119 values.*120/],
    ...[Number.NaN, Number.POSITIVE_INFINITY, 1.5, 1e308].map(
      (count): [string, Partial<DifferentiationRequest>, RegExp] => [
        `${count} examples`,
        { batches: [{ ...batch, count }] },
        new RegExp(
          `batch: got ${`${count}`.replace("+", "\\+")} examples, expected 1 to|batch: got 120 values`,
        ),
      ],
    ),
    ["an empty batch", { batches: [{ x: new Float32Array(), y: new Int32Array(), count: 0 }] }, /0 examples/],
    [
      "a NaN in a batch",
      { batches: [{ ...batch, x: batch.x.map(() => Number.NaN) }] },
      /batch: got NaN at 0/,
    ],
    ["a batch of one for its statistics", { batches: [randomBatch(network, 1, 1)] }, /layer "bn2".*running/],
    ["a NaN weight", { weights: withWeight(Number.NaN) }, /weights of "conv.weight": got NaN at 0/],
    ["missing weights", { weights: new Map() }, /got none/],
    [
      "masks of another network",
      { masks: randomMasks(residualNetwork(), 1, 1) },
      /masks: got those of residual/,
    ],
    ["a temperature of 0", { temperature: 0 }, /temperature: got 0/],
    ["statistics of another kind", { statistics: "both" as "batch" }, /"running" or "batch"/],
    [
      "values that grow beyond float32",
      { weights: withWeight(1e38), statistics: "running" },
      /(the loss|a derivative of ".*"): got .*finite/,
    ],
  ];

  it.each(cases)("%s", async (_, change, message) => {
    for (const derive of [
      differentiator.gradients({ ...request, ...change }),
      differentiator.hessianProduct({ ...request, ...change }, new Map()),
    ]) {
      await expect(derive).rejects.toThrow(message);
      await expect(derive).rejects.toBeInstanceOf(ArgumentError);
    }
  });

  const directions: [string, Weights, RegExp][] = [
    [
      "of a wrong length",
      new Map([["conv.weight", new Float32Array(53)]]),
      /53 values.*54 \(3 × 2 × 3 × 3\)/,
    ],
    ["of no parameter", new Map([["con.weight", new Float32Array(54)]]), /no parameter/],
    ["of a running statistic", new Map([["bn1.running_mean", new Float32Array(3)]]), /running statistic/],
    ["that is not finite", new Map([["bn1.weight", Float32Array.of(1, Infinity, 0)]]), /Infinity at 1/],
  ];

  it.each(directions)("a direction %s", async (_, direction, message) => {
    await expect(differentiator.hessianProduct(request, direction)).rejects.toThrow(message);
  });

  it("parts that cannot be computed", async () => {
    const b = new NetworkBuilder("closed", [4]);
    const closed = b.node("part", { kind: "opaque", operation: "Einsum", shape: [4] }, b.input);
    const opaque = b.build(b.dense("out", closed, 2));
    const given = {
      network: opaque,
      weights: randomWeights(opaque, 1),
      batches: [randomBatch(opaque, 2, 1)],
    };
    await expect(differentiator.gradients({ ...given, statistics: "running" })).rejects.toThrow(
      /part.*Einsum/,
    );
  });

  it("to go on after the signal, and the reason is thrown", async () => {
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    await expect(differentiator.gradients({ ...request, signal })).rejects.toBe(reason);
  });
});

describe("beside PyTorch in float64", () => {
  const present = spawnSync("python3", ["-c", "import torch"]).status === 0;

  it.runIf(present && isLong)(
    "a product of resnet20 is autograd's (skipped where python3 has no torch)",
    async () => {
      const network = zooModel("resnet20", { inputShape: [3, 8, 8] });
      const weights = await initialise(network, { seed: 1 });
      const direction = randomDirection(network, 2);
      for (const statistics of ["running", "batch"] as const) {
        const request = { network, weights, batches: [randomBatch(network, 12, 1)], statistics };
        const { products } = await differentiator.hessianProduct(request, direction);
        const expected = torchDerivatives(request, direction, { threadCount: 1, double: true }).products;
        for (const [name, values] of products)
          expect(relativeDifference(values, expected.get(name)!), name).toBeLessThan(1e-3);
      }
    },
  );
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
