/** One sequence of walks over a plan, in a wasm memory of its own. */
import { Addresses } from "./addresses.ts";
import { EngineError, requireWhole } from "./errors.ts";
import { SAMPLER, samplerOf } from "./samplers.ts";
import { instantiateWalk, type WalkExports } from "./walkModule.ts";
import type { WalkOptions, WalkPlan } from "./walkPlan.ts";
import { MAX_PAGES, PAGE_BYTES, type WasmMemory, type WasmModule, webAssembly } from "./webAssembly.ts";
import { type Segment, type Wiring, wire } from "./wiring.ts";

/** Numbered as in assembly/walk/bias.ts and walk.ts. */
const BIAS = { magnitude: 0, square: 1, uniform: 2, inverse: 3 } as const;
const DIRECTION = { alternate: 0, forward: 1, backward: 2 } as const;

const MAX_WALKS = 2 ** 47;
/** Bytes of the buffer through which masks come and go. */
const STAGE_BYTES = 65_536;

/** Where a walker stands; all counts from its first walk on. */
export interface WalkProgress {
  /** Conserved edges. */
  readonly keptCount: number;
  readonly walkCount: number;
  /** Steps of all walks, one for each weight on their ways. */
  readonly stepCount: number;
}

/** What tests and benchmarks may set; the mask is the same for every batch size. */
export interface WalkTuning {
  /** Walks that are under way together, 1 … 65536. */
  readonly batchSize?: number;
}

/** A walker's parts that one `Memory` and one instance hold; dropped as one. */
interface Running {
  readonly memory: WasmMemory;
  readonly wasm: WalkExports;
}

export class Walker {
  readonly #plan: WalkPlan;
  readonly #options: WalkOptions;
  readonly #stage: number;
  readonly #edgeIds: number;
  readonly #levelCount: number;
  #running: Running | undefined;

  /** Use `WalkEngine.createWalker`. */
  constructor(
    module: WasmModule,
    sizes: WalkExports,
    plan: WalkPlan,
    options: WalkOptions,
    tuning: WalkTuning,
  ) {
    checkOptions(options);
    const wiring = wire(plan);
    this.#plan = plan;
    this.#options = options;
    this.#levelCount = wiring.levelCount;
    const places = placesFor(plan, wiring, options, tuning, sizes);
    this.#stage = places.stage;
    this.#edgeIds = places.edgeIds;
    this.#running = setUp(module, plan, wiring, options, places);
  }

  /**
   * Walks on until `keepCount` edges are conserved or `maxWalkCount` further walks are done. A walk is conserved as a
   * whole, so the last one may exceed keepCount; without it fewer than keepCount are conserved. Called again with a
   * larger keepCount, it goes on with the same sequence of walks: masks of growing counts are nested, and as if walked
   * in one go.
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
   * Number of edges that are conserved already or that have a walk probability above 0: no keepCount above it can be
   * reached. Below some 2^-32 of its row a share counts here, though in practice no walk comes upon it.
   */
  get reachableCount(): number {
    const { wasm } = this.#alive();
    const { bias, direction } = this.#options;
    if (bias === "uniform" || bias === "inverse" || wasm.hasZero() === 0) return this.#plan.edgeCount;
    return wasm.countReachable(Number(direction !== "backward"), Number(direction !== "forward")) >>> 0;
  }

