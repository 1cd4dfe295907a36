/**
 * The softmax at a model's end: it is left out on import, and applied again to compare outputs with another
 * program's.
 */

/** One left-out softmax: of each example's values, row-major, groups of `length` values that are `stride` apart. */
export interface LeftOutSoftmax {
  readonly kind: "Softmax" | "LogSoftmax";
  readonly length: number;
  readonly stride: number;
}

/** @param logits whole examples, row-major @returns the file's outputs, in new memory */
export function withSoftmaxes(logits: Float32Array, softmaxes: readonly LeftOutSoftmax[]): Float32Array {
  const values = Float32Array.from(logits);
  for (const softmax of softmaxes)
    forEachGroup(values.length, softmax, (first) => normalise(values, first, softmax));
  return values;
}

/** True for values that the last softmax may have produced, to a hundredth: logits do not sum to 1. */
export function areNormalised(values: Float32Array, softmaxes: readonly LeftOutSoftmax[]): boolean {
  const last = softmaxes.at(-1);
  if (last === undefined) return false;
  let works = true;
  forEachGroup(values.length, last, (first) => {
    let sum = 0;
    for (let k = 0; k < last.length; k++) {
      const value = values[first + k * last.stride]!;
      const probability = last.kind === "Softmax" ? value : Math.exp(value);
      if (!(probability >= 0)) works = false;
      sum += probability;
    }
    if (!(Math.abs(sum - 1) < 0.01)) works = false;
  });
  return works;
}

function forEachGroup(
  count: number,
  { length, stride }: LeftOutSoftmax,
  visit: (first: number) => void,
): void {
  for (let start = 0; start < count; start += length * stride)
    for (let k = 0; k < stride; k++) visit(start + k);
}

/** Subtracts the maximum of the group, so that no exponential overflows. */
function normalise(values: Float32Array, first: number, { kind, length, stride }: LeftOutSoftmax): void {
  const end = first + length * stride;
  let greatest = Number.NEGATIVE_INFINITY;
  for (let at = first; at < end; at += stride) greatest = Math.max(greatest, values[at]!);
  let sum = 0;
  for (let at = first; at < end; at += stride) sum += Math.exp(values[at]! - greatest);
  const log = Math.log(sum);
  for (let at = first; at < end; at += stride) {
    const own = values[at]! - greatest - log;
    values[at] = kind === "Softmax" ? Math.exp(own) : own;
  }
}
