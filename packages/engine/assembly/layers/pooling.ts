/** Pooling over windows as in PyTorch: padding never is a maximum, and counts in a mean if `countPadding` is set. */
import { blockOf, tensorAt } from "./layout";
import { inQuarters, maxOfQuarters, passToQuarters } from "./maxPoolQuarters";
import { firstTap, lastTap, Pooling, share } from "./poolingWindows";

@kernel
export function maxPool(op: Pooling, block: u32): void {
  if (inQuarters(op)) maxOfQuarters(op, block);
  else maxOfWindows(op, block);
}

function maxOfWindows(op: Pooling, block: u32): void {
  const input = tensorAt(op.input);
  const output = tensorAt(op.output);
  const pixel = input.pixelBytes;
  const dilationY = op.dilationY;
  const dilationX = op.dilationX;
  const rowStep = <usize>dilationY * input.rowBytes;
  const columnStep = <usize>dilationX * pixel;
  for (let u: u32 = 0; u < output.units; u++) {
    const x = blockOf(input, block) + <usize>u * input.unitBytes;
    let y = blockOf(output, block) + <usize>u * output.unitBytes;
    for (let p: u32 = 0; p < output.height; p++) {
      const startY = <i32>(p * op.strideY) - <i32>op.top;
      const firstY = firstTap(startY, dilationY);
      const lastY = lastTap(startY, dilationY, op.kernelY, input.height);
      for (let q: u32 = 0; q < output.width; q++) {
        const startX = <i32>(q * op.strideX) - <i32>op.left;
        const firstX = firstTap(startX, dilationX);
        const lastX = lastTap(startX, dilationX, op.kernelX, input.width);
        const corner =
          x + <usize>(startY + firstY * <i32>dilationY) * input.rowBytes + <usize>(startX + firstX * <i32>dilationX) * pixel;
        for (let lane: usize = 0; lane < pixel; lane += 16) {
          let greatest = f32x4.splat(-Infinity);
          let row = corner + lane;
          for (let r = firstY; r < lastY; r++) {
            let at = row;
            for (let c = firstX; c < lastX; c++) {
              // max, unlike pmax, propagates NaN: the loss must show it
              greatest = f32x4.max(greatest, v128.load(at));
              at += columnStep;
            }
            row += rowStep;
          }
          v128.store(y + <usize>q * pixel + lane, greatest);
        }
      }
      y += output.rowBytes;
    }
  }
}

/** The gradient goes to the first maximum of each window. */
@kernel
export function maxPoolBackward(op: Pooling, block: u32): void {
  if (inQuarters(op)) passToQuarters(op, block);
  else passToWindows(op, block);
}

function passToWindows(op: Pooling, block: u32): void {
  const input = tensorAt(op.input);
  const output = tensorAt(op.output);
  const inputGradient = tensorAt(op.inputGradient);
  const outputGradient = tensorAt(op.outputGradient);
  const pixel = input.pixelBytes;
  const dilationY = op.dilationY;
  const dilationX = op.dilationX;
  for (let u: u32 = 0; u < output.units; u++) {
    const x = blockOf(input, block) + <usize>u * input.unitBytes;
    const dx = blockOf(inputGradient, block) + <usize>u * inputGradient.unitBytes;
    let y = blockOf(output, block) + <usize>u * output.unitBytes;
    let dy = blockOf(outputGradient, block) + <usize>u * outputGradient.unitBytes;
    if (!op.accumulate) {
      for (let row: u32 = 0; row < inputGradient.height; row++) {
        memory.fill(dx + <usize>row * inputGradient.rowBytes, 0, <usize>inputGradient.width * pixel);
      }
    }
    for (let p: u32 = 0; p < output.height; p++) {
      const startY = <i32>(p * op.strideY) - <i32>op.top;
      const firstY = firstTap(startY, dilationY);
      const lastY = lastTap(startY, dilationY, op.kernelY, input.height);
      for (let q: u32 = 0; q < output.width; q++) {
        const startX = <i32>(q * op.strideX) - <i32>op.left;
        const firstX = firstTap(startX, dilationX);
        const lastX = lastTap(startX, dilationX, op.kernelX, input.width);
        for (let lane: usize = 0; lane < pixel; lane += 16) {
          const greatest = v128.load(y + <usize>q * pixel + lane);
          const g = v128.load(dy + <usize>q * pixel + lane);
          let open = i32x4.splat(-1);
          for (let r = firstY; r < lastY; r++) {
            const row = startY + r * <i32>dilationY;
            for (let c = firstX; c < lastX; c++) {
              const column = <usize>(startX + c * <i32>dilationX) * pixel + lane;
              const v = v128.load(x + <usize>row * input.rowBytes + column);
              const wins = v128.and(open, f32x4.eq(v, greatest));
              open = v128.andnot(open, wins);
              const d = dx + <usize>row * inputGradient.rowBytes + column;
              v128.store(d, f32x4.add(v128.load(d), v128.and(g, wins)));
            }
          }
        }
      }
      y += output.rowBytes;
      dy += outputGradient.rowBytes;
    }
  }
}

