/** Constants of a graph and operations on them: shape arithmetic, and transposed or masked weights. */
import { counted } from "@phew/core";
import { bytesOf, type Dtype, ELEMENT_BYTES, fromFloat32, type Tensor } from "../tensor.ts";
import type { TensorPart } from "./parts.ts";
import { describe, type ExternalData, isFloat, numbersOf, tensorOf } from "./tensors.ts";
import { Unsupported } from "./unsupported.ts";
import { type Constant, product, sameDims } from "./values.ts";

/** Shape arithmetic and scalars are small; constants computed element by element in float64 may be no larger. */
export const MOST_COMPUTED = 65_536;

export function storedConstant(name: string, part: TensorPart, external: ExternalData | undefined): Constant {
  const { dtype } = describe(part);
  return {
    kind: "constant",
    name,
    origin: name,
    dims: part.dims,
    dtype,
    stored: { part, transposed: false },
    read: () => tensorOf(part, external),
  };
}

export function computedConstant(
  name: string,
  dims: readonly number[],
  dtype: Dtype,
  values: ArrayLike<number>,
): Constant {
  const tensor = tensorFrom(dtype, dims, values);
  return { kind: "constant", name, origin: name, dims, dtype, read: () => tensor };
}

export function tensorFrom(dtype: Dtype, shape: readonly number[], values: ArrayLike<number>): Tensor {
  if (dtype === "F64" || dtype === "F32" || dtype === "F16" || dtype === "BF16") {
    return dtype === "F64"
      ? { dtype, shape, data: bytesOf(Float64Array.from(values)) }
      : fromFloat32(dtype, shape, Float32Array.from(values));
  }
  if (dtype === "I64" || dtype === "U64") {
    const most = 2n ** 63n - 1n;
    const whole = (value: number) => {
      const integer = Number.isFinite(value) ? BigInt(Math.trunc(value)) : 0n;
      return integer > most ? most : integer < -most ? -most : integer;
    };
    return { dtype, shape, data: bytesOf(BigInt64Array.from(Array.from(values, whole))) };
  }
  const arrays = {
    I32: Int32Array,
    U32: Uint32Array,
    I16: Int16Array,
    U16: Uint16Array,
    I8: Int8Array,
    U8: Uint8Array,
    BOOL: Uint8Array,
  };
  return { dtype, shape, data: bytesOf(arrays[dtype].from(values)) };
}

/** The elements of a small constant. @throws Unsupported if it is larger */
export function smallNumbers(constant: Constant): Float64Array {
  const count = product(constant.dims);
  if (count > MOST_COMPUTED) {
    throw new Unsupported(
      `it computes with a constant of ${counted(count, "element")}, more than shapes and scales have`,
    );
  }
  return numbersOf(constant.read());
}

/** The same elements under other dims. */
export function reshaped(constant: Constant, name: string, dims: readonly number[]): Constant {
  // after a reshape, the elements of a transposed tensor are no longer those of the file's transpose
  const { stored } = constant;
  const keep = stored !== undefined && (!stored.transposed || sameDims(dims, constant.dims));
  const base = constant.base ?? constant;
  return {
    ...constant,
    stored: keep ? stored : undefined,
    name,
    dims,
    base,
    read: () => ({ ...base.read(), shape: dims }),
  };
}

/** Weights are transposed, cast and masked in fewer passes over their elements. */
const MOST_PASSES = 64;

/**
 * A constant that is computed from others on every read, so that it takes no memory; a small one that takes many
 * passes is computed once and stored.
 * @throws Unsupported if a large one takes more passes than any weight does
 */
export function computedWhenRead(constant: Omit<Constant, "kind">, from: readonly Constant[]): Constant {
  const count = product(constant.dims);
  const cost = from.reduce((sum, { cost: own = 0 }) => sum + own, count);
  if (cost <= MOST_PASSES * count) return { kind: "constant", ...constant, cost };
  if (count > MOST_COMPUTED) {
    throw new Unsupported(
      `it computes a constant of ${counted(count, "element")} in more than ${MOST_PASSES} passes`,
    );
  }
  const tensor = constant.read();
  return { kind: "constant", ...constant, read: () => tensor };
}

