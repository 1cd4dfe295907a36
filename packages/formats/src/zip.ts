/**
 * Zip archives: what NumPy and PyTorch keep arrays in. Stored entries are read as they are; deflated ones within
 * bounds, whatever sizes the archive claims.
 * @see https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3 to 4.5
 */
import { crc32, inflateRawSync } from "node:zlib";
import { ArgumentError, counted } from "@phew/core";
import type { OpenFile } from "./readFile.ts";

export interface ZipEntry {
  readonly name: string;
  /** Of its content. */
  readonly size: number;
  /** @throws ArgumentError where the content is not what the archive says of it */
  read(): Promise<Uint8Array>;
}

/** What the directory says of an entry. */
interface Listed {
  readonly name: string;
  readonly method: number;
  readonly crc: number;
  readonly packedSize: number;
  readonly size: number;
  readonly headerOffset: number;
}

const LOCAL_HEADER = 0x04034b50;
const DIRECTORY_HEADER = 0x02014b50;
const DIRECTORY_END = 0x06054b50;
const DIRECTORY_END_64 = 0x06064b50;
const DIRECTORY_LOCATOR_64 = 0x07064b50;
const STORED = 0;
const DEFLATED = 8;
/** The comment at an archive's end is at most this long. */
const MAX_COMMENT_BYTES = 0xffff;
/** Deflated entries of one archive may grow to this in all, or to so many times the archive's own size. */
const MAX_INFLATED_BYTES = 2 ** 30;
const MAX_INFLATED_RATIO = 100;
/** Larger numbers stand in the 64-bit fields, as in Python's zipfile. */
const LIMIT_32 = 2 ** 31 - 1;

/**
 * Reads an archive's directory.
 * @throws ArgumentError where it is none or damaged, has an entry twice, or entries that are encrypted
 */
export async function readZip(file: OpenFile): Promise<ReadonlyMap<string, ZipEntry>> {
  let inflatedBytes = 0;
  const budget = Math.max(MAX_INFLATED_BYTES, MAX_INFLATED_RATIO * file.size);
  const inflate = (listed: Listed, packed: Uint8Array): Uint8Array => {
    inflatedBytes += listed.size;
    if (inflatedBytes > budget) {
      throw new ArgumentError(`${file.path}: ${listed.name}`, {
        given: `deflated data that claims to grow beyond ${counted(budget, "byte")} in all`,
        expected: "less",
        remedy: "Save it without compression if it is what it should be.",
      });
    }
    try {
      const chunkSize = Math.min(2 ** 20, Math.max(64, listed.size + 1));
      const content = inflateRawSync(packed, { maxOutputLength: Math.max(1, listed.size), chunkSize });
      return new Uint8Array(content.buffer, content.byteOffset, content.length);
    } catch {
      throw damaged(`${file.path}: ${listed.name}`, "deflated data that is broken or longer than claimed");
    }
  };
  const entries = new Map<string, ZipEntry>();
  const directory = await readDirectory(file);
  requireApart(file.path, directory);
  for (const listed of directory) {
    if (entries.has(listed.name)) throw damaged(file.path, `the entry ${listed.name} twice`);
    const read = async () => {
      const packed = await readPacked(file, listed);
      const content = listed.method === STORED ? packed : inflate(listed, packed);
      if (content.length !== listed.size || crc32(content) !== listed.crc)
        throw damaged(`${file.path}: ${listed.name}`, "content that does not match its checksum");
      return content;
    };
    entries.set(listed.name, { name: listed.name, size: listed.size, read });
  }
  return entries;
}

/** Entries that share bytes would let a small archive grow without bound. */
function requireApart(subject: string, directory: readonly Listed[]): void {
  const inOrder = [...directory].sort((a, b) => a.headerOffset - b.headerOffset);
  for (const [k, { name, headerOffset, packedSize }] of inOrder.entries()) {
    const next = inOrder[k + 1];
    // a header of 30 bytes at least, then the content
    if (next !== undefined && headerOffset + 30 + packedSize > next.headerOffset)
      throw damaged(`${subject}: ${name}`, `content that overlaps that of ${next.name}`);
  }
}

/** Whether bytes begin as a zip archive does. */
export function looksLikeZip(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;
}

async function readPacked(file: OpenFile, listed: Listed): Promise<Uint8Array> {
  const subject = `${file.path}: ${listed.name}`;
  if (listed.headerOffset + 30 > file.size) throw damaged(subject, "a place beyond the archive's end");
  const header = view(await file.read(listed.headerOffset, 30));
  if (header.getUint32(0, true) !== LOCAL_HEADER) throw damaged(subject, "no entry at its place");
  const start = listed.headerOffset + 30 + header.getUint16(26, true) + header.getUint16(28, true);
  if (start + listed.packedSize > file.size) throw damaged(subject, "data beyond the archive's end");
  return file.read(start, listed.packedSize);
}

