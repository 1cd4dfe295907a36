/**
 * Installs the native part of `@tensorflow/tfjs-node`, which does not come with the package. Each way works in a copy of
 * the package beside it; what it made is moved into the package and stays there only if it then trains.
 */
import { cpSync, existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ArgumentError } from "@phew/core";
import { nativeAddon, nativePackage } from "../backend.ts";
import { faultIn, runProgram } from "./program.ts";
import type { Proof } from "./proofProcess.ts";
import type { Way } from "./way.ts";
import { ways } from "./ways.ts";

export interface NativeInstallation {
  /** The way that led there; undefined where it worked before. */
  readonly way?: string;
  /** Ways that did not, and why; in the order in which they were tried. */
  readonly failures: readonly Failure[];
  readonly proof: Proof;
}

export interface Failure {
  readonly way: string;
  readonly reason: string;
}

export interface InstallOptions {
  readonly signal?: AbortSignal;
  /** Is told what is being done. */
  readonly onNote?: (text: string) => void;
}

/** What a way makes, and all that it makes. */
const MADE = ["lib", "deps"];

/**
 * @throws ArgumentError where the package is missing, or no way led there, with what was tried and why it failed;
 *   signal.reason. Nothing is left of what failed.
 */
export async function installNative(options: InstallOptions = {}): Promise<NativeInstallation> {
  const folder = nativePackage();
  if (folder === undefined) {
    throw new ArgumentError("tfjs-node", {
      given: "no package @tensorflow/tfjs-node",
      expected: "the package to be there, without its native part",
      remedy: "Install it without its script: npm install --ignore-scripts @tensorflow/tfjs-node@4.22.0",
    });
  }
  return installInto(folder, { ways, prove }, options);
}

/** What an installation works with. */
export interface Means {
  readonly ways: readonly Way[];
  /** @throws Error where the package, as it is now, does not train */
  prove(options: InstallOptions): Promise<Proof>;
}

/** {@link installNative} for a copy of the package, by other means where tests bring them. */
export async function installInto(
  folder: string,
  means: Means,
  options: InstallOptions,
): Promise<NativeInstallation> {
  const failures: Failure[] = [];
  /** Undefined, and a failure more, where the attempt fails. */
  const tried = async (way: string, attempt: () => Promise<Proof>): Promise<Proof | undefined> => {
    try {
      return await attempt();
    } catch (error) {
      options.signal?.throwIfAborted();
      failures.push({ way, reason: reasonOf(error) });
      return undefined;
    }
  };
  if (nativeAddon(folder) !== undefined) {
    const proof = await tried("what was installed before", () => means.prove(options));
    if (proof !== undefined) return { failures, proof };
  }
  for (const way of means.ways) {
    const proof = await tried(way.name, async () => {
      await buildInto(folder, way, options);
      options.onNote?.("a training step is taken");
      return means.prove(options).catch((error: unknown) => {
        removeMade(folder);
        throw error;
      });
    });
    if (proof !== undefined) return { way: way.name, failures, proof };
  }
  throw new ArgumentError("tfjs-node", {
    given: failures.map(({ way, reason }) => `${way}: ${reason}`).join("; "),
    expected: "one of these to install its native part",
    remedy: "Nothing of them was left behind. Without it, --executor tensorflow computes in WebAssembly.",
  });
}

/** What the way makes replaces what was there; where it fails, nothing has changed. */
async function buildInto(
  folder: string,
  way: Way,
  { signal, onNote = () => {} }: InstallOptions,
): Promise<void> {
  const prefix = `${basename(folder)}-installing-`;
  removeAbandoned(dirname(folder), prefix);
  const workshop = join(dirname(folder), `${prefix}${process.pid}`);
  try {
    cpSync(folder, workshop, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => !MADE.some((name) => path === join(folder, name)),
    });
    await way.build({ folder: workshop, note: onNote, ...(signal === undefined ? {} : { signal }) });
    if (nativeAddon(workshop) === undefined)
      throw new Error("it ended without an error and without an addon");
    removeMade(folder);
    for (const name of MADE)
      if (existsSync(join(workshop, name))) renameSync(join(workshop, name), join(folder, name));
  } finally {
    rmSync(workshop, { recursive: true, force: true });
  }
}

/** A process of its own: an addon that does not fit may end the process that loads it. */
async function prove({ signal }: InstallOptions): Promise<Proof> {
  // the built one from src/ and from dist/, since Node reads no TypeScript
  const program = fileURLToPath(new URL("../../../dist/tensorflow/install/proofProcess.js", import.meta.url));
  const output = await runProgram({
    command: process.execPath,
    args: [program],
    cwd: process.cwd(),
    timeoutMs: 5 * 60_000,
    ...(signal === undefined ? {} : { signal }),
  });
  return JSON.parse(output.trim().split("\n").at(-1)!) as Proof;
}

function removeMade(folder: string): void {
  for (const name of MADE) rmSync(join(folder, name), { recursive: true, force: true });
}

/** Workshops of installers that were killed. */
function removeAbandoned(folder: string, prefix: string): void {
  for (const name of readdirSync(folder)) {
    if (name.startsWith(prefix) && !isAlive(Number(name.slice(prefix.length))))
      rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function reasonOf(error: unknown): string {
  const { message } = error as Error;
  return (faultIn(message) ?? message).replace(/\.$/, "");
}
