/** Layers on constants, such as weights that a module normalises and position embeddings that it resizes. */
import type { AxisTerms } from "@phew/core";
import {
  computedConstant,
  computedWhenRead,
  MOST_COMPUTED,
  smallNumbers,
  stridesOf,
  tensorFrom,
} from "./constants.ts";
import { numbersOf } from "./tensors.ts";
import { Unsupported } from "./unsupported.ts";
import { type Constant, dimsText, product, sameDims } from "./values.ts";

/** The parameters of BatchNormalization; mean and variance are those of the constant itself in training. */
export interface FoldedNormalisation {
  readonly scale: Constant;
  readonly shift: Constant;
  readonly mean: Constant;
  readonly variance: Constant;
  readonly epsilon: number;
  readonly isTraining: boolean;
}

/** Batch normalisation of a constant, axis 1 of which counts the channels. */
export function foldBatchNormalization(name: string, data: Constant, given: FoldedNormalisation): Constant {
  const { dims, dtype } = data;
  const [examples, channels, ...places] = dims;
  const names = ["scale", "shift", "mean", "variance"] as const;
  if (channels === undefined || names.some((role) => !sameDims(given[role].dims, [channels])))
    throw new Unsupported(
      `it normalises the constant ${dimsText(dims)} by other numbers than one for each channel`,
    );
  const run = product(places);
  const read = () => {
    const values = numbersOf(data.read());
    const [scale, shift, mean, variance] = names.map((role) => smallNumbers(given[role])) as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const result = new Float64Array(values.length);
    for (let channel = 0; channel < channels; channel++) {
      const starts = Array.from({ length: examples! }, (_, n) => (n * channels + channel) * run);
      const [centre, spread] = given.isTraining
        ? moments(values, starts, run)
        : [mean[channel]!, variance[channel]!];
      const factor = scale[channel]! / Math.sqrt(spread + given.epsilon);
      for (const start of starts)
        for (let k = start; k < start + run; k++)
          result[k] = (values[k]! - centre) * factor + shift[channel]!;
    }
    return tensorFrom(dtype, dims, result);
  };
  return computedWhenRead({ name, origin: name, dims, dtype, read }, [data, data, data]);
}

/** Mean and variance of the elements in runs from `starts`. */
function moments(values: Float64Array, starts: readonly number[], run: number): [number, number] {
  const count = run * starts.length;
  let sum = 0;
  for (const start of starts) for (let k = start; k < start + run; k++) sum += values[k]!;
  const mean = sum / count;
  let squares = 0;
  for (const start of starts) for (let k = start; k < start + run; k++) squares += (values[k]! - mean) ** 2;
  return [mean, squares / count];
}

/** The last axes of a small constant resampled: each place a sum of places, axis by axis. */
export function foldResampled(name: string, data: Constant, axes: readonly AxisTerms[]): Constant {
  const first = data.dims.length - axes.length;
  let dims = data.dims;
  let values = smallNumbers(data);
  for (const [k, { places }] of axes.entries()) {
    const next = dims.with(first + k, places.length);
    if (product(next) > MOST_COMPUTED) throw new Unsupported(`it resizes a constant to ${dimsText(next)}`);
    const [from, to] = [stridesOf(dims)[first + k]!, stridesOf(next)[first + k]!];
    const length = dims[first + k]!;
    const given = values;
    values = Float64Array.from({ length: product(next) }, (_, e) => {
      const [outer, place] = [Math.floor(e / (to * places.length)), Math.floor(e / to) % places.length];
      const start = outer * length * from + (e % to);
      return places[place]!.reduce((sum, [at, factor]) => sum + given[start + at * from]! * factor, 0);
    });
    dims = next;
  }
  return computedConstant(name, dims, data.dtype, values);
}
