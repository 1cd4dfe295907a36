/** Reads the compiled modules that stand in dist: from the file system in Node, over the network in browsers. */
import { builtin } from "./builtin.ts";
import { EngineError } from "./errors.ts";
import type { WasmBytes, WasmModule } from "./webAssembly.ts";

/** What a file is, for whom it is missing. */
export interface WasmFile {
  readonly name: string;
  readonly expected: string;
  readonly remedy: string;
}

interface FileSystem {
  readFileSync(path: URL): Uint8Array<ArrayBuffer>;
}

/** True where {@link readWasm} can read at all. */
export const hasFileSystem = (): boolean => builtin<FileSystem>("node:fs") !== undefined;

/** @throws EngineError where it cannot be read */
export function readWasm(url: URL, file: WasmFile): WasmBytes {
  const fileSystem = builtin<FileSystem>("node:fs");
  if (fileSystem === undefined) throw notFound(url, file, "no file system");
  try {
    return fileSystem.readFileSync(url);
  } catch (error) {
    throw notFound(url, file, (error as Error).message);
  }
}

/** Reads or fetches, as the address says. @throws EngineError where it is not to be had */
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
