/** The record of pooling over windows, and which taps of a window lie inside. */

@unmanaged
export class Pooling {
  /** Tensor records. Backward: gradients of both, and for the maximum both values too; so too for its tangents. */
  input: usize;
  output: usize;
  inputGradient: usize;
  outputGradient: usize;
  kernelY: u32;
  kernelX: u32;
  strideY: u32;
  strideX: u32;
  top: u32;
  left: u32;
  bottom: u32;
  right: u32;
  dilationY: u32;
  dilationX: u32;
  /** Mean only: 1 if padding counts as zeros. */
  countPadding: u32;
  /** Backward: 1 adds to what inputGradient holds. */
  accumulate: u32;
}

/** First tap along an axis that lies inside: start + tap · dilation ≥ 0. */
@inline
export function firstTap(start: i32, dilation: i32): i32 {
  return start >= 0 ? 0 : (dilation - 1 - start) / dilation;
}

/** One past the last tap that lies inside. */
@inline
export function lastTap(start: i32, dilation: i32, kernel: i32, length: i32): i32 {
  return max(0, min(kernel, (length - start + dilation - 1) / dilation));
}

/** 1 / the number of elements the mean of window (startY, startX) counts. */
@inline
export function share(op: Pooling, height: u32, width: u32, startY: i32, startX: i32): f32 {
  const dilationY = <i32>op.dilationY;
  const dilationX = <i32>op.dilationX;
  if (op.countPadding) {
    // windows of ceil mode may extend beyond the padding: those elements do not count
    const rows = min(<i32>op.kernelY, (<i32>(height + op.bottom) - startY + dilationY - 1) / dilationY);
    const columns = min(<i32>op.kernelX, (<i32>(width + op.right) - startX + dilationX - 1) / dilationX);
    return <f32>(1.0 / <f64>(rows * columns));
  }
  const rows = lastTap(startY, dilationY, op.kernelY, height) - firstTap(startY, dilationY);
  const columns = lastTap(startX, dilationX, op.kernelX, width) - firstTap(startX, dilationX);
  return <f32>(1.0 / <f64>(rows * columns));
}
