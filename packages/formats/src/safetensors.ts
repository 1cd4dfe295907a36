/**
 * safetensors: u64 length of a header, the header (JSON), the tensors' bytes end to end.
 * @see https://github.com/huggingface/safetensors, section "Format"
 */
import { basename } from "node:path";
import { ArgumentError, counted } from "@phew/core/messages";
import { neighbourPath } from "./neighbour.ts";
import { type OpenFile, plainBytes, readWhole, withFile } from "./readFile.ts";
import { isObject, type JsonObject, parseStrictJson } from "./strictJson.ts";
import {
  type Dtype,
  ELEMENT_BYTES,
  isDtype,
  requireWholeTensor,
  safeElementCount,
  type Tensor,
  type Tensors,
} from "./tensor.ts";
import { type WriteOptions, writeWhole } from "./writeFile.ts";

export interface TensorFile {
  readonly tensors: Tensors;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The reference implementation's limit. */
const MAX_HEADER_BYTES = 100_000_000;
/** Neighbouring tensors are read together up to this size, which limits the memory of a read. */
const SEGMENT_BYTES = 2 ** 30;
/** Types from the first to be written to the last: the widest first keeps every tensor aligned, as the reference does. */
const WRITE_ORDER: readonly Dtype[] = [
  "U64",
  "I64",
  "F64",
  "F32",
  "U32",
  "I32",
  "BF16",
  "F16",
  "U16",
  "I16",
  "I8",
  "U8",
  "BOOL",
];

/** Position of a tensor's bytes, from the end of the header. */
interface Entry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

interface Header {
  /** In the order of their bytes, without gaps. */
  readonly entries: readonly Entry[];
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Reads a file, or all the shards that an index (`model.safetensors.index.json`) names. The tensors are views of the
 * memory read.
 * @throws ArgumentError if the file cannot be read, or if its header is not valid
 */
export async function readSafetensors(path: string): Promise<TensorFile> {
  const isIndex = await withFile(path, async (file) => {
    const first = await file.read(0, Math.min(9, file.size));
    return !looksLikeSafetensors(first, file.size) && (path.endsWith(".json") || first[0] === 0x7b);
  });
  return isIndex ? readShards(path) : withFile(path, readOpen);
}

/**
 * @param given a whole file; the tensors are views of it
 * @param subject the file, for messages
 */
export function parseSafetensors(given: Uint8Array, subject = "safetensors"): TensorFile {
  const bytes = plainBytes(given);
  const headerBytes = headerLength(subject, bytes.subarray(0, 8), bytes.length);
  const dataStart = 8 + headerBytes;
  const header = parseHeader(subject, bytes.subarray(8, dataStart), bytes.length - dataStart);
  const tensors = new Map<string, Tensor>();
  for (const { name, dtype, shape, start, end } of header.entries)
    tensors.set(name, { dtype, shape, data: bytes.subarray(dataStart + start, dataStart + end) });
  return { tensors, metadata: header.metadata };
}

/**
 * Writes the same bytes for the same tensors and metadata, whatever their order: widest type first, then by name.
 * @throws ArgumentError if a tensor's bytes do not fit its shape, or as {@link writeWhole}
 */
export async function writeSafetensors(
  path: string,
  tensors: Tensors,
  metadata: Readonly<Record<string, string>> = {},
  options: WriteOptions = {},
): Promise<void> {
  await writeWhole(path, safetensorsChunks(tensors, metadata, path), options);
}

/** A file's bytes in pieces: the header, then each tensor's own memory. */
export function safetensorsChunks(
  tensors: Tensors,
  metadata: Readonly<Record<string, string>> = {},
  subject = "safetensors",
): Uint8Array[] {
  const ordered = [...tensors].map(([name, tensor]) => ({ name, key: Buffer.from(name), ...tensor }));
  const rank = (dtype: Dtype) => WRITE_ORDER.indexOf(dtype);
  ordered.sort((a, b) => rank(a.dtype) - rank(b.dtype) || Buffer.compare(a.key, b.key));
  const entries: [string, unknown][] = [];
  const keys = Object.keys(metadata).sort();
  if (keys.length > 0) entries.push(["__metadata__", Object.fromEntries(keys.map((k) => [k, metadata[k]!]))]);
  let start = 0;
  for (const { name, dtype, shape, data } of ordered) {
    requireWholeTensor(`${subject}: tensor "${name}"`, { dtype, shape, data });
    if (name === "__metadata__") {
      throw new ArgumentError(subject, {
        given: 'a tensor named "__metadata__"',
        expected: "another name",
        remedy: "safetensors keeps that name for itself.",
      });
    }
    const end = start + data.byteLength;
    entries.push([name, { dtype, shape, data_offsets: [start, end] }]);
    start = end;
  }
  // written by hand and not through one object, where names such as "0" would move to the front
  const members = entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  const json = Buffer.from(`{${members.join(",")}}`);
  const padded = Math.ceil(json.length / 8) * 8;
  const head = Buffer.alloc(8 + padded, " ");
  head.writeBigUInt64LE(BigInt(padded));
  json.copy(head, 8);
  return [head, ...ordered.map(({ data }) => data)];
}

/**
 * Whether a file begins as safetensors do: with the length of a header that fits into it, and a brace. The length
 * alone may look like any other format.
 * @param first at least 9 bytes, or all there are
 */
export function looksLikeSafetensors(first: Uint8Array, fileBytes: number): boolean {
  if (first.length < 9 || first[8] !== 0x7b) return false;
  const length = new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true);
  return length <= MAX_HEADER_BYTES && Number(length) <= fileBytes - 8;
}

/** The same of a file that is open. */
export async function readOpen(file: OpenFile): Promise<TensorFile> {
  const headerBytes = headerLength(file.path, await file.read(0, Math.min(8, file.size)), file.size);
  const dataStart = 8 + headerBytes;
  const header = parseHeader(file.path, await file.read(8, headerBytes), file.size - dataStart);
  const tensors = new Map<string, Tensor>();
  const { entries } = header;
  for (let first = 0; first < entries.length; ) {
    const { start } = entries[first]!;
    let last = first;
    while (last + 1 < entries.length && entries[last + 1]!.end - start <= SEGMENT_BYTES) last++;
    const segment = await file.read(dataStart + start, entries[last]!.end - start);
    for (const entry of entries.slice(first, last + 1)) {
      const data = segment.subarray(entry.start - start, entry.end - start);
      tensors.set(entry.name, { dtype: entry.dtype, shape: entry.shape, data });
    }
    first = last + 1;
  }
  return { tensors, metadata: header.metadata };
}

async function readShards(path: string): Promise<TensorFile> {
  const index = parseStrictJson(path, await readWhole(path), 8);
  const map = isObject(index) ? index.weight_map : undefined;
  if (!isObject(map)) {
    throw new ArgumentError(path, {
      given: "JSON without a weight_map",
      expected: "the index of a sharded safetensors file, tensor name → file name",
    });
  }
  const shards = new Map<string, TensorFile>();
  const tensors = new Map<string, Tensor>();
  for (const [name, shard] of Object.entries(map)) {
    if (typeof shard !== "string" || shard !== basename(shard) || !shard.endsWith(".safetensors")) {
      throw new ArgumentError(`${path}: tensor "${name}"`, {
        given: `the shard ${JSON.stringify(shard)}`,
        expected: "the name of a .safetensors file in the same folder",
      });
    }
    const file =
      shards.get(shard) ??
      (await withFile(neighbourPath(path, shard, `${path}: shard "${shard}"`), readOpen));
    shards.set(shard, file);
    const tensor = file.tensors.get(name);
    if (tensor === undefined) {
      throw new ArgumentError(`${path}: tensor "${name}"`, {
        given: `none in ${shard}`,
        expected: "every tensor in the shard that the index names",
      });
    }
    tensors.set(name, tensor);
  }
  const metadata = isObject(index) && isObject(index.metadata) ? index.metadata : {};
  const texts = Object.entries(metadata).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  return { tensors, metadata: Object.fromEntries(texts) };
}

/** @param first the first 8 bytes, or all there are */
function headerLength(subject: string, first: Uint8Array, fileBytes: number): number {
  if (first.length < 8) {
    throw new ArgumentError(subject, {
      given: counted(fileBytes, "byte"),
      expected: "a safetensors file: at least 10 bytes",
      remedy: "It is empty or cut short: copy or download it again.",
    });
  }
  const length = new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES) {
    throw new ArgumentError(subject, {
      given: `a header of ${counted(length, "byte")}`,
      expected: `at most ${MAX_HEADER_BYTES}`,
      remedy: "This is probably not a safetensors file.",
    });
  }
  if (Number(length) > fileBytes - 8) {
    throw new ArgumentError(subject, {
      given: `a header of ${counted(length, "byte")} in a file of ${fileBytes}`,
      expected: "a file that holds its header",
      remedy: "It is cut short or no safetensors file: copy or download it again.",
    });
  }
  return Number(length);
}

