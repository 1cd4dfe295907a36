/**
 * Path sums through y = x·scale + shift, with a number for each unit or for each element: each path is multiplied with
 * the scale; the shift is added where biases take part.
 */
import type { PathSumGradients, PathSumInputs } from "./definition.ts";

interface Scaled {
  readonly scale?: string;
  readonly shift?: string;
}

export function scaledPaths({ scale, shift }: Scaled, given: PathSumInputs): Float64Array {
  const input = given.inputs[0]!;
  const factors = scale === undefined ? undefined : given.theta(scale);
  const offsets = shift === undefined || !given.biases ? undefined : given.theta(shift);
  const ofFactor = input.length / (factors?.length ?? 1);
  const ofOffset = input.length / (offsets?.length ?? 1);
  return input.map((x, k) => {
    const product = factors === undefined ? x : x * factors[Math.floor(k / ofFactor)]!;
    return offsets === undefined ? product : product + offsets[Math.floor(k / ofOffset)]!;
  });
}

export function scaledPathsBack(
  { scale, shift }: Scaled,
  given: PathSumInputs,
  _output: Float64Array,
  gradient: Float64Array,
): PathSumGradients {
  const input = given.inputs[0]!;
  const parameters = new Map<string, Float64Array>();
  if (shift !== undefined && given.biases) parameters.set(shift, summed(gradient, given.theta(shift).length));
  if (scale === undefined) return { inputs: [gradient], parameters };
  const factors = given.theta(scale);
  const plane = input.length / factors.length;
  const products = gradient.map((g, k) => g * input[k]!);
  parameters.set(scale, summed(products, factors.length));
  return { inputs: [gradient.map((g, k) => g * factors[Math.floor(k / plane)]!)], parameters };
}

/** Sums of runs of equal length. */
export function summed(values: Float64Array, count: number): Float64Array<ArrayBuffer> {
  const run = values.length / count;
  const sums = new Float64Array(count);
  for (const [k, value] of values.entries()) sums[Math.floor(k / run)]! += value;
  return sums;
}
