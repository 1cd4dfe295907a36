/** Opening and reading files by parts, with errors that say what to do. */
import { constants } from "node:buffer";
import { type FileHandle, open } from "node:fs/promises";
import { ArgumentError, errorCode } from "@phew/core";

/** Bytes that one call of the operating system reads. */
const READ_BYTES = 2 ** 28;

export interface OpenFile {
  /** As the user named it. */
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  /** `length` bytes from `offset` on. @throws ArgumentError where the file ends before */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/**
 * Opens a file for the time of one function.
 * @throws ArgumentError where the file is missing, is no regular file or may not be read
 */
export async function withFile<T>(path: string, use: (file: OpenFile) => Promise<T>): Promise<T> {
  let handle: FileHandle;
  try {
    handle = await open(path, "r");
  } catch (error) {
    throw readFault(path, error);
  }
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) {
      throw new ArgumentError(path, {
        given: stat.isDirectory() ? "a folder" : "no regular file",
        expected: "a file",
        ...(stat.isDirectory() ? { remedy: "Name a file inside it." } : {}),
      });
    }
    const read = (offset: number, length: number) => readPart(handle, path, stat.size, offset, length);
    return await use({ path, size: stat.size, read });
  } catch (error) {
    throw errorCode(error) === undefined ? error : readFault(path, error);
  } finally {
    await handle.close();
  }
}

/** All bytes of a file of at most 4 GiB. @throws ArgumentError as {@link withFile} */
export function readWhole(path: string): Promise<Uint8Array> {
  return withFile(path, (file) => file.read(0, file.size));
}

/** A file that is in memory already; what is read are views of it. */
export function openBytes(path: string, bytes: Uint8Array): OpenFile {
  const read = async (offset: number, length: number) => {
    if (offset + length > bytes.length) throw truncated(path, offset + length, bytes.length);
    return bytes.subarray(offset, offset + length);
  };
  return { path, size: bytes.length, read };
}

async function readPart(handle: FileHandle, path: string, size: number, offset: number, length: number) {
  if (offset + length > size) throw truncated(path, offset + length, size);
  if (length > constants.MAX_LENGTH) {
    throw new ArgumentError(path, {
      given: `${length} bytes in one piece`,
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
    expected: `at least ${expected} bytes`,
    remedy: "It is cut short: copy or download it again.",
  });
}

function readFault(path: string, error: unknown): ArgumentError {
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
      return new ArgumentError(path, {
        given: "a folder",
        expected: "a file",
        remedy: "Name a file inside it.",
      });
    default:
      return new ArgumentError(path, {
        given: `the error ${error instanceof Error ? error.message : String(error)}`,
        expected: "a file that can be read",
      });
  }
}