export function transposed(constant: Constant, name: string, permutation: readonly number[]): Constant {
  const dims = permutation.map((axis) => constant.dims[axis]!);
  const { stored } = constant;
  const isPlain =
    dims.length === 2 &&
    permutation[0] === 1 &&
    (stored === undefined || sameDims(stored.part.dims, stored.transposed ? dims : constant.dims));
  return computedWhenRead(
    {
      name,
      origin: constant.origin,
      dims,
      dtype: constant.dtype,
      turned: dims.length === 2 && permutation[0] === 1 ? !constant.turned : (constant.turned ?? false),
      stored:
        stored !== undefined && isPlain ? { part: stored.part, transposed: !stored.transposed } : undefined,
      read: () => permuted(constant.read(), permutation),
    },
    [constant],
  );
}

/** A copy with its axes in another order: axis k of the result is axis `permutation[k]` of the tensor. */
export function permuted(tensor: Tensor, permutation: readonly number[]): Tensor {
  const { dtype } = tensor;
  const shape = permutation.map((axis) => tensor.shape[axis]!);
  const elements = bitsOf(tensor);
  const turned = elements.slice();
  if (shape.length === 2 && permutation[0] === 1) {
    transposeInto(turned, elements, shape as [number, number]);
  } else {
    const strides = stridesOf(tensor.shape);
    const steps = permutation.map((axis) => strides[axis]!);
    const place = new Array<number>(shape.length).fill(0);
    for (let k = 0, from = 0; k < turned.length; k++) {
      turned[k] = elements[from]!;
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        from += steps[axis]!;
        if (++place[axis]! < shape[axis]!) break;
        from -= steps[axis]! * shape[axis]!;
        place[axis] = 0;
      }
    }
  }
  return { dtype, shape, data: bytesOf(turned) };
}

/** Elements that are moved, not interpreted. */
type Elements = Uint8Array | Uint16Array | Uint32Array | Float64Array;

/** The elements as bit patterns, over the tensor's own memory if that is aligned, else over a copy. */
export function bitsOf({ dtype, data }: Tensor): Elements {
  const width = ELEMENT_BYTES[dtype];
  const { buffer, byteOffset, byteLength } = data.byteOffset % width === 0 ? data : new Uint8Array(data);
  switch (width) {
    case 8:
      if (dtype === "F64") return new Float64Array(buffer, byteOffset, byteLength / 8);
      // float64 copies may change NaN patterns of integers, so BigInt64 is used; the type does not matter for moves
      return new BigUint64Array(buffer, byteOffset, byteLength / 8) as unknown as Float64Array;
    case 4:
      return new Uint32Array(buffer, byteOffset, byteLength / 4);
    case 2:
      return new Uint16Array(buffer, byteOffset, byteLength / 2);
    default:
      return new Uint8Array(buffer, byteOffset, byteLength);
  }
}

/** A tile of both matrices stays in the cache. */
const TILE = 32;

/** @param shape of the result */
function transposeInto(to: Elements, from: Elements, [rows, columns]: readonly [number, number]): void {
  for (let top = 0; top < rows; top += TILE) {
    for (let left = 0; left < columns; left += TILE) {
      const [bottom, right] = [Math.min(rows, top + TILE), Math.min(columns, left + TILE)];
      for (let r = top; r < bottom; r++) {
        for (let c = left; c < right; c++) to[r * columns + c] = from[c * rows + r]!;
      }
    }
  }
}

export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  for (let axis = shape.length - 1, step = 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= shape[axis]!;
  }
  return strides;
}

/** The shape that two shapes broadcast to, as in NumPy. @throws Unsupported if they do not fit */
export function broadcastDims(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) {
      throw new Unsupported(`shapes [${a.join(", ")}] and [${b.join(", ")}] do not fit together`);
    }
    return left === 1 ? right : left;
  });
}

type Binary = (a: number, b: number) => number;

const BINARY: Readonly<Record<string, Binary>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => a / b,
  Pow: (a, b) => a ** b,
  Min: Math.min,
  Max: Math.max,
  Mod: (a, b) => a - b * Math.floor(a / b),
  Equal: (a, b) => Number(a === b),
  Greater: (a, b) => Number(a > b),
  Less: (a, b) => Number(a < b),
  GreaterOrEqual: (a, b) => Number(a >= b),
  LessOrEqual: (a, b) => Number(a <= b),
  And: (a, b) => Number(a !== 0 && b !== 0),
  Or: (a, b) => Number(a !== 0 || b !== 0),
};
const COMPARISONS = new Set(["Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual", "And", "Or"]);