/** Along a direction: the tangent of the first maximum of each window is the result. */
@kernel
export function maxPoolTangent(op: Pooling, block: u32): void {
  const input = tensorAt(op.input);
  const output = tensorAt(op.output);
  const inputTangent = tensorAt(op.inputGradient);
  const outputTangent = tensorAt(op.outputGradient);
  const pixel = input.pixelBytes;
  const dilationY = op.dilationY;
  const dilationX = op.dilationX;
  for (let u: u32 = 0; u < output.units; u++) {
    const x = blockOf(input, block) + <usize>u * input.unitBytes;
    const dx = blockOf(inputTangent, block) + <usize>u * inputTangent.unitBytes;
    let y = blockOf(output, block) + <usize>u * output.unitBytes;
    let dy = blockOf(outputTangent, block) + <usize>u * outputTangent.unitBytes;
    for (let p: u32 = 0; p < output.height; p++) {
      const startY = <i32>(p * op.strideY) - <i32>op.top;
      const firstY = firstTap(startY, dilationY);
      const lastY = lastTap(startY, dilationY, op.kernelY, input.height);
      for (let q: u32 = 0; q < output.width; q++) {
        const startX = <i32>(q * op.strideX) - <i32>op.left;
        const firstX = firstTap(startX, dilationX);
        const lastX = lastTap(startX, dilationX, op.kernelX, input.width);
        for (let lane: usize = 0; lane < pixel; lane += 16) {
          const greatest = v128.load(y + <usize>q * pixel + lane);
          let open = i32x4.splat(-1);
          let tangent = f32x4.splat(0);
          for (let r = firstY; r < lastY; r++) {
            const row = startY + r * <i32>dilationY;
            for (let c = firstX; c < lastX; c++) {
              const column = <usize>(startX + c * <i32>dilationX) * pixel + lane;
              const v = v128.load(x + <usize>row * input.rowBytes + column);
              const wins = v128.and(open, f32x4.eq(v, greatest));
              open = v128.andnot(open, wins);
              tangent = v128.bitselect(v128.load(dx + <usize>row * inputTangent.rowBytes + column), tangent, wins);
            }
          }
          v128.store(dy + <usize>q * pixel + lane, tangent);
        }
      }
      y += output.rowBytes;
      dy += outputTangent.rowBytes;
    }
  }
}

@kernel
export function averagePool(op: Pooling, block: u32): void {
  const input = tensorAt(op.input);
  const output = tensorAt(op.output);
  const pixel = input.pixelBytes;
  const dilationY = op.dilationY;
  const dilationX = op.dilationX;
  for (let u: u32 = 0; u < output.units; u++) {
    const x = blockOf(input, block) + <usize>u * input.unitBytes;
    let y = blockOf(output, block) + <usize>u * output.unitBytes;
    for (let p: u32 = 0; p < output.height; p++) {
      const startY = <i32>(p * op.strideY) - <i32>op.top;
      for (let q: u32 = 0; q < output.width; q++) {
        const startX = <i32>(q * op.strideX) - <i32>op.left;
        const factor = f32x4.splat(share(op, input.height, input.width, startY, startX));
        for (let lane: usize = 0; lane < pixel; lane += 16) {
          let sum = f32x4.splat(0);
          for (let r = firstTap(startY, dilationY), endY = lastTap(startY, dilationY, op.kernelY, input.height); r < endY; r++) {
            const row = x + <usize>(startY + r * <i32>dilationY) * input.rowBytes + lane;
            for (let c = firstTap(startX, dilationX), endX = lastTap(startX, dilationX, op.kernelX, input.width); c < endX; c++) {
              sum = f32x4.add(sum, v128.load(row + <usize>(startX + c * <i32>dilationX) * pixel));
            }
          }
          v128.store(y + <usize>q * pixel + lane, f32x4.mul(sum, factor));
        }
      }
      y += output.rowBytes;
    }
  }
}

