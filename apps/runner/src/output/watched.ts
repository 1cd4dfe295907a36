/** `--watch`: the work in a process of its own, which outlives the screen, and the dashboard in this one's terminal. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type WatchOptions, watch } from "@phew/dashboard/watch";
import { listRuns, makeFolder, type RunEntry } from "@phew/runs";
import { withoutWatch } from "../commands/shortOptions.ts";
import { EXIT } from "../exit.ts";
import { UsageError } from "../failure.ts";
import { printData, printLines, printNote } from "./output.ts";

/** What the screen shows of a command, and what happens when it ends. */
export interface WatchedWork {
  /** Folder of what it leaves: all runs, or an experiment. */
  readonly folder: string;
  readonly view: NonNullable<WatchOptions["view"]>;
  /** Arguments after those of this process. */
  readonly more?: readonly string[];
  /**
   * Whether a run is this command's; others are never shown. Unless given, the one run of its process.
   * @param pid of the process of the command, begun at `startedT`
   */
  readonly isOwn?: (run: RunEntry, pid: number | undefined, startedT: number) => boolean;
  /** Whether the command has begun runs; unless given, once one of its own is there. */
  readonly hasBegun?: (startedT: number) => boolean;
  /** Ends processes that outlive that of the command. */
  readonly killRest?: () => void;
}

/** For a command whose own process executes all its runs. */
export const isOfProcess: NonNullable<WatchedWork["isOwn"]> = (run, pid, startedT) =>
  run.status?.pid === pid && run.updatedT >= startedT;

/**
 * Runs this process's own command again, without `--watch`, and shows its runs meanwhile. Sets `process.exitCode`.
 * @throws UsageError without a terminal
 */
export async function runWatched(work: WatchedWork): Promise<void> {
  if (process.stdout.isTTY !== true || process.stdin.isTTY !== true) {
    throw new UsageError("--watch", {
      given: "without a terminal",
      expected: "a terminal for the screen",
      remedy: "Leave it out, and follow the run with phew watch.",
    });
  }
  const { folder, view, more = [], isOwn = isOfProcess } = work;
  makeFolder(folder);
  const log = path.join(mkdtempSync(path.join(tmpdir(), "phew-watch-")), "output");
  const startedT = Date.now();
  const worker = startWorker(log, more);
  const { pid } = worker;
  const ended = new Promise<WorkerEnd>((resolve, reject) => {
    worker.on("error", reject);
    worker.on("exit", (code, signal) => resolve({ code, signal }));
  });
  const isShown = (run: RunEntry) => isOwn(run, pid, startedT);
  const ownRuns = () => listRuns(folder).filter(isShown);
  // one that ended before it had a run, as for wrong usage, leaves nothing to show
  const closing = new AbortController();
  const hasBegun = work.hasBegun ?? (() => ownRuns().length > 0);
  const close = () => {
    if (!hasBegun(startedT)) closing.abort();
  };
  ended.then(close, close);
  const shown = await watch(
    { folder, once: false, plain: false, view, isShown, startedPid: pid, phew: ownCommand() },
    closing.signal,
  );
  if (shown.answer === "kill") work.killRest?.();
  const isAtWork = worker.exitCode === null && worker.signalCode === null;
  const goesOn = shown.isOver !== true && shown.answer !== "stop" && shown.answer !== "kill";
  // figures of many runs take seconds
  if (shown.isOver && isAtWork) printNote("All is done; what comes of it is being written.");
  if (goesOn && isAtWork) {
    worker.unref();
    printLines(`It goes on as process ${pid}: phew watch ${folder} shows it, its output is in ${log}.`);
    process.exitCode = shown.exitCode;
    return;
  }
  const { code, signal } = await ended;
  printData(readFileSync(log, "utf8"));
  rmSync(path.dirname(log), { recursive: true, force: true });
  if (signal === null) process.exitCode = code ?? EXIT.failed;
  else {
    printLines(`Ended by ${signal}. The same command goes on from the last checkpoint, or begins again.`);
    process.exitCode = EXIT.interrupted;
  }
}

/** The command of this program. */
export function ownCommand(): string[] {
  return [process.execPath, ...process.execArgv, process.argv[1]!];
}

interface WorkerEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

function startWorker(log: string, more: readonly string[]): ChildProcess {
  const output = openSync(log, "w");
  const args = withoutWatch(process.argv.slice(2));
  const [program, ...own] = ownCommand();
  const worker = spawn(program!, [...own, ...args, ...more], {
    // a session of its own: the end of this terminal is not its end
    detached: true,
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  return worker;
}
