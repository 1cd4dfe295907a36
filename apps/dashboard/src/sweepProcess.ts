/** `phew sweep` as a process that outlives the screen; what it prints goes to a file of the sweep's own folder. */
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { describeFailure, type SweepEntry } from "@phew/runs";
import { type SweepAnswer, sweepWords } from "./sweepAnswers.ts";

/**
 * Starts it. @param phew program and first arguments of the command
 * @param tell what became of it: at its start, and where it ends while the screen is there
 */
export function startSweepProcess(
  phew: readonly string[],
  sweep: SweepEntry,
  answer: SweepAnswer,
  notify: (text: string) => void,
): void {
  const words = sweepWords(sweep, answer);
  try {
    const file = path.join(sweep.folder, ".sweep", "screen.log");
    const log = openSync(file, "a");
    const { size } = statSync(file);
    const child = spawn(phew[0]!, [...phew.slice(1), ...words], {
      cwd: sweep.record.calledFrom,
      // a session of its own: the end of this terminal is not its end
      detached: true,
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    child.unref();
    child.on("error", (error) => notify(`not started: ${describeFailure(error).message}`));
    child.on("exit", (code) => {
      const message = lastLineFrom(file, size) ?? `exit code ${code}`;
      notify(code === 0 ? message : `phew sweep ended with ${code ?? "a signal"}: ${message}`);
    });
    notify(`started: phew ${words.join(" ")}`);
  } catch (error) {
    notify(`not started: ${describeFailure(error).message}`);
  }
}

/** The last line that was printed behind a place of the file. */
function lastLineFrom(file: string, start: number): string | undefined {
  const lines = readFileSync(file)
    .subarray(start)
    .toString("utf8")
    .split(/[\r\n]+/);
  return lines.map((line) => line.trim()).findLast((line) => line !== "");
}
