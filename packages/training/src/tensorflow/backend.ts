/**
 * What computes below TensorFlow.js: `@tensorflow/tfjs-node` where its native part is installed, else the WebAssembly
 * backend. The native part does not come with the package: its installer fetches it from a server that is often out
 * of reach, and loading it then fails with an error that has no code.
 */
import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { ArgumentError } from "@phew/core";
import * as tf from "@tensorflow/tfjs-core";
import { installation, isAbsent, NATIVE, WASM } from "./packages.ts";

export type TensorflowBackend = "tfjs-node" | "tfjs-wasm";

/** Whether a backend can be had here. */
export type Availability =
  | { readonly available: true }
  | { readonly available: false; readonly reason: string };

const require = createRequire(import.meta.url);

/**
 * Makes a backend the one in use in this process.
 * @param wanted absent: the fastest that is available
 * @throws ArgumentError saying why the backend cannot be had
 */
export async function useBackend(wanted?: TensorflowBackend): Promise<TensorflowBackend> {
  if (wanted !== "tfjs-wasm") {
    const native = await loadNative();
    if (native.available) return "tfjs-node";
    if (wanted === "tfjs-node") throw unavailable(wanted, native.reason);
  }
  const wasm = await loadWasm();
  if (!wasm.available) throw unavailable("tfjs-wasm", wasm.reason);
  return "tfjs-wasm";
}

/** Tries both backends, for a report on what works here. */
export async function probeTensorflow(): Promise<{ tfjsNode: Availability; wasm: Availability }> {
  return { tfjsNode: await loadNative(), wasm: await loadWasm() };
}

/**
 * Only checks the installation.
 * @throws ArgumentError with the command that installs it, if a backend's package is not installed
 */
export async function requireInstalled(wanted?: TensorflowBackend): Promise<void> {
  const native = nativeAbsence();
  if (native === undefined && wanted !== "tfjs-wasm") return;
  if (wanted === "tfjs-node") throw unavailable(wanted, native!);
  try {
    await import("@tensorflow/tfjs-backend-wasm");
  } catch (error) {
    throw unavailable("tfjs-wasm", wasmFault(error));
  }
}

function unavailable(backend: TensorflowBackend, reason: string): ArgumentError {
  return new ArgumentError("executor", {
    given: `tensorflow, without ${backend}: ${reason}`,
    expected: "a backend that works here",
    remedy: "Install it, or take the sparse executor.",
  });
}

/** Why the native backend cannot be loaded; undefined where its files are there. */
function nativeAbsence(): string | undefined {
  const command = `npm run tensorflow in a clone of PHEW, ${installation(NATIVE)} elsewhere`;
  const folder = nativePackage();
  if (folder === undefined) return `${NATIVE} is not installed: ${command}`;
  // looked for before it is loaded, which takes seconds to find out the same
  return hasAddon(folder) ? undefined : `its native part is not installed: ${command}`;
}

function wasmFault(error: unknown): string {
  return isAbsent(error) ? `${WASM} is not installed: ${installation(WASM)}` : firstLine(error);
}

async function loadNative(): Promise<Availability> {
  const absence = nativeAbsence();
  if (absence !== undefined) return { available: false, reason: absence };
  // the library announces itself on standard error, before anything of it can be called
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";
  try {
    // Node 23 took this function away, and tfjs-node 4.22 still calls it
    const util = require("node:util") as { isNullOrUndefined?: (value: unknown) => boolean };
    util.isNullOrUndefined ??= (value) => value === null || value === undefined;
    require(NATIVE);
  } catch (error) {
    return { available: false, reason: firstLine(error) };
  }
  return select("tensorflow");
}

function nativePackage(): string | undefined {
  try {
    return dirname(require.resolve(`${NATIVE}/package.json`));
  } catch {
    return undefined;
  }
}

function hasAddon(packageFolder: string): boolean {
  const library = join(packageFolder, "lib");
  if (!existsSync(library)) return false;
  return readdirSync(library).some((version) => existsSync(join(library, version, "tfjs_binding.node")));
}

async function loadWasm(): Promise<Availability> {
  try {
    const { setWasmPaths } = await import("@tensorflow/tfjs-backend-wasm");
    const folder = dirname(require.resolve("@tensorflow/tfjs-backend-wasm"));
    // the paths cannot be set again once the backend runs
    if (tf.findBackend("wasm") === null) setWasmPaths(`${folder}/`);
  } catch (error) {
    return { available: false, reason: wasmFault(error) };
  }
  return select("wasm");
}

/** Selects a registered backend and lets it compute something. */
async function select(registeredName: string): Promise<Availability> {
  try {
    if (!(await tf.setBackend(registeredName))) {
      return { available: false, reason: `TensorFlow.js could not start its backend "${registeredName}"` };
    }
    await tf.ready();
    const four = tf.tidy(() => tf.matMul(tf.ones([1, 4]), tf.ones([4, 1])).dataSync()[0]);
    return four === 4 ? { available: true } : { available: false, reason: `1·1 four times gave ${four}` };
  } catch (error) {
    return { available: false, reason: firstLine(error) };
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : `${error}`).split("\n")[0]!.trim();
}
