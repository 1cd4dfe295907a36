/** Where a run was made: versions and hardware, for readers who want to repeat it. No user names, no paths. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { arch, availableParallelism, cpus, platform, release, totalmem } from "node:os";
import { join } from "node:path";
import { isRecord, settings } from "@phew/core/fields";
import { canonicalJson } from "./canonicalJson.ts";
import { replaceFile } from "./replaceFile.ts";
import { readJson } from "./status.ts";

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
  /** Requested number of threads; absent: one per core. */
  readonly threadCount?: number;
  /** Commit of the checkout PHEW runs from; absent for an installed package. */
  readonly commit?: string;
  /** True where tracked files of the program differ from that commit; pages and tables of results are no part of it. */
  readonly modified?: boolean;
}

/** As in `environment.json`: where the run began, and all other environments in which it was resumed. */
export interface EnvironmentFile extends RunEnvironment {
  readonly resumed?: readonly RunEnvironment[];
  /** Path-independent digest of the files that the data were last read from. */
  readonly dataStamp?: string;
}

const RESUMED_LIMIT = 10_000;
/** Paths from the top of the checkout. */
const PROGRAM = ["--", ":/packages", ":/apps"];

/** Writes a new file, or adds this process and computer if they differ from the last entry. */
export function writeEnvironment(
  path: string,
  { threadCount, dataStamp }: Pick<EnvironmentFile, "threadCount" | "dataStamp">,
  resumed: boolean,
): void {
  const here = { ...describeEnvironment(), ...(threadCount === undefined ? {} : { threadCount }) };
  const stamp = dataStamp === undefined ? {} : { dataStamp };
  const before = resumed ? environmentOf(readJson(path)) : undefined;
  if (before === undefined) {
    write(path, { ...here, ...stamp });
    return;
  }
  const { resumed: others = [], dataStamp: _, ...first } = before;
  const isSame = canonicalJson(others.at(-1) ?? first) === canonicalJson(here);
  const all = isSame ? others : [...others, here];
  write(path, { ...first, ...(all.length > 0 && { resumed: all }), ...stamp });
}

/** Where the run in a folder began, and where it was resumed; empty if the folder does not say. */
export function readEnvironments(folder: string): RunEnvironment[] {
  const file = environmentOf(readJson(join(folder, "environment.json")));
  if (file === undefined) return [];
  const { resumed = [], dataStamp: _, ...first } = file;
  return [first, ...resumed];
}

/** The parsed document; undefined if it is not a description of an environment. */
function environmentOf(value: unknown): EnvironmentFile | undefined {
  const file = settings(value);
  const others = file?.resumed ?? [];
  if (file === undefined || !Array.isArray(others) || others.length > RESUMED_LIMIT) return undefined;
  return others.every(isRecord) ? (file as unknown as EnvironmentFile) : undefined;
}

function write(path: string, file: EnvironmentFile): void {
  replaceFile(path, `${JSON.stringify(file, undefined, 2)}\n`);
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
  // an installed package may lie in the repository of another project
  if (import.meta.url.includes("/node_modules/")) return undefined;
  try {
    const commit = git("rev-parse", "HEAD");
    return { commit, modified: git("status", "--porcelain", "--untracked-files=no", ...PROGRAM) !== "" };
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
