/** `phew watch`: the dashboard, in this process. */
import {
  THEME_NAMES,
  type ThemeName,
  VIEW_NAMES,
  type ViewName,
  watch as watchRuns,
} from "@phew/dashboard/watch";

interface WatchVerbOptions {
  readonly once?: boolean;
  readonly json?: boolean;
  readonly plain?: boolean;
  readonly ascii?: boolean;
  readonly view?: string;
  readonly theme?: string;
}

/**
 * Sets `process.exitCode` to the dashboard's.
 * @param folder the usual one, which may not be there yet, unless given
 * @throws UsageError for an unknown view or theme
 */
export async function watch(folder: string | undefined, options: WatchVerbOptions): Promise<void> {
  if (options.json)
    return (await import("../runs/watchedOnce.ts")).printWatched(folder, options.once === true);
  const { once = false, plain = false, ascii } = options;
  const view = await known<ViewName>("--view", VIEW_NAMES, options.view);
  const variable = process.env.PHEW_THEME || undefined;
  const theme =
    (await known<ThemeName>("--theme", THEME_NAMES, options.theme)) ??
    (await known<ThemeName>("PHEW_THEME", THEME_NAMES, variable));
  const { exitCode } = await watchRuns({
    folder: folder ?? "runs",
    mayBeMissing: folder === undefined,
    once,
    plain,
    ...(ascii === undefined ? {} : { ascii }),
    ...(theme === undefined ? {} : { theme }),
    view,
    phew: [process.execPath, ...process.execArgv, process.argv[1]!],
  });
  process.exitCode = exitCode;
}

/** @throws UsageError if `names` lacks it */
async function known<T extends string>(
  option: string,
  names: readonly T[],
  given: string | undefined,
): Promise<T | undefined> {
  if (given === undefined) return undefined;
  const found = names.find((name) => name === given);
  if (found !== undefined) return found;
  // loaded only if needed: it takes longer to load than the screen
  const { oneOf } = await import("../parse.ts");
  return oneOf(option, names)(given) as T;
}