const UNARY: Readonly<Record<string, (a: number) => number>> = {
  Neg: (a) => -a,
  Abs: Math.abs,
  Sqrt: Math.sqrt,
  Reciprocal: (a) => 1 / a,
  Exp: Math.exp,
  Log: Math.log,
  Floor: Math.floor,
  Ceil: Math.ceil,
  Sin: Math.sin,
  Cos: Math.cos,
  Not: (a) => Number(a === 0),
};

/** True if {@link foldElementwise} has the operation. */
export const isElementwise = (opType: string): boolean =>
  Object.hasOwn(BINARY, opType) || Object.hasOwn(UNARY, opType);

/** An elementwise operation on constants. */
export function foldElementwise(opType: string, name: string, inputs: readonly Constant[]): Constant {
  const [a, b] = inputs as [Constant, Constant | undefined];
  const unary = UNARY[opType];
  if (unary !== undefined) return computedConstant(name, a.dims, a.dtype, smallNumbers(a).map(unary));
  const binary = BINARY[opType]!;
  if (b === undefined) return reshaped(a, name, a.dims);
  const dims = broadcastDims(a.dims, b.dims);
  const dtype = COMPARISONS.has(opType) ? "BOOL" : a.dtype;
  // whole numbers divide as in C
  const compute: Binary = opType === "Div" && !isFloat(dtype) ? (x, y) => Math.trunc(x / y) : binary;
  const whole = inputs.find((input) => sameDims(input.dims, dims));
  if (product(dims) <= MOST_COMPUTED)
    return computedConstant(name, dims, dtype, broadcast(a, b, dims, compute));
  // larger constants only if the file has one as large: weights times a mask
  if (whole === undefined || !isFloat(dtype)) {
    throw new Unsupported(`it computes a constant of ${counted(product(dims), "element")}`);
  }
  return computedWhenRead(
    { name, origin: name, dims, dtype, read: () => tensorFrom(dtype, dims, broadcast(a, b, dims, compute)) },
    [a, b],
  );
}

function broadcast(a: Constant, b: Constant, dims: readonly number[], compute: Binary): Float64Array {
  const [left, right] = [numbersOf(a.read()), numbersOf(b.read())];
  const [leftSteps, rightSteps] = [broadcastSteps(a.dims, dims), broadcastSteps(b.dims, dims)];
  const values = new Float64Array(product(dims));
  const place = new Array<number>(dims.length).fill(0);
  for (let k = 0, i = 0, j = 0; k < values.length; k++) {
    values[k] = compute(left[i]!, right[j]!);
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      i += leftSteps[axis]!;
      j += rightSteps[axis]!;
      if (++place[axis]! < dims[axis]!) break;
      i -= leftSteps[axis]! * dims[axis]!;
      j -= rightSteps[axis]! * dims[axis]!;
      place[axis] = 0;
    }
  }
  return values;
}

/** How far a tensor of `own` dims moves for one step along each axis of `dims`: 0 where it is broadcast. */
function broadcastSteps(own: readonly number[], dims: readonly number[]): number[] {
  const strides = stridesOf(own);
  return dims.map((_, axis) => {
    const at = axis - dims.length + own.length;
    return at < 0 || own[at] === 1 ? 0 : strides[at]!;
  });
}

export function foldCast(name: string, input: Constant, dtype: Dtype): Constant {
  if (dtype === input.dtype) return reshaped(input, name, input.dims);
  const { stored } = input;
  const whole = !isFloat(dtype) && isFloat(input.dtype);
  return computedWhenRead(
    {
      name,
      origin: input.origin,
      dims: input.dims,
      dtype,
      turned: input.turned ?? false,
      // a weight stored as float16 and used as float32 is still that weight of the file
      stored: isFloat(dtype) && isFloat(input.dtype) ? stored : undefined,
      read() {
        const numbers = numbersOf(input.read());
        const values =
          dtype === "BOOL" ? numbers.map((x) => Number(x !== 0)) : whole ? numbers.map(Math.trunc) : numbers;
        return tensorFrom(dtype, input.dims, values);
      },
    },
    [input],
  );
}

export function foldConstantOfShape(name: string, shape: Constant, value: Constant | undefined): Constant {
  const dims = [...smallNumbers(shape)];
  const fill = value === undefined ? 0 : smallNumbers(value)[0]!;
  if (isLarge(dims)) return uniformConstant(name, dims, value?.dtype ?? "F32", fill);
  requireSmall(dims);
  return computedConstant(name, dims, value?.dtype ?? "F32", new Float64Array(product(dims)).fill(fill));
}

