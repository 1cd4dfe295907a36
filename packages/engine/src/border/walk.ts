/** Made from assembly/walk by the build (assembly/border.mjs): a change here is lost. */
export const hash = "6fca5cb0eb405bc3";

export const records = {
  layer: {
    bytes: 92,
    fields: {
      weight: { at: 0, type: "u32" },
      outCount: { at: 4, type: "u32" },
      inCount: { at: 8, type: "u32" },
      groups: { at: 12, type: "u32" },
      outPerGroup: { at: 16, type: "u32" },
      inPerGroup: { at: 20, type: "u32" },
      kernelSize: { at: 24, type: "u32" },
      firstEdge: { at: 28, type: "u32" },
      level: { at: 32, type: "u32" },
      forwardSampler: { at: 36, type: "u32" },
      backwardSampler: { at: 40, type: "u32" },
      forwardTable: { at: 44, type: "u32" },
      backwardTable: { at: 48, type: "u32" },
      nineTable: { at: 52, type: "u32" },
      ninePlace: { at: 56, type: "u32" },
      forwardMax: { at: 60, type: "u32" },
      backwardMax: { at: 64, type: "u32" },
      forwardSum: { at: 68, type: "u32" },
      backwardSum: { at: 72, type: "u32" },
      normScale: { at: 80, type: "f64" },
      steady: { at: 88, type: "u32" },
    },
  },
  exit: {
    bytes: 12,
    fields: {
      segments: { at: 0, type: "u32" },
      segmentCount: { at: 4, type: "u32" },
      segmentOf: { at: 8, type: "u32" },
    },
  },
  segment: {
    bytes: 20,
    fields: {
      ways: { at: 0, type: "u32" },
      wayCount: { at: 4, type: "u32" },
      firstUnit: { at: 8, type: "u32" },
      unitCount: { at: 12, type: "u32" },
      cumulative: { at: 16, type: "u32" },
    },
  },
  way: {
    bytes: 16,
    fields: {
      target: { at: 0, type: "u32" },
      sourceStart: { at: 4, type: "u32" },
      targetStart: { at: 8, type: "u32" },
      spread: { at: 12, type: "u32" },
    },
  },
  bucket: {
    bytes: 8,
    fields: {
      entries: { at: 0, type: "u32" },
      count: { at: 4, type: "u32" },
    },
  },
  walker: {
    bytes: 64,
    fields: {
      layers: { at: 0, type: "u32" },
      layerCount: { at: 4, type: "u32" },
      forwardExits: { at: 8, type: "u32" },
      backwardExits: { at: 12, type: "u32" },
      buckets: { at: 16, type: "u32" },
      inputCount: { at: 20, type: "u32" },
      outputCount: { at: 24, type: "u32" },
      biasMode: { at: 28, type: "u32" },
      wholeKernels: { at: 32, type: "u32" },
      edgeIds: { at: 36, type: "u32" },
      edgeCounts: { at: 40, type: "u32" },
      levelCount: { at: 44, type: "u32" },
      everyLevel: { at: 48, type: "u32" },
      batchCapacity: { at: 52, type: "u32" },
      chosen: { at: 56, type: "u32" },
      pending: { at: 60, type: "u32" },
    },
  },
} as const;

export const MAGNITUDE = 0;
export const SQUARE = 1;
export const UNIFORM = 2;
export const INVERSE = 3;
export const NO_EDGE = 4294967295;
export const DRAW_SLOT = 0;
export const WAY_SLOT = 1;
export const SAMPLE_UNIFORM = 0;
export const SAMPLE_ALIAS = 1;
export const SAMPLE_REJECT = 2;
export const ALTERNATE = 0;
export const FORWARD = 1;
export const BACKWARD = 2;

/** Addresses and counts are u32, which JavaScript gets as i32. */
export interface Exports {
  aliasScratchBytes(outPerGroup: number, inPerGroup: number): number;
  makeBackwardAlias(l: number, table: number, scratch: number): void;
  makeForwardAlias(l: number, table: number, scratch: number): void;
  checkWeights(weight: number, count: number): number;
  forgetMagnitude(): void;
  hasZero(): number;
  levelStride(capacity: number): number;
  setWalker(walker: number): void;
  clearMask(): void;
  expandBits(out: number, first: number, count: number): void;
  keepBytes(bytes: number, first: number, count: number): void;
  kept(): number;
  setMask(bits: number, edgeCount: number): void;
  steps(): number;
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
  expectedProposals(l: number, forward: number): number;
  measureLayer(l: number, norms: number): void;
  sumRows(l: number): void;
  fillU32(out: number, count: number, seed: number, stream: number, first: number): void;
  countReachable(walksForward: number, walksBackward: number): number;
  setReach(flags: number, flagBytes: number, leaving: number): void;
  makeBackwardBytes(l: number, norms: number, table: number): void;
  makeForwardBytes(l: number, norms: number, table: number, scales: number): void;
  setSamplers(l: number, forward: number, backward: number): void;
  advance(keepCount: number, maxWalkCount: number): void;
  start(seed: number, direction: number): void;
  walkOne(walk: number): void;
  walks(): number;
  heapBase(): number;
}