async function readDirectory(file: OpenFile): Promise<Listed[]> {
  const tailBytes = Math.min(file.size, 22 + MAX_COMMENT_BYTES);
  const tailStart = file.size - tailBytes;
  const tail = view(await file.read(tailStart, tailBytes));
  let end = tailBytes - 22;
  // the comment's length must lead exactly to the file's end
  while (
    end >= 0 &&
    (tail.getUint32(end, true) !== DIRECTORY_END || tail.getUint16(end + 20, true) !== tailBytes - end - 22)
  )
    end--;
  if (end < 0) {
    throw new ArgumentError(file.path, {
      given: "no directory at its end",
      expected: "a zip archive",
      remedy: "It is cut short or of another format: copy or download it again.",
    });
  }
  let count = tail.getUint16(end + 10, true);
  let size = tail.getUint32(end + 12, true);
  let offset = tail.getUint32(end + 16, true);
  if (count === 0xffff || size === 0xffffffff || offset === 0xffffffff)
    [count, size, offset] = await readDirectoryEnd64(file, tailStart + end);
  if (offset + size > file.size || count * 46 > size)
    throw damaged(file.path, "a directory that does not fit into it");
  return parseDirectory(file.path, await file.read(offset, size), count);
}

async function readDirectoryEnd64(file: OpenFile, end: number): Promise<[number, number, number]> {
  const locator = end >= 20 ? view(await file.read(end - 20, 20)) : undefined;
  const place = locator?.getUint32(0, true) === DIRECTORY_LOCATOR_64 ? uint64(locator, 8) : undefined;
  if (place === undefined || place + 56 > file.size)
    throw damaged(file.path, "no 64-bit directory though it is needed");
  const record = view(await file.read(place, 56));
  const numbers = [uint64(record, 32), uint64(record, 40), uint64(record, 48)];
  if (record.getUint32(0, true) !== DIRECTORY_END_64 || numbers.includes(undefined))
    throw damaged(file.path, "a broken 64-bit directory");
  return numbers as [number, number, number];
}

function parseDirectory(subject: string, bytes: Uint8Array, count: number): Listed[] {
  const directory = view(bytes);
  const listed: Listed[] = [];
  for (let at = 0; listed.length < count; ) {
    if (at + 46 > bytes.length || directory.getUint32(at, true) !== DIRECTORY_HEADER)
      throw damaged(subject, "a broken directory");
    const nameBytes = directory.getUint16(at + 28, true);
    const extraBytes = directory.getUint16(at + 30, true);
    const next = at + 46 + nameBytes + extraBytes + directory.getUint16(at + 32, true);
    if (next > bytes.length) throw damaged(subject, "a broken directory");
    const name = Buffer.from(bytes.subarray(at + 46, at + 46 + nameBytes)).toString("utf8");
    const flags = directory.getUint16(at + 8, true);
    const method = directory.getUint16(at + 10, true);
    if ((flags & 1) !== 0 || (method !== STORED && method !== DEFLATED)) {
      throw new ArgumentError(`${subject}: ${name}`, {
        given: (flags & 1) !== 0 ? "an encrypted entry" : `compression of the kind ${method}`,
        expected: "plain or deflated entries",
      });
    }
    const [size, packedSize, headerOffset] = sizes(subject, directory, at, nameBytes, extraBytes);
    if (method === STORED && size !== packedSize)
      throw damaged(`${subject}: ${name}`, "two sizes for stored data");
    listed.push({ name, method, crc: directory.getUint32(at + 16, true), packedSize, size, headerOffset });
    at = next;
  }
  return listed;
}

/** Size, packed size and place of an entry; those that do not fit into 32 bits stand in its extra field. */
function sizes(subject: string, directory: DataView, at: number, nameBytes: number, extraBytes: number) {
  const short = [24, 20, 42].map((place) => directory.getUint32(at + place, true));
  if (!short.includes(0xffffffff)) return short as [number, number, number];
  const extraStart = at + 46 + nameBytes;
  for (let field = extraStart; field + 4 <= extraStart + extraBytes; ) {
    const fieldEnd = field + 4 + directory.getUint16(field + 2, true);
    if (directory.getUint16(field, true) === 1 && fieldEnd <= extraStart + extraBytes) {
      let place = field + 4;
      const long = short.map((number) => {
        if (number !== 0xffffffff) return number;
        place += 8;
        return place <= fieldEnd ? uint64(directory, place - 8) : undefined;
      });
      if (!long.includes(undefined)) return long as [number, number, number];
    }
    field = fieldEnd;
  }
  throw damaged(subject, "an entry whose 64-bit sizes are missing");
}

/**
 * An archive of stored entries, as Python's zipfile writes it: the same bytes for the same entries.
 * @yields its bytes in pieces
 */
