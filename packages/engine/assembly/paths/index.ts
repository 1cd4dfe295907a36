/**
 * Forward and backward pass of a path sum through a convolution, θ' = |w| or w², x[e, ·] the input of weight e:
 *   y[o, ·] = b[o] + Σ_{e of o} θ'_e · x[e, ·];   ∂R/∂θ'_e = Σ g[o, ·] · x[e, ·];   ∂R/∂x[e, ·] = Σ_{o of e} θ'_e ·
 *   g[o, ·]
 * A kept weight costs its multiply-adds, a removed one only the read of its mask.
 */
import { gatherEntering, gatherLeaving } from "./entries";
import { Convolution, gatherInputGradient, Phase, spreadGradient, spreadInput } from "./layout";
import { dotRuns, sumRuns } from "./runs";

/** First address after the module's own data. */
export function heapBase(): usize {
  return __heap_base;
}

/** Vectors that cover `rows` rows of `width` places. */
@inline
function vectors(rows: u32, pitch: u32, width: u32): u32 {
  return ((rows - 1) * pitch + width + 1) >> 1;
}

// long enough for a dot product to outweigh the sum over its lanes
const DOT_VECTORS: u32 = 64;

export function forward(record: usize): void {
  const op = changetype<Convolution>(record);
  spreadInput(op);
  const outputs = op.groups * op.outPerGroup;
  const runBytes = <usize>op.planeLength << 3;
  const count = vectors(op.outHeight, op.pitch, op.outWidth);
  const rowBytes = <usize>op.outWidth << 3;
  let y = op.output;
  for (let first: u32 = 0; first < outputs; first += op.batch) {
    const n = min(op.batch, outputs - first);
    gatherBatch(op, first, n);
    for (let from: u32 = 0; from < count; from += op.tileVectors) {
      const place = <usize>from << 4;
      const tile = min(op.tileVectors, count - from);
      for (let k: u32 = 0; k < n; k++) {
        const value = load<f64>(op.bias + (<usize>(first + k) << 3));
        sumRuns(op.run + k * runBytes + place, tile, value, op.planes + place, startOf(op, k), startOf(op, k + 1));
      }
    }
    for (let k: u32 = 0; k < n; k++) {
      let run = op.run + k * runBytes;
      for (let row: u32 = 0; row < op.outHeight; row++) {
        memory.copy(y, run, rowBytes);
        y += rowBytes;
        run += <usize>op.pitch << 3;
      }
    }
  }
}

/** Both gradients. */
export function backward(record: usize): void {
  const op = changetype<Convolution>(record);
  spreadInput(op);
  spreadGradient(op);
  differentiateWeights(op);
  differentiateInput(op);
}

function differentiateWeights(op: Convolution): void {
  const outputs = op.groups * op.outPerGroup;
  const fanInBytes = (<usize>op.inPerGroup * op.tapCount) << 3;
  const count = vectors(op.outHeight, op.pitch, op.outWidth);
  memory.fill(op.weightGradient, 0, <usize>outputs * fanInBytes);
  for (let first: u32 = 0; first < outputs; first += op.batch) {
    const n = min(op.batch, outputs - first);
    gatherBatch(op, first, n);
    for (let from: u32 = 0; from < count; from += DOT_VECTORS) {
      const place = <usize>from << 4;
      const tile = min(DOT_VECTORS, count - from);
      for (let k: u32 = 0; k < n; k++) {
        const o = <usize>(first + k);
        const g = op.gradientPlanes + ((o * op.gradientLength + op.lead) << 3) + place;
        dotRuns(op.weightGradient + o * fanInBytes, g, tile, op.planes + place, startOf(op, k), startOf(op, k + 1));
      }
    }
  }
}

function differentiateInput(op: Convolution): void {
  const channels = op.groups * op.inPerGroup;
  const phases = channels * op.phaseCount;
  const runBytes = <usize>op.planeLength << 3;
  const mostVectors = vectors(op.phaseRows, op.pitch, op.phaseColumns);
  memory.fill(op.inputGradient, 0, (<usize>channels * op.height * op.width) << 3);
  for (let first: u32 = 0; first < phases; first += op.batch) {
    const n = min(op.batch, phases - first);
    let entry = op.entries;
    for (let k: u32 = 0; k < n; k++) {
      setStart(op, k, entry);
      entry = gatherLeaving(op, (first + k) / op.phaseCount, (first + k) % op.phaseCount, entry);
    }
    setStart(op, n, entry);
    for (let from: u32 = 0; from < mostVectors; from += op.tileVectors) {
      const place = <usize>from << 4;
      for (let k: u32 = 0; k < n; k++) {
        const start = startOf(op, k);
        const end = startOf(op, k + 1);
        const phase = phaseAt(op, first + k);
        if (start == end || phase.vectors <= from) continue;
        const source = op.gradientPlanes + phase.startBytes + place;
        sumRuns(op.run + k * runBytes + place, min(op.tileVectors, phase.vectors - from), 0, source, start, end);
      }
    }
    for (let k: u32 = 0; k < n; k++) {
      if (startOf(op, k) == startOf(op, k + 1)) continue;
      const phase = phaseAt(op, first + k);
      gatherInputGradient(op, (first + k) / op.phaseCount, phase, op.run + k * runBytes);
    }
  }
}

/** @param k phases of all channels, one after the other */
@inline
function phaseAt(op: Convolution, k: u32): Phase {
  return changetype<Phase>(op.phases + (k % op.phaseCount) * offsetof<Phase>());
}

/** Gathers the weights that enter outputs first … first + count − 1. */
function gatherBatch(op: Convolution, first: u32, count: u32): void {
  let entry = op.entries;
  for (let k: u32 = 0; k < count; k++) {
    setStart(op, k, entry);
    entry = gatherEntering(op, first + k, entry);
  }
  setStart(op, count, entry);
}

@inline
function startOf(op: Convolution, k: u32): usize {
  return load<u32>(op.starts + (<usize>k << 2));
}

@inline
function setStart(op: Convolution, k: u32, entry: usize): void {
  store<u32>(op.starts + (<usize>k << 2), <u32>entry);
}
