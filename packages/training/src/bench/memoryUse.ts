/** Memory of this process, as the operating system counts it. */
import { existsSync, readFileSync } from "node:fs";

/** Resident now. */
export function residentBytes(): number {
  return process.memoryUsage.rss();
}

/** Resident at the most, since the process began. */
export function peakBytes(): number {
  // maxRSS on Linux is at least that of the parent when it forked
  return statusBytes("VmHWM") ?? 1024 * process.resourceUsage().maxRSS;
}

function statusBytes(field: string): number | undefined {
  if (!existsSync("/proc/self/status")) return undefined;
  const line = readFileSync("/proc/self/status", "utf8").match(new RegExp(`^${field}:\\s*(\\d+) kB$`, "m"));
  return line === null ? undefined : 1024 * Number(line[1]);
}
