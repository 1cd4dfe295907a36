/** The end of a process whose terminal was closed before. */
import { closeSync } from "node:fs";
import { isatty } from "node:tty";

const STANDARD_FILES = [0, 1, 2];

/**
 * To be called once, at the start: with a terminal that is gone the process ends as it would with one. Node puts the
 * terminals back that it was started on, and aborts where the system refuses that; it passes over files that are closed.
 * @see ResetStdio in https://github.com/nodejs/node/blob/v20.x/src/node.cc
 */
export function outlivesTerminal(): void {
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
