/**
 * Zip archives: what NumPy and PyTorch keep arrays in. yauzl reads the directory, fflate writes. Entries are unpacked
 * here, within bounds, whatever sizes the archive claims.
 */
import { crc32, inflateRawSync } from "node:zlib";
import { ArgumentError, counted } from "@phew/core";
import { Zip, ZipPassThrough } from "fflate";
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from "yauzl";
import type { OpenFile } from "./readFile.ts";

export interface ZipEntry {
  readonly name: string;
  /** Of its content. */
  readonly size: number;
  /** @throws ArgumentError if the content does not match the archive's directory */
  read(): Promise<Uint8Array>;
}

const STORED = 0;
const DEFLATED = 8;
/** Least length of an entry's header before its content. */
const LOCAL_HEADER_BYTES = 30;
/** Deflated entries of one archive may grow to this in all, or to so many times the archive's own size. */
const MAX_INFLATED_BYTES = 2 ** 30;
const MAX_INFLATED_RATIO = 100;
/** The directory is read by pieces of this size, not by entries of some 50 bytes. */
const WINDOW_BYTES = 2 ** 18;
/** Written archives have sizes and offsets of 32 bits, and numbers of entries of 16 bits. */
const MAX_WRITTEN_BYTES = 2 ** 32 - 1;
const MAX_WRITTEN_ENTRIES = 2 ** 16 - 1;
/** The first date of zip: the same bytes on every day. */
const FIRST_DAY = new Date(1980, 0, 1);

/**
 * Reads an archive's directory.
 * @throws ArgumentError if it is none or damaged, or has repeated or encrypted entries
 */
export async function readZip(file: OpenFile): Promise<ReadonlyMap<string, ZipEntry>> {
  const zip = await openDirectory(file);
  const directory = await listDirectory(file.path, zip);
  requireApart(file.path, directory);
  let inflatedBytes = 0;
  const budget = Math.max(MAX_INFLATED_BYTES, MAX_INFLATED_RATIO * file.size);
  const inflate = (subject: string, packed: Uint8Array, size: number): Uint8Array => {
    inflatedBytes += size;
    if (inflatedBytes > budget) {
      throw new ArgumentError(subject, {
        given: `deflated data that claims to grow beyond ${counted(budget, "byte")} in all`,
        expected: "less",
        remedy: "Save it without compression if it is what it should be.",
      });
    }
    return inflated(subject, packed, size);
  };
  const entries = new Map<string, ZipEntry>();
  for (const entry of directory) {
    const { fileName: name, uncompressedSize: size } = entry;
    if (entries.has(name)) throw damaged(file.path, `the entry ${name} twice`);
    const subject = `${file.path}: ${name}`;
    const read = async () => {
      const packed = await readPacked(file, zip, entry);
      const content = entry.compressionMethod === STORED ? packed : inflate(subject, packed, size);
      if (content.length !== size || crc32(content) !== entry.crc32)
        throw damaged(subject, "content that does not match its checksum");
      return content;
    };
    entries.set(name, { name, size, read });
  }
  return entries;
}

/** Whether bytes begin as a zip archive does. */
export function looksLikeZip(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;
}

/**
 * An archive of stored entries: the same bytes for the same entries.
 * @param entries each name with its content in pieces
 * @yields its bytes in pieces
 * @throws ArgumentError if they exceed a zip archive with 32-bit sizes
 */
export function* zipChunks(
  entries: Iterable<readonly [string, readonly Uint8Array[]]>,
  subject = "zip",
): Generator<Uint8Array> {
  const all = [...entries];
  requireRoom(subject, all);
  let ready: Uint8Array[] = [];
  const zip = new Zip((error, chunk) => {
    if (error) throw error;
    ready.push(chunk);
  });
  const take = () => {
    const taken = ready;
    ready = [];
    return taken;
  };
  for (const [name, pieces] of all) {
    const entry = new ZipPassThrough(name);
    entry.mtime = FIRST_DAY;
    zip.add(entry);
    for (const piece of pieces) {
      entry.push(piece);
      yield* take();
    }
    entry.push(new Uint8Array(), true);
  }
  zip.end();
  yield* take();
}

function requireRoom(subject: string, entries: readonly (readonly [string, readonly Uint8Array[]])[]): void {
  let bytes = 0;
  for (const [name, pieces] of entries) {
    // two copies of its name, and headers of 30, 46 and 16 bytes
    bytes += 2 * Buffer.byteLength(name) + 92;
    for (const piece of pieces) bytes += piece.length;
  }
  if (bytes <= MAX_WRITTEN_BYTES && entries.length <= MAX_WRITTEN_ENTRIES) return;
  throw new ArgumentError(subject, {
    given: `${counted(entries.length, "entry", "entries")} of ${counted(bytes, "byte")}`,
    expected: `at most ${counted(MAX_WRITTEN_ENTRIES, "entry", "entries")} and ${counted(MAX_WRITTEN_BYTES, "byte")}`,
    remedy: "Write safetensors instead (a file name that ends in .safetensors).",
  });
}

