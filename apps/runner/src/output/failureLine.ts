/** Prints any failure of the process as one line, without a stack trace unless PHEW_DEBUG asks for one. */
import { asciiMarks, closeLostTerminals, describeFailure, isUtf8Locale } from "@phew/runs/text";
import { EXIT } from "../exit.ts";
import { ignoreStandardErrorFailures } from "./standardError.ts";

/** Call it once, before anything else. */
export function printFailuresInOneLine(): void {
  const end = (error: unknown) => process.exit(printFailure(error));
  process.on("uncaughtException", end);
  process.on("unhandledRejection", end);
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // a reader that closes the pipe early (head, less) is not a failure
    if (error.code === "EPIPE") process.exit(EXIT.done);
    // the terminal was closed
    if (error.code === "EIO") process.exit(EXIT.hangup);
    process.exit(printFailure(error, "standard output: "));
  });
  ignoreStandardErrorFailures();
  closeLostTerminals();
}

/** Prints the failure. @returns the exit code */
export function printFailure(error: unknown, where = ""): number {
  const { message, exitCode } = describeFailure(error);
  const line = `phew: ${where}${message}`;
  process.stderr.write(`${isUtf8Locale(process.env) ? line : asciiMarks(line)}\n`);
  if (process.env.PHEW_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return exitCode;
}
