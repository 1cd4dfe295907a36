/** `--watch`: the work in a process of its own, which outlives the screen, and the dashboard in this one's terminal. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type WatchOptions, watch } from "@phew/dashboard/watch";
import { listRuns, makeFolder } from "@phew/runs";
import { withoutWatch } from "../commands/shortOptions.ts";
import { EXIT } from "../exit.ts";
import { UsageError } from "../failure.ts";
import { printLines, printText } from "./output.ts";

/**
 * Runs this process's own command again, without `--watch`, and shows its run meanwhile. Sets `process.exitCode`.
 * @param root the folder that will contain its run folder
 * @param view the first view
 * @param more arguments after those of this process
 * @throws UsageError without a terminal
 */
export async function runWatched(
  root: string,
  view: NonNullable<WatchOptions["view"]>,
  more: readonly string[] = [],
): Promise<void> {
  if (process.stdout.isTTY !== true || process.stdin.isTTY !== true) {
    throw new UsageError("--watch", {
      given: "without a terminal",
      expected: "a terminal for the screen",
      remedy: "Leave it out, and follow the run with phew watch.",
    });
  }
  makeFolder(root);
  const log = path.join(mkdtempSync(path.join(tmpdir(), "phew-watch-")), "output");
  const startedT = Date.now();
  const worker = startWorker(log, more);
  const { pid } = worker;
  const ended = new Promise<WorkerEnd>((resolve, reject) => {
    worker.on("error", reject);
    worker.on("exit", (code, signal) => resolve({ code, signal }));
  });
  // one that ended before it had a run, as for wrong usage, leaves nothing to show
  const closing = new AbortController();
  const itsRun = () => listRuns(root).find((run) => run.status?.pid === pid && run.updatedT >= startedT);
  const close = () => {
    if (itsRun() === undefined) closing.abort();
  };
  ended.then(close, close);
  const screen = { folder: root, once: false, plain: false, view };
  const shown = await watch({ ...screen, ...(pid === undefined ? {} : { startedPid: pid }) }, closing.signal);
  // a run that is over was shown as such: its process is about to end, and its words are waited for
  const isOver = (itsRun()?.status?.state ?? "running") !== "running";
  const goesOn = !isOver && shown.answer !== "stop" && shown.answer !== "kill";
  if (goesOn && worker.exitCode === null && worker.signalCode === null) {
    worker.unref();
    printLines(`The run goes on as process ${pid}: phew watch ${root} shows it, its output is in ${log}.`);
    process.exitCode = shown.exitCode;
    return;
  }
  const { code, signal } = await ended;
  printText(readFileSync(log, "utf8"));
  rmSync(path.dirname(log), { recursive: true, force: true });
  if (signal === null) process.exitCode = code ?? EXIT.failed;
  else {
    printLines(`Ended by ${signal}. The same command goes on from the last checkpoint, or begins again.`);
    process.exitCode = EXIT.interrupted;
  }
}

interface WorkerEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

function startWorker(log: string, more: readonly string[]): ChildProcess {
  const output = openSync(log, "w");
  const args = withoutWatch(process.argv.slice(2));
  const worker = spawn(process.execPath, [...process.execArgv, process.argv[1]!, ...args, ...more], {
    // a session of its own: the end of this terminal is not its end
    detached: true,
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  return worker;
}
