/**
 * Candidates are proposed at random, and those with the greatest |∂L/∂θ| of one batch grow: gradients are computed for the
 * candidates alone. In each layer ⌈γ · kept⌉ proposals are drawn with repetition; those that are kept, or drawn before, do not
 * count. Draws go on until there are as many as are to grow. A weight (o, i, tap) is proposed with probability g_o · f_i, taps
 * alike (executor.ts, UnitActivity, with h the values that a layer reads and δ the derivatives by its outputs):
 *   uniform    f and g are constant
 *   grabo      f ∝ Σ |h|, g ∝ Σ |δ| over the batch: their product is a bound of the gradient
 *   graest     f ∝ |Σ_b s_b h|, g ∝ |Σ_b s_b δ| with a random sign for each image: the expectation of s-weighted products is the gradient
 * @see Heddes et al. 2024, arXiv:2401.06898 (guided stochastic exploration)
 * Departure: signs are those of images, where the code has one for each image and place of a convolution.
 */
import { ArgumentError, type Network, weightFlows } from "@phew/core";
import type { Random } from "@phew/engine";
import type { UnitActivity } from "../../executor.ts";
import { indicesOf, keptIn, randomOf } from "../groups.ts";
import type { ChangeState, Grow } from "../rule.ts";

const UNIFORM = "uniform";

export const proposals: Grow = {
  name: "proposals",
  summary: "the greatest |gradient| of candidates drawn at random",
  options: {
    candidates: {
      kind: "number",
      least: 0,
      most: 1000,
      whole: false,
      initial: 1,
      help: "proposals for each kept weight",
    },
    propose: {
      kind: "choice",
      choices: [UNIFORM, "grabo", "graest"],
      initial: UNIFORM,
      help: "what proposals go by: nothing, sizes of activations and derivatives, or their sums with random signs",
    },
  },
  byGradient: () => true,
  usesActivity: ({ propose }) => propose !== UNIFORM,
  async begin(state, after, options) {
    const { network } = state;
    const drawers =
      options.propose === UNIFORM
        ? network.prunable.map(
            ({ length }) =>
              (numbers: Random) =>
                numbers.below(length),
          )
        : drawersOf(network, await activityOf(state, options.propose === "graest"));
    return {
      candidates(group, count, numbers) {
        const layers = network.prunable.flatMap((_, l) => ((group.layer ?? l) === l ? [l] : []));
        const found = new Set<number>();
        for (const l of layers) {
          const { start, length } = network.prunable[l]!;
          const drawCount = Math.ceil(Number(options.candidates) * keptIn(after, { start, length }));
          for (let k = 0; k < drawCount; k++) {
            const index = start + drawers[l]!(numbers);
            if (after.bytes[index] === 0) found.add(index);
          }
        }
        // too few: the rest in a random order
        if (found.size < count) {
          const rest = indicesOf(after, group, 0).filter((k) => !found.has(k));
          numbers.shuffleInto(rest);
          for (const k of rest.subarray(0, count - found.size)) found.add(k);
        }
        return Uint32Array.from(found);
      },
    };
  },
};

/** @throws ArgumentError where the executor does not report it */
async function activityOf(
  { network, activity, batchCount = 0, seed, change }: ChangeState,
  isSigned: boolean,
): Promise<ReadonlyMap<string, UnitActivity>> {
  if (activity === undefined) {
    throw new ArgumentError("propose", {
      given: "proposals by the activity of units, which is not reported",
      expected: "the sparse executor, or propose=uniform",
    });
  }
  if (!isSigned) return activity();
  // the stream of a layer behind the last
  const numbers = randomOf(seed, change, "grow", network.prunable.length);
  return activity(Int8Array.from({ length: batchCount }, () => 2 * numbers.below(2) - 1));
}

/** For each layer a function that draws the index of a weight. */
function drawersOf(
  network: Network,
  activity: ReadonlyMap<string, UnitActivity>,
): ((numbers: Random) => number)[] {
  return weightFlows(network).map(({ parameter, outCount, inCount, groups, kernelSize }) => {
    const { inputs, outputs } = activity.get(parameter.name)!;
    const [inPerGroup, outPerGroup] = [inCount / groups, outCount / groups];
    const ofOutput = picker(outputs);
    const ofInput = Array.from({ length: groups }, (_, g) =>
      picker(inputs.subarray(g * inPerGroup, (g + 1) * inPerGroup)),
    );
    return (numbers) => {
      const out = ofOutput(numbers);
      const input = ofInput[Math.floor(out / outPerGroup)]!(numbers);
      return (out * inPerGroup + input) * kernelSize + numbers.below(kernelSize);
    };
  });
}

/** Draws a place in proportion to its mass; all alike where there is none. */
function picker(masses: Float64Array): (numbers: Random) => number {
  const sums = new Float64Array(masses.length);
  let total = 0;
  for (const [k, mass] of masses.entries()) sums[k] = total += mass;
  if (!(total > 0)) return (numbers) => numbers.below(masses.length);
  return (numbers) => {
    const target = numbers.nextFloat() * total;
    let [low, high] = [0, masses.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle]! > target) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}
