/** Shows runs: as a screen on a terminal, as lines elsewhere. Ink, which reads the keys, is loaded after the first frame. */
import { describeFailure, isUtf8Locale, lineText } from "@phew/runs/text";
import type { QuitAnswer } from "./actions.ts";
import type { ScreenOptions, WatchEnd } from "./screen.ts";
import type { ThemeName } from "./themes.ts";
import type { ViewName } from "./views/registry.ts";

export interface WatchOptions extends ScreenOptions {
  /** Print the present state and end. */
  readonly once: boolean;
  /** Lines, even on a terminal. */
  readonly plain: boolean;
}

export { THEME_NAMES } from "./themes.ts";
export { VIEW_NAMES } from "./views/registry.ts";
export type { QuitAnswer, ThemeName, ViewName, WatchEnd };

/**
 * Shows the runs until the user quits, or without a screen until no run is live. Failures are printed.
 * @param closing aborted: the screen is closed
 */
export async function watch(options: WatchOptions, closing?: AbortSignal): Promise<WatchEnd> {
  try {
    return await shown(options, closing);
  } catch (error) {
    const { message, exitCode } = describeFailure(error);
    process.stderr.write(`phew: ${message}\n`);
    return { exitCode };
  }
}

async function shown(options: WatchOptions, closing?: AbortSignal): Promise<WatchEnd> {
  if (!options.once && !options.plain && isScreen()) {
    prepareEnvironment();
    const { showScreen } = await import("./screen.ts");
    return await showScreen(options, closing);
  }
  const { asciiText } = await import("./ascii.ts");
  const isAscii = options.ascii ?? !isUtf8Locale(process.env);
  // names of runs, layers and folders may hold anything
  const print = (line: string) => {
    const text = lineText(line);
    process.stdout.write(`${isAscii ? asciiText(text) : text}\n`);
  };
  const { followPlain, printOnce } = await import("./plainWatch.ts");
  if (options.once) printOnce(options.folder, print);
  else await followPlain(options.folder, print, options.mayBeMissing);
  return { exitCode: 0 };
}

function isScreen(): boolean {
  return process.stdout.isTTY === true && process.env.TERM !== "dumb";
}

/** What React and Ink's colours read when they are loaded. */
function prepareEnvironment(): void {
  // React's development build is slow and keeps a record of every frame
  process.env.NODE_ENV ??= "production";
  // Ink would look for React's developer tools
  delete process.env.DEV;
  if (process.env.NO_COLOR) {
    process.env.FORCE_COLOR = "0";
    delete process.env.NO_COLOR;
  }
}
