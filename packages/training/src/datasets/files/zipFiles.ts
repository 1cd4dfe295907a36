/** Files of a `.zip`: its directory is read once, its files by themselves, by any thread. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { crc32, inflateRawSync } from "node:zlib";
import { ArgumentError } from "@phew/core";
import { type Entry, openPromise, type ZipFile } from "yauzl";
import type { ImageFile } from "../dataset.ts";
import {
  type DataFiles,
  damagedFile,
  MOST_BYTES,
  requireDownloaded,
  requireInside,
  tooLarge,
} from "./dataFiles.ts";

const STORED = 0;
const DEFLATED = 8;
const LOCAL_HEADER = 0x04034b50;
const ENCRYPTED = 1;

/** @throws ArgumentError if the archive is damaged, has paths outside its folder or uses another compression */
export async function openZip(path: string): Promise<DataFiles> {
  const parts = new Map<string, ImageFile>();
  for (const entry of await entriesOf(path)) {
    if (entry.fileName.endsWith("/")) continue;
    const name = join(path, entry.fileName);
    const { compressionMethod, generalPurposeBitFlag, compressedSize, uncompressedSize } = entry;
    const isReadable = compressionMethod === STORED || compressionMethod === DEFLATED;
    if (!isReadable || (generalPurposeBitFlag & ENCRYPTED) !== 0) {
      throw new ArgumentError(name, {
        given: isReadable ? "an encrypted entry" : `compression of the kind ${compressionMethod}`,
        expected: "plain or deflated entries",
      });
    }
    parts.set(entry.fileName, {
      name,
      path,
      part: {
        offset: entry.relativeOffsetOfLocalHeader,
        packedSize: compressedSize,
        size: uncompressedSize,
        deflated: compressionMethod === DEFLATED,
        crc: entry.crc32,
      },
    });
  }
  return {
    path,
    names: async () => [...parts.keys()].sort(),
    has: async (name) => parts.has(name),
    read: async (name) => readFilePart(parts.get(name)!),
    locate: (name) => parts.get(name),
  };
}

/** Reads a file, or an archive's part, synchronously. @throws ArgumentError if it is missing, cut short or damaged */
export function readFilePart({ name, path, part }: ImageFile): Uint8Array {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch (error) {
    throw damagedFile(name, `a file that cannot be read (${(error as Error).message})`);
  }
  try {
    const { size } = fstatSync(descriptor);
    if (part === undefined) {
      if (size > MOST_BYTES) throw tooLarge(name);
      const bytes = readBytes(descriptor, name, 0, size);
      requireDownloaded(name, bytes);
      return bytes;
    }
    if (part.size > MOST_BYTES || part.packedSize > MOST_BYTES) throw tooLarge(name);
    const header = Buffer.from(readBytes(descriptor, name, part.offset, 30));
    if (header.readUInt32LE(0) !== LOCAL_HEADER) throw damagedFile(name, "no entry at its place");
    const start = part.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
    const packed = readBytes(descriptor, name, start, part.packedSize);
    const content = part.deflated ? inflated(packed, part.size, name) : packed;
    if (content.length !== part.size || crc32(content) !== part.crc)
      throw damagedFile(name, "content that does not match its checksum");
    return content;
  } finally {
    closeSync(descriptor);
  }
}

function inflated(packed: Uint8Array, size: number, name: string): Uint8Array {
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(1, size) });
  } catch (error) {
    throw damagedFile(name, `an entry that does not unpack (${(error as Error).message})`);
  }
}

function readBytes(descriptor: number, name: string, offset: number, length: number): Uint8Array {
  // a claimed length must not take memory that the file does not have
  if (offset + length > fstatSync(descriptor).size) throw damagedFile(name, "a file that ends too early");
  const bytes = Buffer.allocUnsafe(length);
  for (let done = 0; done < length; ) {
    const count = readSync(descriptor, bytes, done, length - done, offset + done);
    if (count === 0) throw damagedFile(name, `a file that ends at byte ${offset + done}`);
    done += count;
  }
  return bytes;
}

async function entriesOf(path: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  let zip: ZipFile | undefined;
  try {
    // names are checked here, for our own message
    const options = { lazyEntries: true, autoClose: false, decodeStrings: false, validateEntrySizes: true };
    zip = await openPromise(path, options);
    const file = zip;
    await new Promise<void>((resolve, reject) => {
      file.on("entry", (entry: Entry) => {
        const name = Buffer.from(entry.fileName).toString("utf8");
        try {
          requireInside(path, name);
        } catch (error) {
          return reject(error);
        }
        entries.push(Object.assign(entry, { fileName: name }));
        file.readEntry();
      });
      file.on("end", resolve);
      file.on("error", reject);
      file.readEntry();
    });
  } catch (error) {
    throw error instanceof ArgumentError
      ? error
      : damagedFile(path, `a damaged archive (${(error as Error).message})`);
  } finally {
    zip?.close();
  }
  return entries;
}
