/**
 * Between core's layouts and these: conv `[out, in, …taps]` is `[…taps, in, out]`, dense `[out, in]` is `[in, out]`, and
 * numbers of elements `[channels, …places]` are `[…places, channels]`.
 */
import { elementCount, type Parameter } from "@phew/core";

/** Shape of a parameter's tensor here. */
export function tensorShape(parameter: Parameter): number[] {
  const axes = fromCore(parameter).map((axis) => parameter.shape[axis]!);
  // a 1-d convolution is one over a row
  return parameter.role === "weight" && axes.length === 3 ? [1, ...axes] : axes;
}

/** Converts values from core's order to this order; a copy. */
export function toTensorOrder(parameter: Parameter, values: ArrayLike<number>): Float32Array {
  return permuted(values, parameter.shape, fromCore(parameter));
}

/** And back; a copy. */
export function toCoreOrder(parameter: Parameter, values: ArrayLike<number>): Float32Array {
  const back = fromCore(parameter).map((_, axis, order) => order.indexOf(axis));
  return permuted(values, tensorShape(parameter).slice(-back.length), back);
}

/** Axis of core's layout for each axis of this one. */
function fromCore({ role, shape: { length: rank } }: Parameter): number[] {
  if (role !== "weight") return Array.from({ length: rank }, (_, axis) => (axis + 1) % rank);
  return [...Array.from({ length: Math.max(0, rank - 2) }, (_, k) => k + 2), 1, 0];
}

function permuted(
  values: ArrayLike<number>,
  shape: readonly number[],
  order: readonly number[],
): Float32Array {
  const target = order.map((axis) => shape[axis]!);
  // distance in the source between neighbours along each target axis
  const strides = order.map((axis) => elementCount(shape.slice(axis + 1)));
  const result = new Float32Array(values.length);
  const place = target.map(() => 0);
  for (let k = 0, from = 0; k < result.length; k++) {
    result[k] = values[from]!;
    for (let axis = target.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++place[axis]! < target[axis]!) break;
      from -= target[axis]! * strides[axis]!;
      place[axis] = 0;
    }
  }
  return result;
}