  /** Conserves edges besides. @param mask length edgeCount, one byte per edge, not 0 = conserved */
  keep(mask: Uint8Array): void {
    const { memory, wasm } = this.#alive();
    this.#requireMask(mask);
    for (let first = 0; first < mask.length; first += STAGE_BYTES) {
      const part = mask.subarray(first, first + STAGE_BYTES);
      new Uint8Array(memory.buffer, this.#stage, part.length).set(part);
      wasm.keepBytes(this.#stage, first, part.length);
    }
  }

  /** Length edgeCount, one byte per edge, 1 = conserved. */
  mask(): Uint8Array {
    const bytes = new Uint8Array(this.#plan.edgeCount);
    this.maskInto(bytes);
    return bytes;
  }

  /** @param bytes length edgeCount; 1 = conserved, 0 = not */
  maskInto(bytes: Uint8Array): void {
    const { memory, wasm } = this.#alive();
    this.#requireMask(bytes);
    for (let first = 0; first < bytes.length; first += STAGE_BYTES) {
      const length = Math.min(STAGE_BYTES, bytes.length - first);
      wasm.expandBits(this.#stage, first, length);
      bytes.set(new Uint8Array(memory.buffer, this.#stage, length), first);
    }
  }

  /**
   * Edge ids of walk `walk` in the order it takes them, from either end; with whole kernels the first of each.
   * Neither conserves nor counts anything. @param walk whole number from 0
   */
  walkEdges(walk: number): Uint32Array {
    const { memory, wasm } = this.#alive();
    requireWhole("walk", walk, 0, MAX_WALKS);
    wasm.walkOne(walk);
    const row = new Uint32Array(memory.buffer, this.#edgeIds, this.#levelCount);
    const edges = row.filter((edge) => edge !== 0xffff_ffff);
    const { direction } = this.#options;
    const backward = direction === "backward" || (direction === "alternate" && walk % 2 === 1);
    return backward ? edges.reverse() : edges;
  }

  /** Forgets mask and walks and starts a new sequence over the same weights: much cheaper than a new walker. */
  restart(seed: number): void {
    const { wasm } = this.#alive();
    requireWhole("seed", seed, 0, Number.MAX_SAFE_INTEGER);
    wasm.clearMask();
    wasm.start(seed, DIRECTION[this.#options.direction]);
  }

  /** Gives the memory back; without it, the garbage collector does. Any later use is an error. */
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

export function checkOptions(options: WalkOptions): void {
  requireWhole("seed", options.seed, 0, Number.MAX_SAFE_INTEGER);
  requireOneOf("bias", options.bias, Object.keys(BIAS));
  requireOneOf("granularity", options.granularity, ["weight", "kernel"]);
  requireOneOf("direction", options.direction, Object.keys(DIRECTION));
  requireOneOf("branching", options.branching, ["equal", "weight"]);
}

function requireOneOf(subject: string, value: string, known: readonly string[]): void {
  if (!known.includes(value)) {
    throw new EngineError(subject, { given: `"${value}"`, expected: `one of ${known.join(", ")}` });
  }
}

interface LayerPlaces {
  readonly weight: number;
  readonly forwardSum: number;
  readonly backwardSum: number;
  readonly forwardMax: number;
  readonly backwardMax: number;
  readonly forwardTable: number;
  readonly backwardTable: number;
}

interface Places {
  readonly layers: number;
  readonly forwardExits: number;
  readonly backwardExits: number;
  readonly buckets: number;
  readonly layer: readonly LayerPlaces[];
  readonly forwardSegments: readonly ExitPlaces[];
  readonly backwardSegments: readonly ExitPlaces[];
  readonly bucketEntries: readonly number[];
  readonly edgeIds: number;
  readonly edgeCounts: number;
  readonly batchSize: number;
  readonly chosen: number;
  readonly pending: number;
  readonly norms: number;
  readonly scratch: number;
  readonly mask: number;
  readonly stage: number;
  readonly reachFlags: number;
  readonly reachFlagBytes: number;
  readonly reachLeaving: number;
  readonly segmentBytes: number;
  readonly wayBytes: number;
  /** Bytes of the whole memory. */
  readonly end: number;
}

interface ExitPlaces {
  readonly segments: number;
  /** 0 where there is one segment. */
  readonly segmentOf: number;
  readonly ways: readonly number[];
  /** 0 where the ways of a segment are equal. */
  readonly cumulative: readonly number[];
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const greatest = (values: readonly number[]): number =>
  values.reduce((most, value) => Math.max(most, value), 0);

/** Where everything stands in the walker's memory. */
function placesFor(
  plan: WalkPlan,
  wiring: Wiring,
  options: WalkOptions,
  tuning: WalkTuning,
  sizes: WalkExports,
): Places {
  const to = new Addresses(sizes.heapBase());
  const nodeCount = plan.layers.length + 2;
  const batchSize = batchSizeFor(nodeCount, tuning);
  const weighed = options.branching === "weight";
  const exit = (segments: readonly Segment[]): ExitPlaces => ({
    segments: to.take(segments.length * sizes.SEGMENT_BYTES.value),
    segmentOf: segments.length > 1 ? to.take(4 * sum(segments.map((segment) => segment.unitCount))) : 0,
    ways: segments.map((segment) => to.take(segment.links.length * sizes.WAY_BYTES.value)),
    cumulative: segments.map(({ links, unitCount }) =>
      weighed && links.length > 1 ? to.take(8 * links.length * unitCount) : 0,
    ),
  });
  const kernelCounts = plan.layers.map((layer) => layer.weight.length / layer.kernelSize);
  const alias = options.bias !== "uniform";
  const reachFlagBytes = sum(plan.layers.map((layer) => layer.inCount + layer.outCount));
  return {
    layers: to.take(plan.layers.length * sizes.LAYER_BYTES.value),
    forwardExits: to.take(nodeCount * sizes.EXIT_BYTES.value),
    backwardExits: to.take(nodeCount * sizes.EXIT_BYTES.value),
    buckets: to.take(nodeCount * sizes.BUCKET_BYTES.value),
    forwardSegments: wiring.forward.map(exit),
    backwardSegments: wiring.backward.map(exit),
    layer: plan.layers.map((layer, l) => ({
      weight: to.take(4 * layer.weight.length),
      forwardSum: to.take(8 * layer.inCount),
      backwardSum: to.take(8 * layer.outCount),
      forwardMax: to.take(8 * layer.inCount),
      backwardMax: to.take(8 * layer.outCount),
      forwardTable: alias && options.direction !== "backward" ? to.take(8 * kernelCounts[l]!) : 0,
      backwardTable: alias && options.direction !== "forward" ? to.take(8 * kernelCounts[l]!) : 0,
    })),
    bucketEntries: Array.from({ length: nodeCount }, () => to.take(8 * batchSize)),
    edgeIds: to.take(4 * batchSize * wiring.levelCount),
    edgeCounts: options.granularity === "kernel" ? to.take(4 * batchSize * wiring.levelCount) : 0,
    batchSize,
    chosen: to.take(8 * batchSize),
    pending: to.take(4 * batchSize),
    mask: to.take(4 * Math.ceil(plan.edgeCount / 32)),
    stage: to.take(STAGE_BYTES),
    reachFlagBytes,
    reachFlags: to.take(reachFlagBytes),
    reachLeaving: to.take(
      greatest([
        plan.inputCount,
        plan.outputCount,
        ...plan.layers.map((l) => Math.max(l.inCount, l.outCount)),
      ]),
    ),
    norms: to.take(8 * greatest(kernelCounts)),
    scratch: to.take(
      greatest(plan.layers.map((l) => sizes.aliasScratchBytes(l.outCount / l.groups, l.inCount / l.groups))),
    ),
    segmentBytes: sizes.SEGMENT_BYTES.value,
    wayBytes: sizes.WAY_BYTES.value,
    end: to.end,
  };
}

/** Enough walks to keep the memory busy; fewer in very deep plans, whose buckets would outgrow the caches. */
function batchSizeFor(nodeCount: number, tuning: WalkTuning): number {
  if (tuning.batchSize !== undefined) {
    requireWhole("batchSize", tuning.batchSize, 1, 65_536);
    return tuning.batchSize;
  }
  return Math.min(2048, Math.max(64, Math.floor(2 ** 20 / nodeCount)));
}

function setUp(
  module: WasmModule,
  plan: WalkPlan,
  wiring: Wiring,
  options: WalkOptions,
  places: Places,
): Running {
  const memory = allocate(places.end);
  const wasm = instantiateWalk(module, memory);
  const wholeKernels = Number(options.granularity === "kernel");
  wasm.setPlan(
    places.layers,
    plan.layers.length,
    places.forwardExits,
    places.backwardExits,
    places.buckets,
    plan.inputCount,
    plan.outputCount,
    BIAS[options.bias],
    wholeKernels,
  );
  wasm.setBatch(
    places.edgeIds,
    places.edgeCounts,
    wiring.levelCount,
    Number(wiring.everyLevel),
    places.batchSize,
    places.chosen,
    places.pending,
  );
  for (const [node, entries] of places.bucketEntries.entries()) wasm.setBucket(node, entries);
  wasm.setMask(places.mask, plan.edgeCount);
  wasm.setReach(places.reachFlags, places.reachFlagBytes, places.reachLeaving);
  setUpExits(memory, wasm, wiring.forward, places.forwardSegments, places, true);
  setUpExits(memory, wasm, wiring.backward, places.backwardSegments, places, false);
  for (let l = 0; l < plan.layers.length; l++) setUpLayer(memory, wasm, plan, wiring, options, places, l);
  if (options.branching === "weight") {
    for (let node = 0; node < plan.layers.length + 2; node++) {
      wasm.weighWays(1, node);
      wasm.weighWays(0, node);
    }
  }
  wasm.start(options.seed, DIRECTION[options.direction]);
  return { memory, wasm };
}

/** @throws EngineError where a 32-bit address space, or the machine, has no room for it */
function allocate(bytes: number): WasmMemory {
  const pages = Math.ceil(bytes / PAGE_BYTES);
  const mebibytes = (count: number): string => `${Math.ceil(count / 2 ** 20)} MiB`;
  if (pages > MAX_PAGES) {
    throw new EngineError("walker", {
      given: `a network that needs ${mebibytes(bytes)}`,
      expected: `at most ${mebibytes(MAX_PAGES * PAGE_BYTES)}, what a 32-bit WebAssembly memory holds`,
    });
  }
  try {
    return new webAssembly.Memory({ initial: pages, maximum: pages });
  } catch {
    throw new EngineError("walker", {
      given: `a network that needs ${mebibytes(bytes)}`,
      expected: "a network that fits the memory that is free",
      remedy: "Close other programs, or dispose of walkers that are no longer used.",
    });
  }
}

function setUpLayer(
  memory: WasmMemory,
  wasm: WalkExports,
  plan: WalkPlan,
  wiring: Wiring,
  options: WalkOptions,
  places: Places,
  l: number,
): void {
  const layer = plan.layers[l]!;
  const place = places.layer[l]!;
  const weightCount = layer.weight.length;
  new Float32Array(memory.buffer, place.weight, weightCount).set(layer.weight);
  const fault = wasm.checkWeights(place.weight, weightCount) >>> 0;
  if (fault < weightCount) {
    throw new EngineError(`layer "${layer.name}"`, {
      given: `${layer.weight[fault]} at index ${fault}`,
      expected: "finite weights",
    });
  }
  wasm.setLayer(
    l,
    place.weight,
    layer.outCount,
    layer.inCount,
    layer.groups,
    layer.kernelSize,
    layer.firstEdge,
    wiring.level[l]!,
    place.forwardSum,
    place.backwardSum,
    place.forwardMax,
    place.backwardMax,
  );
  wasm.measureLayer(l, places.norms);
  const sampler = samplerOf(layer, options);
  wasm.setSamplers(l, SAMPLER[sampler], SAMPLER[sampler]);
  if (sampler === "alias" && place.forwardTable !== 0) {
    wasm.makeForwardAlias(l, places.norms, place.forwardTable, places.scratch);
  }
  if (sampler === "alias" && place.backwardTable !== 0) {
    wasm.makeBackwardAlias(l, places.norms, place.backwardTable, places.scratch);
  }
}

function setUpExits(
  memory: WasmMemory,
  wasm: WalkExports,
  exits: readonly (readonly Segment[])[],
  exitPlaces: readonly ExitPlaces[],
  places: Places,
  forward: boolean,
): void {
  for (const [node, segments] of exits.entries()) {
    const exit = exitPlaces[node]!;
    wasm.setExit(Number(forward), node, exit.segments, segments.length, exit.segmentOf);
    for (const [s, { firstUnit, unitCount, links }] of segments.entries()) {
      const ways = exit.ways[s]!;
      wasm.setSegment(
        exit.segments + s * places.segmentBytes,
        ways,
        links.length,
        firstUnit,
        unitCount,
        exit.cumulative[s]!,
      );
      for (const [w, link] of links.entries()) {
        const at = ways + w * places.wayBytes;
        if (forward) wasm.setWay(at, link.to + 1, link.fromStart, link.toStart, link.spread);
        else wasm.setWay(at, link.from + 1, link.toStart, link.fromStart, link.spread);
      }
      if (exit.segmentOf !== 0) {
        new Uint32Array(memory.buffer, exit.segmentOf + 4 * firstUnit, unitCount).fill(s);
      }
    }
  }
}
