/** Layers that share some of their parameters, with masks by which a unit is dead in one of them and not in another. */
import {
  compactNetwork,
  Masks,
  maskedWeights,
  type Network,
  NetworkBuilder,
  type NodeSpec,
} from "@phew/core";
import { Random } from "@phew/engine";
import { forward } from "@phew/oracle";
import { describe, expect, it } from "vitest";
import { loadExecutor } from "../src/executors.ts";
import { oracleGraph, randomBatch, randomWeights, relativeDifference } from "./randomNetworks.ts";

const WIDTH = 4;
const CASES = 20;
const optimiser = { name: "sgd", settings: { momentum: 0.9, weightDecay: 0 } };

/** Layers in a row with shortcuts, whose weights, biases, scales and slopes are drawn from a few of each. */
function randomNetwork(random: Random): Network {
  const b = new NetworkBuilder("shared", [WIDTH]);
  const some = (what: string) => `${what}${random.below(2)}`;
  const kinds: readonly (() => NodeSpec["op"])[] = [
    () => ({ kind: "dense", weight: some("weight"), bias: some("bias"), outFeatures: WIDTH }),
    () => ({ kind: "dense", weight: some("plain"), outFeatures: WIDTH }),
    () => ({ kind: "affine", of: "units", scale: some("factor"), shift: some("shift") }),
    () => ({ kind: "affine", of: "units", shift: "constant", fixed: true }),
    () => ({ kind: "prelu", slope: some("slope"), shared: false }),
    () => {
      const norm = some("norm");
      const of = (role: string) => `${norm}.${role}`;
      const names = {
        scale: some("scale"),
        shift: some("shift"),
        mean: of("mean"),
        variance: of("variance"),
      };
      return { kind: "batchNorm", ...names, epsilon: 1e-5, momentum: 0.1 };
    },
  ];
  const values = [b.node("first", kinds[0]!(), b.input)];
  for (let k = 0; k < 7; k++) {
    const op = kinds[k % 2 === 0 ? random.below(2) : random.below(kinds.length)]!();
    const value = b.node(`op${k}`, op, values.at(-1)!);
    values.push(random.below(3) === 0 ? b.add(value, values[random.below(values.length)]!) : value);
  }
  return b.build(b.dense("last", values.at(-1)!, 3));
}

/** Half of the units of each layer are dead. */
function masksWithDeadUnits(network: Network, random: Random): Masks {
  const masks = Masks.dense(network);
  for (const { name, shape, length } of network.prunable) {
    const row = length / shape[0]!;
    for (let u = 0; u < shape[0]!; u++) {
      if (name !== "last.weight" && random.below(2) === 0) masks.get(name)!.fill(0, u * row, (u + 1) * row);
    }
  }
  return masks;
}

describe("a masked network whose layers share parameters", () => {
  it.each(["sparse", "tensorflow"])(
    "computes on %s what its zeroed and its compact form do",
    async (name) => {
      const factory = await loadExecutor(name);
      for (let seed = 0; seed < CASES; seed++) {
        const random = new Random(seed, 9);
        const network = randomNetwork(random);
        const weights = randomWeights(network, seed);
        const masks = masksWithDeadUnits(network, random);
        const { x, count } = randomBatch(network, 2, seed);
        const zeroed = forward(oracleGraph(network), maskedWeights(weights, masks), x, count, {
          mode: "evaluation",
        }).output;
        const compact = compactNetwork(network, weights, masks);
        const small = forward(oracleGraph(compact.network), compact.weights, x, count, {
          mode: "evaluation",
        });
        expect(relativeDifference(small.output, zeroed), `compact, seed ${seed}`).toBeLessThan(1e-4);
        const executor = await factory({ network, weights, masks, batchSize: count, seed: 0, optimiser });
        const logits = await executor.predict(x, count);
        executor.dispose();
        expect(relativeDifference(logits, zeroed), `masked, seed ${seed}`).toBeLessThan(1e-4);
      }
    },
  );
});
