/** Ends a process whose terminal was closed. */
import { closeSync } from "node:fs";
import { isatty } from "node:tty";

const STANDARD_FILES = [0, 1, 2];

/**
 * Call it once, at the start: when the terminal is gone, the process ends as on a hang-up. Node restores the
 * terminals that it was started on, and aborts if the system refuses that; it skips files that are closed.
 * @see ResetStdio in https://github.com/nodejs/node/blob/v20.x/src/node.cc
 */
export function closeLostTerminals(): void {
  const terminals = STANDARD_FILES.filter((file) => isatty(file));
  process.on("exit", () => {
    for (const file of terminals) if (!isatty(file)) closeQuietly(file);
  });
}

function closeQuietly(file: number): void {
  try {
    closeSync(file);
  } catch {
    // it is closed already
  }
}
