/** What this machine tells of a process by its number. */
import { readFileSync } from "node:fs";
import { errorCode } from "@phew/core/messages";

/** Whether a process of this machine has this number and has not ended. */
export function processLives(pid: number): boolean {
  // 0 and below are groups of processes
  if (!Number.isSafeInteger(pid) || pid < 1) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, under another user
    if (errorCode(error) !== "EPERM") return false;
  }
  return processFields(pid)?.[0] !== "Z";
}

/** Fields of /proc/PID/stat from the third on, the state; undefined where there is no such file. @see proc(5) */
export function processFields(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // the second field is the command's name, which may hold blanks and brackets
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}
