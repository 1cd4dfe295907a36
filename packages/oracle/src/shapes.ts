/** Shapes of values, and elements that stand for others. */

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** The shape of values of which some stand for all places of an axis: the greatest length along each. */
export function longest(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => Math.max(...shapes.map((shape) => shape[axis] ?? 1)));
}

/** The element of a value that meets element `k` of a value of shape `whole`: place by place, or its only one. */
export function meeting(k: number, whole: readonly number[], own: readonly number[]): number {
  let [left, place, step] = [k, 0, 1];
  for (let axis = whole.length - 1; axis >= 0; axis--) {
    const at = left % whole[axis]!;
    left = (left - at) / whole[axis]!;
    const length = own[axis] ?? 1;
    if (length > 1) place += at * step;
    step *= length;
  }
  return place;
}
