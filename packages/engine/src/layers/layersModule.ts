/** Loads dist/layers.wasm: the kernels of networks' layers, in one of four builds. */
import { hash } from "../border/layers.ts";
import { builtin } from "../builtin.ts";
import { EngineError } from "../errors.ts";
import { fitting, loadWasm, type WasmFile } from "../wasmFile.ts";
import { type WasmBytes, type WasmModule, webAssembly } from "../webAssembly.ts";

export interface LayersBuild {
  /** For shared memory, which threads need. */
  readonly shared: boolean;
  /** With fused multiply-add: faster, and not the same bits on every machine. */
  readonly relaxed: boolean;
}

interface Modules {
  validate(bytes: WasmBytes): boolean;
  compile(bytes: WasmBytes): Promise<WasmModule>;
}

const modules = webAssembly as unknown as Modules;
const compiled = new Map<string, Promise<WasmModule>>();

/**
 * Compiled once for each build.
 * @throws EngineError if the file is missing or was built from other sources, or if the runtime lacks relaxed SIMD
 */
export function layersModule(build: LayersBuild): Promise<WasmModule> {
  const url = urlOf(build);
  let module = compiled.get(url.href);
  if (module === undefined) {
    module = load(url, build);
    compiled.set(url.href, module);
  }
  return module;
}

// bundlers look for literals with import.meta.url; they are right from src/ and from dist/
function urlOf({ shared, relaxed }: LayersBuild): URL {
  if (relaxed) {
    return shared
      ? new URL("../../dist/layers-relaxed-shared.wasm", import.meta.url)
      : new URL("../../dist/layers-relaxed.wasm", import.meta.url);
  }
  return shared
    ? new URL("../../dist/layers-shared.wasm", import.meta.url)
    : new URL("../../dist/layers.wasm", import.meta.url);
}

async function load(url: URL, { relaxed }: LayersBuild): Promise<WasmModule> {
  const bytes = await loadWasm(url, LAYERS_WASM);
  if (relaxed && !modules.validate(bytes)) {
    builtin<{ setFlagsFromString(flag: string): void }>("node:v8")?.setFlagsFromString(
      "--experimental-wasm-relaxed-simd",
    );
    if (!modules.validate(bytes)) {
      throw new EngineError("fast math", {
        given: "a runtime without relaxed SIMD",
        expected: "one with it, as Node 20 or newer",
        remedy: "Leave the option out.",
      });
    }
  }
  return fitting(await modules.compile(bytes), LAYERS_WASM);
}

const LAYERS_WASM: WasmFile = {
  name: "layers.wasm",
  expected: "the compiled kernels",
  remedy: "Build them with `npm run setup`.",
  border: hash,
};
