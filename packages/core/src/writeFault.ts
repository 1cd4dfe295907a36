/** Errors of the operating system in plain words. No I/O here. */
import { ArgumentError } from "./errors.ts";

/** The code of an error of `node:fs`, such as ENOENT; undefined for other errors. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || !("syscall" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/**
 * Explains why a file or folder could not be written, and what to do.
 * @returns `error` itself if it is not such an error
 */
export function writeFault(path: string, error: unknown): Error {
  switch (errorCode(error)) {
    case "ENAMETOOLONG":
      return new ArgumentError(path, {
        given: "a name that is too long for the file system",
        expected: "a shorter one",
      });
    case "EACCES":
    case "EPERM":
      return new ArgumentError(path, {
        given: "a place that may not be written",
        expected: "a folder that may be written",
        remedy: "Check its owner and mode, or choose another.",
      });
    case "EROFS":
      return new ArgumentError(path, {
        given: "a read-only file system",
        expected: "a place that may be written",
        remedy: "Choose another.",
      });
    case "ENOSPC":
    case "EDQUOT":
      return new ArgumentError(path, {
        given: "no space left on the disk",
        expected: "room for what is written",
        remedy: "Free some space, or choose another disk.",
      });
    case "ENOTDIR":
    case "EEXIST":
    case "EISDIR":
      return new ArgumentError(path, {
        given: "a file where a folder should be, or a folder where a file should be",
        expected: "a free place",
        remedy: "Move what is there, or choose another folder.",
      });
    default:
      return error instanceof Error ? error : new Error(String(error));
  }
}
