/** Turns of the event loop in the midst of work. */
import { setImmediate } from "node:timers/promises";

/** Milliseconds after which signals and timers of the process get their turn. */
const TURN_MS = 10;

/** Steps never wait for anything: without a turn now and then, no Ctrl-C would be heard. One for each job. */
export function turnTaker(): () => Promise<void> | undefined {
  let last = performance.now();
  return () => {
    const now = performance.now();
    if (now - last < TURN_MS) return undefined;
    last = now;
    return setImmediate();
  };
}
