/** Elements of an array taken in another order. */

/**
 * Copies elements into row-major order: element (i₀, i₁, …) of the result is element `offset + Σ iₖ · strides[k]` of
 * the source. The caller guarantees that these are inside.
 * @param width bytes of an element: 1, 2, 4 or 8
 * @param strides in elements, one per axis
 */
export function gather(
  source: Uint8Array,
  width: number,
  shape: readonly number[],
  strides: readonly number[],
  offset = 0,
): Uint8Array {
  // an element of 8 bytes is two of 4: floats are never loaded, which could change a NaN
  if (width === 8) return gather(source, 4, [...shape, 2], [...strides.map((s) => 2 * s), 1], 2 * offset);
  const from = words(source, width);
  const count = shape.reduce((product, length) => product * length, 1);
  const result = new Uint8Array(count * width);
  const to = words(result, width);
  const innerLength = shape.at(-1) ?? 1;
  const innerStride = strides.at(-1) ?? 1;
  const outer = shape.slice(0, -1);
  const index = outer.map(() => 0);
  let start = offset;
  for (let k = 0; k < count; ) {
    for (let at = start, end = k + innerLength; k < end; k++, at += innerStride) to[k] = from[at]!;
    for (let axis = outer.length - 1; axis >= 0; axis--) {
      start += strides[axis]!;
      if (++index[axis]! < outer[axis]!) break;
      start -= strides[axis]! * outer[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}

/** The strides of a row-major array. */
export function rowMajorStrides(shape: readonly number[]): number[] {
  const strides: number[] = [];
  let stride = 1;
  for (const length of [...shape].reverse()) {
    strides.unshift(stride);
    stride *= length;
  }
  return strides;
}

function words(bytes: Uint8Array, width: number): Uint8Array | Uint16Array | Uint32Array {
  if (width === 1) return bytes;
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % width === 0 ? bytes : new Uint8Array(bytes);
  return width === 2
    ? new Uint16Array(buffer, byteOffset, Math.floor(byteLength / 2))
    : new Uint32Array(buffer, byteOffset, Math.floor(byteLength / 4));
}
