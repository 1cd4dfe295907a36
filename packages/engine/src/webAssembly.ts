/**
 * Types of the part of the WebAssembly interface that is used here: TypeScript has them only in "dom", which Node
 * lacks.
 */

export type WasmBytes = ArrayBuffer | ArrayBufferView<ArrayBuffer>;

/** A compiled module, `WebAssembly.Module`. */
export type WasmModule = object;

export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

interface WasmInstance {
  readonly exports: object;
}

interface WebAssemblyApi {
  readonly Module: {
    new (bytes: WasmBytes): WasmModule;
    customSections(module: WasmModule, name: string): ArrayBuffer[];
  };
  readonly Memory: { new (limits: { initial: number; maximum?: number }): WasmMemory };
  readonly Instance: {
    new (module: WasmModule, imports: { env: Record<string, WasmMemory | (() => void)> }): WasmInstance;
  };
  compile(bytes: WasmBytes): Promise<WasmModule>;
}

export const webAssembly = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;

/** Bytes of a page of memory, and the most pages a 32-bit address space has. */
export const PAGE_BYTES = 65_536;
export const MAX_PAGES = 65_536;
