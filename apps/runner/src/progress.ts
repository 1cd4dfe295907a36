/** Progress on standard error: a bar with an estimate in a terminal, a line now and then elsewhere. */
import { writeSync } from "node:fs";
import { formatDuration } from "@phew/runs";
import { Interrupted } from "./failure.ts";

const BAR_WIDTH = 24;
const TERMINAL_INTERVAL_MS = 80;
const LINE_INTERVAL_MS = 5000;
/** Work that ends sooner needs no bar. */
const GRACE_MS = 300;

export interface Progress {
  /** @param fraction done, 0 … 1 @param note short: what has been reached */
  update(fraction: number, note: string): void;
  /** Clears the bar. */
  done(): void;
}

/** A bar for one job. Silent where `quiet`. */
export function startProgress(title: string, quiet = false): Progress {
  const started = performance.now();
  const terminal = process.stderr.isTTY === true;
  let last = started;
  let shown = false;
  return {
    update(fraction, note) {
      const now = performance.now();
      const interval = terminal ? TERMINAL_INTERVAL_MS : LINE_INTERVAL_MS;
      if (quiet || now - started < GRACE_MS || now - last < interval) return;
      last = now;
      const left =
        fraction > 0.01 ? `, ${formatDuration(((now - started) * (1 - fraction)) / fraction)} left` : "";
      const percent = `${Math.floor(fraction * 100)} %`.padStart(5);
      if (terminal) {
        const full = Math.round(fraction * BAR_WIDTH);
        const line = `${title} ${"█".repeat(full)}${"░".repeat(BAR_WIDTH - full)}${percent}  ${note}${left}`;
        // written at once, so that it shows although the work never yields
        writeSync(2, `\r\x1b[K${line.slice(0, (process.stderr.columns ?? 80) - 1)}`);
        shown = true;
      } else {
        writeSync(2, `${title}${percent}  ${note}${left}\n`);
      }
    },
    done() {
      if (shown) writeSync(2, "\r\x1b[K");
      shown = false;
    },
  };
}

/** An AbortSignal that fires, with Interrupted as its reason, at the first Ctrl-C or SIGTERM; the second one ends the process at once. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new Interrupted("stopped"));
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  return controller.signal;
}