/** Reads an open file for yauzl, a window at a time. */
class WindowReader extends RandomAccessReader {
  readonly #file: OpenFile;
  #window: Uint8Array = new Uint8Array();
  #windowStart = 0;

  constructor(file: OpenFile) {
    super();
    this.#file = file;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    this.#bytes(position, length).then((bytes) => {
      buffer.set(bytes, offset);
      callback(null);
    }, callback);
  }

  async #bytes(position: number, length: number): Promise<Uint8Array> {
    const { size } = this.#file;
    const start = position - this.#windowStart;
    if (start >= 0 && start + length <= this.#window.length)
      return this.#window.subarray(start, start + length);
    if (position + length > size) throw new Error("a place beyond the archive's end");
    this.#windowStart = position;
    this.#window = await this.#file.read(position, Math.min(Math.max(length, WINDOW_BYTES), size - position));
    return this.#window.subarray(0, length);
  }
}

async function openDirectory(file: OpenFile): Promise<ZipFile> {
  // names are taken as UTF-8, which NumPy and PyTorch write whatever flags they set
  const options = { lazyEntries: true, autoClose: false, decodeStrings: false };
  try {
    return await fromRandomAccessReaderPromise(new WindowReader(file), file.size, options);
  } catch (error) {
    if (error instanceof ArgumentError) throw error;
    const { message } = error as Error;
    const isCut = /signature not found|comment length/.test(message);
    if (!isCut) throw damaged(file.path, `a broken directory (${message})`);
    throw new ArgumentError(file.path, {
      given: "no directory at its end",
      expected: "a zip archive",
      remedy: "It is cut short or of another format: copy or download it again.",
    });
  }
}

async function listDirectory(subject: string, zip: ZipFile): Promise<Entry[]> {
  const directory: Entry[] = [];
  try {
    for await (const entry of zip.eachEntry()) {
      entry.fileName = entry.fileNameRaw.toString("utf8");
      const { fileName, compressionMethod } = entry;
      const isReadable = compressionMethod === STORED || compressionMethod === DEFLATED;
      if (entry.isEncrypted() || !isReadable) {
        throw new ArgumentError(`${subject}: ${fileName}`, {
          given: entry.isEncrypted() ? "an encrypted entry" : `compression of the kind ${compressionMethod}`,
          expected: "plain or deflated entries",
        });
      }
      directory.push(entry);
    }
  } catch (error) {
    throw error instanceof ArgumentError
      ? error
      : damaged(subject, `a broken directory (${(error as Error).message})`);
  }
  return directory;
}

/** Entries that share bytes would let a small archive grow without bound. */
function requireApart(subject: string, directory: readonly Entry[]): void {
  const inOrder = [...directory].sort(
    (a, b) => a.relativeOffsetOfLocalHeader - b.relativeOffsetOfLocalHeader,
  );
  for (const [k, { fileName, relativeOffsetOfLocalHeader: start, compressedSize }] of inOrder.entries()) {
    const next = inOrder[k + 1];
    if (
      next !== undefined &&
      start + LOCAL_HEADER_BYTES + compressedSize > next.relativeOffsetOfLocalHeader
    ) {
      throw damaged(`${subject}: ${fileName}`, `content that overlaps that of ${next.fileName}`);
    }
  }
}

async function readPacked(file: OpenFile, zip: ZipFile, entry: Entry): Promise<Uint8Array> {
  try {
    const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
    return await file.read(fileDataStart, entry.compressedSize);
  } catch (error) {
    if (error instanceof ArgumentError) throw error;
    throw damaged(`${file.path}: ${entry.fileName}`, `no entry at its place (${(error as Error).message})`);
  }
}

function inflated(subject: string, packed: Uint8Array, size: number): Uint8Array {
  try {
    const chunkSize = Math.min(2 ** 20, Math.max(64, size + 1));
    const content = inflateRawSync(packed, { maxOutputLength: Math.max(1, size), chunkSize });
    return new Uint8Array(content.buffer, content.byteOffset, content.length);
  } catch {
    throw damaged(subject, "deflated data that is broken or longer than claimed");
  }
}

function damaged(subject: string, given: string): ArgumentError {
  return new ArgumentError(subject, {
    given,
    expected: "an archive in one piece",
    remedy: "The file is damaged: copy or download it again.",
  });
}
