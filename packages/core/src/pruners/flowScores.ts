/** Scores from path sums: what `synflow` and `synflow-l2` share. */
import { pathSums } from "../analysis/pathSums.ts";
import type { ScoreRequest } from "./scoring.ts";

/**
 * score = |θ|^factorPower · ∂R/∂|θ|^power
 * @returns in the sums' own measure where that is a float64, else all divided by one power of two
 */
export function flowScores(
  { network, weights, masks, spent }: ScoreRequest,
  power: 1 | 2,
  factorPower: 1 | 2,
): Float64Array {
  // every layer's scores are written below
  const scores = spent instanceof Float64Array ? spent : new Float64Array(network.prunableCount);
  const parameterOf = new Map(network.prunable.map((parameter) => [parameter.name, parameter]));
  const exponents = new Map<string, number>();
  pathSums(network, weights, {
    power,
    biases: true,
    ...(masks && { masks }),
    visit(name, gradient, exponent) {
      const parameter = parameterOf.get(name);
      if (parameter === undefined) return;
      exponents.set(name, exponent);
      const theta = weights.get(name)!;
      const layer = scores.subarray(parameter.start, parameter.start + parameter.length);
      const { length } = parameter;
      if (factorPower === 1) for (let k = 0; k < length; k++) layer[k] = Math.abs(theta[k]!) * gradient[k]!;
      else for (let k = 0; k < length; k++) layer[k] = theta[k]! * theta[k]! * gradient[k]!;
    },
  });
  const highest = Math.max(...exponents.values());
  for (const { name, start, length } of network.prunable) {
    const shift = exponents.get(name)! - highest;
    if (shift === 0) continue;
    const factor = 2 ** shift;
    for (let k = start; k < start + length; k++) scores[k]! *= factor;
  }
  return scores;
}
