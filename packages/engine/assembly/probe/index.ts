/** Loops that keep one part of the computer busy, to measure its limits. */

/** First address after the module's own data. */
export function heapBase(): usize {
  return __heap_base;
}

/**
 * 48 multiply-adds per round: twelve vectors of four, in registers, as many as hide the latency of the sums.
 * @returns a value that depends on all of them
 */
export function multiplyAddRegisters(rounds: u32): f32 {
  const x = f32x4.splat(0.9990234375);
  const y = f32x4.splat(0.0009765625);
  let a = y, b = y, c = y, d = y, e = y, f = y, g = y, h = y, i = y, j = y, k = y, l = y;
  for (let round: u32 = 0; round < rounds; round++) {
    a = f32x4.add(f32x4.mul(a, x), y);
    b = f32x4.add(f32x4.mul(b, x), y);
    c = f32x4.add(f32x4.mul(c, x), y);
    d = f32x4.add(f32x4.mul(d, x), y);
    e = f32x4.add(f32x4.mul(e, x), y);
    f = f32x4.add(f32x4.mul(f, x), y);
    g = f32x4.add(f32x4.mul(g, x), y);
    h = f32x4.add(f32x4.mul(h, x), y);
    i = f32x4.add(f32x4.mul(i, x), y);
    j = f32x4.add(f32x4.mul(j, x), y);
    k = f32x4.add(f32x4.mul(k, x), y);
    l = f32x4.add(f32x4.mul(l, x), y);
  }
  return sumOfEight(a, b, c, d, e, f, g, h) + sumOfEight(i, j, k, l, a, b, c, d);
}

/**
 * As many multiply-adds as there are floats, each with one factor loaded: the best case of a rows kernel.
 * @param bytes a multiple of 128
 */
export function multiplyAddLoads(address: usize, bytes: usize): f32 {
  const w = f32x4.splat(0.9990234375);
  let a = f32x4.splat(0), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
  for (const end = address + bytes; address < end; address += 128) {
    a = f32x4.add(a, f32x4.mul(w, v128.load(address)));
    b = f32x4.add(b, f32x4.mul(w, v128.load(address, 16)));
    c = f32x4.add(c, f32x4.mul(w, v128.load(address, 32)));
    d = f32x4.add(d, f32x4.mul(w, v128.load(address, 48)));
    e = f32x4.add(e, f32x4.mul(w, v128.load(address, 64)));
    f = f32x4.add(f, f32x4.mul(w, v128.load(address, 80)));
    g = f32x4.add(g, f32x4.mul(w, v128.load(address, 96)));
    h = f32x4.add(h, f32x4.mul(w, v128.load(address, 112)));
  }
  return sumOfEight(a, b, c, d, e, f, g, h);
}

/** Sets floats to a number. @param bytes a multiple of 16 */
export function fill(address: usize, bytes: usize, value: f32): void {
  const values = f32x4.splat(value);
  for (const end = address + bytes; address < end; address += 16) v128.store(address, values);
}

// @ts-ignore: decorator
@inline
function sumOfEight(a: v128, b: v128, c: v128, d: v128, e: v128, f: v128, g: v128, h: v128): f32 {
  const sum = f32x4.add(
    f32x4.add(f32x4.add(a, b), f32x4.add(c, d)),
    f32x4.add(f32x4.add(e, f), f32x4.add(g, h)),
  );
  return (
    f32x4.extract_lane(sum, 0) +
    f32x4.extract_lane(sum, 1) +
    f32x4.extract_lane(sum, 2) +
    f32x4.extract_lane(sum, 3)
  );
}
