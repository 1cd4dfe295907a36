/**
 * The two passes of a path sum through a convolution, θ' = |w| or w², x[e, ·] the input that weight e meets:
 *   y[o, ·] = b[o] + Σ_{e of o} θ'_e · x[e, ·];   ∂R/∂θ'_e = Σ g[o, ·] · x[e, ·];   ∂R/∂x[e, ·] = Σ_{o of e} θ'_e · g[o, ·]
 * A kept weight costs its multiply-adds, a removed one the look at its mask.
 */
import { gatherEntering, gatherLeaving } from "./entries";
import { Convolution, gatherInputGradient, spreadGradient, spreadInput } from "./layout";
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

export function forward(record: usize): void {
  const op = changetype<Convolution>(record);
  spreadInput(op);
  const outputs = op.groups * op.outPerGroup;
  const rowBytes = <usize>op.outWidth << 3;
  for (let first: u32 = 0; first < op.outHeight; first += op.tileRows) {
    const rows = min(op.tileRows, op.outHeight - first);
    const source = op.planes + (<usize>first * op.pitch << 3);
    for (let o: u32 = 0; o < outputs; o++) {
      const end = gatherEntering(op, o);
      const value = op.bias ? load<f64>(op.bias + (<usize>o << 3)) : 0;
      sumRuns(op.run, vectors(rows, op.pitch, op.outWidth), value, source, op.entries, end);
      let y = op.output + (<usize>(o * op.outHeight + first) * rowBytes);
      for (let row: u32 = 0; row < rows; row++) {
        memory.copy(y, op.run + (<usize>row * op.pitch << 3), rowBytes);
        y += rowBytes;
      }
    }
  }
}

export function backward(record: usize): void {
  const op = changetype<Convolution>(record);
  spreadInput(op);
  spreadGradient(op);
  differentiateWeights(op);
  differentiateInput(op);
}

function differentiateWeights(op: Convolution): void {
  const outputs = op.groups * op.outPerGroup;
  const fanInBytes = <usize>op.inPerGroup * op.tapCount << 3;
  memory.fill(op.weightGradient, 0, outputs * fanInBytes);
  for (let first: u32 = 0; first < op.outHeight; first += op.tileRows) {
    // the last vector of a tile may hold the first place of the next: rows are taken whole but for the last tile's
    const rows = min(op.tileRows, op.outHeight - first);
    const last = first + rows == op.outHeight;
    const count = last ? vectors(rows, op.pitch, op.outWidth) : (rows * op.pitch) >> 1;
    const place = <usize>first * op.pitch << 3;
    for (let o: u32 = 0; o < outputs; o++) {
      const end = gatherEntering(op, o);
      const g = op.gradientPlanes + (<usize>o * op.gradientLength + op.lead << 3) + place;
      dotRuns(op.weightGradient + o * fanInBytes, g, count, op.planes + place, op.entries, end);
    }
  }
}

function differentiateInput(op: Convolution): void {
  const channels = op.groups * op.inPerGroup;
  memory.fill(op.inputGradient, 0, <usize>channels * op.height * op.width << 3);
  for (let first: u32 = 0; first < op.phaseRows; first += op.tileRows) {
    const rows = min(op.tileRows, op.phaseRows - first);
    const source = op.gradientPlanes + (<usize>first * op.pitch << 3);
    for (let i: u32 = 0; i < channels; i++) {
      for (let phase: u32 = 0; phase < op.phaseCount; phase++) {
        const end = gatherLeaving(op, i, phase);
        if (end == op.entries) continue;
        sumRuns(op.run, vectors(rows, op.pitch, op.pitch), 0, source, op.entries, end);
        gatherInputGradient(op, i, phase, first, rows);
      }
    }
  }
}
