#!/usr/bin/env node
/** The dashboard as a program of its own: what `phew watch` does, without the rest of `phew`. */
import { describeFailure, outlivesTerminal } from "@phew/runs/text";
import { parseCommandLine, USAGE, type WatchOptions } from "./commandLine.ts";
import { watch } from "./watch.ts";

outlivesTerminal();
// a reader that has seen enough, as `head` has, is no failure; a terminal that was closed is the same as its SIGHUP
const exitCodes: Readonly<Record<string, number>> = { EPIPE: 0, EIO: 129 };
process.stdout.on("error", ({ code = "" }: NodeJS.ErrnoException) => process.exit(exitCodes[code] ?? 1));
try {
  process.exitCode = await run(parseCommandLine(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`phew: ${describeFailure(error).message}\n`);
  process.exitCode = 2;
}

async function run({ help, ...options }: WatchOptions & { readonly help: boolean }): Promise<number> {
  if (!help) return (await watch(options)).exitCode;
  process.stdout.write(USAGE);
  return 0;
}
