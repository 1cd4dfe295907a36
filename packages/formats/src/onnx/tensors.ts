/** The elements of a file's tensors, every length checked against the bytes that are there before it is used. */
import { ArgumentError } from "@phew/core";
import { type Dtype, ELEMENT_BYTES, safeElementCount, type Tensor, toFloat32 } from "../tensor.ts";
import { concatenated, PAYLOAD, type TensorPart } from "./parts.ts";
import { varints } from "./wire.ts";

/** Reads `length` bytes from `offset` on out of the file `location`, which the model names relative to itself. */
export type ExternalData = (location: string, offset: number, length: number) => Uint8Array;

/** `TensorProto.DataType` in the names of safetensors; other types hold no numbers that weights or shapes are made of. */
const DTYPES: Readonly<Record<number, Dtype>> = {
  1: "F32",
  2: "U8",
  3: "I8",
  4: "U16",
  5: "I16",
  6: "I32",
  7: "I64",
  9: "BOOL",
  10: "F16",
  11: "F64",
  12: "U32",
  13: "U64",
  16: "BF16",
};

const DATA_TYPE_NAMES: Readonly<Record<number, string>> = {
  8: "string",
  14: "complex64",
  15: "complex128",
  17: "float8",
  18: "float8",
  19: "float8",
  20: "float8",
  21: "uint4",
  22: "int4",
  23: "float4",
};

export const EXTERNAL = 1;

export function dtypeOf(dataType: number): Dtype | undefined {
  return DTYPES[dataType];
}

export function dataTypeOf(dtype: Dtype): number {
  return Number(Object.keys(DTYPES).find((code) => DTYPES[Number(code)] === dtype));
}

export const isFloat = (dtype: Dtype): boolean => ["F16", "BF16", "F32", "F64"].includes(dtype);

/** Position of a tensor's bytes in an external file. */
export interface ExternalPlace {
  readonly location: string;
  readonly offset: number;
  /** Undefined: up to what its shape needs. */
  readonly length: number | undefined;
}

export function externalPlace(part: TensorPart): ExternalPlace | undefined {
  if (part.header.dataLocation !== EXTERNAL) return undefined;
  const entries = new Map((part.header.externalData ?? []).map(({ key, value }) => [key ?? "", value ?? ""]));
  const location = entries.get("location");
  if (location === undefined || location === "") {
    throw fault(part, "external data without a location", "the name of the file that holds it");
  }
  const whole = (key: string): number | undefined => {
    const value = entries.get(key);
    if (value === undefined) return undefined;
    const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
    if (!Number.isSafeInteger(number))
      throw fault(part, `external data with ${key} "${value}"`, "a whole number");
    return number;
  };
  return { location, offset: whole("offset") ?? 0, length: whole("length") };
}

/**
 * Type and number of elements. @throws ArgumentError if the type is not numeric or a length is negative or too large
 */
export function describe(part: TensorPart): { dtype: Dtype; count: number } {
  const code = part.header.dataType ?? 0;
  const dtype = DTYPES[code];
  if (dtype === undefined) {
    throw fault(
      part,
      `elements of type ${DATA_TYPE_NAMES[code] ?? code}`,
      "float, double, float16, bfloat16 or whole numbers",
    );
  }
  const count = safeElementCount(part.dims);
  if (count === undefined) throw fault(part, `shape [${part.dims.join(", ")}]`, "lengths of at least 0");
  return { dtype, count };
}

/**
 * A tensor's elements: a view of the file if it is in memory and stores them directly.
 * @throws ArgumentError if shape and bytes do not fit
 */
