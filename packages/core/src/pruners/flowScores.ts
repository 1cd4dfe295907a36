/** Scores from path sums: what `synflow` and `synflow-l2` share. */
import { pathSums } from "../analysis/pathSums.ts";
import type { ScoreRequest } from "./scoring.ts";

/**
 * score = |θ|^factorPower · |∂R/∂|θ|^power|; the derivative is below 0 only if a running mean makes a value negative
 * @returns one score per weight, or per weight left if `left` is given; scores beyond float64 are all divided by one
 * power
 *   of two
 */
export function flowScores(
  { network, weights, masks, left, reusable }: ScoreRequest,
  power: 1 | 2,
  factorPower: 1 | 2,
): Float64Array {
  const placeOf = new Map<string, { readonly start: number; readonly left: Uint32Array | undefined }>();
  let count = 0;
  for (const [l, { name, length }] of network.prunable.entries()) {
    placeOf.set(name, { start: count, left: left?.[l] });
    count += left?.[l]?.length ?? length;
  }
  // every element is written below
  const fits = reusable instanceof Float64Array && reusable.length >= count;
  const scores = fits ? reusable.subarray(0, count) : new Float64Array(count);
  const exponents = new Map<string, number>();
  pathSums(network, weights, {
    power,
    biases: true,
    masks,
    visit(name, gradient, exponent) {
      const place = placeOf.get(name);
      if (place === undefined) return;
      exponents.set(name, exponent);
      const theta = weights.get(name)!;
      const length = place.left?.length ?? theta.length;
      const layer = scores.subarray(place.start, place.start + length);
      for (let k = 0; k < length; k++) {
        const index = place.left === undefined ? k : place.left[k]!;
        const factor = Math.abs(theta[index]!);
        layer[k] = (factorPower === 1 ? factor : factor * factor) * Math.abs(gradient[index]!);
      }
    },
  });
  const highest = Math.max(...exponents.values());
  for (const { name, length } of network.prunable) {
    const shift = exponents.get(name)! - highest;
    if (shift === 0) continue;
    const { start, left: own } = placeOf.get(name)!;
    const factor = 2 ** shift;
    for (let k = start; k < start + (own?.length ?? length); k++) scores[k]! *= factor;
  }
  return scores;
}
