/**
 * Records of TensorBoard's event files: TFRecord framing around protocol buffers.
 *   record = u64 length, masked CRC-32C of it, data, masked CRC-32C of it (little-endian);  mask(c) = (c rotated right by 15) + 0xa282ead8
 *   Event { 1 wall_time: double, 2 step: int64, 3 file_version: string, 5 summary, 7 session_log }
 *   Summary { 1 value: { 1 tag: string, 2 simple_value: float, 9 metadata: { 1 plugin_data: { 1 plugin_name, 2 content } } } }
 *   SessionLog { 1 status: 1 is START }
 * The plugin "hparams" shows runs as a table of their settings and results. Its content is
 *   HParamsPluginData { 3 session_start_info, 4 session_end_info }
 *   SessionStartInfo { 1 hparams: map<string, Value>, 4 group_name: string, 5 start_time_secs: double }
 *   SessionEndInfo { 1 status: 1 is success, 2 is failure, 2 end_time_secs: double },  Value { 2 number, 3 string, 4 bool }
 * @see tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto, google/protobuf/struct.proto,
 *   tensorboard/plugins/hparams/plugin_data.proto
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

export type Hparam = string | number | boolean;

/** A run's settings. @param group runs that differ in nothing but their seed have the same: they are one row */
export function sessionStartRecord(t: number, group: string, hparams: ReadonlyMap<string, Hparam>): Buffer {
  const entries = [...hparams].map(([name, value]) =>
    bytesField(1, Buffer.concat([textField(1, name), bytesField(2, valueMessage(value))])),
  );
  const info = Buffer.concat([...entries, textField(4, group), doubleField(5, t / 1000)]);
  return hparamsRecord(t, "_hparams_/session_start_info", bytesField(3, info));
}

export function sessionEndRecord(t: number, succeeded: boolean): Buffer {
  const info = Buffer.concat([numberField(1, succeeded ? 1 : 2), doubleField(2, t / 1000)]);
  return hparamsRecord(t, "_hparams_/session_end_info", bytesField(4, info));
}

function hparamsRecord(t: number, tag: string, content: Buffer): Buffer {
  const metadata = bytesField(1, Buffer.concat([textField(1, "hparams"), bytesField(2, content)]));
  const value = Buffer.concat([textField(1, tag), bytesField(9, metadata)]);
  return record(Buffer.concat([wallTime(t), bytesField(5, bytesField(1, value))]));
}

function valueMessage(value: Hparam): Buffer {
  if (typeof value === "number") return doubleField(2, value);
  return typeof value === "string" ? textField(3, value) : numberField(4, value ? 1 : 0);
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

const wallTime = (t: number) => doubleField(1, t / 1000);

const doubleField = (field: number, number: number): Buffer => {
  const value = Buffer.alloc(8);
  value.writeDoubleLE(number);
  return Buffer.concat([key(field, 1), value]);
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
