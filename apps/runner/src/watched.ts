/** `--watch`: the work in a process of its own, which outlives the screen, and the dashboard in this one's terminal. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { makeFolder } from "@phew/runs";
import { EXIT, UsageError } from "./failure.ts";
import { printLines } from "./output.ts";
import { showDashboard } from "./verbs/watch.ts";

/**
 * Does this process's own command once more, without `--watch`, and shows its run meanwhile. Sets `process.exitCode`.
 * @param root the folder its run folder comes to lie in
 * @param more arguments behind those of this process
 * @throws UsageError where there is no terminal
 */
export async function runWatched(root: string, more: readonly string[] = []): Promise<void> {
  if (process.stdout.isTTY !== true || process.stdin.isTTY !== true) {
    throw new UsageError("--watch", {
      given: "without a terminal",
      expected: "a terminal for the screen",
      remedy: "Leave it out, and follow the run with phew watch.",
    });
  }
  makeFolder(root);
  const logFolder = mkdtempSync(path.join(tmpdir(), "phew-watch-"));
  const log = path.join(logFolder, "output");
  const worker = startWorker(log, more);
  const ended = new Promise<number>((resolve, reject) => {
    worker.on("error", reject);
    worker.on("exit", (code) => resolve(code ?? EXIT.interrupted));
  });
  // wrong usage leaves no run to show
  const closing = new AbortController();
  ended.then((code) => code === EXIT.usage && closing.abort()).catch(() => closing.abort());
  const shown = await showDashboard([root, `--started-pid=${worker.pid}`], closing.signal);
  // left alone it goes on; asked to stop, it keeps a checkpoint first
  if (shown === EXIT.done && worker.exitCode === null && worker.signalCode === null) {
    worker.unref();
    printLines(
      `The run goes on as process ${worker.pid}: phew watch ${root} shows it, its output is in ${log}.`,
    );
    return;
  }
  process.exitCode = await ended;
  process.stdout.write(readFileSync(log, "utf8"));
  rmSync(logFolder, { recursive: true, force: true });
}

function startWorker(log: string, more: readonly string[]): ChildProcess {
  const output = openSync(log, "w");
  const args = process.argv.slice(2).filter((arg) => arg !== "--watch");
  const worker = spawn(process.execPath, [...process.execArgv, process.argv[1]!, ...args, ...more], {
    // a session of its own: the end of this terminal is not its end
    detached: true,
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  return worker;
}
