/** Tensors as PyTorch files describe them: windows on storages, with strides. */
import { ArgumentError, counted } from "@phew/core";
import { gather, rowMajorStrides } from "./strides.ts";
import { type Dtype, ELEMENT_BYTES, safeElementCount, type Tensor } from "./tensor.ts";

/** A name of a type of elements. */
export class Typed {
  readonly name: string;
  /** Absent for a storage of bytes that the tensor gives a type. */
  readonly dtype: Dtype | undefined;

  constructor(name: string, dtype: Dtype | undefined) {
    this.name = name;
    this.dtype = dtype;
  }
}

/** A file of raw elements in the archive. */
export class Storage {
  readonly key: string;
  readonly dtype: Dtype | undefined;
  /** In elements; in bytes if there is no type. */
  readonly length: number;

  constructor(key: string, dtype: Dtype | undefined, length: number) {
    this.key = key;
    this.dtype = dtype;
    this.length = length;
  }
}

/** A tensor whose storage has not been read. */
export class Window {
  readonly storage: Storage;
  readonly dtype: Dtype;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  /** True if the tensor's elements are the negated storage: PyTorch's negative bit. */
  readonly isNegated: boolean;

  constructor(
    storage: Storage,
    dtype: Dtype,
    offset: number,
    shape: readonly number[],
    strides: readonly number[],
    isNegated = false,
  ) {
    this.storage = storage;
    this.dtype = dtype;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
    this.isNegated = isNegated;
  }
}

/** @throws ArgumentError if the window exceeds its storage or repeats elements */
export function checkWindow(subject: string, window: Window, bytes: Uint8Array): void {
  const { dtype, offset, shape, strides } = window;
  const count = safeElementCount(shape);
  const available = Math.floor(bytes.length / ELEMENT_BYTES[dtype]);
  // the last element, where every index is at its end
  const last = shape.reduce((at, length, axis) => at + (length - 1) * (strides[axis] ?? Number.NaN), offset);
  if (count === undefined || strides.length !== shape.length || (count > 0 && !(last < available))) {
    throw broken(
      subject,
      `shape [${shape.join(", ")}] and strides [${strides.join(", ")}] from ${offset} on, beyond its storage`,
    );
  }
  if (count > available) {
    throw new ArgumentError(subject, {
      given: `${counted(count, "element")} over ${available} in memory`,
      expected: "a tensor with memory of its own",
      remedy: "It was expanded: call .contiguous() on it before saving.",
    });
  }
}

const elementsIn = ({ shape }: Window): number => shape.reduce((product, length) => product * length, 1);
export const byteLength = (window: Window): number => elementsIn(window) * ELEMENT_BYTES[window.dtype];

function isContiguous(window: Window): boolean {
  const { shape, strides } = window;
  const rowMajor = rowMajorStrides(shape);
  return (
    elementsIn(window) === 0 ||
    shape.every((length, axis) => length === 1 || strides[axis] === rowMajor[axis])
  );
}

/** A view if the elements are contiguous and unchanged, else a copy. */
export const isView = (window: Window): boolean => isContiguous(window) && !window.isNegated;

/** The elements: those of {@link isView} share the memory of `bytes`. */
export function throughWindow(window: Window, bytes: Uint8Array): Tensor {
  const { dtype, offset, shape, strides, isNegated } = window;
  const width = ELEMENT_BYTES[dtype];
  const start = elementsIn(window) === 0 ? 0 : offset * width;
  const data = isContiguous(window)
    ? bytes.subarray(start, start + byteLength(window))
    : gather(bytes, width, shape, strides, offset);
  return { dtype, shape, data: isNegated ? negated(dtype, data) : data };
}

/** True if {@link throughWindow} can negate: PyTorch has no negative of BOOL. */
export const hasNegative = (dtype: Dtype): boolean => dtype !== "BOOL";

/** A copy with the other sign, bit for bit as PyTorch's: of floats the sign bit, of whole numbers modulo 2^bits. */
function negated(dtype: Dtype, data: Uint8Array): Uint8Array {
  const width = ELEMENT_BYTES[dtype];
  const result = new Uint8Array(data);
  if (isFloat(dtype)) {
    for (let last = width - 1; last < result.length; last += width) result[last]! ^= 0x80;
    return result;
  }
  for (let start = 0; start < result.length; start += width) {
    // −x = ~x + 1, the lowest byte first
    for (let k = start, carry = 1; k < start + width; k++) {
      const sum = (~result[k]! & 0xff) + carry;
      result[k] = sum;
      carry = sum >> 8;
    }
  }
  return result;
}

const isFloat = (dtype: Dtype): boolean => /^B?F/.test(dtype);

export function broken(subject: string, given: string): ArgumentError {
  return new ArgumentError(subject, {
    given,
    expected: "what torch.save writes",
    remedy: "The file is damaged.",
  });
}
