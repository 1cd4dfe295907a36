/** A named array of numbers as files hold it: a type, a shape and bytes. All formats read into and write from this. */
import { ArgumentError, counted } from "@phew/core/messages";

/** Bytes of one element, by type, in the safetensors names. */
export const ELEMENT_BYTES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
} as const;

export type Dtype = keyof typeof ELEMENT_BYTES;

export interface Tensor {
  readonly dtype: Dtype;
  /** Row-major; `[]` for a single number. */
  readonly shape: readonly number[];
  /** Little-endian, length elements × bytes of one; often a view of a file's bytes. */
  readonly data: Uint8Array;
}

export type Tensors = ReadonlyMap<string, Tensor>;

export const isDtype = (name: string): name is Dtype => Object.hasOwn(ELEMENT_BYTES, name);

/**
 * Number of elements of a shape that came from outside.
 * @returns undefined unless every length is a whole number of at least 0 and the product stays exact (below 2^53)
 */
export function safeElementCount(shape: readonly unknown[]): number | undefined {
  let count = 1;
  for (const length of shape) {
    if (!Number.isSafeInteger(length) || (length as number) < 0) return undefined;
    count *= length as number;
    if (!Number.isSafeInteger(count)) return undefined;
  }
  return count;
}

/** A tensor over the bytes of `values`, not copied. */
export function float32Tensor(shape: readonly number[], values: Float32Array): Tensor {
  return { dtype: "F32", shape, data: bytesOf(values) };
}

/** A BOOL tensor over a mask of 0 and 1, not copied. */
export function boolTensor(shape: readonly number[], values: Uint8Array): Tensor {
  return { dtype: "BOOL", shape, data: values };
}

/** The memory of a typed array as bytes, not copied. */
export function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/**
 * The elements as a typed array over the tensor's own memory if that is aligned, else over a copy. F16 and BF16 come
 * as their bit patterns.
 */
export function elementsOf(tensor: Tensor) {
  const width = ELEMENT_BYTES[tensor.dtype];
  // a Buffer's slice would be the same memory
  const data = tensor.data.byteOffset % width === 0 ? tensor.data : new Uint8Array(tensor.data);
  const { buffer, byteOffset } = data;
  const length = data.byteLength / width;
  switch (tensor.dtype) {
    case "BOOL":
    case "U8":
      return new Uint8Array(buffer, byteOffset, length);
    case "I8":
      return new Int8Array(buffer, byteOffset, length);
    case "I16":
      return new Int16Array(buffer, byteOffset, length);
    case "U16":
    case "F16":
    case "BF16":
      return new Uint16Array(buffer, byteOffset, length);
    case "I32":
      return new Int32Array(buffer, byteOffset, length);
    case "U32":
      return new Uint32Array(buffer, byteOffset, length);
    case "F32":
      return new Float32Array(buffer, byteOffset, length);
    case "F64":
      return new Float64Array(buffer, byteOffset, length);
    case "I64":
      return new BigInt64Array(buffer, byteOffset, length);
    case "U64":
      return new BigUint64Array(buffer, byteOffset, length);
  }
}

/**
 * The values as float32: a view of F32, exact for F16, BF16 and the small integers, rounded to the nearest for the
 * others.
 */
export function toFloat32(tensor: Tensor): Float32Array {
  const elements = elementsOf(tensor);
  if (elements instanceof Float32Array) return elements;
  const values = new Float32Array(elements.length);
  if (elements instanceof BigInt64Array || elements instanceof BigUint64Array) {
    for (let k = 0; k < values.length; k++) values[k] = Number(elements[k]);
  } else if (tensor.dtype === "F16") {
    for (let k = 0; k < values.length; k++) values[k] = float16ToNumber(elements[k]!);
  } else if (tensor.dtype === "BF16") {
    const bits = new Uint32Array(values.buffer);
    for (let k = 0; k < bits.length; k++) bits[k] = elements[k]! << 16;
  } else {
    values.set(elements);
  }
  return values;
}

/**
 * float32 values stored as another floating type, each rounded to the nearest, ties to even.
 * @param dtype F32 shares the memory of `values`
 */
export function fromFloat32(
  dtype: "F64" | "F32" | "F16" | "BF16",
  shape: readonly number[],
  values: Float32Array,
): Tensor {
  switch (dtype) {
    case "F32":
      return float32Tensor(shape, values);
    case "F64":
      return { dtype, shape, data: bytesOf(Float64Array.from(values)) };
    case "F16":
      return { dtype, shape, data: bytesOf(Uint16Array.from(values, numberToFloat16)) };
    case "BF16": {
      const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
      return { dtype, shape, data: bytesOf(Uint16Array.from(bits, float32BitsToBfloat16)) };
    }
  }
}

/** The number of a half-precision bit pattern (IEEE 754 binary16). */
export function float16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The half-precision bit pattern nearest to a number, ties to even. */
export function numberToFloat16(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  // 65520 is the midpoint between the largest half, 65504, and the next power of two
  if (magnitude >= 65520) return sign | 0x7c00;
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude)));
  const steps = roundHalfToEven(magnitude / 2 ** (exponent - 10));
  // a normal number has 1024 ≤ steps ≤ 2048: adding the hidden bit's 1024 carries into the exponent by itself
  return sign | (steps + ((exponent + 14) << 10));
}

function float32BitsToBfloat16(bits: number): number {
  const notANumber = (bits & 0x7fffffff) >>> 0 > 0x7f800000;
  // a NaN keeps its sign and stays a NaN: rounding could carry it into infinity
  if (notANumber) return (bits >>> 16) | 0x40;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

/** @throws ArgumentError unless the tensor holds exactly the bytes that its type and shape need */
export function requireWholeTensor(subject: string, tensor: Tensor): void {
  const count = safeElementCount(tensor.shape);
  const expected = count === undefined ? undefined : count * ELEMENT_BYTES[tensor.dtype];
  if (expected !== tensor.data.byteLength) {
    throw new ArgumentError(subject, {
      given: `${counted(tensor.data.byteLength, "byte")} of data`,
      expected: `${expected ?? "a countable number"} for ${tensor.dtype} of shape [${tensor.shape.join(", ")}]`,
    });
  }
}
