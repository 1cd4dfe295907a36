/** How failures reach the user: one line on standard error, and an exit code. */
import { ArgumentError } from "@phew/core";
import { EXIT } from "./exit.ts";

/** The command line itself is wrong: exit code 2. */
export class UsageError extends ArgumentError {
  override readonly name: string = "UsageError";
}

/** Stopped by Ctrl-C or SIGTERM: exit code 130. */
export class Interrupted extends Error {
  override readonly name: string = "Interrupted";
}

/** What was asked for could not be done, and the message says all there is to say: exit code 1. */
export class Failure extends Error {
  override readonly name: string = "Failure";
}

/** What one system error means to a person; undefined where it is not of that kind. */
function systemMessage(error: NodeJS.ErrnoException): string | undefined {
  const where = error.path === undefined ? "" : `${error.path}: `;
  switch (error.code) {
    case "ENOENT":
      return `${where}no such file or folder. Check the path.`;
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return `${where}not allowed. Choose a place you may write to, or change its permissions.`;
    case "ENOSPC":
      return `${where}the disk is full. Free some space and run it again.`;
    case "EISDIR":
      return `${where}a folder, expected a file.`;
    case "ENOTDIR":
      return `${where}a part of this path is a file, not a folder.`;
    case "EEXIST":
      return `${where}exists already.`;
    case "EMFILE":
      return "too many open files. Raise the limit (ulimit -n) or run fewer at once.";
    default:
      return undefined;
  }
}

/** One line for a failure, and its exit code. A fault of our own is shown with its place. */
export function describeFailure(error: unknown): { message: string; exitCode: number } {
  if (error instanceof UsageError) return { message: error.message, exitCode: EXIT.usage };
  if (error instanceof Interrupted)
    return { message: error.message || "interrupted", exitCode: EXIT.interrupted };
  if (error instanceof Failure) return { message: error.message, exitCode: EXIT.failed };
  // the engine's errors have the same fields as ArgumentError, and a class of their own
  if (error instanceof Error && "fault" in error) {
    return { message: error.message, exitCode: EXIT.failed };
  }
  if (error instanceof Error) {
    const system = systemMessage(error);
    if (system !== undefined) return { message: system, exitCode: EXIT.failed };
    if (
      error instanceof RangeError &&
      /allocation|Invalid typed array length|could not allocate/i.test(error.message)
    ) {
      return {
        message: `not enough memory: ${error.message}. Close other programs or use a smaller model.`,
        exitCode: EXIT.failed,
      };
    }
    const details = process.env.PHEW_DEBUG ? `\n${error.stack ?? ""}` : " (set PHEW_DEBUG=1 to see where)";
    return { message: `${error.message}${details}`, exitCode: EXIT.failed };
  }
  return { message: String(error), exitCode: EXIT.failed };
}
