/** Progress on standard error: a bar with an estimate in a terminal, a line now and then elsewhere. */
import type { RunEvent } from "@phew/core";
import { cutText, describeEvent, formatEta } from "@phew/runs";
import { Interrupted } from "../failure.ts";
import { printNote, printsResultsOnly, printWarnings, shownLine } from "./output.ts";
import { writeToStandardError } from "./standardError.ts";

const BAR_WIDTH = 24;
const TERMINAL_INTERVAL_MS = 80;
const LINE_INTERVAL_MS = 5000;
/** Work that ends sooner needs no bar. */
const GRACE_MS = 300;

export interface Progress {
  /** @param fraction done, limited to 0 … 1 @param note short: the present result */
  update(fraction: number, note: string): void;
  /** Clears the bar. */
  done(): void;
}

/** A bar for one job. Silent where `quiet`. */
export function startProgress(title: string, quiet = false): Progress {
  const started = performance.now();
  const terminal = process.stderr.isTTY === true && process.env.TERM !== "dumb";
  const interval = terminal ? TERMINAL_INTERVAL_MS : LINE_INTERVAL_MS;
  let last = started;
  let shown = false;
  return {
    update(fractionDone, note) {
      const fraction = Math.min(1, Math.max(0, fractionDone || 0));
      const now = performance.now();
      if (quiet || printsResultsOnly() || now - started < GRACE_MS || now - last < interval) return;
      last = now;
      const text = shownLine(progressText(title, fraction, note, now - started, terminal));
      writeToStandardError(
        terminal ? `\r\x1b[K${cutText(text, (process.stderr.columns || 80) - 1)}` : `${text}\n`,
      );
      shown = terminal;
    },
    done() {
      if (shown) writeToStandardError("\r\x1b[K");
      shown = false;
    },
  };
}

/**
 * One line of progress: title, a bar on a terminal, percentage, note and time left.
 * @param done 0 … 1
 */
export function progressText(
  title: string,
  done: number,
  note: string,
  elapsedMs: number,
  withBar: boolean,
): string {
  const full = Math.round(done * BAR_WIDTH);
  const bar = withBar ? ` ${"█".repeat(full)}${"░".repeat(BAR_WIDTH - full)}` : ":";
  const left = done > 0.01 && done < 1 ? `, ${formatEta((elapsedMs * (1 - done)) / done)} left` : "";
  return `${title}${bar}${`${Math.floor(done * 100)} %`.padStart(6)}  ${note}${left}`;
}

/**
 * An event as a line on standard error; nothing for pure progress.
 * @param title precedes it, if several works run side by side
 */
export function printEvent(event: RunEvent, title?: string): void {
  const line = describeEvent(event);
  if (line === undefined) return;
  const titled = (text: string) => (title === undefined ? text : `${title}: ${text}`);
  const warns = event.kind === "log" && event.level === "warning";
  // a warning is printed even if quiet
  if (warns && printsResultsOnly()) printWarnings([titled(line.text)]);
  else printNote(titled(`${warns ? "warning: " : ""}${line.text}`));
}

/**
 * An AbortSignal that fires, with Interrupted as its reason, at the first Ctrl-C, SIGTERM, or end of the terminal (SIGHUP).
 * A second Ctrl-C or SIGTERM ends the process at once; a second SIGHUP does not, since a terminal that is closed sends two.
 */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = (name: NodeJS.Signals) => {
    if (!controller.signal.aborted) controller.abort(new Interrupted("stopped"));
    else if (name !== "SIGHUP") process.exit(130);
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, stop);
  return controller.signal;
}
