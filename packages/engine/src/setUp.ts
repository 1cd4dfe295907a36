/** Makes a wasm instance that is ready to walk a plan. */
import { writeRecord } from "./border/record.ts";
import { type Exports, records } from "./border/walk.ts";
import { EngineError } from "./errors.ts";
import { Forks } from "./forks.ts";
import type { ExitPlaces, LayerPlaces, Places } from "./places.ts";
import { cheaperSampler, SAMPLER, type Sampler, TABLE_BYTES } from "./samplers.ts";
import { instantiateWalk } from "./walkModule.ts";
import { BIAS, DIRECTION, type WalkTuning } from "./walkOptions.ts";
import type { WalkLayer, WalkOptions, WalkPlan } from "./walkPlan.ts";
import { MAX_PAGES, PAGE_BYTES, type WasmMemory, type WasmModule, webAssembly } from "./webAssembly.ts";
import type { Segment, Wiring } from "./wiring.ts";

/** Weights copied and checked at a time: a quarter of a megabyte. */
const CHECKED_TOGETHER = 65_536;

/** A walker's memory and its instance; released together. */
export interface Running {
  readonly memory: WasmMemory;
  readonly wasm: Exports;
}

export function setUp(
  module: WasmModule,
  plan: WalkPlan,
  wiring: Wiring,
  options: WalkOptions,
  tuning: WalkTuning,
  places: Places,
): Running {
  const memory = allocate(places.rest.end);
  const wasm = instantiateWalk(module, memory);
  const running = { memory, wasm };
  writeWalker(memory, plan, wiring, options, places);
  wasm.setWalker(places.walker);
  wasm.setMask(places.mask, plan.edgeCount);
  wasm.setReach(places.reachFlags, places.reachFlagBytes, places.reachLeaving);
  writeExits(memory, wiring.forward, places.forwardExits, places.forward, true);
  writeExits(memory, wiring.backward, places.backwardExits, places.backward, false);
  for (let l = 0; l < plan.layers.length; l++) setUpLayer(running, plan, wiring, options, tuning, places, l);
  weighWays(running, plan, wiring, options, places);
  wasm.start(options.seed, DIRECTION[options.direction]);
  return running;
}

function writeWalker(
  memory: WasmMemory,
  plan: WalkPlan,
  wiring: Wiring,
  options: WalkOptions,
  places: Places,
): void {
  const view = new DataView(memory.buffer);
  const { layers, forwardExits, backwardExits, buckets, edgeIds, edgeCounts, chosen, pending } = places;
  writeRecord(view, places.walker, records.walker, {
    ...{ layers, forwardExits, backwardExits, buckets, edgeIds, edgeCounts, chosen, pending },
    layerCount: plan.layers.length,
    inputCount: plan.inputCount,
    outputCount: plan.outputCount,
    biasMode: BIAS[options.bias],
    wholeKernels: Number(options.granularity === "kernel"),
    levelCount: wiring.levelCount,
    everyLevel: Number(wiring.everyLevel),
    batchCapacity: places.batchSize,
  });
  for (const [node, entries] of places.bucketEntries.entries())
    writeRecord(view, buckets + node * records.bucket.bytes, records.bucket, { entries });
}

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;

/** @throws EngineError if `bytes` bytes exceed a 32-bit address space */
function pagesFor(bytes: number): number {
  const pages = Math.ceil(bytes / PAGE_BYTES);
  if (pages > MAX_PAGES) {
    throw new EngineError("walker", {
      given: `a network that needs ${mebibytes(bytes)}`,
      expected: `at most ${mebibytes(MAX_PAGES * PAGE_BYTES)}, what a 32-bit WebAssembly memory holds`,
    });
  }
  return pages;
}

function noRoom(bytes: number, cause: unknown): EngineError {
  const fault = {
    given: `a network that needs ${mebibytes(bytes)}`,
    expected: "a network that fits the memory that is free",
    remedy: "Close other programs, or dispose of walkers that are no longer used.",
  };
  return new EngineError("walker", fault, cause);
}

function allocate(bytes: number): WasmMemory {
  const initial = pagesFor(bytes);
  try {
    return new webAssembly.Memory({ initial, maximum: MAX_PAGES });
  } catch (cause) {
    throw noRoom(bytes, cause);
  }
}

/** Adds `bytes` at the end of the memory. */
function extend({ memory }: Running, places: Places, bytes: number): number {
  const at = places.rest.take(bytes);
  const missing = pagesFor(places.rest.end) - memory.buffer.byteLength / PAGE_BYTES;
  try {
    if (missing > 0) memory.grow(missing);
  } catch (cause) {
    throw noRoom(places.rest.end, cause);
  }
  return at;
}

function setUpLayer(
  running: Running,
  plan: WalkPlan,
  wiring: Wiring,
  options: WalkOptions,
  tuning: WalkTuning,
  places: Places,
  l: number,
): void {
  const { memory, wasm } = running;
  const layer = plan.layers[l]!;
  const { outCount, inCount, groups, kernelSize, firstEdge } = layer;
  const place = places.layer[l]!;
  copyWeights(running, layer, place.weight);
  writeRecord(new DataView(memory.buffer), places.layers + l * records.layer.bytes, records.layer, {
    ...place,
    outCount,
    inCount,
    groups,
    outPerGroup: outCount / groups,
    inPerGroup: inCount / groups,
    kernelSize,
    firstEdge,
    level: wiring.level[l]!,
  });
  if (options.bias !== "uniform") wasm.measureLayer(l, places.norms);
  const samplerIn = (forward: boolean): number => {
    if (options.direction === (forward ? "backward" : "forward")) return SAMPLER.uniform;
    return SAMPLER[makeTable(running, plan, options, tuning, places, l, forward)];
  };
  wasm.setSamplers(l, samplerIn(true), samplerIn(false));
  if (place.forwardSum !== 0) wasm.sumRows(l);
}

