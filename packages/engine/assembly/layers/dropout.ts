/**
 * Dropout in training: an element is 0 with probability `rate`, else divided by 1 − rate. The random number of an
 * element is a hash of (seed, layer, step, image, place), so that the backward pass draws the same and no mask is
 * stored.
 */
import { batchNow, blockOf, tensorAt } from "./layout";

@unmanaged
export class Dropout {
  /** Tensor records, may be the same. Forward: values; backward: gradients. */
  input: usize;
  output: usize;
  /** u32[units]: the unit's number among all units, dead ones too; 0 where none is dead. */
  unitNumbers: usize;
  /** Number of all units. */
  unitCount: u32;
  /** Hash of seed and layer. */
  key: u32;
  /** rate · 2^24: an element whose 24 random bits are below is dropped. */
  threshold: u32;
  /** 1 / (1 − rate) */
  factor: f32;
  /** 1: adds to what output holds. */
  accumulate: u32;
}

/** The finaliser of MurmurHash3: a bijection of 32 bits without visible structure. */
@inline
function mix4(x: v128): v128 {
  x = v128.xor(x, i32x4.shr_u(x, 16));
  x = i32x4.mul(x, i32x4.splat(0x85ebca6b));
  x = v128.xor(x, i32x4.shr_u(x, 13));
  x = i32x4.mul(x, i32x4.splat(0xc2b2ae35));
  return v128.xor(x, i32x4.shr_u(x, 16));
}

@inline
function mix(x: u32): u32 {
  x = (x ^ (x >> 16)) * 0x85ebca6b;
  x = (x ^ (x >> 13)) * 0xc2b2ae35;
  return x ^ (x >> 16);
}

@kernel
export function dropout(op: Dropout, block: u32): void {
  const input = tensorAt(op.input);
  const output = tensorAt(op.output);
  const pixel = input.pixelBytes;
  const places = input.height * input.width;
  const stepKey = mix(op.key ^ mix(batchNow().step + 0x9e3779b9));
  const otherKey = i32x4.splat(mix(stepKey + 0x9e3779b9));
  const threshold = i32x4.splat(op.threshold);
  const factor = f32x4.splat(op.factor);
  const accumulate = op.accumulate != 0;
  for (let u: u32 = 0; u < input.units; u++) {
    const number = op.unitNumbers ? load<u32>(op.unitNumbers + (<usize>u << 2)) : u;
    for (let row: u32 = 0; row < input.height; row++) {
      const x = blockOf(input, block) + <usize>u * input.unitBytes + <usize>row * input.rowBytes;
      const y = blockOf(output, block) + <usize>u * output.unitBytes + <usize>row * output.rowBytes;
      for (let column: u32 = 0; column < input.width; column++) {
        const place = number * places + row * input.width + column;
        for (let lane: usize = 0; lane < pixel; lane += 16) {
          const image = block * <u32>(pixel >> 2) + <u32>(lane >> 2);
          const images = i32x4.add(i32x4.splat(image), i32x4(0, 1, 2, 3));
          let hash = i32x4.add(i32x4.mul(images, i32x4.splat(op.unitCount * places)), i32x4.splat(place));
          hash = mix4(i32x4.add(mix4(v128.xor(hash, i32x4.splat(stepKey))), otherKey));
          const kept = i32x4.ge_s(i32x4.shr_u(hash, 8), threshold);
          const at = <usize>column * pixel + lane;
          const v = v128.and(f32x4.mul(v128.load(x + at), factor), kept);
          v128.store(y + at, accumulate ? f32x4.add(v128.load(y + at), v) : v);
        }
      }
    }
  }
}
