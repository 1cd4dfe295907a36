/** The processes of a benchmark: the built executor process, and the PyTorch program where python3 has torch. */
import { execFileSync } from "node:child_process";
import {
  ACTIVATIONS,
  buildNetwork,
  type Network,
  NetworkBuilder,
  type NodeSpec,
  unitRun,
  type Value,
  type Weights,
} from "@phew/core";
import { forward } from "@phew/oracle";
import { describe, expect, it } from "vitest";
import { baselineByName, executorCommand } from "../src/bench/baselines.ts";
import { type Command, type Contender, startContender } from "../src/bench/contender.ts";
import { type BenchTask, describeNetwork, payloadOf } from "../src/bench/task.ts";
import { loadTensorflowExecutor } from "../src/tensorflow.ts";
import {
  oracleGraph,
  randomBatch,
  randomMasks,
  randomWeights,
  relativeDifference,
} from "./randomNetworks.ts";

const torchIsHere = (() => {
  try {
    execFileSync("python3", [
      "-c",
      "import importlib.util as u, sys; sys.exit(u.find_spec('torch') is None)",
    ]);
    return true;
  } catch {
    return false;
  }
})();
const torch = baselineByName("torch")!.command;
const optimiser = { name: "sgd", settings: { momentum: 0.9, nesterov: true, weightDecay: 1e-2 } };

/** Every operation but dropout; windows that no side of is like another; nodes in another order than they are read. */
function everyOperation(): Network {
  const b = new NetworkBuilder("every", [4, 11, 9]);
  let x: Value = b.batchNorm(
    "bn1",
    b.conv2d("conv1", b.input, { outChannels: 6, kernel: [3, 2], padding: [1, 0, 2, 1], bias: false }),
  );
  const activated = ACTIVATIONS.map((name, k) =>
    b.node(`act${k}`, { kind: "activation", name, ...(name === "elu" ? { alpha: 0.7 } : {}) }, x),
  );
  x = b.add(...activated);
  x = b.relu(
    b.conv2d("conv2", x, {
      outChannels: 6,
      kernel: 3,
      stride: [2, 1],
      dilation: [1, 2],
      padding: 2,
      groups: 3,
    }),
  );
  const left = b.node("left", { kind: "select", index: unitRun(1, 2) }, x);
  const max = b.maxPool2d(x, { kernel: 3, stride: 1, padding: 1 });
  const odd = b.maxPool2d(x, { kernel: 2, stride: 1, padding: [1, 0, 0, 1] });
  const mean = b.averagePool2d(x, { kernel: 3, stride: 1, padding: 1 });
  const window = { kernel: [2, 2], stride: [1, 1], dilation: [1, 1] } as const;
  const inside = b.node(
    "inside",
    { kind: "averagePool2d", ...window, padding: [1, 0, 0, 1], countPadding: false },
    x,
  );
  const counted = b.node(
    "counted",
    { kind: "averagePool2d", ...window, padding: [0, 1, 1, 0], countPadding: true },
    x,
  );
  x = b.concat(left, max, odd, mean, inside, counted);
  x = b.node("same", { kind: "identity" }, x);
  const up = b.maxPool2d(x, { kernel: 3, stride: 2, ceil: true });
  const upMean = b.averagePool2d(x, { kernel: 3, stride: 2, padding: 1, ceil: true });
  const flat = b.concat(b.flatten(up), b.globalAveragePool(upMean), b.flatten(upMean));
  const hidden = b.batchNorm("bn2", b.dense("fc1", flat, 7));
  return b.build(b.dense("fc2", b.relu(hidden), 5, { bias: false }));
}

/** The same network, its operations given in reverse: parameters then have another order than nodes. */
function inReverse(network: Network): Network {
  const specs = network.nodes.map(
    ({ name, op, inputs }): NodeSpec => ({ name, op, inputs: inputs.map((k) => network.nodes[k]!.name) }),
  );
  return buildNetwork(network.name, specs.reverse(), network.nodes[network.output]!.name);
}

/** Small, without anything that the tensorflow executor has no kernels for. */
function trainable(): Network {
  const b = new NetworkBuilder("trainable", [2, 6, 6]);
  const start = b.relu(
    b.batchNorm("bn1", b.conv2d("conv1", b.input, { outChannels: 4, kernel: 3, padding: 1 })),
  );
  const x = b.batchNorm(
    "bn2",
    b.conv2d("conv2", start, { outChannels: 4, kernel: 3, padding: 1, bias: false }),
  );
  return b.build(b.dense("fc", b.flatten(b.relu(b.add(x, start))), 3));
}

async function started(
  command: Command,
  network: Network,
  weights: Weights,
  details: Partial<BenchTask> = {},
  density = 1,
): Promise<{ contender: Contender; masks: ReturnType<typeof randomMasks> }> {
  const batch = randomBatch(network, 5, 3);
  const masks = randomMasks(network, density, 4);
  const stretch = { stepCount: 1, milliseconds: 0 };
  const task: BenchTask = {
    mode: "predict",
    batchSize: batch.count,
    threadCount: 1,
    round: stretch,
    warmUp: stretch,
    optimiser,
    rate: 0.05,
    seed: 1,
    masked: density < 1,
    network: describeNetwork(network),
    parameters: network.parameters,
    ...details,
  };
  const contender = await startContender(command, task, payloadOf(task, { network, weights, masks }, batch));
  if ("unavailable" in contender) throw new Error(contender.unavailable);
  return { contender, masks };
}

function oracleOutputs(network: Network, weights: Weights): Float64Array {
  return forward(oracleGraph(network), weights, randomBatch(network, 5, 3).x, 5).output;
}

