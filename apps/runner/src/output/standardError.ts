/**
 * Standard error tells how work goes; where nobody reads it any more (a pipe that was closed, a terminal that is gone, a
 * full disk) the work goes on and its telling is lost.
 */
import { writeSync } from "node:fs";

/** From here on nothing that is written to standard error ends this process. */
export function survivesLostError(): void {
  process.stderr.on("error", () => undefined);
}

/** Written before it returns, so that it shows although the work never yields; lost where it cannot be written. */
export function tellAtOnce(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // EPIPE, EIO, ENOSPC, or EAGAIN of a pipe that nobody empties
  }
}
