/**
 * Layout of a convolution's planes in which every weight reads one contiguous run of its input.
 * The padded input is split into strideY · strideX phases: phase (a, b) holds rows a, a + strideY, … and columns b, b
 * + strideX, …, all phases with one pitch. Output position (p, q) is at p·pitch + q. The input of tap (r, c) is in
 * phase (r·dilationY mod strideY, c·dilationX mod strideX), at the same position plus a shift of ⌊r·dilationY /
 * strideY⌋·pitch + ⌊c·dilationX / strideX⌋. `src/paths/geometry.ts` computes all this.
 * Between the rows of outputs are unused positions: gradients are 0 there. The zeros behind a row are also those
 * before the next if they suffice for both.
 */

/** A weight's position in its kernel. */
@unmanaged
export class Tap {
  phase: u32;
  /** Bytes from an output's position to the input of this tap, within the phases of a channel. */
  inputBytes: u32;
  /** Bytes from an input's position, within its phase, to the gradient of its output, including the lead. */
  gradientBytes: u32;
}

/** The part of a phase that is input, not padding. */
@unmanaged
export class Phase {
  rows: u32;
  columns: u32;
  /** Index of the first one in its channel. */
  firstInput: u32;
  /** Bytes to it from the phase's start. */
  startBytes: u32;
  /** Vectors from there to the last one; 0 if there is none. */
  vectors: u32;
}

@unmanaged
export class Convolution {
  /** f64[channels, height, width]. */
  input: usize;
  /** f32[outputs, inPerGroup, kernelHeight, kernelWidth]. */
  weight: usize;
  /** u8 a weight, 1 = kept; 0: all are. */
  mask: usize;
  /** f64[outputs]; only the forward pass reads it. */
  bias: usize;
  /** f64[outputs, outHeight, outWidth]: the output, or its gradient in the backward pass. */
  output: usize;
  /** f64, as input; written by the backward pass. */
  inputGradient: usize;
  /** f64, as weight; written by the backward pass. */
  weightGradient: usize;
  /** Scratch: f64[channels, phases, planeLength]. */
  planes: usize;
  /** Scratch: f64[outputs, gradientLength]. */
  gradientPlanes: usize;
  /** Scratch: f64[batch, planeLength]. */
  run: usize;
  /** Tap[tapCount]. */
  taps: usize;
  /** Phase[phaseCount]. */
  phases: usize;
  /** Scratch: entries, as many as the weights of `batch` outputs or channels. */
  entries: usize;
  /** Scratch: u32[batch + 1], where the entries of each begin. */
  starts: usize;
  groups: u32;
  inPerGroup: u32;
  outPerGroup: u32;
  height: u32;
  width: u32;
  outHeight: u32;
  outWidth: u32;
  strideY: u32;
  strideX: u32;
  top: u32;
  left: u32;
  tapCount: u32;
  /** strideY · strideX. */
  phaseCount: u32;
  /** 1: weights count by their square; 0: by their magnitude. */
  square: u32;
  /** Places from one row to the next, in all planes. */
  pitch: u32;
  /** Columns of a phase: those of the output and what taps reach beyond. */
  phaseColumns: u32;
  /** Rows of a phase: those of the output and what taps reach beyond. */
  phaseRows: u32;
  /** Places of a plane, and of a gradient plane, each with room for a whole vector at the end. */
  planeLength: u32;
  gradientLength: u32;
  /** Zeros before a gradient: as many places as the farthest tap lies away. */
  lead: u32;
  /** Vectors that are summed together, a multiple of 8: what they read stays in the cache. */
  tileVectors: u32;
  /** Outputs, or phases of channels, whose weights are gathered together. */
  batch: u32;
}

/** Sets every phase from the input: zeros where there is padding. */
export function spreadInput(op: Convolution): void {
  const channels = op.groups * op.inPerGroup;
  const planeBytes = <usize>op.planeLength << 3;
  memory.fill(op.planes, 0, <usize>channels * op.phaseCount * planeBytes);
  let x = op.input;
  for (let i: u32 = 0; i < channels; i++) {
    const planes = op.planes + <usize>i * op.phaseCount * planeBytes;
    for (let y: u32 = 0; y < op.height; y++) {
      const padded = y + op.top;
      const row = planes + <usize>((padded % op.strideY) * op.strideX) * planeBytes;
      const start = row + (<usize>(padded / op.strideY) * op.pitch << 3);
      // rows that no output reads are not stored
      if (padded / op.strideY < op.phaseRows) spreadRow(op, x, start, planeBytes);
      x += <usize>op.width << 3;
    }
  }
}

@inline
function spreadRow(op: Convolution, x: usize, start: usize, planeBytes: usize): void {
  if (op.strideX == 1) {
    memory.copy(start + (<usize>op.left << 3), x, <usize>op.width << 3);
    return;
  }
  for (let column: u32 = 0; column < op.width; column++) {
    const padded = column + op.left;
    const place = start + (padded % op.strideX) * planeBytes + (<usize>(padded / op.strideX) << 3);
    if (padded / op.strideX < op.phaseColumns) store<f64>(place, load<f64>(x + (<usize>column << 3)));
  }
}

/** Sets the gradient planes from the gradient of the output: zeros before, between rows and behind. */
export function spreadGradient(op: Convolution): void {
  const outputs = op.groups * op.outPerGroup;
  const rowBytes = <usize>op.outWidth << 3;
  memory.fill(op.gradientPlanes, 0, <usize>outputs * op.gradientLength << 3);
  let g = op.output;
  for (let o: u32 = 0; o < outputs; o++) {
    let row = op.gradientPlanes + (<usize>o * op.gradientLength + op.lead << 3);
    for (let p: u32 = 0; p < op.outHeight; p++) {
      memory.copy(row, g, rowBytes);
      g += rowBytes;
      row += <usize>op.pitch << 3;
    }
  }
}

/** Copies the rows of a phase from its run, which begins at the phase's first input, to the gradient of channel i. */
export function gatherInputGradient(op: Convolution, i: u32, phase: Phase, run: usize): void {
  const pitchBytes = <usize>op.pitch << 3;
  const rowBytes = <usize>(op.strideY * op.width) << 3;
  let to = op.inputGradient + (<usize>(i * op.height * op.width + phase.firstInput) << 3);
  let from = run;
  for (let row: u32 = 0; row < phase.rows; row++) {
    if (op.strideX == 1) memory.copy(to, from, <usize>phase.columns << 3);
    else {
      for (let column: u32 = 0; column < phase.columns; column++) {
        store<f64>(to + (<usize>(column * op.strideX) << 3), load<f64>(from + (<usize>column << 3)));
      }
    }
    to += rowBytes;
    from += pitchBytes;
  }
}