function parseHeader(subject: string, bytes: Uint8Array, dataBytes: number): Header {
  if (bytes[0] !== 0x7b) {
    throw new ArgumentError(subject, {
      given: "a header that does not begin with {",
      expected: "a JSON object",
      remedy: "This is probably not a safetensors file.",
    });
  }
  // {name: {shape: [length]}} is three levels
  const parsed = parseStrictJson(subject, bytes, 3) as JsonObject;
  const entries: Entry[] = [];
  let metadata: Header["metadata"] = {};
  for (const [name, value] of Object.entries(parsed)) {
    if (name === "__metadata__") metadata = checkedMetadata(subject, value);
    else entries.push(checkedEntry(`${subject}: tensor "${name}"`, name, value));
  }
  entries.sort((a, b) => a.start - b.start || a.end - b.end);
  let end = 0;
  for (const entry of entries) {
    if (entry.start !== end) {
      throw new ArgumentError(`${subject}: tensor "${entry.name}"`, {
        given: `data from byte ${entry.start} on`,
        expected: `from byte ${end} on, without ${entry.start < end ? "overlap" : "a hole"}`,
        remedy: "The file is damaged.",
      });
    }
    end = entry.end;
  }
  if (end !== dataBytes) {
    throw new ArgumentError(subject, {
      given: `${counted(dataBytes, "byte")} of data`,
      expected: `${end}, what its header counts`,
      remedy: dataBytes < end ? "It is cut short: copy or download it again." : "The file is damaged.",
    });
  }
  return { entries, metadata };
}