export function foldExpand(name: string, input: Constant, shape: Constant): Constant {
  const dims = broadcastDims(input.dims, [...smallNumbers(shape)]);
  const fill = isLarge(dims) ? uniformOf(input) : undefined;
  if (fill !== undefined) return uniformConstant(name, dims, input.dtype, fill);
  requireSmall(dims);
  const zero = computedConstant("", [], input.dtype, [0]);
  const ones = { ...zero, dims, read: () => tensorFrom(input.dtype, dims, new Float64Array(product(dims))) };
  return computedConstant(
    name,
    dims,
    input.dtype,
    broadcast(input, ones, dims, (a) => a),
  );
}

export function foldRange(name: string, start: Constant, limit: Constant, delta: Constant): Constant {
  const [from, to, step] = [start, limit, delta].map((c) => smallNumbers(c)[0]!) as [number, number, number];
  const count = Math.max(0, Math.ceil((to - from) / step));
  requireSmall([count]);
  return computedConstant(
    name,
    [count],
    start.dtype,
    Float64Array.from({ length: count }, (_, k) => from + k * step),
  );
}

/** The constant so many times along each axis. */
export function foldTile(name: string, input: Constant, repeats: readonly number[]): Constant {
  if (repeats.length !== input.dims.length || repeats.some((count) => !(count >= 0)))
    throw new Unsupported(`it repeats [${input.dims.join(", ")}] by [${repeats.join(", ")}]`);
  let tiled = input;
  for (const [axis, count] of repeats.entries()) {
    if (count === 1) continue;
    requireSmall([product(tiled.dims), count]);
    const length = tiled.dims[axis]!;
    const places = Array.from({ length: length * count }, (_, k) => k % length);
    tiled = foldGather(name, tiled, computedConstant("", [places.length], "I64", places), axis);
  }
  return reshaped(tiled, name, tiled.dims);
}

/** The upper or lower triangle of the last two axes, the diagonal `k` included; zeros elsewhere. */
export function foldTriangle(name: string, input: Constant, isUpper: boolean, k: number): Constant {
  const { dims } = input;
  if (dims.length < 2) throw new Unsupported(`it takes a triangle of [${dims.join(", ")}]`);
  requireSmall(dims);
  const [rows, columns] = dims.slice(-2) as [number, number];
  const values = smallNumbers(input).map((value, e) => {
    const beyond = (e % columns) - (Math.floor(e / columns) % rows) - k;
    return (isUpper ? beyond >= 0 : beyond <= 0) ? value : 0;
  });
  return computedConstant(name, dims, input.dtype, values);
}

/** Sums from one end of an axis to each of its places. */
export function foldCumulative(
  name: string,
  input: Constant,
  axis: number,
  { exclusive, reverse }: { readonly exclusive: boolean; readonly reverse: boolean },
): Constant {
  const { dims } = input;
  requireSmall(dims);
  const at = normalAxis(axis, dims.length);
  const length = dims[at]!;
  const inner = product(dims.slice(at + 1));
  const values = smallNumbers(input);
  const sums = new Float64Array(values.length);
  for (let start = 0; start < values.length; start += length * inner) {
    for (let i = 0; i < inner; i++) {
      let sum = 0;
      for (let step = 0; step < length; step++) {
        const k = start + (reverse ? length - 1 - step : step) * inner + i;
        const own = values[k]!;
        sums[k] = exclusive ? sum : sum + own;
        sum += own;
      }
    }
  }
  return computedConstant(name, dims, input.dtype, sums);
}

export function foldWhere(name: string, condition: Constant, a: Constant, b: Constant): Constant {
  const dims = broadcastDims(broadcastDims(condition.dims, a.dims), b.dims);
  requireSmall(dims);
  const zeros = { ...condition, dims, read: () => tensorFrom("F64", dims, new Float64Array(product(dims))) };
  const over = (constant: Constant) => broadcast(constant, zeros, dims, (x) => x);
  const [wide, left, right] = [over(condition), over(a), over(b)];
  return computedConstant(
    name,
    dims,
    a.dtype,
    wide.map((x, k) => (x !== 0 ? left[k]! : right[k]!)),
  );
}

