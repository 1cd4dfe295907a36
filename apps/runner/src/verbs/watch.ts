/** `phew watch`: hands the terminal to the dashboard, which is a program of its own. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Ends with the dashboard's exit code. */
export async function watch(folder: string, options: { once?: boolean; plain?: boolean }): Promise<void> {
  const program = fileURLToPath(import.meta.resolve("@phew/dashboard/main"));
  const flags = [options.once ? "--once" : [], options.plain ? "--plain" : []].flat();
  const child = spawn(process.execPath, [program, folder, ...flags], { stdio: "inherit" });
  // the dashboard gets the terminal's signals itself and restores the screen
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => resolve(code ?? 130));
  });
}
