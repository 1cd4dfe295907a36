/** `phew watch`: the dashboard, in this process. */
import { VIEW_NAMES, type ViewName, watch as watchRuns } from "@phew/dashboard/watch";

interface WatchVerbOptions {
  readonly once?: boolean;
  readonly plain?: boolean;
  readonly ascii?: boolean;
  readonly view?: string;
}

/**
 * Sets `process.exitCode` to the dashboard's.
 * @param folder the usual one, which may not be there yet, unless given
 * @throws UsageError for an unknown view
 */
export async function watch(folder: string | undefined, options: WatchVerbOptions): Promise<void> {
  const { once = false, plain = false, ascii = false } = options;
  const view = options.view === undefined ? undefined : await parsedView(options.view);
  const { exitCode } = await watchRuns({
    folder: folder ?? "runs",
    mayBeMissing: folder === undefined,
    once,
    plain,
    ascii,
    ...(view === undefined ? {} : { view }),
  });
  process.exitCode = exitCode;
}

async function parsedView(name: string): Promise<ViewName> {
  const known = VIEW_NAMES.find((candidate) => candidate === name);
  if (known !== undefined) return known;
  // loaded where it has something to say: it takes longer than the screen
  const { oneOf } = await import("../parse.ts");
  return oneOf("--view", VIEW_NAMES)(name) as ViewName;
}
