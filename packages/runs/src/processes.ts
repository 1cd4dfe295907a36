/** Processes of this machine, asked for by their number. */
import { readFileSync } from "node:fs";

/** Whether a process of this machine has this number and has not ended. */
export function processLives(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, under another user
    if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return false;
  }
  return fieldsOf(pid)?.[0] !== "Z";
}

/** When a process began: boot of the machine and clock ticks since then; undefined where the system does not tell. */
export function processStart(pid: number): string | undefined {
  const ticks = fieldsOf(pid)?.[19];
  return ticks === undefined ? undefined : `${bootId()} ${ticks}`;
}

/** Fields of /proc/PID/stat from the third on, the state. @see proc(5) */
function fieldsOf(pid: number): string[] | undefined {
  const text = readText(`/proc/${pid}/stat`);
  // the second field is the command's name, which may hold blanks and brackets
  return text?.slice(text.lastIndexOf(")") + 2).split(" ");
}

function bootId(): string {
  return readText("/proc/sys/kernel/random/boot_id")?.trim() ?? "";
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
