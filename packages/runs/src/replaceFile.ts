/**
 * Small files appear whole: written beside their place under another name, then renamed.
 * Synchronous, because the last state of a run is written while the process is going down.
 */
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { ArgumentError } from "@phew/core";

/** Writes or replaces `path`. @throws ArgumentError where the folder cannot be written or the disk is full */
export function replaceFile(path: string, content: string | Uint8Array): void {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.partial`);
  try {
    writeFileSync(temporary, content);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw writeFault(path, error);
  }
}

/** Makes a folder and those above it. @throws ArgumentError where that is not allowed, or a file is in the way */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw writeFault(path, error);
  }
}

/** What the operating system refused, as one line that says what to do. */
export function writeFault(path: string, error: unknown): Error {
  switch (errorCode(error)) {
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new ArgumentError(path, {
        given: "a place that may not be written",
        expected: "a folder that may be written",
        remedy: "Check its owner and mode, or choose another.",
      });
    case "ENOSPC":
    case "EDQUOT":
      return new ArgumentError(path, {
        given: "no space left on the disk",
        expected: "room for the run's files",
        remedy: "Free some space, or choose another disk.",
      });
    case "ENOTDIR":
    case "EEXIST":
    case "EISDIR":
      return new ArgumentError(path, {
        given: "a file where a folder should be, or a folder where a file should be",
        expected: "a free place for the run's files",
        remedy: "Move what is there, or choose another folder.",
      });
    default:
      return error instanceof Error ? error : new Error(String(error));
  }
}

/** `ENOENT` and the like; undefined for what is no error of the operating system. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
