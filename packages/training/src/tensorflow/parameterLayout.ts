/** Between core's layouts (conv `[out, in, kh, kw]`, dense `[out, in]`) and these (`[kh, kw, in, out]`, `[in, out]`). */
import { elementCount, type Parameter } from "@phew/core";

/** Shape of a parameter's tensor here. */
export function tensorShape({ shape }: Parameter): number[] {
  return fromCore(shape.length).map((axis) => shape[axis]!);
}

/** Converts values from core's order to this order; a copy. */
export function toTensorOrder(parameter: Parameter, values: ArrayLike<number>): Float32Array {
  const { shape } = parameter;
  return permuted(values, shape, fromCore(shape.length));
}

/** And back; a copy. */
export function toCoreOrder(parameter: Parameter, values: ArrayLike<number>): Float32Array {
  const back = fromCore(parameter.shape.length).map((_, axis, order) => order.indexOf(axis));
  return permuted(values, tensorShape(parameter), back);
}

/** Axis of core's layout for each axis of this one. */
function fromCore(rank: number): number[] {
  return rank === 4 ? [2, 3, 1, 0] : rank === 2 ? [1, 0] : [0];
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
