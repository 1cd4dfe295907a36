import type { Exports } from "./border/walk.ts";
import { type WasmMemory, type WasmModule, webAssembly } from "./webAssembly.ts";

export function instantiateWalk(module: WasmModule, memory: WasmMemory): Exports {
  return new webAssembly.Instance(module, { env: { memory } }).exports as Exports;
}