function checkedEntry(subject: string, name: string, value: unknown): Entry {
  const { dtype, shape, data_offsets: offsets } = isObject(value) ? value : {};
  if (typeof dtype !== "string" || !Array.isArray(shape) || !Array.isArray(offsets) || offsets.length !== 2) {
    throw new ArgumentError(subject, {
      given: "an incomplete description",
      expected: "dtype, shape and two data_offsets",
      remedy: "The file is damaged.",
    });
  }
  if (!isDtype(dtype)) {
    throw new ArgumentError(subject, {
      given: `the type ${dtype}`,
      expected: `one of ${Object.keys(ELEMENT_BYTES).join(", ")}`,
      remedy: "Convert the tensor before saving it.",
    });
  }
  const count = safeElementCount(shape);
  if (count === undefined) {
    throw new ArgumentError(subject, {
      given: `shape ${brief(shape)}`,
      expected: "whole numbers of at least 0 with a product below 2^53",
    });
  }
  const [start, end] = offsets as [unknown, unknown];
  const usable = Number.isSafeInteger(start) && Number.isSafeInteger(end) && (start as number) >= 0;
  const length = (end as number) - (start as number);
  if (!usable || length !== count * ELEMENT_BYTES[dtype]) {
    throw new ArgumentError(subject, {
      given: `data_offsets ${brief(offsets)}`,
      expected: `${count * ELEMENT_BYTES[dtype]} bytes for ${dtype} of shape ${brief(shape)}`,
      remedy: "The file is damaged.",
    });
  }
  return { name, dtype, shape: shape as number[], start: start as number, end: end as number };
}

function checkedMetadata(subject: string, value: unknown): Header["metadata"] {
  const usable = isObject(value) && Object.values(value).every((text) => typeof text === "string");
  if (!usable) {
    throw new ArgumentError(`${subject}: __metadata__`, {
      given: brief(value),
      expected: "an object of strings",
    });
  }
  return value as Record<string, string>;
}

/** A value as JSON, at most 60 characters of it. */
function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