export function foldConcat(name: string, inputs: readonly Constant[], axis: number): Constant {
  const [first] = inputs as [Constant];
  const rank = first.dims.length;
  const at = normalAxis(axis, rank);
  const dims = first.dims.map((length, k) =>
    k === at ? inputs.reduce((sum, c) => sum + (c.dims[at] ?? 0), 0) : length,
  );
  for (const { dims: own } of inputs) {
    if (own.length !== rank || own.some((length, k) => k !== at && length !== dims[k])) {
      throw new Unsupported(
        `shapes ${inputs.map((c) => `[${c.dims.join(", ")}]`).join(" and ")} cannot be joined along axis ${at}`,
      );
    }
  }
  requireSmall(dims);
  const values = new Float64Array(product(dims));
  const outer = product(dims.slice(0, at));
  let start = 0;
  const stride = product(dims.slice(at));
  for (const input of inputs) {
    const own = smallNumbers(input);
    const run = own.length / outer;
    for (let k = 0; k < outer; k++) values.set(own.subarray(k * run, (k + 1) * run), k * stride + start);
    start += run;
  }
  return computedConstant(name, dims, first.dtype, values);
}

export function foldGather(name: string, data: Constant, indices: Constant, axis: number): Constant {
  const at = normalAxis(axis, data.dims.length);
  const dims = [...data.dims.slice(0, at), ...indices.dims, ...data.dims.slice(at + 1)];
  requireSmall(dims);
  const [values, places] = [smallNumbers(data), smallNumbers(indices)];
  const length = data.dims[at]!;
  const inner = product(data.dims.slice(at + 1));
  const outer = product(data.dims.slice(0, at));
  const picked = new Float64Array(product(dims));
  let k = 0;
  for (let o = 0; o < outer; o++) {
    for (const place of places) {
      const index = place < 0 ? place + length : place;
      if (!(index >= 0 && index < length))
        throw new Unsupported(`index ${place} is beyond an axis of ${length}`);
      for (let i = 0; i < inner; i++) picked[k++] = values[(o * length + index) * inner + i]!;
    }
  }
  return computedConstant(name, dims, data.dtype, picked);
}

/** For each index its element along the axis, at the index's own place along all others. */
export function foldGatherElements(name: string, data: Constant, indices: Constant, axis: number): Constant {
  const at = normalAxis(axis, data.dims.length);
  const { dims } = indices;
  const fits =
    dims.length === data.dims.length && dims.every((length, k) => k === at || length <= data.dims[k]!);
  if (!fits)
    throw new Unsupported(`it picks elements of [${data.dims.join(", ")}] by [${dims.join(", ")}] indices`);
  requireSmall(dims);
  const [values, picks] = [smallNumbers(data), smallNumbers(indices)];
  const [from, to] = [stridesOf(data.dims), stridesOf(dims)];
  const picked = picks.map((pick, e) => {
    const place = dims.map((length, k) =>
      k === at ? indexIn(pick, data.dims[at]!) : Math.floor(e / to[k]!) % length,
    );
    return values[place.reduce((sum, index, k) => sum + index * from[k]!, 0)]!;
  });
  return computedConstant(name, dims, data.dtype, picked);
}

/** The data, but for what stands at the indices: whole slices along the axes behind those that an index names. */
export function foldScatterNd(name: string, data: Constant, indices: Constant, updates: Constant): Constant {
  const named = indices.dims.at(-1) ?? 0;
  const inner = data.dims.slice(named);
  const expected = [...indices.dims.slice(0, -1), ...inner];
  if (named > data.dims.length || indices.dims.length === 0 || !sameDims(updates.dims, expected))
    throw new Unsupported(
      `it puts [${updates.dims.join(", ")}] into [${data.dims.join(", ")}] by [${indices.dims.join(", ")}] indices`,
    );
  requireSmall(data.dims);
  const values = Float64Array.from(smallNumbers(data));
  const [places, given] = [smallNumbers(indices), smallNumbers(updates)];
  const strides = stridesOf(data.dims);
  const run = product(inner);
  const count = product(indices.dims.slice(0, -1));
  for (let k = 0; k < count; k++) {
    let start = 0;
    for (let axis = 0; axis < named; axis++)
      start += indexIn(places[k * named + axis]!, data.dims[axis]!) * strides[axis]!;
    values.set(given.subarray(k * run, (k + 1) * run), start);
  }
  return computedConstant(name, data.dims, data.dtype, values);
}

