/**
 * A convolution's planes, laid out so that every weight meets one contiguous run of its input.
 * The padded input is split into strideY · strideX phases: phase (a, b) holds rows a, a + strideY, … and columns b,
 * b + strideX, …, all phases with one pitch. Output position (p, q) stands at p·pitch + q; the input that tap (r, c)
 * meets there stands in phase (r·dilationY mod strideY, c·dilationX mod strideX), at the same place and a shift of
 * ⌊r·dilationY / strideY⌋·pitch + ⌊c·dilationX / strideX⌋ further. `src/paths/geometry.ts` works all this out.
 * Between the rows of outputs are places that mean nothing: gradients are 0 there. Zeros behind a row are those before
 * the next where there is room for both.
 */

/** A weight's place in its kernel. */
@unmanaged
export class Tap {
  phase: u32;
  /** Bytes from an output's place to the input it meets, within the phases of a channel. */
  inputBytes: u32;
  /** Bytes from an input's place, within its phase, to the gradient of the output it meets, the lead included. */
  gradientBytes: u32;
}

@unmanaged
export class Convolution {
  /** f64[channels, height, width]. */
  input: usize;
  /** f32[outputs, inPerGroup, kernelHeight, kernelWidth]. */
  weight: usize;
  /** u8 a weight, 1 = kept; 0: all are. */
  mask: usize;
  /** f64[outputs]; the forward pass alone reads it. */
  bias: usize;
  /** f64[outputs, outHeight, outWidth]: what comes out, or its gradient on the way back. */
  output: usize;
  /** f64, as input; written on the way back. */
  inputGradient: usize;
  /** f64, as weight; written on the way back. */
  weightGradient: usize;
  /** Scratch: f64[channels, phases, planeLength]. */
  planes: usize;
  /** Scratch: f64[outputs, gradientLength]. */
  gradientPlanes: usize;
  /** Scratch: f64[batch, planeLength]. */
  run: usize;
  /** Tap[tapCount]. */
  taps: usize;
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
      // rows that no output reaches have no place
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

/** First row or column of a phase that is input, not padding. */
@inline
function firstInput(before: u32, phase: u32, stride: u32): u32 {
  return before > phase ? (before - phase + stride - 1) / stride : 0;
}

/** One past the last, of at most `most`. */
@inline
function endOfInput(length: u32, before: u32, phase: u32, stride: u32, most: u32): u32 {
  const end = length + before;
  return end > phase ? min(most, (end - phase + stride - 1) / stride) : 0;
}

@inline
function firstRowOf(op: Convolution, phase: u32): u32 {
  return firstInput(op.top, phase / op.strideX, op.strideY);
}

@inline
function endRowOf(op: Convolution, phase: u32): u32 {
  return endOfInput(op.height, op.top, phase / op.strideX, op.strideY, op.phaseRows);
}

@inline
function firstColumnOf(op: Convolution, phase: u32): u32 {
  return firstInput(op.left, phase % op.strideX, op.strideX);
}

@inline
function endColumnOf(op: Convolution, phase: u32): u32 {
  return endOfInput(op.width, op.left, phase % op.strideX, op.strideX, op.phaseColumns);
}

/** Bytes from the start of a phase to its first place that is input. */
export function inputStart(op: Convolution, phase: u32): usize {
  return <usize>(firstRowOf(op, phase) * op.pitch + firstColumnOf(op, phase)) << 3;
}

/** Vectors from there to the last place that is input. */
export function inputVectors(op: Convolution, phase: u32): u32 {
  const first = firstRowOf(op, phase);
  const end = endRowOf(op, phase);
  const left = firstColumnOf(op, phase);
  const right = endColumnOf(op, phase);
  return end > first && right > left ? ((end - first - 1) * op.pitch + right - left + 1) >> 1 : 0;
}

/** Takes the rows of a phase out of its run, which begins at `inputStart`, into the gradient of input channel i. */
export function gatherInputGradient(op: Convolution, i: u32, phase: u32, run: usize): void {
  const plane = op.inputGradient + (<usize>i * op.height * op.width << 3);
  const first = firstRowOf(op, phase);
  const left = firstColumnOf(op, phase);
  const columns = endColumnOf(op, phase) - left;
  for (let row = first, end = endRowOf(op, phase); row < end; row++) {
    const y = row * op.strideY + phase / op.strideX - op.top;
    const x = left * op.strideX + (phase % op.strideX) - op.left;
    const from = run + (<usize>((row - first) * op.pitch) << 3);
    const to = plane + (<usize>(y * op.width + x) << 3);
    if (op.strideX == 1) memory.copy(to, from, <usize>columns << 3);
    else {
      for (let column: u32 = 0; column < columns; column++) {
        store<f64>(to + (<usize>(column * op.strideX) << 3), load<f64>(from + (<usize>column << 3)));
      }
    }
  }
}
