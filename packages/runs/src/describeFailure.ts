/**
 * Describes a failure in one line, or in a line for each of its parts. Imports as little as possible: one of the
 * failures is that no more files can be opened.
 */
import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { lineText } from "./foreignText.ts";

export interface FailureLine {
  /** One line; several only for an error with a list (`lines`). */
  readonly message: string;
  /** The error's own `exitCode`, else 1. */
  readonly exitCode: number;
}

/** Meaning of a system error by its code; the path, if any, precedes it. */
const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder. Check the path.",
  EACCES: "not allowed. Change its permissions, or choose another place.",
  EPERM: "not allowed. Change its permissions, or choose another place.",
  EROFS: "a read-only file system. Choose a place that can be written to.",
  ENOSPC: "the disk is full. Free some space and run it again.",
  EDQUOT: "your share of the disk is used up. Free some space and run it again.",
  EFBIG: "larger than files may be here. Choose another file system, or raise the limit (ulimit -f).",
  EISDIR: "a folder, expected a file.",
  ENOTDIR: "a part of this path is a file, not a folder.",
  ENOTEMPTY: "a folder that is not empty.",
  EEXIST: "exists already.",
  ELOOP: "links that lead in a circle. Check where they point.",
  ENAMETOOLONG: "a name longer than the file system allows. Choose a shorter one.",
  EXDEV: "on another file system than the file it replaces. Choose a place on the same one.",
  EBUSY: "in use by another program. Close it and run it again.",
  ETXTBSY: "in use by another program. Close it and run it again.",
  EIO: "the disk or its connection failed. Check the device.",
  ESTALE: "the network file system has lost it. Mount it again.",
  EMFILE: "too many open files. Raise the limit (ulimit -n) or run fewer at once.",
  ENFILE: "too many open files on this machine. Close other programs.",
  ENOMEM: "not enough memory. Close other programs or use a smaller model.",
  EAGAIN: "no more processes or threads may be started. Raise the limit (ulimit -u) or run fewer at once.",
  EPIPE: "what was to read the output has ended.",
};

/** Not about the path at which they were met. */
const OF_THE_MACHINE = ["EMFILE", "ENFILE", "ENOMEM", "EAGAIN"];

/** One line for anything that was thrown. */
export function describeFailure(error: unknown): FailureLine {
  const lines = ownLines(error) ?? [messageOf(error)];
  return { message: lines.map(lineText).join("\n  "), exitCode: exitCodeOf(error) };
}

/** The lines that an error was made of: breaks between them are its own, breaks within them a file's. */
function ownLines(error: unknown): readonly string[] | undefined {
  const lines = error instanceof Error && "lines" in error ? error.lines : undefined;
  return Array.isArray(lines) ? lines : undefined;
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error === "string" ? error : `thrown: ${inspect(error)}`;
  const limited = addressSpaceMessage(error);
  if (limited !== undefined) return limited;
  // errors of arguments and of the verbs say all there is to say
  if ("fault" in error || "exitCode" in error) return error.message || error.name.toLowerCase();
  return (
    systemMessage(error) ??
    memoryMessage(error) ??
    `${error.message || error.name} (PHEW_DEBUG=1 shows where)`
  );
}

function systemMessage({ code, path }: NodeJS.ErrnoException): string | undefined {
  const meaning = code === undefined ? undefined : SYSTEM_ERRORS[code];
  if (meaning === undefined) return undefined;
  return path === undefined || OF_THE_MACHINE.includes(code!) ? meaning : `${path}: ${meaning}`;
}

/** Messages of V8 for failed allocations. */
function memoryMessage(error: Error): string | undefined {
  if (!(error instanceof RangeError)) return undefined;
  if (!/allocat|invalid (typed )?array (buffer )?length|WebAssembly\.Memory/i.test(error.message))
    return undefined;
  return `not enough memory: ${error.message}. Close other programs or use a smaller model.`;
}

/**
 * WebAssembly reserves 10 GiB of addresses for each memory, however small, so that a limit on addresses is reached
 * long before memory is full. The engine then reports "no room", with V8's error as its cause.
 * @see https://v8.dev/blog/4gb-wasm-memory
 */
function addressSpaceMessage(error: Error): string | undefined {
  const isOfWebAssembly = causesOf(error).some(
    (each) => each instanceof RangeError && /WebAssembly\.Memory\(\)/.test(each.message),
  );
  const limit = isOfWebAssembly ? addressSpaceLimit() : undefined;
  if (limit === undefined) return undefined;
  return `the limit on address space is ${(limit / 2 ** 30).toFixed(1)} GiB, too little: each memory of WebAssembly reserves 10 GiB of addresses, not of memory. Lift the limit (ulimit -v unlimited).`;
}

/** The error, its cause, and so on. */
function causesOf(error: Error): Error[] {
  const causes = [error];
  for (let { cause } = error; cause instanceof Error && causes.length < 10; { cause } = cause)
    causes.push(cause);
  return causes;
}

/** Address space limit of this process in bytes; undefined if there is none, or if it is unknown. */
function addressSpaceLimit(): number | undefined {
  try {
    const [, soft] = /^Max address space +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}

function exitCodeOf(error: unknown): number {
  const own = error instanceof Error && "exitCode" in error ? error.exitCode : undefined;
  return typeof own === "number" ? own : 1;
}
