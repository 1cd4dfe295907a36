/** Weights as they come from outside: are they numbers, and are there zeros among them? */
let zeroFound: bool = false;

/** Whether checkWeights has met a weight that is 0 since the last clear. */
export function hasZero(): u32 {
  return <u32>zeroFound;
}

/** @returns index of the first NaN or infinity among `count` weights; `count` where all are finite */
export function checkWeights(weight: usize, count: u32): u32 {
  const zero = f32x4.splat(0);
  let at = weight;
  const end = weight + ((<usize>count) << 2);
  let zeros = zero;
  while (at + 64 <= end) {
    const a = v128.load(at);
    const b = v128.load(at, 16);
    const c = v128.load(at, 32);
    const d = v128.load(at, 48);
    // a finite number minus itself is 0, NaN and infinity give NaN
    const rest = f32x4.add(
      f32x4.add(f32x4.sub(a, a), f32x4.sub(b, b)),
      f32x4.add(f32x4.sub(c, c), f32x4.sub(d, d)),
    );
    if (v128.any_true(f32x4.ne(rest, zero))) break;
    zeros = v128.or(
      zeros,
      v128.or(
        v128.or(f32x4.eq(a, zero), f32x4.eq(b, zero)),
        v128.or(f32x4.eq(c, zero), f32x4.eq(d, zero)),
      ),
    );
    at += 64;
  }
  let found = v128.any_true(zeros);
  for (; at < end; at += 4) {
    const w = load<f32>(at);
    if (w - w != 0) break;
    found = found || w == 0;
  }
  zeroFound = zeroFound || found;
  return <u32>((at - weight) >> 2);
}
