/** Failures of the command itself, each with its exit code. */
import { ArgumentError } from "@phew/core";
import { EXIT } from "./exit.ts";

export { describeFailure } from "@phew/runs/text";

/** The command line itself is wrong: exit code 2. */
export class UsageError extends ArgumentError {
  override readonly name: string = "UsageError";
  readonly exitCode = EXIT.usage;
}

/** Stopped by Ctrl-C or SIGTERM: exit code 130. */
export class Interrupted extends Error {
  override readonly name: string = "Interrupted";
  readonly exitCode = EXIT.interrupted;
}

/** The task failed, and the message is complete: exit code 1. */
export class Failure extends Error {
  override readonly name: string = "Failure";
  readonly exitCode = EXIT.failed;
}
