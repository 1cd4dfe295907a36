/** Opening and reading files by parts, with errors that say what to do. */
import { constants } from "node:buffer";
import { closeSync, fstatSync, constants as modes, openSync, readSync, type Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { ArgumentError, counted, downloadFault, errorCode } from "@phew/core/messages";

/** Bytes that one call of the operating system reads. */
const READ_BYTES = 2 ** 28;
/** Bytes that suffice to recognise a page or a pointer in place of a file of numbers. */
const TELLING_BYTES = 512;
/** Opening a pipe blocks without this flag; Windows does not have it. */
const READ_ONLY = modes.O_RDONLY | (modes.O_NONBLOCK ?? 0);

export interface OpenFile {
  /** As the user named it. */
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  /** `length` bytes from `offset` on. @throws ArgumentError if the file ends before */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/**
 * Opens a file for the duration of one function.
 * @throws ArgumentError if the file is missing, not regular, not readable, or the remains of a failed download
 */
export async function withFile<T>(path: string, use: (file: OpenFile) => Promise<T>): Promise<T> {
  let handle: FileHandle;
  try {
    handle = await open(path, READ_ONLY);
  } catch (error) {
    throw readFault(path, error);
  }
  try {
    const stat = await handle.stat();
    requireRegular(path, stat);
    const read = (offset: number, length: number) => readPart(handle, path, stat.size, offset, length);
    requireDownloaded(path, await read(0, Math.min(TELLING_BYTES, stat.size)));
    return await use({ path, size: stat.size, read });
  } catch (error) {
    throw errorCode(error) === undefined ? error : readFault(path, error);
  } finally {
    await handle.close();
  }
}

/**
 * The same at once, for what cannot wait.
 * @param use is given the open file's number and its size in bytes
 */
export function withFileSync<T>(path: string, use: (descriptor: number, size: number) => T): T {
  let descriptor: number;
  try {
    descriptor = openSync(path, READ_ONLY);
  } catch (error) {
    throw readFault(path, error);
  }
  try {
    const stat = fstatSync(descriptor);
    requireRegular(path, stat);
    const first = new Uint8Array(Math.min(TELLING_BYTES, stat.size));
    requireDownloaded(path, first.subarray(0, readSync(descriptor, first, 0, first.length, 0)));
    return use(descriptor, stat.size);
  } catch (error) {
    throw errorCode(error) === undefined ? error : readFault(path, error);
  } finally {
    closeSync(descriptor);
  }
}

/** Pipes and devices have no end that is known before, and reading them may wait for ever. */
function requireRegular(path: string, stat: Stats): void {
  if (stat.isFile()) return;
  if (stat.isDirectory()) throw folderFault(path);
  const kind = stat.isFIFO() ? "a pipe" : stat.isSocket() ? "a socket" : "a device";
  throw new ArgumentError(path, {
    given: `${kind}, not a regular file`,
    expected: "a file on disk, which is read by parts",
    remedy: "Write what it gives to a file first and name that.",
  });
}

function requireDownloaded(path: string, first: Uint8Array): void {
  const fault = downloadFault(first);
  if (fault === undefined) return;
  throw new ArgumentError(path, { given: fault.kind, expected: "the file itself", remedy: fault.remedy });
}

/** All bytes of a file of at most 4 GiB. @throws ArgumentError as {@link withFile} */
export function readWhole(path: string): Promise<Uint8Array> {
  return withFile(path, (file) => file.read(0, file.size));
}

/** Settings that people write are far shorter. */
const MOST_TEXT_BYTES = 2 ** 24;

/**
 * A text of at most 16 MiB in UTF-8, such as a configuration; without a byte order mark.
 * @throws ArgumentError as {@link withFile}, and if it is longer or not UTF-8
 */
export function readText(path: string): string {
  const bytes = withFileSync(path, (descriptor, size) => {
    if (size > MOST_TEXT_BYTES) {
      throw new ArgumentError(path, {
        given: `a file of ${counted(size, "byte")}`,
        expected: `a text of at most ${counted(MOST_TEXT_BYTES, "byte")}`,
        remedy: "Check that it is the file you meant.",
      });
    }
    const content = new Uint8Array(size);
    return content.subarray(0, readSync(descriptor, content, 0, size, 0));
  });
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new ArgumentError(path, {
      given: "bytes that are no text in UTF-8",
      expected: "a text",
      remedy: "Save it as UTF-8.",
    });
  }
}

/** A file that is in memory already; reads are views of it, never Buffers, whose slice copies nothing. */
export function openBytes(path: string, given: Uint8Array): OpenFile {
  const bytes = plainBytes(given);
  const read = async (offset: number, length: number) => {
    if (offset + length > bytes.length) throw truncated(path, offset + length, bytes.length);
    return bytes.subarray(offset, offset + length);
  };
  return { path, size: bytes.length, read };
}

/** The same memory as a plain Uint8Array: `slice` of a Buffer copies nothing and keeps its place in memory. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

async function readPart(handle: FileHandle, path: string, size: number, offset: number, length: number) {
  if (offset + length > size) throw truncated(path, offset + length, size);
  if (length > constants.MAX_LENGTH) {
    throw new ArgumentError(path, {
      given: `${counted(length, "byte")} in one piece`,
      expected: `at most ${constants.MAX_LENGTH}`,
      remedy: "Save it in shards.",
    });
  }
  // every byte is written below, so the memory need not be cleared first
  const bytes = Buffer.allocUnsafeSlow(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(bytes, done, Math.min(READ_BYTES, length - done), offset + done);
    if (bytesRead === 0) throw truncated(path, offset + length, offset + done);
    done += bytesRead;
  }
  return new Uint8Array(bytes.buffer, bytes.byteOffset, length);
}

function truncated(path: string, expected: number, given: number): ArgumentError {
  return new ArgumentError(path, {
    given: `a file that ends at byte ${given}`,
    expected: `at least ${counted(expected, "byte")}`,
    remedy: "It is cut short: copy or download it again.",
  });
}

function readFault(name: string, error: unknown): ArgumentError {
  const path = name === "" ? '""' : name;
  switch (errorCode(error)) {
    case "ENOENT":
    case "ENOTDIR":
      return new ArgumentError(path, {
        given: "no such file",
        expected: "a file that exists",
        remedy: "Check the path.",
      });
    case "EACCES":
    case "EPERM":
      return new ArgumentError(path, {
        given: "no permission to read it",
        expected: "a file that may be read",
        remedy: "Check its owner and mode.",
      });
    case "EISDIR":
      return folderFault(path);
    // a socket, or a device that nothing answers
    case "ENXIO":
      return new ArgumentError(path, {
        given: "a socket or a device, not a regular file",
        expected: "a file on disk",
      });
    default:
      return new ArgumentError(path, {
        given: `the error ${error instanceof Error ? error.message : String(error)}`,
        expected: "a file that can be read",
      });
  }
}

function folderFault(path: string): ArgumentError {
  return new ArgumentError(path, {
    given: "a folder",
    expected: "a file",
    remedy: "Name a file inside it.",
  });
}
