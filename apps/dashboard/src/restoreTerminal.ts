/** The end of the screen: signals, failures, a terminal that is gone. */
import { describeFailure } from "@phew/runs";
import type { FullScreen } from "./terminal.ts";

const EXIT_OF_SIGNAL = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** The terminal is restored before anything is printed, whatever ends the process. */
export function restoreTerminalAtEnd(screen: FullScreen, end: (exitCode: number) => void): void {
  const fail = (error: unknown) => {
    screen.close();
    process.stderr.write(`phew: ${describeFailure(error).message}\n`);
    if (process.env.PHEW_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  };
  process.on("exit", () => screen.close());
  // registered first, before handlers that print
  process.prependListener("uncaughtException", fail);
  process.prependListener("unhandledRejection", fail);
  for (const [signal, code] of Object.entries(EXIT_OF_SIGNAL)) process.on(signal, () => end(code));
  // the terminal is gone, so nothing can be shown
  process.stdout.on("error", () => end(EXIT_OF_SIGNAL.SIGHUP));
  process.stdin.on("error", () => end(EXIT_OF_SIGNAL.SIGHUP));
}
