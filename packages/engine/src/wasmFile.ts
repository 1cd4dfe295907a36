/**
 * Reads the compiled modules in dist, from the file system in Node or over the network in browsers, and checks that
 * they match this TypeScript.
 */
import { builtin } from "./builtin.ts";
import { EngineError } from "./errors.ts";
import { type WasmBytes, type WasmModule, webAssembly } from "./webAssembly.ts";

/** A file's name and purpose, for errors if it is missing. */
export interface WasmFile {
  readonly name: string;
  readonly expected: string;
  readonly remedy: string;
  /** The hash of its border, from src/border. */
  readonly border: string;
}

interface FileSystem {
  readFileSync(path: URL): Uint8Array<ArrayBuffer>;
}

/** True if {@link readWasm} can read files. */
export const hasFileSystem = (): boolean => builtin<FileSystem>("node:fs") !== undefined;

/** @throws EngineError if it cannot be read */
export function readWasm(url: URL, file: WasmFile): WasmBytes {
  const fileSystem = builtin<FileSystem>("node:fs");
  if (fileSystem === undefined) throw notFound(url, file, "no file system");
  try {
    return fileSystem.readFileSync(url);
  } catch (error) {
    throw notFound(url, file, (error as Error).message);
  }
}

/** Reads or fetches the address. @throws EngineError if that fails */
export async function loadWasm(url: URL, file: WasmFile): Promise<WasmBytes> {
  if (url.protocol === "file:") return readWasm(url, file);
  const response = await fetch(url);
  if (!response.ok) throw notFound(url, file, `${response.status} ${response.statusText}`);
  return response.arrayBuffer();
}

export const isWasmBytes = (wasm: WasmBytes | WasmModule): wasm is WasmBytes =>
  wasm instanceof ArrayBuffer || ArrayBuffer.isView(wasm);

function notFound(url: URL, { name, expected, remedy }: WasmFile, why: string): EngineError {
  return new EngineError(name, { given: `${why} (${url.href})`, expected, remedy });
}

/**
 * Checks the module's border hash: a module built from other sources would read records wrongly.
 * @returns the module @throws EngineError if its border differs from that of this TypeScript
 */
export function fitting(module: WasmModule, { name, border }: WasmFile): WasmModule {
  const [section] = webAssembly.Module.customSections(module, "border");
  const own = section === undefined ? "none" : String.fromCharCode(...new Uint8Array(section));
  if (own === border) return module;
  throw new EngineError(name, {
    given: `a module built from other sources than this package (border ${own})`,
    expected: `one built from the same (border ${border})`,
    remedy: "Rebuild the engine with `npm run setup`.",
  });
}