/** Copies and checks in parts that fit the cache. */
function copyWeights({ memory, wasm }: Running, { name, weight }: WalkLayer, address: number): void {
  const target = new Float32Array(memory.buffer, address, weight.length);
  wasm.forgetMagnitude();
  for (let first = 0; first < weight.length; first += CHECKED_TOGETHER) {
    const part = weight.subarray(first, first + CHECKED_TOGETHER);
    target.set(part, first);
    const index = first + (wasm.checkWeights(address + 4 * first, part.length) >>> 0);
    if (index < first + part.length) {
      throw new EngineError(`layer "${name}"`, {
        given: `${weight[index]} at index ${index}`,
        expected: "finite weights",
      });
    }
  }
}

function makeTable(
  running: Running,
  plan: WalkPlan,
  options: WalkOptions,
  tuning: WalkTuning,
  places: Places,
  l: number,
  forward: boolean,
): Sampler {
  if (options.bias === "uniform") return "uniform";
  const { wasm } = running;
  const { weight, kernelSize, outCount, inCount, groups } = plan.layers[l]!;
  const { forwardTable, backwardTable } = places.layer[l]!;
  const sampler = tuning.sampler ?? cheaperSampler(wasm.expectedProposals(l, Number(forward)), kernelSize);
  if (sampler === "reject") {
    if (forward) wasm.makeForwardBytes(l, places.norms, forwardTable, places.scales);
    else wasm.makeBackwardBytes(l, places.norms, backwardTable);
    return sampler;
  }
  const scratch = extend(running, places, wasm.aliasScratchBytes(outCount / groups, inCount / groups));
  const table = extend(running, places, TABLE_BYTES.alias * (weight.length / kernelSize));
  if (forward) wasm.makeForwardAlias(l, table, scratch);
  else wasm.makeBackwardAlias(l, table, scratch);
  return sampler;
}

/** Cumulative shares of each unit's links, for units whose links are not equally likely. Needs the row sums. */
function weighWays(
  { memory }: Running,
  plan: WalkPlan,
  wiring: Wiring,
  { branching }: WalkOptions,
  places: Places,
): void {
  const sumsOf = (address: (place: LayerPlaces) => number, count: (layer: WalkLayer) => number) =>
    plan.layers.map((layer, l) => {
      const at = address(places.layer[l]!);
      return new Float64Array(memory.buffer, at, at === 0 ? 0 : count(layer));
    });
  const leaving = sumsOf(
    ({ forwardSum }) => forwardSum,
    ({ inCount }) => inCount,
  );
  const entering = sumsOf(
    ({ backwardSum }) => backwardSum,
    ({ outCount }) => outCount,
  );
  const forks = new Forks(plan, branching, {
    leaving: (l, unit) => leaving[l]![unit]!,
    entering: (l, unit) => entering[l]![unit]!,
  });
  for (const forward of [true, false]) {
    for (const [node, segments] of (forward ? wiring.forward : wiring.backward).entries()) {
      const { cumulative } = (forward ? places.forward : places.backward)[node]!;
      for (const [s, segment] of segments.entries()) {
        if (cumulative[s] === 0) continue;
        const { firstUnit, unitCount, links } = segment;
        const rows = new Float64Array(memory.buffer, cumulative[s], unitCount * links.length);
        for (let u = 0; u < unitCount; u++) {
          const row = rows.subarray(u * links.length, (u + 1) * links.length);
          forks.sharesInto(row, segment, firstUnit + u, forward);
          for (let w = 1; w < row.length; w++) row[w]! += row[w - 1]!;
        }
      }
    }
  }
}

function writeExits(
  memory: WasmMemory,
  exits: readonly (readonly Segment[])[],
  at: number,
  places: readonly ExitPlaces[],
  forward: boolean,
): void {
  const view = new DataView(memory.buffer);
  for (const [node, segments] of exits.entries()) {
    const exit = places[node]!;
    writeRecord(view, at + node * records.exit.bytes, records.exit, {
      segments: exit.segments,
      segmentCount: segments.length,
      segmentOf: exit.segmentOf,
    });
    for (const [s, { firstUnit, unitCount, links }] of segments.entries()) {
      const ways = exit.ways[s]!;
      writeRecord(view, exit.segments + s * records.segment.bytes, records.segment, {
        ways,
        wayCount: links.length,
        firstUnit,
        unitCount,
        cumulative: exit.cumulative[s]!,
      });
      for (const [w, { from, to, fromStart, toStart, spread }] of links.entries()) {
        writeRecord(
          view,
          ways + w * records.way.bytes,
          records.way,
          forward
            ? { target: to + 1, sourceStart: fromStart, targetStart: toStart, spread }
            : { target: from + 1, sourceStart: toStart, targetStart: fromStart, spread },
        );
      }
      if (exit.segmentOf !== 0) {
        new Uint32Array(memory.buffer, exit.segmentOf + 4 * firstUnit, unitCount).fill(s);
      }
    }
  }
}
