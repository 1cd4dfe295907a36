/**
 * Processes of this machine, asked for by their number. Numbers are given again, and those in files may be anything: what
 * a file calls a process is that process only where its start agrees too.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { type Fields, optional, text, whole } from "@phew/core/fields";
import { processFields, processLives } from "@phew/formats/tensors";

/** A process as files name it. */
export interface ProcessOwner {
  readonly pid: number;
  readonly host: string;
  /** Start time in its computer's own count; see {@link processStart}. Absent if the system does not provide it. */
  readonly started?: string;
}

export const ownerFields: Fields<ProcessOwner> = {
  pid: whole(1, 2 ** 31 - 1),
  host: text(255),
  started: optional(text(200)),
};

/** This process. */
export function ownProcess(): ProcessOwner {
  const started = processStart(process.pid);
  return { pid: process.pid, host: hostname(), ...(started === undefined ? {} : { started }) };
}

/** Whether a process of this computer still runs: same number, and same start time if both are known. */
export function ownerLives({ pid, started }: Pick<ProcessOwner, "pid" | "started">): boolean {
  if (!processLives(pid)) return false;
  const now = started === undefined ? undefined : processStart(pid);
  return now === undefined || now === started;
}

/**
 * Sends a signal to the process that a file names, if it runs on this computer and is identified with certainty:
 * never to a group, to process 1, or to this process.
 * @returns whether it was sent
 */
export function signalOwner({ pid, host, started }: ProcessOwner, signal: NodeJS.Signals): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 1 || pid === process.pid || host !== hostname()) return false;
  if (started === undefined || processStart(pid) !== started) return false;
  try {
    return process.kill(pid, signal);
  } catch {
    // it has just ended, or is another user's
    return false;
  }
}

/**
 * Start time of a process: boot of the computer and clock ticks since then; undefined if the system does not provide
 * it.
 */
export function processStart(pid: number): string | undefined {
  if (!Number.isSafeInteger(pid) || pid < 1) return undefined;
  const ticks = processFields(pid)?.[19];
  if (ticks !== undefined) return `${bootId()} ${ticks}`;
  return process.platform === "linux" || process.platform === "win32" ? undefined : startByPs(pid);
}

/** Without /proc, as on macOS: to the second. */
function startByPs(pid: number): string | undefined {
  try {
    const answer = execFileSync("ps", ["-o", "lstart=", "-p", `${pid}`], {
      encoding: "utf8",
      env: { ...process.env, LC_ALL: "C", TZ: "UTC" },
      stdio: ["ignore", "pipe", "ignore"],
      timeout: 2000,
    });
    return answer.trim() || undefined;
  } catch {
    return undefined;
  }
}

function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}
