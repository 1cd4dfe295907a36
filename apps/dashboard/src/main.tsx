#!/usr/bin/env node
/** `phew watch`: a screen on a terminal, lines elsewhere. Ink is loaded for the screen alone, and only once its environment is set. */
import { ArgumentError } from "@phew/runs";
import { parseCommandLine, USAGE, type WatchOptions } from "./commandLine.ts";

try {
  process.exitCode = await watch(parseCommandLine(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`phew: ${error instanceof Error ? error.message : String(error)}\n`);
  const isUsage = error instanceof ArgumentError && /phew watch$/.test(error.subject);
  process.exitCode = isUsage ? 2 : 1;
}

async function watch(options: WatchOptions): Promise<number> {
  if (options.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (!options.once && !options.plain && isScreen()) {
    prepareEnvironment();
    const { showScreen } = await import("./screen.tsx");
    return await showScreen(options.folder, options);
  }
  // a reader that has seen enough, as `head` has, is no error
  process.stdout.on("error", () => process.exit(0));
  const print = (line: string) => process.stdout.write(`${line}\n`);
  const { followPlain, printOnce } = await import("./plainWatch.ts");
  if (options.once) printOnce(options.folder, print);
  else await followPlain(options.folder, print);
  return 0;
}

function isScreen(): boolean {
  return process.stdout.isTTY === true && process.env.TERM !== "dumb";
}

/** What React and Ink's colours read when they are loaded. */
function prepareEnvironment(): void {
  // React's development build is slow and keeps a record of every frame
  process.env.NODE_ENV ??= "production";
  if (process.env.NO_COLOR) {
    process.env.FORCE_COLOR = "0";
    delete process.env.NO_COLOR;
  }
}
