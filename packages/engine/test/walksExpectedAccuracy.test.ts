/**
 * The estimate of walks against walks taken, over random networks: ordinary weights, weights of which most are 10^-2 to 10^-30
 * of the others, all tiny, heavy tails; densities from 0.05 to 0.99. Weights and seeds are fixed.
 */
import { describe, expect, it } from "vitest";
import { Random, WalkExpectation, type WalkOptions } from "../src/index.ts";
import { builtEngine } from "./builtEngine.ts";
import { chain, PHEW } from "./plans.ts";

const engine = builtEngine();
/** Walks above which a case is left out: it would take too long to walk. */
const MOST_WALKS = 20_000;
const SEED_COUNT = 10;
/**
 * Of Student's t with 9 degrees of freedom, beyond which it falls once in 5,000 times; what is allowed beside it makes a
 * false alarm rarer still.
 */
const QUANTILE = 6;

type Draw = (uniform: () => number, normal: () => number) => number;

const mostly =
  (factor: number): Draw =>
  (uniform, normal) =>
    normal() * (uniform() < 0.1 ? 1 : factor);

const KINDS: Readonly<Record<string, Draw>> = {
  normal: (_, normal) => normal(),
  "mostly a hundredth": mostly(1e-2),
  "mostly a millionth": mostly(1e-6),
  "mostly 1e-30": mostly(1e-30),
  "all 1e-30": (_, normal) => normal() * 1e-30,
  "Cauchy's": (uniform) => Math.tan(Math.PI * (uniform() - 0.5)),
  "log-normal, over e^±20": (_, normal) => Math.exp(10 * normal()),
  "eighth powers of exponential ones": (uniform) => (-Math.log(1 - uniform())) ** 8,
};
const SIZES = [
  [20, 15, 10, 5],
  [60, 40, 20],
  [1, 200, 3],
  [30, 2, 30],
];
const VARIANTS: readonly Partial<WalkOptions>[] = [{}, { bias: "square" }, { direction: "forward" }];
const DENSITIES = [0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99];

interface Case {
  readonly what: string;
  readonly expected: number;
  readonly mean: number;
  /** Of the mean. */
  readonly error: number;
}

function* cases(draw: Draw): Generator<Case> {
  const random = new Random(5, 0);
  const uniform = () => random.nextFloat();
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  for (const sizes of SIZES) {
    const plan = chain(sizes, () => draw(uniform, normal));
    for (const variant of VARIANTS) {
      const options = { ...PHEW, ...variant };
      const expectation = new WalkExpectation(plan, options);
      const walker = engine.createWalker(plan, options);
      for (const density of DENSITIES) {
        const keepCount = Math.floor(density * plan.edgeCount);
        const expected = expectation.walksFor(keepCount);
        if (expected > MOST_WALKS) continue;
        const walks = Array.from({ length: SEED_COUNT }, (_, seed) => {
          walker.restart(seed);
          return walker.advance(keepCount, 20 * MOST_WALKS).walkCount;
        });
        const mean = walks.reduce((a, b) => a + b, 0) / SEED_COUNT;
        const variance = walks.reduce((sum, count) => sum + (count - mean) ** 2, 0) / (SEED_COUNT - 1);
        const what = `${sizes.join("-")} ${JSON.stringify(variant)} at ${density}`;
        yield { what, expected, mean, error: Math.sqrt(variance / SEED_COUNT) };
      }
    }
  }
}

describe("the estimate of walks", () => {
  it.each(Object.entries(KINDS))(
    "is right to a tenth, and a walk or two, beside what ten seeds leave open: weights %s",
    (_, draw) => {
      const all = [...cases(draw)];
      expect(all.length).toBeGreaterThan(20);
      const wrong = all.filter(
        ({ expected, mean, error }) => Math.abs(expected - mean) > 0.1 * mean + 2 + QUANTILE * error,
      );
      expect(wrong).toEqual([]);
    },
  );
});
