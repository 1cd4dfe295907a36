/** Shape of a value without its batch axis: `[channels, height, width]` or `[features]`. Axis 0 is the units. */
export type Shape = readonly number[];

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}
