/** `phew watch`: the dashboard, in this process. */
import { watch as watchRuns } from "@phew/dashboard/watch";

interface WatchVerbOptions {
  readonly once?: boolean;
  readonly plain?: boolean;
  readonly ascii?: boolean;
}

/** Sets `process.exitCode` to the dashboard's. */
export async function watch(folder: string, options: WatchVerbOptions): Promise<void> {
  const { once = false, plain = false, ascii = false } = options;
  const { exitCode } = await watchRuns({ folder, once, plain, ascii });
  process.exitCode = exitCode;
}