const masked = (network: Network, weights: Weights, masks: ReturnType<typeof randomMasks>): Weights =>
  new Map(
    network.parameters.map(({ name }) => {
      const mask = masks.get(name);
      return [name, weights.get(name)!.map((w, k) => (mask === undefined || mask[k] === 1 ? w : 0))];
    }),
  );

/** Outputs of the tensorflow executor in this process, after some steps. */
async function outputsHere(network: Network, weights: Weights, stepCount: number) {
  const factory = await loadTensorflowExecutor("tfjs-wasm");
  const executor = await factory({ network, weights, optimiser, batchSize: 5, seed: 1 });
  const batch = randomBatch(network, 5, 3);
  for (let step = 0; step < stepCount; step++) await executor.step(batch, 0.05);
  const outputs = await executor.predict(batch.x, batch.count);
  executor.dispose();
  return outputs;
}

describe.skipIf(!torchIsHere)("the PyTorch program (skipped where python3 has no torch)", () => {
  it("computes every operation as the oracle does, with masks multiplied where it is asked to", async () => {
    const network = inReverse(everyOperation());
    const weights = randomWeights(network, 7);
    const { contender, masks } = await started(torch, network, weights, {}, 0.7);
    const expected = oracleOutputs(network, masked(network, weights, masks));
    expect(relativeDifference(await contender.outputs(), expected)).toBeLessThan(1e-4);
    const { seconds, stepCount, imageCount } = await contender.round();
    expect(seconds).toBeGreaterThan(0);
    expect({ stepCount, imageCount }).toEqual({ stepCount: 1, imageCount: 5 });
    expect(contender.name).toMatch(/^PyTorch \d/);
    expect(contender.backend).toBe("channels last, 1 thread, masks multiplied");
    const { startBytes, peakBytes } = await contender.finish();
    expect(peakBytes).toBeGreaterThanOrEqual(startBytes);
    expect(startBytes).toBeGreaterThan(1e7);
  });

  it("takes the same steps of gradient descent as an executor", async () => {
    const network = trainable();
    const weights = randomWeights(network, 8);
    const { contender } = await started(torch, network, weights, { mode: "train" });
    await contender.round();
    await contender.round();
    // one step warmed up
    const expected = await outputsHere(network, weights, 3);
    expect(relativeDifference(await contender.outputs(), expected)).toBeLessThan(1e-4);
    const untrained = oracleOutputs(network, weights);
    expect(relativeDifference(await contender.outputs(), untrained)).toBeGreaterThan(1e-2);
    contender.kill();
  });

  it("names the layer that it cannot compute", async () => {
    const b = new NetworkBuilder("part", [2, 4, 4]);
    const x = b.node("part", { kind: "opaque", operation: "Fold", shape: [2, 4, 4] }, b.input);
    const network = b.build(b.conv2d("conv", x, { outChannels: 2, kernel: 1 }));
    const weights = randomWeights(network, 1);
    await expect(started(torch, network, weights)).rejects.toThrow(/layer "part": got the operation opaque/);
  });
});

describe("the executor process", () => {
  const executor = { name: "tensorflow", backend: "tfjs-wasm" } as const;

  it("computes with the weights and masks that it is sent, whatever the order of the parameters", async () => {
    for (const network of [trainable(), inReverse(trainable())]) {
      const weights = randomWeights(network, 10);
      const { contender, masks } = await started(executorCommand, network, weights, { executor }, 0.6);
      const expected = oracleOutputs(network, masked(network, weights, masks));
      expect(relativeDifference(await contender.outputs(), expected)).toBeLessThan(1e-4);
      expect(contender.backend).toBe("tfjs-wasm");
      const { stepCount } = await contender.round();
      expect(stepCount).toBe(1);
      const { startBytes, peakBytes } = await contender.finish();
      expect(peakBytes).toBeGreaterThanOrEqual(startBytes);
    }
  });

  it("says what is wrong with a task as the executor says it", async () => {
    const network = trainable();
    const weights = randomWeights(network, 11);
    const wrong = started(executorCommand, network, weights, { executor, threadCount: 3 });
    await expect(wrong).rejects.toMatchObject({ name: "ArgumentError", subject: "threads" });
  });
});

describe("a contender", () => {
  const network = trainable();
  const weights = randomWeights(network, 12);

  it("that is not installed is distinguished from one that fails", async () => {
    const missing = { program: "no-such-program-here", args: [] };
    await expect(started(missing, network, weights)).rejects.toThrow("no-such-program-here is not installed");
    const failing = {
      program: process.execPath,
      args: ["-e", "console.error('out of order'); process.exit(3)"],
    };
    await expect(started(failing, network, weights)).rejects.toThrow(/exit code 3.*out of order/);
  });

  it("that ends between two rounds is an error that says how", async () => {
    const code = `console.log('{"ready":{"name":"brief","backend":"none"}}'); process.stdin.once("data", () => {});
      setTimeout(() => process.kill(process.pid, "SIGKILL"), 100)`;
    const { contender } = await started({ program: process.execPath, args: ["-e", code] }, network, weights);
    await expect(contender.round()).rejects.toThrow(/brief ended \(SIGKILL\)/);
  });

  it("that is stopped while it starts throws the reason", async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error("enough")), 50);
    const silent = { program: process.execPath, args: ["-e", "setInterval(() => {}, 1000)"] };
    const task = { network: describeNetwork(network), parameters: [] } as unknown as BenchTask;
    await expect(startContender(silent, task, [], controller.signal)).rejects.toThrow("enough");
  });
});
