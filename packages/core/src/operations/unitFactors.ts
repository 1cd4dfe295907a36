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
  const output = scale === undefined ? input.slice() : timesFactors(input, given.theta(scale));
  if (shift === undefined || !given.biases) return output;
  const offsets = given.theta(shift);
  const run = output.length / offsets.length;
  for (let unit = 0, k = 0; unit < offsets.length; unit++) {
    const offset = offsets[unit]!;
    for (const end = k + run; k < end; k++) output[k]! += offset;
  }
  return output;
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
  const products = new Float64Array(input.length);
  for (let k = 0; k < products.length; k++) products[k] = gradient[k]! * input[k]!;
  parameters.set(scale, summed(products, factors.length));
  return { inputs: [timesFactors(gradient, factors)], parameters };
}

/** Runs of equal length, each times its factor. */
function timesFactors(values: Float64Array, factors: ArrayLike<number>): Float64Array<ArrayBuffer> {
  const run = values.length / factors.length;
  const products = new Float64Array(values.length);
  for (let unit = 0, k = 0; unit < factors.length; unit++) {
    const factor = factors[unit]!;
    for (const end = k + run; k < end; k++) products[k] = values[k]! * factor;
  }
  return products;
}

/** Sums of runs of equal length. */
export function summed(values: Float64Array, count: number): Float64Array<ArrayBuffer> {
  const run = values.length / count;
  const sums = new Float64Array(count);
  for (let unit = 0, k = 0; unit < count; unit++) {
    let sum = 0;
    for (const end = k + run; k < end; k++) sum += values[k]!;
    sums[unit] = sum;
  }
  return sums;
}
