/** Runs the built command: within this process, where the process itself is not what is tested, or as a user does. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, onTestFinished } from "vitest";

/** The program that a user starts. */
export const bin = fileURLToPath(new URL("../bin/phew.js", import.meta.url));
const built = new URL("../dist/main.js", import.meta.url).href;

export interface Outcome {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What differs from this process's own environment; undefined where it has none. */
export type Environment = Readonly<Record<string, string | undefined>>;

let before: Promise<unknown> = Promise.resolve();

/**
 * What the command says and how it ends, without the third of a second in which a process of its own starts. Calls take
 * turns: folder, environment and outputs are the process's.
 */
export function phew(
  args: readonly string[],
  cwd: string = tmpdir(),
  environment: Environment = {},
): Promise<Outcome> {
  const outcome = before.then(() => carriedOutHere(args, cwd, environment));
  before = outcome.catch(() => undefined);
  return outcome;
}

async function carriedOutHere(args: readonly string[], cwd: string, environment: Environment) {
  const { carryOut } = (await import(built)) as { carryOut(args: readonly string[]): Promise<void> };
  const { argv, exitCode } = process;
  const folder = process.cwd();
  const stdout = caught(process.stdout);
  const stderr = caught(process.stderr);
  const listeners = SIGNALS.map((name) => process.listeners(name));
  let restore = () => {};
  try {
    process.chdir(cwd);
    process.argv = [process.execPath, bin, ...args];
    process.exitCode = undefined;
    restore = changeEnvironment(environment);
    await carryOut(args);
    return {
      exitCode: Number(process.exitCode ?? 0),
      stdout: stdout.text(),
      stderr: stderr.text(),
    };
  } finally {
    stdout.release();
    stderr.release();
    for (const [k, name] of SIGNALS.entries())
      for (const listener of process.listeners(name))
        if (!listeners[k]!.includes(listener)) process.off(name, listener);
    restore();
    Object.assign(process, { argv, exitCode });
    process.chdir(folder);
  }
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** @returns what undoes it */
function changeEnvironment(changes: Environment): () => void {
  const earlier = Object.keys(changes).map((name) => [name, process.env[name]] as const);
  const set = ([name, value]: readonly [string, string | undefined]) => {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  };
  Object.entries(changes).forEach(set);
  return () => earlier.forEach(set);
}

function environmentWith(changes: Environment): Record<string, string> {
  const all = Object.entries({ ...process.env, ...changes });
  return Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** What is written to the stream from now on is kept instead. */
function caught(stream: NodeJS.WriteStream) {
  const chunks: string[] = [];
  const own = stream.write;
  stream.write = ((chunk: string | Uint8Array, ...rest: unknown[]) => {
    chunks.push(typeof chunk === "string" ? chunk : Buffer.from(chunk).toString());
    const done = rest.at(-1);
    if (typeof done === "function") process.nextTick(done as () => void);
    return true;
  }) as typeof own;
  return {
    text: () => chunks.join(""),
    release: () => {
      stream.write = own;
    },
  };
}

/** In a process of its own. */
export function phewProcess(
  args: readonly string[],
  cwd: string = tmpdir(),
  environment: Environment = {},
): Promise<Outcome> {
  return outcomeOf(process.execPath, [bin, ...args], cwd, environment);
}

/** Any program, as it ends; killed after four minutes. */
export function outcomeOf(
  program: string,
  args: readonly string[],
  cwd: string,
  environment: Environment = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: environmentWith(environment),
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 240_000,
    });
    const [stdout, stderr]: Buffer[][] = [[], []];
    child.stdout.on("data", (chunk: Buffer) => stdout!.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr!.push(chunk));
    child.on("error", reject);
    child.on("close", (exitCode) =>
      resolve({
        exitCode,
        stdout: Buffer.concat(stdout!).toString(),
        stderr: Buffer.concat(stderr!).toString(),
      }),
    );
  });
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

/** A zip by hand, of one stored entry without data. */
export function zipOf(name: string): Buffer {
  const bytes = Buffer.from(name);
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(20, 4);
  local.writeUInt16LE(0x800, 6);
  local.writeUInt16LE(bytes.length, 26);
  const central = Buffer.alloc(46);
  central.writeUInt32LE(0x02014b50, 0);
  central.writeUInt16LE(20, 6);
  central.writeUInt16LE(0x800, 8);
  central.writeUInt16LE(bytes.length, 28);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(46 + bytes.length, 12);
  end.writeUInt32LE(30 + bytes.length, 16);
  return Buffer.concat([local, bytes, central, bytes, end]);
}

const shared = fileURLToPath(new URL("../../../../shared", import.meta.url));

/** A file of the shared test data; undefined where that folder is absent. */
export function sharedFile(...names: string[]): string | undefined {
  const file = path.join(shared, ...names);
  return existsSync(file) ? file : undefined;
}

export const readText = (file: string) => readFileSync(file, "utf8");
