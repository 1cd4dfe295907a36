/** The exports of dist/walk.wasm (assembly/walk/index.ts). Addresses and counts are u32, walk numbers f64. */
import { type WasmMemory, type WasmModule, webAssembly } from "./webAssembly.ts";

/** A wasm global that never changes. */
interface Constant {
  readonly value: number;
}

export interface WalkExports {
  readonly LAYER_BYTES: Constant;
  readonly EXIT_BYTES: Constant;
  readonly SEGMENT_BYTES: Constant;
  readonly WAY_BYTES: Constant;
  readonly BUCKET_BYTES: Constant;
  heapBase(): number;
  levelStride(batchSize: number): number;
  aliasScratchBytes(outPerGroup: number, inPerGroup: number): number;
  setPlan(
    layers: number,
    layerCount: number,
    forwardExits: number,
    backwardExits: number,
    buckets: number,
    inputCount: number,
    outputCount: number,
    bias: number,
    wholeKernels: number,
  ): void;
  setLayer(
    layer: number,
    weight: number,
    outCount: number,
    inCount: number,
    groups: number,
    kernelSize: number,
    firstEdge: number,
    level: number,
    forwardMax: number,
    backwardMax: number,
    forwardSum: number,
    backwardSum: number,
    nineTable: number,
  ): void;
  setExit(forward: number, node: number, segments: number, segmentCount: number, segmentOf: number): void;
  setSegment(
    at: number,
    ways: number,
    wayCount: number,
    firstUnit: number,
    unitCount: number,
    cumulative: number,
  ): void;
  setWay(at: number, target: number, sourceStart: number, targetStart: number, spread: number): void;
  setBucket(node: number, entries: number): void;
  setBatch(
    edgeIds: number,
    edgeCounts: number,
    levelCount: number,
    everyLevel: number,
    capacity: number,
    chosen: number,
    pending: number,
  ): void;
  setSamplers(layer: number, forward: number, backward: number): void;
  forgetMagnitude(): void;
  checkWeights(weight: number, count: number): number;
  hasZero(): number;
  measureLayer(layer: number, norms: number): void;
  sumRows(layer: number): void;
  expectedProposals(layer: number, forward: number): number;
  makeForwardAlias(layer: number, table: number, scratch: number): void;
  makeBackwardAlias(layer: number, table: number, scratch: number): void;
  makeForwardBytes(layer: number, norms: number, table: number, scales: number): void;
  makeBackwardBytes(layer: number, norms: number, table: number): void;
  setReach(flags: number, flagBytes: number, leaving: number): void;
  countReachable(forward: number, backward: number): number;
  setMask(bits: number, edgeCount: number): void;
  clearMask(): void;
  keepBytes(bytes: number, first: number, count: number): void;
  expandBits(out: number, first: number, count: number): void;
  kept(): number;
  steps(): number;
  start(seed: number, direction: number): void;
  advance(keepCount: number, maxWalkCount: number): void;
  walkOne(walk: number): void;
  walks(): number;
  fillU32(out: number, count: number, seed: number, stream: number, first: number): void;
  fillNormal(
    out: number,
    count: number,
    tails: number,
    seed: number,
    stream: number,
    first: number,
    mean: number,
    standardDeviation: number,
  ): void;
  fillUniform(
    out: number,
    count: number,
    seed: number,
    stream: number,
    first: number,
    low: number,
    high: number,
  ): void;
}

export function instantiateWalk(module: WasmModule, memory: WasmMemory): WalkExports {
  return new webAssembly.Instance(module, { env: { memory } }).exports as WalkExports;
}
