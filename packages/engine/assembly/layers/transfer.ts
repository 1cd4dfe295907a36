/** Converts between row-major `[images, ...shape]` outside and blocks of lanes inside. */
import { batchNow, blockOf, tensorAt } from "./layout";

@unmanaged
export class Transfer {
  /** Tensor record. */
  tensor: usize;
  /** f32[images][units][height][width] */
  images: usize;
}

/** Images into lanes; lanes beyond the batch become 0. */
@kernel
export function loadImages(op: Transfer, block: u32): void {
  const tensor = tensorAt(op.tensor);
  const width = tensor.width;
  const height = tensor.height;
  const imageBytes = <usize>(tensor.units * height * width) << 2;
  const count = batchNow().count;
  const pixel = tensor.pixelBytes;
  const firstImage = block * <u32>(pixel >> 2);
  for (let lane: usize = 0; lane < pixel; lane += 16) {
    const image = firstImage + <u32>(lane >> 2);
    const from = op.images + <usize>image * imageBytes;
    const to = blockOf(tensor, block) + lane;
    const present = count > image ? count - image : 0;
    if (height * width == 1) {
      transpose(from, imageBytes, present, tensor.units, to, tensor.unitBytes);
      continue;
    }
    for (let u: u32 = 0; u < tensor.units; u++) {
      for (let y: u32 = 0; y < height; y++) {
        transpose(
          from + (<usize>((u * height + y) * width) << 2), imageBytes, present, width,
          to + <usize>u * tensor.unitBytes + <usize>y * tensor.rowBytes, pixel,
        );
      }
    }
  }
}

/** `length` numbers of each of four images become `length` vectors, `step` bytes apart. */
@inline
function transpose(from: usize, imageBytes: usize, present: u32, length: u32, to: usize, step: usize): void {
  const zero = f32x4.splat(0);
  let k: u32 = 0;
  for (; k + 4 <= length; k += 4) {
    const at = from + (<usize>k << 2);
    const a = present > 0 ? v128.load(at) : zero;
    const b = present > 1 ? v128.load(at + imageBytes) : zero;
    const c = present > 2 ? v128.load(at + 2 * imageBytes) : zero;
    const d = present > 3 ? v128.load(at + 3 * imageBytes) : zero;
    const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
    const AB = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
    const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
    const CD = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<f32>(ab, cd, 0, 1, 4, 5));
    v128.store(to + step, v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
    v128.store(to + 2 * step, v128.shuffle<f32>(AB, CD, 0, 1, 4, 5));
    v128.store(to + 3 * step, v128.shuffle<f32>(AB, CD, 2, 3, 6, 7));
    to += 4 * step;
  }
  for (; k < length; k++) {
    const at = from + (<usize>k << 2);
    for (let lane: u32 = 0; lane < 4; lane++) {
      store<f32>(to + (<usize>lane << 2), lane < present ? load<f32>(at + <usize>lane * imageBytes) : 0);
    }
    to += step;
  }
}

/** Lanes into images. */
@kernel
export function storeImages(op: Transfer, block: u32): void {
  const tensor = tensorAt(op.tensor);
  const width = tensor.width;
  const height = tensor.height;
  const count = batchNow().count;
  const pixel = tensor.pixelBytes;
  const lanes = <u32>(pixel >> 2);
  let to = op.images + (<usize>(block * lanes * tensor.units * height * width) << 2);
  for (let lane: u32 = 0; lane < lanes && block * lanes + lane < count; lane++) {
    for (let u: u32 = 0; u < tensor.units; u++) {
      for (let y: u32 = 0; y < height; y++) {
        let at = blockOf(tensor, block) + <usize>u * tensor.unitBytes + <usize>y * tensor.rowBytes + (<usize>lane << 2);
        for (let x: u32 = 0; x < width; x++) {
          store<f32>(to, load<f32>(at));
          to += 4;
          at += pixel;
        }
      }
    }
  }
}
