/** Loads dist/walk.wasm in Node and in browsers; makes walkers and random fills. */
import { type Exports, hash } from "./border/walk.ts";
import { EngineError, requireFinite, requireWhole } from "./errors.ts";
import { Walker } from "./walker.ts";
import { instantiateWalk } from "./walkModule.ts";
import type { WalkTuning } from "./walkOptions.ts";
import type { WalkOptions, WalkPlan } from "./walkPlan.ts";
import { fitting, hasFileSystem, isWasmBytes, loadWasm, readWasm, type WasmFile } from "./wasmFile.ts";
import { type WasmBytes, type WasmMemory, type WasmModule, webAssembly } from "./webAssembly.ts";

/** Floats per chunk of a random fill. */
const CHUNK = 16_384;

export interface NormalFill {
  /** Whole numbers from 0 to 2^53 − 1. */
  readonly seed: number;
  readonly stream: number;
  readonly standardDeviation: number;
  /** Default 0. */
  readonly mean?: number;
}

export interface UniformFill {
  /** Whole numbers from 0 to 2^53 − 1. */
  readonly seed: number;
  readonly stream: number;
  readonly low: number;
  readonly high: number;
}

export class WalkEngine {
  readonly #module: WasmModule;
  readonly #memory: WasmMemory;
  readonly #wasm: Exports;
  readonly #chunk: number;

  /** Use {@link loadWalkEngine}. @throws EngineError if the module was built from other sources */
  constructor(module: WasmModule) {
    this.#module = fitting(module, WALK_WASM);
    this.#memory = new webAssembly.Memory({ initial: 4, maximum: 65_536 });
    this.#wasm = instantiateWalk(module, this.#memory);
    this.#chunk = Math.ceil(this.#wasm.heapBase() / 16) * 16;
  }

  /**
   * Copies the plan's weights (later changes to them have no effect) and prepares the walks.
   * @throws EngineError if the plan is inconsistent, a weight is not finite, a unit has no link on or back, or the
   * network
   *   needs more than the 4 GiB of a WebAssembly memory
   */
  createWalker(plan: WalkPlan, options: WalkOptions, tuning: WalkTuning = {}): Walker {
    return new Walker(this.#module, this.#wasm, plan, options, tuning);
  }

  /**
   * Normally distributed numbers, the same on every machine: element k depends on (seed, stream, k) alone.
   * @param out any length; written from start to end
   */
  fillNormal(out: Float32Array, { seed, stream, standardDeviation, mean = 0 }: NormalFill): void {
    requireFinite("standardDeviation", standardDeviation);
    requireFinite("mean", mean);
    const tails = this.#chunk + 4 * CHUNK;
    this.#fill(out, seed, stream, (chunk, count, first) => {
      this.#wasm.fillNormal(chunk, count, tails, seed, stream, first, mean, standardDeviation);
    });
  }

  /** Uniform from low to high; `high` itself only by rounding to float32. As {@link fillNormal}. */
  fillUniform(out: Float32Array, { seed, stream, low, high }: UniformFill): void {
    requireFinite("low", low);
    requireFinite("high", high);
    this.#fill(out, seed, stream, (chunk, count, first) => {
      this.#wasm.fillUniform(chunk, count, seed, stream, first, low, high);
    });
  }

  /** Numbers 0 … out.length − 1 of a stream: `randomU32(seed, stream, k)`. */
  fillU32(out: Uint32Array, { seed, stream }: { readonly seed: number; readonly stream: number }): void {
    this.#fill(out, seed, stream, (chunk, count, first) => {
      this.#wasm.fillU32(chunk, count, seed, stream, first);
    });
  }

  #fill(
    out: Float32Array | Uint32Array,
    seed: number,
    stream: number,
    make: (chunk: number, count: number, first: number) => void,
  ): void {
    requireWhole("seed", seed, 0, Number.MAX_SAFE_INTEGER);
    requireWhole("stream", stream, 0, Number.MAX_SAFE_INTEGER);
    const Elements = out instanceof Float32Array ? Float32Array : Uint32Array;
    for (let first = 0; first < out.length; first += CHUNK) {
      const count = Math.min(CHUNK, out.length - first);
      make(this.#chunk, count, first);
      out.set(new Elements(this.#memory.buffer, this.#chunk, count), first);
    }
  }
}

let defaultEngine: WalkEngine | undefined;

/**
 * @param wasm location of walk.wasm, its bytes, or the compiled module (which can be passed to workers); default: the
 *   file of this package, compiled once
 * @throws EngineError if it is missing, or was built from other sources than this package
 */
export async function loadWalkEngine(wasm?: URL | WasmBytes | WasmModule): Promise<WalkEngine> {
  if (wasm === undefined) {
    defaultEngine ??= await engineAt(defaultUrl());
    return defaultEngine;
  }
  if (wasm instanceof URL) return engineAt(wasm);
  return isWasmBytes(wasm) ? new WalkEngine(await webAssembly.compile(wasm)) : new WalkEngine(wasm);
}

/** As {@link loadWalkEngine}, synchronously. Without an argument it reads the file, so outside Node it needs one. */
export function loadWalkEngineSync(wasm?: WasmBytes | WasmModule): WalkEngine {
  if (wasm !== undefined) return new WalkEngine(isWasmBytes(wasm) ? new webAssembly.Module(wasm) : wasm);
  defaultEngine ??= new WalkEngine(new webAssembly.Module(readDefault()));
  return defaultEngine;
}

// bundlers look for a literal with import.meta.url; it is right from src/ and from dist/
const defaultUrl = (): URL => new URL("../dist/walk.wasm", import.meta.url);

async function engineAt(url: URL): Promise<WalkEngine> {
  return new WalkEngine(await webAssembly.compile(await loadWasm(url, WALK_WASM)));
}

const WALK_WASM: WasmFile = {
  name: "walk.wasm",
  expected: "the compiled walking engine",
  remedy: "Build it with `npm run setup`.",
  border: hash,
};

function readDefault(): WasmBytes {
  if (hasFileSystem()) return readWasm(defaultUrl(), WALK_WASM);
  throw new EngineError("loadWalkEngineSync", {
    given: "no bytes, without a file system",
    expected: "the bytes of walk.wasm, or the compiled module",
    remedy: "Fetch walk.wasm and pass its bytes, or use loadWalkEngine.",
  });
}