@kernel
export function averagePoolBackward(op: Pooling, block: u32): void {
  const inputGradient = tensorAt(op.inputGradient);
  const outputGradient = tensorAt(op.outputGradient);
  const pixel = inputGradient.pixelBytes;
  const height = inputGradient.height;
  const width = inputGradient.width;
  const dilationY = op.dilationY;
  const dilationX = op.dilationX;
  for (let u: u32 = 0; u < outputGradient.units; u++) {
    const dx = blockOf(inputGradient, block) + <usize>u * inputGradient.unitBytes;
    let dy = blockOf(outputGradient, block) + <usize>u * outputGradient.unitBytes;
    if (!op.accumulate) {
      for (let row: u32 = 0; row < height; row++) {
        memory.fill(dx + <usize>row * inputGradient.rowBytes, 0, <usize>width * pixel);
      }
    }
    for (let p: u32 = 0; p < outputGradient.height; p++) {
      const startY = <i32>(p * op.strideY) - <i32>op.top;
      for (let q: u32 = 0; q < outputGradient.width; q++) {
        const startX = <i32>(q * op.strideX) - <i32>op.left;
        const factor = f32x4.splat(share(op, height, width, startY, startX));
        for (let lane: usize = 0; lane < pixel; lane += 16) {
          const g = f32x4.mul(factor, v128.load(dy + <usize>q * pixel + lane));
          for (let r = firstTap(startY, dilationY), endY = lastTap(startY, dilationY, op.kernelY, height); r < endY; r++) {
            const row = dx + <usize>(startY + r * <i32>dilationY) * inputGradient.rowBytes + lane;
            for (let c = firstTap(startX, dilationX), endX = lastTap(startX, dilationX, op.kernelX, width); c < endX; c++) {
              const d = row + <usize>(startX + c * <i32>dilationX) * pixel;
              v128.store(d, f32x4.add(v128.load(d), g));
            }
          }
        }
      }
      dy += outputGradient.rowBytes;
    }
  }
}

@unmanaged
export class GlobalPooling {
  /** Tensor records: a plane, and one pixel a unit. Forward: values; backward: gradients. */
  plane: usize;
  mean: usize;
  /** Backward: 1 adds to what the plane holds. */
  accumulate: u32;
}

@kernel
export function globalAveragePool(op: GlobalPooling, block: u32): void {
  const plane = tensorAt(op.plane);
  const mean = tensorAt(op.mean);
  const pixel = plane.pixelBytes;
  const bytes = <usize>plane.width * pixel;
  const factor = f32x4.splat(<f32>(1.0 / <f64>(plane.height * plane.width)));
  for (let u: u32 = 0; u < plane.units; u++) {
    const x = blockOf(plane, block) + <usize>u * plane.unitBytes;
    const y = blockOf(mean, block) + <usize>u * mean.unitBytes;
    for (let lane: usize = 0; lane < pixel; lane += 16) {
      let sum = f32x4.splat(0);
      let row = x + lane;
      for (let r: u32 = 0; r < plane.height; r++) {
        for (let at: usize = 0; at < bytes; at += pixel) sum = f32x4.add(sum, v128.load(row + at));
        row += plane.rowBytes;
      }
      v128.store(y + lane, f32x4.mul(sum, factor));
    }
  }
}

@kernel
export function globalAveragePoolBackward(op: GlobalPooling, block: u32): void {
  const plane = tensorAt(op.plane);
  const mean = tensorAt(op.mean);
  const pixel = plane.pixelBytes;
  const bytes = <usize>plane.width * pixel;
  const factor = f32x4.splat(<f32>(1.0 / <f64>(plane.height * plane.width)));
  const accumulate = op.accumulate != 0;
  for (let u: u32 = 0; u < plane.units; u++) {
    const dx = blockOf(plane, block) + <usize>u * plane.unitBytes;
    const dy = blockOf(mean, block) + <usize>u * mean.unitBytes;
    for (let lane: usize = 0; lane < pixel; lane += 16) {
      const g = f32x4.mul(factor, v128.load(dy + lane));
      let row = dx + lane;
      for (let r: u32 = 0; r < plane.height; r++) {
        for (let at: usize = 0; at < bytes; at += pixel) {
          v128.store(row + at, accumulate ? f32x4.add(v128.load(row + at), g) : g);
        }
        row += plane.rowBytes;
      }
    }
  }
}