export function tensorOf(part: TensorPart, external: ExternalData | undefined): Tensor {
  const { dtype, count } = describe(part);
  const shape = part.dims;
  const place = externalPlace(part);
  const byteLength = count * ELEMENT_BYTES[dtype];
  if (place !== undefined) {
    if (place.length !== undefined && place.length !== byteLength)
      throw wrongLength(part, place.length, byteLength);
    if (external === undefined) {
      throw fault(
        part,
        `its elements in the file "${place.location}"`,
        "a model with all its data inside",
        "Open the model by its path, so that the files beside it are found.",
      );
    }
    return { dtype, shape, data: external(place.location, place.offset, byteLength) };
  }
  const field = part.payloadField;
  const given = part.payload.reduce((sum, { start, end }) => sum + end - start, 0);
  if (count === 0) return { dtype, shape, data: new Uint8Array() };
  if (field === undefined) throw wrongLength(part, 0, byteLength);
  const bytes = () =>
    concatenated(part.payload.map(({ start, end }) => part.source.bytes(start, end - start)));
  if (holdsElements(field, dtype)) {
    if (given !== byteLength) throw wrongLength(part, given, byteLength);
    return { dtype, shape, data: bytes() };
  }
  const expectedField = varintField(dtype);
  if (field !== expectedField)
    throw fault(part, `${dtype} elements in field ${field}`, `field ${expectedField ?? PAYLOAD.raw}`);
  // a varint has at least one byte and at most ten
  if (given < count || given > 10 * count) throw wrongLength(part, given, count, "at least ");
  return { dtype, shape, data: fromVarints(part, bytes(), dtype, count) };
}

/** True if the field holds the elements' own little-endian bytes, so that they can be replaced in place. */
export function holdsElements(field: number, dtype: Dtype): boolean {
  return (
    field === PAYLOAD.raw ||
    (field === PAYLOAD.float && dtype === "F32") ||
    (field === PAYLOAD.double && dtype === "F64")
  );
}

function varintField(dtype: Dtype): number | undefined {
  if (dtype === "F32" || dtype === "F64") return undefined;
  if (dtype === "I64") return PAYLOAD.int64;
  return dtype === "U32" || dtype === "U64" ? PAYLOAD.uint64 : PAYLOAD.int32;
}

function fromVarints(part: TensorPart, bytes: Uint8Array, dtype: Dtype, count: number): Uint8Array {
  const width = ELEMENT_BYTES[dtype];
  const data = new Uint8Array(count * width);
  const view = new DataView(data.buffer);
  let k = 0;
  for (const value of varints(bytes, title(part))) {
    if (k === count) throw wrongLength(part, k + 1, count);
    if (width === 8) view.setBigInt64(k * 8, value, true);
    else if (width === 4) view.setUint32(k * 4, Number(BigInt.asUintN(32, value)), true);
    else if (width === 2) view.setUint16(k * 2, Number(BigInt.asUintN(16, value)), true);
    else view.setUint8(k, Number(BigInt.asUintN(8, value)));
    k++;
  }
  if (k !== count) throw wrongLength(part, k, count);
  return data;
}

/** The elements as numbers; int64 beyond ±2^53 lose their last digits. */
export function numbersOf(tensor: Tensor): Float64Array {
  const { data } = tensor;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const width = ELEMENT_BYTES[tensor.dtype];
  const at: (offset: number) => number = {
    F32: (o: number) => view.getFloat32(o, true),
    F64: (o: number) => view.getFloat64(o, true),
    I64: (o: number) => Number(view.getBigInt64(o, true)),
    U64: (o: number) => Number(view.getBigUint64(o, true)),
    I32: (o: number) => view.getInt32(o, true),
    U32: (o: number) => view.getUint32(o, true),
    I16: (o: number) => view.getInt16(o, true),
    U16: (o: number) => view.getUint16(o, true),
    I8: (o: number) => view.getInt8(o),
    U8: (o: number) => view.getUint8(o),
    BOOL: (o: number) => (view.getUint8(o) === 0 ? 0 : 1),
    F16: () => 0,
    BF16: () => 0,
  }[tensor.dtype];
  if (tensor.dtype === "F16" || tensor.dtype === "BF16") return Float64Array.from(toFloat32(tensor));
  return Float64Array.from({ length: data.byteLength / width }, (_, k) => at(k * width));
}

function title(part: TensorPart): string {
  return `${part.source.name}: tensor "${part.name}"`;
}

function fault(part: TensorPart, given: string, expected: string, remedy?: string): ArgumentError {
  return new ArgumentError(title(part), { given, expected, remedy });
}

function wrongLength(part: TensorPart, given: number, expected: number, least = ""): ArgumentError {
  return fault(
    part,
    `data of ${given} in bytes or elements`,
    `${least}${expected} for shape [${part.dims.join(", ")}]`,
    "The file is cut short or damaged: export or copy it again.",
  );
}
