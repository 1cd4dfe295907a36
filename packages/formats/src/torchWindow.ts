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
  /** In elements; in bytes where there is no type. */
  readonly length: number;

  constructor(key: string, dtype: Dtype | undefined, length: number) {
    this.key = key;
    this.dtype = dtype;
    this.length = length;
  }
}

/** A tensor whose storage is not read yet. */
export class Window {
  readonly storage: Storage;
  readonly dtype: Dtype;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];

  constructor(
    storage: Storage,
    dtype: Dtype,
    offset: number,
    shape: readonly number[],
    strides: readonly number[],
  ) {
    this.storage = storage;
    this.dtype = dtype;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

/** @throws ArgumentError where the window reaches beyond its storage or shows elements several times */
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

export function isContiguous(window: Window): boolean {
  const { shape, strides } = window;
  const rowMajor = rowMajorStrides(shape);
  return (
    elementsIn(window) === 0 ||
    shape.every((length, axis) => length === 1 || strides[axis] === rowMajor[axis])
  );
}

/** A view where the elements lie row by row, else a copy. */
export function throughWindow(window: Window, bytes: Uint8Array): Tensor {
  const { dtype, offset, shape, strides } = window;
  const width = ELEMENT_BYTES[dtype];
  const start = elementsIn(window) === 0 ? 0 : offset * width;
  const data = isContiguous(window)
    ? bytes.subarray(start, start + byteLength(window))
    : gather(bytes, width, shape, strides, offset);
  return { dtype, shape, data };
}

export function broken(subject: string, given: string): ArgumentError {
  return new ArgumentError(subject, {
    given,
    expected: "what torch.save writes",
    remedy: "The file is damaged.",
  });
}
