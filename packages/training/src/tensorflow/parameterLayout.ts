/** Between core's layouts (conv `[out, in, …taps]`, dense `[out, in]`) and these (`[…taps, in, out]`, `[in, out]`). */
import { elementCount, type Parameter } from "@phew/core";

/** Shape of a parameter's tensor here. */
export function tensorShape({ shape }: Parameter): number[] {
  const axes = fromCore(shape.length).map((axis) => shape[axis]!);
  // a 1-d convolution is one over a row
  return shape.length === 3 ? [1, ...axes] : axes;
}

/** Converts values from core's order to this order; a copy. */
export function toTensorOrder(parameter: Parameter, values: ArrayLike<number>): Float32Array {
  const { shape } = parameter;
  return permuted(values, shape, fromCore(shape.length));
}

/** And back; a copy. */
export function toCoreOrder(parameter: Parameter, values: ArrayLike<number>): Float32Array {
  const back = fromCore(parameter.shape.length).map((_, axis, order) => order.indexOf(axis));
  return permuted(values, tensorShape(parameter).slice(-back.length), back);
}

/** Axis of core's layout for each axis of this one. */
function fromCore(rank: number): number[] {
  const taps = Array.from({ length: Math.max(0, rank - 2) }, (_, k) => k + 2);
  return rank === 1 ? [0] : [...taps, 1, 0];
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
