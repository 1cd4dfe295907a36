/** `phew watch`: the dashboard, in this process. */
import { watch as watchRuns } from "@phew/dashboard/watch";

interface WatchVerbOptions {
  readonly once?: boolean;
  readonly plain?: boolean;
  readonly ascii?: boolean;
}

/** Sets `process.exitCode` to the dashboard's. @param folder the usual one, which may not be there yet, unless given */
export async function watch(folder: string | undefined, options: WatchVerbOptions): Promise<void> {
  const { once = false, plain = false, ascii = false } = options;
  const { exitCode } = await watchRuns({
    folder: folder ?? "runs",
    mayBeMissing: folder === undefined,
    once,
    plain,
    ascii,
  });
  process.exitCode = exitCode;
}
