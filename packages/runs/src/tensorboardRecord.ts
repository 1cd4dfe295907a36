/**
 * Records of TensorBoard's event files: TFRecord framing around protocol buffers.
 *   record = u64 length, masked CRC-32C of it, data, masked CRC-32C of it (little-endian);  mask(c) = (c rotated right by 15) + 0xa282ead8
 *   Event { 1 wall_time: double, 2 step: int64, 3 file_version: string, 5 summary, 7 session_log }
 *   Summary { 1 value: { 1 tag: string, 2 simple_value: float } },  SessionLog { 1 status: 1 is START }
 * @see tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto
 */
import { crc32c } from "./crc32c.ts";

/** The first record of a file. @param t milliseconds since the epoch */
export function versionRecord(t: number): Buffer {
  return record(Buffer.concat([wallTime(t), textField(3, "brain.Event:2")]));
}

/** Readers that know of steps from `step` on forget them: they will be written anew. */
export function restartRecord(t: number, step: number): Buffer {
  return record(Buffer.concat([wallTime(t), numberField(2, step), bytesField(7, numberField(1, 1))]));
}

/** One step's scalars, by tag. */
export function scalarRecord(t: number, step: number, values: Readonly<Record<string, number>>): Buffer {
  const summary = Object.entries(values).map(([tag, value]) =>
    bytesField(1, Buffer.concat([textField(1, tag), floatField(2, value)])),
  );
  return record(Buffer.concat([wallTime(t), numberField(2, step), bytesField(5, Buffer.concat(summary))]));
}

function record(data: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(data.length));
  return Buffer.concat([length, maskedCrc(length), data, maskedCrc(data)]);
}

function maskedCrc(bytes: Uint8Array): Buffer {
  const crc = crc32c(bytes);
  const masked = (((crc >>> 15) | (crc << 17)) >>> 0) + 0xa282ead8;
  const result = Buffer.alloc(4);
  result.writeUInt32LE(masked >>> 0);
  return result;
}

const wallTime = (t: number): Buffer => {
  const value = Buffer.alloc(8);
  value.writeDoubleLE(t / 1000);
  return Buffer.concat([key(1, 1), value]);
};

const floatField = (field: number, number: number): Buffer => {
  const value = Buffer.alloc(4);
  value.writeFloatLE(number);
  return Buffer.concat([key(field, 5), value]);
};

const numberField = (field: number, number: number) => Buffer.concat([key(field, 0), varint(number)]);
const textField = (field: number, text: string) => bytesField(field, Buffer.from(text));
const bytesField = (field: number, bytes: Buffer) =>
  Buffer.concat([key(field, 2), varint(bytes.length), bytes]);
const key = (field: number, wireType: number) => varint((field << 3) | wireType);

/** Whole numbers from 0 to 2^53. */
function varint(number: number): Buffer {
  const bytes: number[] = [];
  let rest = number;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}
