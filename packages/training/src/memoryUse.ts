/** Memory of this process, as the operating system counts it. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";

/** Resident now. */
export function residentBytes(): number {
  return process.memoryUsage.rss();
}

/** Resident at the most, since the process began. */
export function peakBytes(): number {
  // maxRSS on Linux is at least that of the parent when it forked
  return statusBytes("VmHWM") ?? 1024 * process.resourceUsage().maxRSS;
}

/**
 * Starts to observe this process; the returned function gives the greatest growth of its memory since, in bytes. If
 * the system cannot reset the peak, an earlier one counts too.
 */
export function watchGrowth(): () => number {
  const start = residentBytes();
  forgetPeak();
  return () => Math.max(0, peakBytes() - start);
}

function forgetPeak(): void {
  try {
    // proc(5): 5 resets the peak of the resident set
    writeFileSync("/proc/self/clear_refs", "5");
  } catch {
    // not on Linux, or not allowed
  }
}

function statusBytes(field: string): number | undefined {
  if (!existsSync("/proc/self/status")) return undefined;
  const line = readFileSync("/proc/self/status", "utf8").match(new RegExp(`^${field}:\\s*(\\d+) kB$`, "m"));
  return line === null ? undefined : 1024 * Number(line[1]);
}
