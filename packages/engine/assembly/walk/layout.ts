/**
 * Memory layout: records of layers, exits and links ("ways"), which the host writes. src/places.ts computes their
 * numbers and the addresses of the arrays.
 * Nodes: 0 is the network's input, 1 + l is layer l, layerCount + 1 is the network's output.
 */

/** A weighted operation, with its tables. Unit and kernel numbering as in src/walkPlan.ts. */
@unmanaged
export class Layer {
  /** f32[outCount · inPerGroup · kernelSize] */
  weight: usize;
  outCount: u32;
  inCount: u32;
  groups: u32;
  /** Output units per group: length of a forward row. */
  outPerGroup: u32;
  /** Input units per group: length of a backward row. */
  inPerGroup: u32;
  kernelSize: u32;
  firstEdge: u32;
  /** Index of its edge in a walk's row of edge ids: length of the longest path from the input, in layers. */
  level: u32;
  /** Sampler of each direction, and its table. */
  forwardSampler: u32;
  backwardSampler: u32;
  forwardTable: usize;
  backwardTable: usize;
  /** Eight bytes for each kernel of nine weights, made if enough walks are to come; 0 before, and elsewhere. */
  nineTable: usize;
  /** Address for that table. */
  ninePlace: usize;
  /** f64[inCount] and f64[outCount]: greatest kernel norm of each row; 0 for a row of zeros. */
  forwardMax: usize;
  backwardMax: usize;
  /** The same shapes: sum of the kernel norms of each row; only if links are not equally likely, else 0. */
  forwardSum: usize;
  backwardSum: usize;
  /** Factor from the norms to their float32 copies, and whether those are precise enough. */
  normScale: f64;
  steady: u32;
}

/** The links from the units of a node, in one direction. */
@unmanaged
export class Exit {
  /** Segment[segmentCount]: runs of units with the same links. */
  segments: usize;
  segmentCount: u32;
  /** u32 index of the segment of each unit; absent for a single segment. */
  segmentOf: usize;
}

@unmanaged
export class Segment {
  /** Way[wayCount] */
  ways: usize;
  wayCount: u32;
  firstUnit: u32;
  unitCount: u32;
  /**
   * f64[unitCount · wayCount], cumulative shares of the links (src/forks.ts), not all 0; 0 if they are equally
   * likely.
   */
  cumulative: usize;
}

/**
 * Unit u goes to unit targetStart + (u − sourceStart) · spread + random(spread) of the target (forward),
 * or to targetStart + ⌊(u − sourceStart) / spread⌋ (backward).
 */
@unmanaged
export class Way {
  target: u32;
  sourceStart: u32;
  targetStart: u32;
  spread: u32;
}

/** Walks of a batch that wait at a node: entries of u32 walk, counted from the batch's first, and u32 unit. */
@unmanaged
export class Bucket {
  entries: usize;
  count: u32;
}

/** A walker: its plan, and memory for a batch of walks. */
@unmanaged
class Walker {
  /** Layer[layerCount]. */
  layers: usize;
  layerCount: u32;
  /** Exit[layerCount + 2], by node. */
  forwardExits: usize;
  backwardExits: usize;
  /** Bucket[layerCount + 2], by node. */
  buckets: usize;
  inputCount: u32;
  outputCount: u32;
  /** See bias.ts. */
  biasMode: u32;
  /** 1: a walk keeps whole kernels. */
  wholeKernels: u32;
  /** See the globals below. */
  edgeIds: usize;
  edgeCounts: usize;
  levelCount: u32;
  /** 1: every walk has an edge at every level. */
  everyLevel: u32;
  batchCapacity: u32;
  chosen: usize;
  pending: usize;
}

const LAYER_BYTES: u32 = offsetof<Layer>();
const EXIT_BYTES: u32 = offsetof<Exit>();
const SEGMENT_BYTES: u32 = offsetof<Segment>();
const WAY_BYTES: u32 = offsetof<Way>();
const BUCKET_BYTES: u32 = offsetof<Bucket>();

/** No edge at this level: the walk took a shorter path. */
export const NO_EDGE: u32 = 0xffffffff;

// ---- one walker an instance, so that it stands in globals ----

export let layerCount: u32 = 0;
export let inputCount: u32 = 0;
export let outputCount: u32 = 0;
export let biasMode: u32 = 0;
export let wholeKernels: bool = false;
let layers: usize = 0;
let forwardExits: usize = 0;
let backwardExits: usize = 0;
let buckets: usize = 0;

/**
 * u32[levelCount][batch], edge ids of the walks of a batch; NO_EDGE for a level that a walk skips. Levels are
 * levelBytes apart, a cache line more than the batch needs: distances of powers of two would collide in the cache.
 */
export let edgeIds: usize = 0;
export let levelBytes: usize = 0;
/** The same shape, kernel sizes; only with whole kernels. */
export let edgeCounts: usize = 0;
export let levelCount: u32 = 0;
/** Every walk has an edge at every level. */
export let everyLevel: bool = false;
export let batchCapacity: u32 = 0;
/** u64[batch]: for each entry of a bucket, the chosen kernel of its row, and bits for inside the kernel. */
export let chosen: usize = 0;
/** u32[batch]: entries of one bucket that have not accepted yet. */
export let pending: usize = 0;

export function setWalker(walker: Walker): void {
  layers = walker.layers;
  layerCount = walker.layerCount;
  forwardExits = walker.forwardExits;
  backwardExits = walker.backwardExits;
  buckets = walker.buckets;
  inputCount = walker.inputCount;
  outputCount = walker.outputCount;
  biasMode = walker.biasMode;
  wholeKernels = walker.wholeKernels != 0;
  edgeIds = walker.edgeIds;
  edgeCounts = walker.edgeCounts;
  levelCount = walker.levelCount;
  everyLevel = walker.everyLevel != 0;
  batchCapacity = walker.batchCapacity;
  levelBytes = levelStride(batchCapacity);
  chosen = walker.chosen;
  pending = walker.pending;
}

/** Bytes of one level of edge ids. */
export function levelStride(capacity: u32): usize {
  return ((<usize>capacity << 2) + 64) & ~63;
}

@inline
export function layerAt(l: u32): Layer {
  return changetype<Layer>(layers + <usize>l * LAYER_BYTES);
}

@inline
export function forwardExitAt(node: u32): Exit {
  return changetype<Exit>(forwardExits + <usize>node * EXIT_BYTES);
}

@inline
export function backwardExitAt(node: u32): Exit {
  return changetype<Exit>(backwardExits + <usize>node * EXIT_BYTES);
}

@inline
export function bucketAt(node: u32): Bucket {
  return changetype<Bucket>(buckets + <usize>node * BUCKET_BYTES);
}

@inline
export function segmentAt(exit: Exit, s: u32): Segment {
  return changetype<Segment>(exit.segments + <usize>s * SEGMENT_BYTES);
}

@inline
export function wayAt(segment: Segment, w: u32): Way {
  return changetype<Way>(segment.ways + <usize>w * WAY_BYTES);
}
