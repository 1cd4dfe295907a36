/** Maximum of adjacent windows of 2×2 that cover every element once and none beyond the edge. */
import { blockOf, tensorAt } from "./layout";
import { Pooling } from "./poolingWindows";

/** True for such windows. */
export function inQuarters(op: Pooling): bool {
  const input = tensorAt(op.input);
  const output = tensorAt(op.output);
  return op.kernelY == 2 && op.kernelX == 2 && op.strideY == 2 && op.strideX == 2
    && op.dilationY == 1 && op.dilationX == 1 && op.top == 0 && op.left == 0
    && output.height << 1 <= input.height && output.width << 1 <= input.width;
}

export function maxOfQuarters(op: Pooling, block: u32): void {
  const input = tensorAt(op.input);
  const output = tensorAt(op.output);
  const pixel = input.pixelBytes;
  const rowBytes = input.rowBytes;
  for (let u: u32 = 0; u < output.units; u++) {
    const x = blockOf(input, block) + <usize>u * input.unitBytes;
    const y = blockOf(output, block) + <usize>u * output.unitBytes;
    for (let p: u32 = 0; p < output.height; p++) {
      let above = x + <usize>(2 * p) * rowBytes;
      let to = y + <usize>p * output.rowBytes;
      for (const end = to + <usize>output.width * pixel; to < end; above += pixel) {
        for (const next = to + pixel; to < next; to += 16) {
          const below = above + rowBytes;
          const first = f32x4.max(v128.load(above), v128.load(above + pixel));
          v128.store(to, f32x4.max(f32x4.max(first, v128.load(below)), v128.load(below + pixel)));
          above += 16;
        }
      }
    }
  }
}

/** The gradient goes to the first maximum of each window; all elements are written once. */
export function passToQuarters(op: Pooling, block: u32): void {
  const input = tensorAt(op.input);
  const output = tensorAt(op.output);
  const inputGradient = tensorAt(op.inputGradient);
  const outputGradient = tensorAt(op.outputGradient);
  const pixel = input.pixelBytes;
  const xRow = input.rowBytes;
  const dRow = inputGradient.rowBytes;
  const accumulate = op.accumulate != 0;
  const whole = output.height << 1 == input.height && output.width << 1 == input.width;
  for (let u: u32 = 0; u < output.units; u++) {
    const x = blockOf(input, block) + <usize>u * input.unitBytes;
    const dx = blockOf(inputGradient, block) + <usize>u * inputGradient.unitBytes;
    if (!accumulate && !whole) {
      for (let row: u32 = 0; row < input.height; row++) memory.fill(dx + <usize>row * dRow, 0, <usize>input.width * pixel);
    }
    for (let p: u32 = 0; p < output.height; p++) {
      let y = blockOf(output, block) + <usize>u * output.unitBytes + <usize>p * output.rowBytes;
      let dy = blockOf(outputGradient, block) + <usize>u * outputGradient.unitBytes + <usize>p * outputGradient.rowBytes;
      let above = x + <usize>(2 * p) * xRow;
      let to = dx + <usize>(2 * p) * dRow;
      for (const end = y + <usize>output.width * pixel; y < end; ) {
        for (const next = y + pixel; y < next; y += 16) {
          const greatest = v128.load(y);
          const g = v128.load(dy);
          const below = above + xRow;
          const first = f32x4.eq(v128.load(above), greatest);
          const second = v128.andnot(f32x4.eq(v128.load(above + pixel), greatest), first);
          const upper = v128.or(first, second);
          const third = v128.andnot(f32x4.eq(v128.load(below), greatest), upper);
          const fourth = v128.andnot(v128.andnot(f32x4.eq(v128.load(below + pixel), greatest), upper), third);
          put(to, v128.and(g, first), accumulate);
          put(to + pixel, v128.and(g, second), accumulate);
          put(to + dRow, v128.and(g, third), accumulate);
          put(to + dRow + pixel, v128.and(g, fourth), accumulate);
          dy += 16;
          above += 16;
          to += 16;
        }
        above += pixel;
        to += pixel;
      }
    }
  }
}

@inline
function put(to: usize, value: v128, accumulate: bool): void {
  v128.store(to, accumulate ? f32x4.add(v128.load(to), value) : value);
}
