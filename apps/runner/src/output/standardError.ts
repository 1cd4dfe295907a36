/**
 * Standard error shows the progress of work. If it cannot be written (a closed pipe, a closed terminal, a full disk),
 * the work continues and its messages are lost.
 */
import { writeSync } from "node:fs";

/** After this call, failures of writing to standard error do not end the process. */
export function ignoreStandardErrorFailures(): void {
  process.stderr.on("error", () => undefined);
}

/** Synchronous, so that the text appears even if the work never yields; lost if it cannot be written. */
export function writeToStandardError(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // EPIPE, EIO, ENOSPC, or EAGAIN of a full pipe
  }
}
