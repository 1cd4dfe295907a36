/** Every executor beside PyTorch: a training of twenty steps, and the logits of the golden networks. */
import { readFileSync } from "node:fs";
import { Masks, NetworkBuilder } from "@phew/core";
import { describe, expect, it } from "vitest";
import {
  GOLDEN,
  GOLDEN_NAMES,
  goldenNetwork,
  goldenPresent,
  goldenWeights,
  readTensors,
} from "../../core/test/golden.ts";
import { subjects } from "./executorSubjects.ts";
import { relativeDifference } from "./randomNetworks.ts";

describe.each(subjects)("agreement with PyTorch, $heading", ({ present, make }) => {
  it.skipIf(!present)(
    "makes PyTorch's 20 steps: losses, weights, running statistics (fixtures/torchTrajectory.py)",
    async () => {
      const torch = JSON.parse(
        readFileSync(new URL("fixtures/torchTrajectory.json", import.meta.url), "utf8"),
      );
      const b = new NetworkBuilder("torch", [2, 8, 8]);
      let x = b.relu(b.batchNorm("1", b.conv2d("0", b.input, { outChannels: 4, kernel: 3, padding: 1 })));
      const conv = { outChannels: 6, kernel: 3, stride: 2, padding: 1, groups: 2 };
      x = b.relu(b.batchNorm("5", b.conv2d("4", b.maxPool2d(x, { kernel: 2 }), conv)));
      const network = b.build(b.dense("8", b.flatten(x), 5));
      const masks = new Masks(network);
      for (const parameter of network.prunable) masks.of(parameter).set(torch.masks[parameter.name]);
      const executor = await make({
        network,
        masks,
        weights: new Map(
          Object.entries<number[]>(torch.start).map(([name, v]) => [name, Float32Array.from(v)]),
        ),
        optimiser: {
          name: "sgd",
          settings: { momentum: torch.momentum, nesterov: true, weightDecay: torch.weightDecay },
        },
        labelSmoothing: torch.labelSmoothing,
      });
      const batch = (index: number) => {
        const length = torch.count * 128;
        return {
          x: Float32Array.from(torch.x.slice(index * length, (index + 1) * length)),
          y: Int32Array.from(torch.y.slice(index * torch.count, (index + 1) * torch.count)),
          count: torch.count,
        };
      };
      for (let step = 0; step < torch.steps; step++) {
        const { loss, correctCount } = await executor.step(batch(step % torch.batches), torch.rate);
        expect(Math.abs(loss / torch.losses[step] - 1), `step ${step}`).toBeLessThan(1e-4);
        expect(correctCount).toBe(torch.correct[step]);
      }
      for (const [name, values] of await executor.weights()) {
        expect(relativeDifference(values, torch.end[name]), name).toBeLessThan(1e-4);
      }
      const logits = await executor.predict(batch(0).x, torch.count);
      expect(relativeDifference(logits, torch.logits)).toBeLessThan(1e-4);
      executor.dispose();
    },
  );

  it.skipIf(!present || !goldenPresent).each(GOLDEN_NAMES)(
    "golden %s: the logits to 1e-4 (skipped where the files are not on this machine)",
    async (name) => {
      const network = goldenNetwork(name);
      const batch = readTensors(`${GOLDEN}${name}/batch.safetensors`);
      const { data: x, shape } = batch.get("x")!;
      const executor = await make({ network, weights: goldenWeights(name), batchSize: shape[0]! });
      const logits = await executor.predict(x, shape[0]!);
      expect(relativeDifference(logits, batch.get("logits")!.data)).toBeLessThan(1e-4);
      executor.dispose();
    },
  );
});
