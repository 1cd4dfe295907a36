/** One sequence of walks over a plan, in a wasm memory of its own. */
import { type Exports, NO_EDGE } from "./border/walk.ts";
import { EngineError, requireWhole } from "./errors.ts";
import { countRows } from "./keptBits.ts";
import { type Places, placesFor, STAGE_BYTES } from "./places.ts";
import { type Running, setUp } from "./setUp.ts";
import { checkOptions, DIRECTION, type WalkTuning } from "./walkOptions.ts";
import type { WalkOptions, WalkPlan } from "./walkPlan.ts";
import type { WasmModule } from "./webAssembly.ts";
import { wire } from "./wiring.ts";

const MAX_WALKS = 2 ** 47;

/** Progress of a walker; counts are totals since its first walk. */
export interface WalkProgress {
  /** Kept edges. */
  readonly keptCount: number;
  readonly walkCount: number;
  /** Steps of all walks, one for each weight passed. */
  readonly stepCount: number;
}

export class Walker {
  readonly #plan: WalkPlan;
  readonly #options: WalkOptions;
  readonly #levelCount: number;
  readonly #places: Places;
  #running: Running | undefined;

  /** Use `WalkEngine.createWalker`. */
  constructor(module: WasmModule, sizes: Exports, plan: WalkPlan, options: WalkOptions, tuning: WalkTuning) {
    checkOptions(options);
    const wiring = wire(plan);
    this.#plan = plan;
    this.#options = options;
    this.#levelCount = wiring.levelCount;
    this.#places = placesFor(plan, wiring, options, tuning, sizes);
    this.#running = setUp(module, plan, wiring, options, tuning, this.#places);
  }

  /**
   * Walks until `keepCount` edges are kept or `maxWalkCount` further walks are done. Walks are kept whole, so the
   * last one may exceed keepCount. Another call with a larger keepCount continues the same sequence of walks: masks
   * of growing counts are nested, and equal those of a single call.
   * @param keepCount 0 … plan.edgeCount; more than {@link reachableCount} is never reached
   * @param maxWalkCount whole number from 0, or Infinity
   */
  advance(keepCount: number, maxWalkCount: number = Number.POSITIVE_INFINITY): WalkProgress {
    const { wasm } = this.#alive();
    requireWhole("keepCount", keepCount, 0, this.#plan.edgeCount);
    if (maxWalkCount !== Number.POSITIVE_INFINITY) {
      requireWhole("maxWalkCount", maxWalkCount, 0, Number.MAX_SAFE_INTEGER);
    }
    wasm.advance(keepCount, Math.max(0, Math.min(maxWalkCount, MAX_WALKS - wasm.walks())));
    return this.progress;
  }

  get progress(): WalkProgress {
    const { wasm } = this.#alive();
    return { keptCount: wasm.kept() >>> 0, walkCount: wasm.walks(), stepCount: wasm.steps() };
  }

  /**
   * Number of edges that are kept already or have a probability above 0: the greatest keepCount that can be reached.
   * It includes edges with a share below about 2^-32 of their row, which in practice no walk takes.
   */
  get reachableCount(): number {
    const { wasm } = this.#alive();
    const { bias, direction } = this.#options;
    if (bias === "uniform" || bias === "inverse" || wasm.hasZero() === 0) return this.#plan.edgeCount;
    const count =
      wasm.countReachable(Number(direction !== "backward"), Number(direction !== "forward")) >>> 0;
    // weights that layers share are counted for each
    return Math.min(count, this.#plan.edgeCount);
  }

  /** Marks further edges as kept. @param mask length edgeCount, one byte per edge, not 0 = kept */
  keep(mask: Uint8Array): void {
    const { memory, wasm } = this.#alive();
    this.#requireMask(mask);
    for (let first = 0; first < mask.length; first += STAGE_BYTES) {
      const part = mask.subarray(first, first + STAGE_BYTES);
      new Uint8Array(memory.buffer, this.#places.stage, part.length).set(part);
      wasm.keepBytes(this.#places.stage, first, part.length);
    }
  }

  /** Length edgeCount, one byte per edge, 1 = kept. */
  mask(): Uint8Array {
    const bytes = new Uint8Array(this.#plan.edgeCount);
    this.maskInto(bytes);
    return bytes;
  }

  /** @param bytes length edgeCount; 1 = kept, 0 = not */
  maskInto(bytes: Uint8Array): void {
    const { memory, wasm } = this.#alive();
    this.#requireMask(bytes);
    for (let first = 0; first < bytes.length; first += STAGE_BYTES) {
      const length = Math.min(STAGE_BYTES, bytes.length - first);
      wasm.expandBits(this.#places.stage, first, length);
      bytes.set(new Uint8Array(memory.buffer, this.#places.stage, length), first);
    }
  }

  /**
   * Number of kept edges that enter each output unit of a layer: about a millisecond for 20 million edges. @param
   * layer index in plan.layers @returns length outCount
   */
  keptIn(layer: number): Uint32Array {
    const { memory } = this.#alive();
    requireWhole("layer", layer, 0, this.#plan.layers.length - 1);
    const { firstEdge, weight, outCount } = this.#plan.layers[layer]!;
    const words = new Uint32Array(memory.buffer, this.#places.mask, Math.ceil(this.#plan.edgeCount / 32));
    return countRows(words, firstEdge, weight.length / outCount, outCount);
  }

  /**
   * Edge ids of walk `walk` in the order of its steps, from either end; with whole kernels the first edge of each.
   * Changes no mask and no count. @param walk whole number from 0
   */
  walkEdges(walk: number): Uint32Array {
    const { memory, wasm } = this.#alive();
    requireWhole("walk", walk, 0, MAX_WALKS);
    wasm.walkOne(walk);
    const { edgeIds, levelBytes } = this.#places;
    const edges = Uint32Array.from({ length: this.#levelCount }, (_, level) => {
      return new DataView(memory.buffer).getUint32(edgeIds + level * levelBytes, true);
    }).filter((edge) => edge !== NO_EDGE);
    const { direction } = this.#options;
    const backward = direction === "backward" || (direction === "alternate" && walk % 2 === 1);
    return backward ? edges.reverse() : edges;
  }

  /** Clears mask and counts and starts a new sequence over the same weights: much cheaper than a new walker. */
  restart(seed: number): void {
    const { wasm } = this.#alive();
    requireWhole("seed", seed, 0, Number.MAX_SAFE_INTEGER);
    wasm.clearMask();
    wasm.start(seed, DIRECTION[this.#options.direction]);
  }

  /** Releases the memory; otherwise the garbage collector does. Any later use is an error. */
  dispose(): void {
    this.#running = undefined;
  }

  #alive(): Running {
    if (this.#running === undefined) {
      throw new EngineError("walker", {
        given: "use after dispose()",
        expected: "a walker that has not been disposed of",
        remedy: "Create a new one from the same plan.",
      });
    }
    return this.#running;
  }

  #requireMask(mask: Uint8Array): void {
    if (mask.length !== this.#plan.edgeCount) {
      throw new EngineError("mask", {
        given: `length ${mask.length}`,
        expected: `length ${this.#plan.edgeCount}, one byte per edge`,
      });
    }
  }
}
