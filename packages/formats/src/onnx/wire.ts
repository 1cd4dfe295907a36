/** Protobuf's outermost layer: positions of a message's fields, undecoded. */
import { ArgumentError, counted } from "@phew/core";
import protobuf from "protobufjs/light.js";
import type { ByteSource } from "./source.ts";

const VARINT = 0;
const FIXED64 = 1;
export const BYTES = 2;
const FIXED32 = 5;

/** A run of bytes of a source, `end` not included. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

export interface WireField {
  /** The field's number in its message. */
  readonly number: number;
  /** VARINT, FIXED64, BYTES or FIXED32. */
  readonly wire: number;
  /** Tag, length and payload. */
  readonly whole: Range;
  readonly payload: Range;
}

/** The longest tag (5 bytes) with the longest length (10). */
const HEADER_BYTES = 15;

/**
 * The fields of a message in the order of the file.
 * @throws ArgumentError if the bytes are not a message, or if a field exceeds it
 */
export function* fieldsOf(source: ByteSource, message: Range, subject: string): Generator<WireField> {
  for (let start = message.start; start < message.end; ) {
    const header = source.bytes(start, Math.min(HEADER_BYTES, message.end - start));
    const reader = protobuf.Reader.create(header);
    let field: WireField;
    try {
      const tag = reader.uint32();
      field = located(reader, tag, start, message.end);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new ArgumentError(subject, {
        given: `no protobuf field at byte ${start} (${reason})`,
        expected: "ONNX's protobuf encoding",
        remedy: "The file is no ONNX model, or it is damaged: export or copy it again.",
      });
    }
    yield field;
    start = field.whole.end;
  }
}

function located(reader: protobuf.Reader, tag: number, start: number, limit: number): WireField {
  const number = tag >>> 3;
  const wire = tag & 7;
  if (number === 0) throw new RangeError("field number 0");
  let length: number;
  let payloadStart = start + reader.pos;
  switch (wire) {
    case VARINT:
      reader.skip();
      length = start + reader.pos - payloadStart;
      break;
    case FIXED64:
      length = 8;
      break;
    case FIXED32:
      length = 4;
      break;
    case BYTES: {
      const value = reader.uint64();
      length = Number(value.toString());
      payloadStart = start + reader.pos;
      break;
    }
    default:
      throw new RangeError(`wire type ${wire}`);
  }
  const end = payloadStart + length;
  if (!(end <= limit))
    throw new RangeError(`a length of ${length} with ${counted(limit - payloadStart, "byte")} left`);
  return { number, wire, whole: { start, end }, payload: { start: payloadStart, end } };
}

/** A field's tag and length, to be followed by `length` bytes. */
export function bytesHeader(number: number, length: number): Uint8Array {
  return protobuf.Writer.create()
    .uint32((number << 3) | BYTES)
    .uint64(length)
    .finish();
}

/**
 * The whole numbers of a run of packed varints, two's complement. @throws ArgumentError if the run ends inside one
 */
export function* varints(bytes: Uint8Array, subject: string): Generator<bigint> {
  let value = 0n;
  let shift = 0n;
  for (const byte of bytes) {
    value |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
    if (byte < 0x80) {
      yield BigInt.asIntN(64, value);
      value = 0n;
      shift = 0n;
    } else if (shift >= 70n) {
      throw new ArgumentError(subject, { given: "a number of more than 10 bytes", expected: "an int64" });
    }
  }
  if (shift !== 0n) {
    throw new ArgumentError(subject, { given: "a number that is cut off", expected: "a whole int64" });
  }
}
