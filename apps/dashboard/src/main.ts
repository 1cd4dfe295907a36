#!/usr/bin/env node
/** The dashboard as a program of its own: what `phew watch` does, without the rest of `phew`. */
import { ArgumentError } from "@phew/runs";
import { parseCommandLine, USAGE, type WatchOptions } from "./commandLine.ts";
import { watch } from "./watch.ts";

try {
  process.exitCode = await run(parseCommandLine(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof ArgumentError)) throw error;
  process.stderr.write(`phew: ${error.message}\n`);
  process.exitCode = 2;
}

async function run({ help, ...options }: WatchOptions & { readonly help: boolean }): Promise<number> {
  if (!help) return (await watch(options)).exitCode;
  process.stdout.write(USAGE);
  return 0;
}
