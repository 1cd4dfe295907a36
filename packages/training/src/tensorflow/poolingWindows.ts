/**
 * Windows of pooling over `[n, h, w, c]` arrays. Pooling is plain loops here: the backends have no dilated windows, no
 * ceil mode and no padding left out of a mean, and their gradients are slower than these; that of the greatest value is
 * wrong in the wasm backend (docs/executor.md).
 */
import type { Tensor4D } from "@tensorflow/tfjs-core";

type Pair = readonly [number, number];

interface PoolingWindow {
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: readonly [number, number, number, number];
  readonly dilation: Pair;
}

/** Sizes of a pooled image: the batch and the channels are those of the input. */
export interface PooledShape {
  readonly n: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly outHeight: number;
  readonly outWidth: number;
}

/** @param outputShape core's `[channels, height, width]` */
export function pooledShape(x: Tensor4D, outputShape: readonly number[]): PooledShape {
  const [n, height, width, channels] = x.shape;
  return { n, height, width, channels, outHeight: outputShape[1]!, outWidth: outputShape[2]! };
}

/**
 * Calls `visit` for every window and every tap of it that is inside the image, taps row by row. `to` and `from` are
 * the indices of channel 0 in output and input; (p, q) is the window's position.
 */
export function forEachTap(
  { n, height, width, channels, outHeight, outWidth }: PooledShape,
  { kernel, stride, padding, dilation }: PoolingWindow,
  visit: (to: number, from: number, p: number, q: number) => void,
): void {
  for (let image = 0, to = 0; image < n; image++) {
    for (let p = 0; p < outHeight; p++) {
      for (let q = 0; q < outWidth; q++, to += channels) {
        for (let r = 0; r < kernel[0]; r++) {
          const y = p * stride[0] - padding[0] + r * dilation[0];
          if (y < 0 || y >= height) continue;
          for (let c = 0; c < kernel[1]; c++) {
            const x = q * stride[1] - padding[1] + c * dilation[1];
            if (x >= 0 && x < width) visit(to, ((image * height + y) * width + x) * channels, p, q);
          }
        }
      }
    }
  }
}
