/** Where a run was made: versions and machine, for a reader who wants to make it again. No user, no paths. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { arch, availableParallelism, cpus, platform, release, totalmem } from "node:os";

export interface RunEnvironment {
  /** Of PHEW. */
  readonly version: string;
  readonly node: string;
  readonly v8: string;
  readonly platform: string;
  readonly release: string;
  readonly architecture: string;
  readonly cpu: string;
  readonly coreCount: number;
  readonly memoryBytes: number;
  /** Commit of the checkout PHEW runs from; absent for an installed package. */
  readonly commit?: string;
  /** True where tracked files of the checkout differ from that commit. */
  readonly modified?: boolean;
}

/** Describes this process and machine. */
export function describeEnvironment(): RunEnvironment {
  return {
    version: packageVersion(),
    node: process.versions.node,
    v8: process.versions.v8,
    platform: platform(),
    release: release(),
    architecture: arch(),
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    coreCount: availableParallelism(),
    memoryBytes: totalmem(),
    ...checkout(),
  };
}

function packageVersion(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return String((JSON.parse(text) as { version?: unknown }).version);
}

function checkout(): { commit: string; modified: boolean } | undefined {
  // an installed package may lie in somebody else's repository
  if (import.meta.url.includes("/node_modules/")) return undefined;
  try {
    const commit = git("rev-parse", "HEAD");
    return { commit, modified: git("status", "--porcelain", "--untracked-files=no") !== "" };
  } catch {
    return undefined;
  }
}

function git(...args: readonly string[]): string {
  const cwd = new URL(".", import.meta.url);
  return execFileSync("git", args, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    timeout: 5000,
  }).trim();
}
