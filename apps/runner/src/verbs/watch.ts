/** `phew watch`: hands the terminal to the dashboard, which is a program of its own. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

interface WatchOptions {
  readonly once?: boolean;
  readonly plain?: boolean;
  readonly ascii?: boolean;
}

/** Ends with the dashboard's exit code. */
export async function watch(folder: string, options: WatchOptions): Promise<void> {
  const flags = (["once", "plain", "ascii"] as const).filter((flag) => options[flag]);
  process.exitCode = await showDashboard([folder, ...flags.map((flag) => `--${flag}`)]);
}

/**
 * @param closing aborted: the screen is closed
 * @returns the dashboard's exit code: 0, or 130 where it ended the run that it was started with
 */
export async function showDashboard(args: readonly string[], closing?: AbortSignal): Promise<number> {
  const program = fileURLToPath(import.meta.resolve("@phew/dashboard/main"));
  const child = spawn(process.execPath, [program, ...args], { stdio: "inherit" });
  // the dashboard gets the terminal's signals itself and restores the screen
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  closing?.addEventListener("abort", () => child.kill("SIGTERM"));
  return await new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => resolve(code ?? 130));
  });
}
