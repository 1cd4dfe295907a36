/** Checks weights from outside: whether they are finite, their greatest magnitude, and whether some are 0. */
let zeroFound: bool = false;
let greatestMagnitude: f32 = 0;

/** Whether checkWeights has found a weight that is 0. */
export function hasZero(): u32 {
  return <u32>zeroFound;
}

/** Greatest |weight| that checkWeights has found since the last forgetMagnitude. */
export function magnitudeSeen(): f32 {
  return greatestMagnitude;
}

export function forgetMagnitude(): void {
  greatestMagnitude = 0;
}

/** @returns index of the first NaN or infinity among `count` weights; `count` if all are finite */
export function checkWeights(weight: usize, count: u32): u32 {
  const zero = f32x4.splat(0);
  const infinity = f32x4.splat(<f32>Infinity);
  let most = zero;
  let zeros = zero;
  let at = weight;
  const end = weight + ((<usize>count) << 2);
  while (at + 32 <= end) {
    const a = f32x4.abs(v128.load(at));
    const b = f32x4.abs(v128.load(at, 16));
    // false for NaN and for infinity
    if (!i32x4.all_true(v128.and(f32x4.lt(a, infinity), f32x4.lt(b, infinity)))) break;
    zeros = v128.or(zeros, v128.or(f32x4.eq(a, zero), f32x4.eq(b, zero)));
    most = f32x4.max(most, f32x4.max(a, b));
    at += 32;
  }
  let found = v128.any_true(zeros);
  let greatest = max(
    max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)),
    max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)),
  );
  for (; at < end; at += 4) {
    const w = abs(load<f32>(at));
    if (!(w < <f32>Infinity)) break;
    found = found || w == 0;
    greatest = max(greatest, w);
  }
  zeroFound = zeroFound || found;
  greatestMagnitude = max(greatestMagnitude, greatest);
  return <u32>((at - weight) >> 2);
}
