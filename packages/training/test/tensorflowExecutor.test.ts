import { NetworkBuilder } from "@phew/core";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import type { ExecutorOptions } from "../src/executor.ts";
import { probeTensorflow, type TensorflowBackend, useBackend } from "../src/tensorflow/backend.ts";
import { tensorflowExecutor } from "../src/tensorflow/executor.ts";
import { overflowing } from "./executorSubjects.ts";
import { smallNetwork } from "./operationNetworks.ts";
import { randomBatch, randomMasks, randomWeights } from "./randomNetworks.ts";
import { backends } from "./tensorflowBackends.ts";

const withNesterov = { name: "sgd", settings: { momentum: 0.9, nesterov: true, weightDecay: 5e-4 } };
const make = (
  options: Partial<ExecutorOptions> & Pick<ExecutorOptions, "network" | "weights">,
  backend: TensorflowBackend = "tfjs-wasm",
) => tensorflowExecutor(backend)({ optimiser: withNesterov, batchSize: 64, seed: 0, ...options });

describe.each(backends)("tensors on $heading", ({ backend, present }) => {
  it.skipIf(!present)(
    "keeps the number of tensors over steps, evaluations and predictions, and none after disposal",
    async () => {
      await useBackend(backend);
      const atFirst = tf.memory().numTensors;
      const b = new NetworkBuilder("all", [2, 6, 6]);
      let x = b.conv2d("a", b.input, { outChannels: 4, kernel: 3, padding: 1, groups: 2, bias: false });
      x = b.dropout(0.3, b.activation("gelu", b.batchNorm("bn", x)));
      x = b.concat(b.averagePool2d(x, { kernel: 2 }), b.maxPool2d(b.add(x, x), { kernel: 2 }));
      x = b.conv2d("b", x, { outChannels: 8, kernel: 2, stride: 2, dilation: 2, groups: 8, padding: 1 });
      const mixed = b.build(b.dense("c", b.globalAveragePool(b.activation("hardSwish", x)), 3));
      const executor = await make(
        {
          network: mixed,
          weights: randomWeights(mixed, 2),
          masks: randomMasks(mixed, 0.5, 2),
        },
        backend,
      );
      const batch = randomBatch(mixed, 4, 2);
      await executor.step(batch, 0.1);
      const afterOne = tf.memory().numTensors;
      for (let k = 0; k < 5; k++) {
        await executor.step(batch, 0.1);
        await executor.evaluate(batch);
        await executor.predict(batch.x, 4);
      }
      await executor.restore(await executor.weights(), await executor.state());
      expect(tf.memory().numTensors).toBe(afterOne);
      executor.dispose();
      expect(tf.memory().numTensors).toBe(atFirst);
    },
  );

  it.skipIf(!present)("are let go where a step comes to nothing", async () => {
    const executor = await make(overflowing(), backend);
    const before = tf.memory().numTensors;
    const batch = { x: Float32Array.of(1e30), y: Int32Array.of(0), count: 1 };
    await expect(executor.step(batch, 0.1)).rejects.toThrow("is no longer finite");
    expect(tf.memory().numTensors).toBe(before);
    executor.dispose();
  });
});

describe("threads", () => {
  it("are refused: the backend chooses its own", async () => {
    const network = smallNetwork();
    const options = { network, weights: randomWeights(network, 0), threadCount: 2 };
    await expect(make(options)).rejects.toThrow(/threads: got 2/);
  });
});

describe("backends", () => {
  let probed: Awaited<ReturnType<typeof probeTensorflow>>;
  beforeAll(async () => {
    probed = await probeTensorflow();
  });

  it("has the WebAssembly backend everywhere, and a reason where tfjs-node is missing", async () => {
    expect(probed.wasm).toEqual({ available: true });
    if (!probed.tfjsNode.available) {
      expect(probed.tfjsNode.reason).not.toBe("");
      expect(probed.tfjsNode.reason).not.toContain("\n");
      await expect(useBackend("tfjs-node")).rejects.toThrow(probed.tfjsNode.reason);
    }
  });

  it("takes the fastest one that works", async () => {
    const network = smallNetwork();
    const executor = await tensorflowExecutor()({
      network,
      weights: randomWeights(network, 0),
      optimiser: withNesterov,
      batchSize: 1,
      seed: 0,
    });
    expect(executor.name).toBe("tensorflow");
    expect(executor.backend).toBe(probed.tfjsNode.available ? "tfjs-node" : "tfjs-wasm");
    executor.dispose();
  });
});
