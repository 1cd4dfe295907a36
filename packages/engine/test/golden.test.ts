/** Masks that must never change: same weights, seed and options, same bytes, whatever the machine or the version. */
import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import type { WalkOptions, WalkPlan, WalkTuning } from "../src/index.ts";
import { builtEngine } from "./builtEngine.ts";
import { chain, everyKind, PHEW, PlanWriter, variedWeight } from "./plans.ts";

const engine = builtEngine();

/** Walk count and the first digits of the mask's SHA-256. */
function digest(
  plan: WalkPlan,
  options: Partial<WalkOptions>,
  density: number,
  tuning: WalkTuning = {},
): string {
  const walker = engine.createWalker(plan, { ...PHEW, seed: 42, ...options }, tuning);
  const { walkCount } = walker.advance(Math.floor(density * plan.edgeCount), 1_000_000);
  return `${walkCount} ${createHash("sha256").update(walker.mask()).digest("hex").slice(0, 16)}`;
}

function convolutions(): WalkPlan {
  const writer = new PlanWriter(3, variedWeight());
  let value = writer.input;
  for (const outCount of [32, 64, 64]) value = writer.layer(value, { outCount, kernelSize: 9 });
  return writer.end(writer.layer(value, { outCount: 10 }));
}

it("everything at once, by every bias", () => {
  const plan = everyKind(variedWeight(11));
  const digests = (["magnitude", "square", "uniform", "inverse"] as const).map((bias) =>
    digest(plan, { bias, branching: "weight" }, 0.5),
  );
  expect(digests).toMatchInlineSnapshot(`
    [
      "44 967a33963b3a0672",
      "51 8d28aeb1067eaf6e",
      "32 92e3cc0a538f7b37",
      "141325 b7681c9cca019dcd",
    ]
  `);
});

it("convolutions, by every direction and with whole kernels", () => {
  const plan = convolutions();
  expect([
    digest(plan, {}, 0.1),
    digest(plan, {}, 0.6),
    digest(plan, { direction: "forward" }, 0.1),
    digest(plan, { direction: "backward" }, 0.1),
    digest(plan, { granularity: "kernel" }, 0.3),
    digest(plan, {}, 0.1, { sampler: "alias" }),
    digest(plan, { seed: Number.MAX_SAFE_INTEGER }, 0.1),
  ]).toMatchInlineSnapshot(`
    [
      "2368 7552667598e9d746",
      "32082 63f43eb7251f83eb",
      "2376 228a19268c968ae3",
      "2355 8871fedd89b92a32",
      "1051 4f9b10a012e97fda",
      "2372 e3616a350202a7c3",
      "2363 a88ef2a88902cc1b",
    ]
  `);
});

it("a perceptron, of which some layers take the one sampler and some the other", () => {
  const plan = chain([64, 300, 200, 10], (index) => (index % 97 === 0 ? 4000 : variedWeight()(index)));
  const mixed = digest(plan, {}, 0.02);
  expect(mixed).not.toBe(digest(plan, {}, 0.02, { sampler: "alias" }));
  expect(mixed).not.toBe(digest(plan, {}, 0.02, { sampler: "reject" }));
  expect([mixed, digest(plan, { bias: "inverse" }, 0.02)]).toMatchInlineSnapshot(`
    [
      "2459 497dd889705149ef",
      "726 002412fcf716a071",
    ]
  `);
});