/** An index that may count from the end. */
function indexIn(index: number, length: number): number {
  const at = index < 0 ? index + length : index;
  if (at >= 0 && at < length) return at;
  throw new Unsupported(`index ${index} is beyond an axis of ${length}`);
}

/** Limit of the length of an axis that is sliced: the length of a batch of any length lies below it. */
const MOST_SLICED = 2 ** 24;

/** Slices along some axes, as ONNX's Slice with steps. */
export function foldSlice(name: string, data: Constant, slices: ReadonlyMap<number, AxisSlice>): Constant {
  const { uniform } = data;
  const isOfNone = product(data.dims) === 0 || data.dims.some((length) => length > MOST_SLICED);
  if (isOfNone || (uniform === undefined && !isFloat(data.dtype))) requireSmall(data.dims);
  const picks = data.dims.map((length, axis) => {
    const slice = slices.get(axis);
    return slice === undefined ? Array.from({ length }, (_, k) => k) : sliceIndices(slice, length);
  });
  const dims = picks.map((pick) => pick.length);
  if (uniform !== undefined) return uniformConstant(name, dims, data.dtype, uniform);
  const read = () => {
    const values = numbersOf(data.read());
    const strides = stridesOf(data.dims);
    const picked = new Float64Array(product(dims));
    const place = new Array<number>(dims.length).fill(0);
    for (let k = 0; k < picked.length; k++) {
      picked[k] = values[place.reduce((sum, at, axis) => sum + picks[axis]![at]! * strides[axis]!, 0)]!;
      for (let axis = dims.length - 1; axis >= 0 && ++place[axis]! === dims[axis]!; axis--) place[axis] = 0;
    }
    return tensorFrom(data.dtype, dims, picked);
  };
  // a part of a weight is read when it is needed
  if (isFloat(data.dtype))
    return computedWhenRead({ name, origin: name, dims, dtype: data.dtype, read }, [data]);
  return computedConstant(name, dims, data.dtype, numbersOf(read()));
}

export interface AxisSlice {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** The indices a slice takes out of an axis. */
export function sliceIndices({ start, end, step }: AxisSlice, length: number): number[] {
  if (step === 0) throw new Unsupported("it slices with step 0");
  const clamp = (value: number, low: number, high: number) =>
    Math.min(high, Math.max(low, value < 0 ? value + length : value));
  const indices: number[] = [];
  if (step > 0) {
    const last = clamp(end, 0, length);
    for (let k = clamp(start, 0, length); k < last; k += step) indices.push(k);
  } else {
    const last = end < -length ? -1 : clamp(end, -1, length - 1);
    for (let k = clamp(start, 0, length - 1); k > last; k += step) indices.push(k);
  }
  return indices;
}

/** @throws Unsupported unless it is a whole number, −rank ≤ axis < rank */
export function normalAxis(axis: number, rank: number): number {
  const normal = axis < 0 ? axis + rank : axis;
  if (!(Number.isInteger(normal) && normal >= 0 && normal < rank))
    throw new Unsupported(`axis ${axis} is not one of ${counted(rank, "axis", "axes")}`);
  return normal;
}

/** Constants of one number may have the length of a batch of any length, and be larger than any memory. */
const isLarge = (dims: readonly number[]): boolean =>
  dims.every((length) => Number.isInteger(length) && length >= 1 && length <= MOST_SLICED) &&
  product(dims) > MOST_COMPUTED &&
  Number.isSafeInteger(product(dims));

function uniformConstant(name: string, dims: readonly number[], dtype: Dtype, fill: number): Constant {
  const read = (): never => {
    throw new Unsupported(
      `it computes a constant of shape [${dims.join(", ")}], more than shapes and scales have`,
    );
  };
  return { kind: "constant", name, origin: name, dims, dtype, uniform: fill, read };
}

/** The number that all elements of a constant are. */
function uniformOf(constant: Constant): number | undefined {
  if (constant.uniform !== undefined || product(constant.dims) > MOST_COMPUTED) return constant.uniform;
  const [first, ...others] = smallNumbers(constant);
  return others.every((value) => value === first) ? first : undefined;
}

function requireSmall(dims: readonly number[]): void {
  const count = product(dims);
  const isShape = dims.every((length) => Number.isInteger(length) && length >= 0 && length <= MOST_COMPUTED);
  if (!isShape || !(count <= MOST_COMPUTED)) {
    throw new Unsupported(
      `it computes a constant of shape [${dims.join(", ")}], more than shapes and scales have`,
    );
  }
}
