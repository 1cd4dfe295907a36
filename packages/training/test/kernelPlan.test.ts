import { initialise, prune, zooModel } from "@phew/core";
import { expect, it } from "vitest";
import { kernelPlan } from "../src/bench/kernelPlan.ts";

it("full layers go to the domain of F(4×4, 3×3), small maps pixel by pixel, others along rows, as costs tell", async () => {
  const network = zooModel("vgg11-bn");
  const weights = await initialise(network, { seed: 1 });
  const { masks } = await prune(network, weights, { method: "random", density: 0.05, seed: 1 });
  masks.of(network.prunable[1]!).fill(1);
  const plan = kernelPlan(network, masks, 64);
  const of = (index: number) => [plan[index]!.forward, plan[index]!.backward];
  expect(of(1)).toEqual(["winograd", "winograd"]);
  expect(of(2)).toEqual(["rows", "rows"]);
  // the last convolutions have maps of 2×2
  expect(of(7)).toEqual(["pixels", "pixels"]);
  for (const { forward, costs } of plan) {
    const [taken, whole] = [forward, "winograd"].map((name) => costs.find(({ kernel }) => kernel === name));
    if (forward === "pixels" && whole !== undefined) expect(taken!.forward).toBeLessThan(whole.forward);
  }
});
