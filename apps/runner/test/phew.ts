/** Runs the built command as a user does. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, onTestFinished } from "vitest";

const bin = fileURLToPath(new URL("../bin/phew.js", import.meta.url));

export interface Outcome {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param environment what differs from this process's own */
export function phew(
  args: readonly string[],
  cwd: string = tmpdir(),
  environment: Readonly<Record<string, string>> = {},
): Outcome {
  const result = spawnSync(process.execPath, [bin, ...args], {
    cwd,
    env: { ...process.env, ...environment },
    encoding: "utf8",
    timeout: 120_000,
    maxBuffer: 2 ** 28,
  });
  return { exitCode: result.status, stdout: result.stdout, stderr: result.stderr };
}

/** An empty folder, removed when the test ends. */
export function scratchFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "phew-runner-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The same for all tests of a file. */
export function lastingFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "phew-runner-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Names of all files below a folder. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
}

/** A safetensors file by hand: header as given, then the bytes. */
export function safetensorsBytes(header: unknown, data: Uint8Array, lengthField?: number): Buffer {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(lengthField ?? json.length));
  return Buffer.concat([length, json, data]);
}

const shared = fileURLToPath(new URL("../../../../shared", import.meta.url));

/** A file of the shared test data; undefined where that folder is absent. */
export function sharedFile(...names: string[]): string | undefined {
  const file = path.join(shared, ...names);
  return existsSync(file) ? file : undefined;
}

export const readText = (file: string) => readFileSync(file, "utf8");
