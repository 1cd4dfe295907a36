/**
 * What lies where in memory: records of layers, exits and ways. src/places.ts says how many there are and where the
 * arrays stand; only this file knows the bytes of a record.
 *
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
  /** Place of its edge in a walk's row of edge ids: length of the longest way from the input, in layers. */
  level: u32;
  /** Sampler of each direction, and its table. */
  forwardSampler: u32;
  backwardSampler: u32;
  forwardTable: usize;
  backwardTable: usize;
  /** Eight bytes for each kernel of nine weights, made when enough walks are to come; 0 before, and elsewhere. */
  nineTable: usize;
  /** Where it goes. */
  ninePlace: usize;
  /** f64[inCount] and f64[outCount]: greatest kernel norm of each row; 0 where the row is of zeros. */
  forwardMax: usize;
  backwardMax: usize;
  /** The same shapes: sum of the kernel norms of each row; only where ways are not equal, else 0. */
  forwardSum: usize;
  backwardSum: usize;
  /** Factor between the norms and their float32 copies, and whether those can be told apart. */
  normScale: f64;
  steady: u32;
}

/** The ways on from the units of a node, in one direction. */
@unmanaged
export class Exit {
  /** Segment[segmentCount]: runs of units that have the same ways. */
  segments: usize;
  segmentCount: u32;
  /** u32 index of the segment of each unit; not there for a single segment. */
  segmentOf: usize;
}

@unmanaged
export class Segment {
  /** Way[wayCount] */
  ways: usize;
  wayCount: u32;
  firstUnit: u32;
  unitCount: u32;
  /** f64[unitCount · wayCount], cumulative shares of the ways (src/forks.ts), not all 0; 0 where ways are equal. */
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

export const LAYER_BYTES: u32 = offsetof<Layer>();
export const EXIT_BYTES: u32 = offsetof<Exit>();
export const SEGMENT_BYTES: u32 = offsetof<Segment>();
export const WAY_BYTES: u32 = offsetof<Way>();
export const BUCKET_BYTES: u32 = offsetof<Bucket>();

/** No edge at this level: the walk took a shorter way. */
export const NO_EDGE: u32 = 0xffffffff;

// ---- one walker per instance, so its state stands in globals ----

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
 * u32[levelCount][batch], edge ids of the walks of a batch; NO_EDGE where a walk passes a level by. Levels stand
 * levelBytes apart, a cache line more than the batch takes: at powers of two they would displace each other.
 */
export let edgeIds: usize = 0;
export let levelBytes: usize = 0;
/** The same shape, kernel sizes; only with whole kernels. */
export let edgeCounts: usize = 0;
export let levelCount: u32 = 0;
/** Every walk has an edge at every level. */
export let everyLevel: bool = false;
export let batchCapacity: u32 = 0;
/** u64[batch]: for each entry of one bucket, the kernel of its row that it takes, and bits for inside the kernel. */
export let chosen: usize = 0;
/** u32[batch]: entries of one bucket that have not accepted yet. */
export let pending: usize = 0;

export function setPlan(
  layers_: usize,
  layerCount_: u32,
  forwardExits_: usize,
  backwardExits_: usize,
  buckets_: usize,
  inputCount_: u32,
  outputCount_: u32,
  biasMode_: u32,
  wholeKernels_: u32,
): void {
  layers = layers_;
  layerCount = layerCount_;
  forwardExits = forwardExits_;
  backwardExits = backwardExits_;
  buckets = buckets_;
  inputCount = inputCount_;
  outputCount = outputCount_;
  biasMode = biasMode_;
  wholeKernels = wholeKernels_ != 0;
}

/** Bytes of one level of edge ids. */
export function levelStride(capacity: u32): usize {
  return ((<usize>capacity << 2) + 64) & ~63;
}

export function setBatch(
  edgeIds_: usize,
  edgeCounts_: usize,
  levelCount_: u32,
  everyLevel_: u32,
  capacity: u32,
  chosen_: usize,
  pending_: usize,
): void {
  edgeIds = edgeIds_;
  edgeCounts = edgeCounts_;
  levelCount = levelCount_;
  everyLevel = everyLevel_ != 0;
  batchCapacity = capacity;
  levelBytes = levelStride(capacity);
  chosen = chosen_;
  pending = pending_;
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

export function setLayer(
  l: u32,
  weight: usize,
  outCount: u32,
  inCount: u32,
  groups: u32,
  kernelSize: u32,
  firstEdge: u32,
  level: u32,
  forwardMax: usize,
  backwardMax: usize,
  forwardSum: usize,
  backwardSum: usize,
  ninePlace: usize,
): void {
  const layer = layerAt(l);
  layer.ninePlace = ninePlace;
  layer.weight = weight;
  layer.outCount = outCount;
  layer.inCount = inCount;
  layer.groups = groups;
  layer.outPerGroup = outCount / groups;
  layer.inPerGroup = inCount / groups;
  layer.kernelSize = kernelSize;
  layer.firstEdge = firstEdge;
  layer.level = level;
  layer.forwardSum = forwardSum;
  layer.backwardSum = backwardSum;
  layer.forwardMax = forwardMax;
  layer.backwardMax = backwardMax;
}

export function setExit(
  forward: u32,
  node: u32,
  segments: usize,
  segmentCount: u32,
  segmentOf: usize,
): void {
  const exit = forward ? forwardExitAt(node) : backwardExitAt(node);
  exit.segments = segments;
  exit.segmentCount = segmentCount;
  exit.segmentOf = segmentOf;
}

export function setSegment(
  at: usize,
  ways: usize,
  wayCount: u32,
  firstUnit: u32,
  unitCount: u32,
  cumulative: usize,
): void {
  const segment = changetype<Segment>(at);
  segment.ways = ways;
  segment.wayCount = wayCount;
  segment.firstUnit = firstUnit;
  segment.unitCount = unitCount;
  segment.cumulative = cumulative;
}

export function setWay(at: usize, target: u32, sourceStart: u32, targetStart: u32, spread: u32): void {
  const way = changetype<Way>(at);
  way.target = target;
  way.sourceStart = sourceStart;
  way.targetStart = targetStart;
  way.spread = spread;
}

export function setBucket(node: u32, entries: usize): void {
  const bucket = bucketAt(node);
  bucket.entries = entries;
  bucket.count = 0;
}