export function* zipChunks(
  entries: Iterable<readonly [string, readonly Uint8Array[]]>,
): Generator<Uint8Array> {
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, pieces] of entries) {
    const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const crc = pieces.reduce((value, piece) => crc32(piece, value), 0);
    const local = localHeader(name, size, crc);
    yield local;
    yield* pieces;
    directory.push(directoryHeader(name, size, crc, offset));
    offset += local.length + size;
  }
  yield* directory;
  const size = directory.reduce((sum, header) => sum + header.length, 0);
  yield directoryEnd(directory.length, size, offset);
}

/** What both headers of an entry share: version to name length, from byte 4 or 6 on. */
function writeEntry(
  header: Buffer,
  at: number,
  name: Buffer,
  crc: number,
  packed: number,
  size: number,
): void {
  const isAscii = name.every((byte) => byte < 0x80);
  header.writeUInt16LE(45, at);
  header.writeUInt16LE(isAscii ? 0 : 0x800, at + 2);
  header.writeUInt16LE(STORED, at + 4);
  // midnight of 1 January 1980, the first day zip knows
  header.writeUInt16LE(0x21, at + 8);
  header.writeUInt32LE(crc, at + 10);
  header.writeUInt32LE(packed, at + 14);
  header.writeUInt32LE(size, at + 18);
  header.writeUInt16LE(name.length, at + 22);
}

function localHeader(name: string, size: number, crc: number): Buffer {
  const nameBytes = Buffer.from(name);
  const extra = wideExtra([size, size]);
  const header = Buffer.alloc(30);
  header.writeUInt32LE(LOCAL_HEADER, 0);
  writeEntry(header, 4, nameBytes, crc, 0xffffffff, 0xffffffff);
  header.writeUInt16LE(extra.length, 28);
  return Buffer.concat([header, nameBytes, extra]);
}

function directoryHeader(name: string, size: number, crc: number, offset: number): Buffer {
  const nameBytes = Buffer.from(name);
  const isWide = size > LIMIT_32;
  const isFar = offset > LIMIT_32;
  const extra = wideExtra([...(isWide ? [size, size] : []), ...(isFar ? [offset] : [])]);
  const header = Buffer.alloc(46);
  header.writeUInt32LE(DIRECTORY_HEADER, 0);
  // made on Unix
  header.writeUInt16LE((3 << 8) | 45, 4);
  writeEntry(header, 6, nameBytes, crc, isWide ? 0xffffffff : size, isWide ? 0xffffffff : size);
  header.writeUInt16LE(extra.length, 30);
  // read and write for the owner
  header.writeUInt32LE(0o600 * 2 ** 16, 38);
  header.writeUInt32LE(isFar ? 0xffffffff : offset, 42);
  return Buffer.concat([header, nameBytes, extra]);
}

function wideExtra(numbers: readonly number[]): Buffer {
  if (numbers.length === 0) return Buffer.alloc(0);
  const extra = Buffer.alloc(4 + 8 * numbers.length);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(8 * numbers.length, 2);
  for (const [k, number] of numbers.entries()) extra.writeBigUInt64LE(BigInt(number), 4 + 8 * k);
  return extra;
}

function directoryEnd(count: number, size: number, offset: number): Buffer {
  const end = Buffer.alloc(22);
  end.writeUInt32LE(DIRECTORY_END, 0);
  for (const place of [8, 10]) end.writeUInt16LE(Math.min(count, 0xffff), place);
  end.writeUInt32LE(Math.min(size, 0xffffffff), 12);
  end.writeUInt32LE(Math.min(offset, 0xffffffff), 16);
  if (count < 0xffff && offset <= LIMIT_32 && size <= LIMIT_32) return end;
  const wide = Buffer.alloc(56 + 20);
  wide.writeUInt32LE(DIRECTORY_END_64, 0);
  wide.writeBigUInt64LE(44n, 4);
  for (const place of [12, 14]) wide.writeUInt16LE(45, place);
  for (const place of [24, 32]) wide.writeBigUInt64LE(BigInt(count), place);
  wide.writeBigUInt64LE(BigInt(size), 40);
  wide.writeBigUInt64LE(BigInt(offset), 48);
  wide.writeUInt32LE(DIRECTORY_LOCATOR_64, 56);
  wide.writeBigUInt64LE(BigInt(offset + size), 56 + 8);
  wide.writeUInt32LE(1, 56 + 16);
  return Buffer.concat([wide, end]);
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** @returns undefined beyond 2^53 */
function uint64(from: DataView, at: number): number | undefined {
  const value = from.getBigUint64(at, true);
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined;
}

function damaged(subject: string, given: string): ArgumentError {
  return new ArgumentError(subject, {
    given,
    expected: "an archive in one piece",
    remedy: "The file is damaged: copy or download it again.",
  });
}
