/**
 * Path sums through convolutions in WebAssembly: dist/paths.wasm, float64 throughout. One memory, as large as the
 * largest layer needs; no state is kept between calls.
 */
import { type Exports, hash, records } from "../border/paths.ts";
import { type FieldsOf, writeRecord } from "../border/record.ts";
import { EngineError } from "../errors.ts";
import { Addresses } from "../places.ts";
import { fitting, isWasmBytes, loadWasm, readWasm, type WasmFile } from "../wasmFile.ts";
import {
  MAX_PAGES,
  PAGE_BYTES,
  type WasmBytes,
  type WasmMemory,
  type WasmModule,
  webAssembly,
} from "../webAssembly.ts";
import { type PathConvolution, type PathLayout, pathLayout } from "./geometry.ts";

/** Weights of a convolution, `[outChannels, inChannels / groups, ...kernel]`, and how they count. */
export interface PathWeights {
  readonly weight: Float32Array;
  /** 1 for kept weights; absent: all are kept. */
  readonly mask?: Uint8Array | undefined;
  /** 1: magnitudes; 2: squares. */
  readonly power: 1 | 2;
}

type Fields = FieldsOf<typeof records.convolution>;

/** A larger memory is released after use. */
const KEPT_BYTES = 2 ** 26;
/** More than the different convolution shapes of any network. */
const MOST_LAYOUTS = 256;
const F64 = Float64Array.BYTES_PER_ELEMENT;
const ENTRY_BYTES = 16;

export class PathKernels {
  readonly #module: WasmModule;
  #memory: WasmMemory | undefined;
  #wasm: Exports | undefined;
  /** By convolution: rounds of path sums use the same ones again. */
  readonly #layouts = new Map<string, PathLayout>();

  /** Use {@link loadPathKernels} or {@link pathKernels}. */
  constructor(module: WasmModule) {
    this.#module = fitting(module, PATHS_WASM);
  }

  /**
   * y[o, ·] = bias[o] + Σ θ'·x
   * @param input `[inChannels, ...inputSize]`
   * @param bias one per output channel; 0 if absent
   * @returns `[outChannels, ...outputSize]`
   * @throws EngineError if the layer needs more than the 4 GiB of a memory
   */
  forward(
    convolution: PathConvolution,
    weights: PathWeights,
    input: Float64Array,
    bias?: Float64Array,
  ): Float64Array {
    const { wasm, buffer, at } = this.#prepare(convolution, weights, input, false);
    const start = new Float64Array(buffer, at.bias, convolution.outChannels);
    if (bias !== undefined) start.set(bias);
    else start.fill(0);
    wasm.forward(at.record);
    const output = new Float64Array(buffer, at.output, at.outputLength).slice();
    this.#release();
    return output;
  }

  /**
   * @param gradient ∂R/∂y, `[outChannels, ...outputSize]`
   * @returns ∂R/∂x in the shape of the input, and ∂R/∂θ' in that of the weights, 0 if removed: the latter is a view,
   * valid
   *   until the next call of this or {@link forward}
   * @throws EngineError as {@link forward}
   */
  backward(
    convolution: PathConvolution,
    weights: PathWeights,
    input: Float64Array,
    gradient: Float64Array,
  ): { readonly input: Float64Array; readonly weight: Float64Array } {
    const { wasm, buffer, at } = this.#prepare(convolution, weights, input, true);
    new Float64Array(buffer, at.output, gradient.length).set(gradient);
    wasm.backward(at.record);
    this.#release();
    return {
      input: new Float64Array(buffer, at.inputGradient, input.length).slice(),
      weight: new Float64Array(buffer, at.weightGradient, weights.weight.length),
    };
  }

  #prepare(
    convolution: PathConvolution,
    { weight, mask, power }: PathWeights,
    input: Float64Array,
    back: boolean,
  ) {
    const { groups, inChannels, outChannels, inputSize, outputSize, kernel, stride, padding } = convolution;
    const layout = this.#layoutOf(convolution);
    const { wasm, memory } = this.#instance();
    const to = new Addresses(wasm.heapBase());
    const record = to.take(records.convolution.bytes);
    const tapCount = kernel[0] * kernel[1];
    const outputLength = outChannels * outputSize[0] * outputSize[1];
    const fan = tapCount * Math.max(inChannels / groups, outChannels / groups);
    const fields: Fields = {
      input: to.take(F64 * input.length),
      weight: to.take(4 * weight.length),
      mask: mask === undefined ? 0 : to.take(mask.length),
      bias: to.take(F64 * outChannels),
      output: to.take(F64 * outputLength),
      inputGradient: back ? to.take(F64 * input.length) : 0,
      weightGradient: back ? to.take(F64 * weight.length) : 0,
      planes: to.take(F64 * inChannels * layout.phaseCount * layout.planeLength),
      gradientPlanes: back ? to.take(F64 * outChannels * layout.gradientLength) : 0,
      run: to.take(F64 * layout.batch * layout.planeLength),
      taps: to.take(4 * layout.taps.length),
      phases: to.take(4 * layout.phases.length),
      // and one more, since an entry is written before it is known whether it is kept
      entries: to.take(ENTRY_BYTES * (fan * layout.batch + 1)),
      starts: to.take(4 * (layout.batch + 1)),
      groups,
      inPerGroup: inChannels / groups,
      outPerGroup: outChannels / groups,
      height: inputSize[0],
      width: inputSize[1],
      outHeight: outputSize[0],
      outWidth: outputSize[1],
      strideY: stride[0],
      strideX: stride[1],
      top: padding[0],
      left: padding[1],
      tapCount,
      phaseCount: layout.phaseCount,
      square: power === 2 ? 1 : 0,
      ...placesOf(layout),
    };
    growTo(memory, to.end);
    const { buffer } = memory;
    writeRecord(new DataView(buffer), record, records.convolution, fields);
    new Uint32Array(buffer, fields.taps, layout.taps.length).set(layout.taps);
    new Uint32Array(buffer, fields.phases, layout.phases.length).set(layout.phases);
    new Float32Array(buffer, fields.weight, weight.length).set(weight);
    new Float64Array(buffer, fields.input, input.length).set(input);
    if (mask !== undefined) new Uint8Array(buffer, fields.mask, mask.length).set(mask);
    return { wasm, buffer, at: { ...fields, record, outputLength } };
  }

  #layoutOf(convolution: PathConvolution): PathLayout {
    const key = JSON.stringify(convolution);
    const known = this.#layouts.get(key);
    if (known !== undefined) return known;
    const layout = pathLayout(convolution);
    if (this.#layouts.size >= MOST_LAYOUTS) this.#layouts.clear();
    this.#layouts.set(key, layout);
    return layout;
  }

  #instance(): { readonly wasm: Exports; readonly memory: WasmMemory } {
    this.#memory ??= new webAssembly.Memory({ initial: 1, maximum: MAX_PAGES });
    const memory = this.#memory;
    this.#wasm ??= new webAssembly.Instance(this.#module, { env: { memory, abort() {} } }).exports as Exports;
    return { wasm: this.#wasm, memory };
  }

  #release(): void {
    if (this.#memory!.buffer.byteLength <= KEPT_BYTES) return;
    this.#memory = undefined;
    this.#wasm = undefined;
  }
}

function placesOf({ phaseCount: _, taps: __, phases: ___, ...places }: PathLayout) {
  return places;
}

function growTo(memory: WasmMemory, bytes: number): void {
  const pages = Math.ceil(bytes / PAGE_BYTES);
  const missing = pages - memory.buffer.byteLength / PAGE_BYTES;
  if (missing <= 0) return;
  try {
    memory.grow(missing);
  } catch {
    throw new EngineError("path sums", {
      given: `a convolution that takes ${Math.ceil(bytes / 2 ** 20)} MiB`,
      expected: "one that fits into memory, at most 4096 MiB",
    });
  }
}

let kernels: PathKernels | undefined;
let missing = false;

/**
 * Loads the kernels where {@link pathKernels} cannot read a file: in browsers.
 * @param wasm location of paths.wasm, its bytes, or the compiled module; default: the file of this package
 * @throws EngineError if it is missing or was built from other sources
 */
export async function loadPathKernels(wasm: URL | WasmBytes | WasmModule = defaultUrl()): Promise<void> {
  if (wasm instanceof URL) {
    kernels = new PathKernels(await webAssembly.compile(await loadWasm(wasm, PATHS_WASM)));
  } else {
    kernels = new PathKernels(isWasmBytes(wasm) ? await webAssembly.compile(wasm) : wasm);
  }
}

/**
 * @returns undefined if no file can be read and {@link loadPathKernels} has not been called
 * @throws EngineError if the file was built from other sources
 */
export function pathKernels(): PathKernels | undefined {
  if (kernels === undefined && !missing) {
    let bytes: WasmBytes;
    try {
      bytes = readWasm(defaultUrl(), PATHS_WASM);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      missing = true;
      return undefined;
    }
    kernels = new PathKernels(new webAssembly.Module(bytes));
  }
  return kernels;
}

// bundlers look for a literal with import.meta.url; it is right from src/ and from dist/
const defaultUrl = (): URL => new URL("../../dist/paths.wasm", import.meta.url);

const PATHS_WASM: WasmFile = {
  name: "paths.wasm",
  expected: "the compiled kernels of path sums",
  remedy: "Build them with `npm run setup`.",
  border: hash,
};
