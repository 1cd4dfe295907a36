/**
 * Counter-based random numbers: number k of stream t under seed s is
 *   z(s, t, k) = mix(key(s, t) + k · GOLDEN),   key(s, t) = mix(mix(s + GOLDEN) + t · STREAM)     modulo 2^64,
 * with the finaliser of splitmix64. Any number can be computed without those before it.
 * Source: Steele, Lea & Flood, OOPSLA 2014; constants of Vigna's splitmix64.c (public domain).
 * The same in TypeScript: src/random.ts.
 */
export const GOLDEN: u64 = 0x9e3779b97f4a7c15;
const STREAM: u64 = 0xd1342543de82ef95;

/** Streams of callers are below 2^53; walks have their own. */
export const WALK_STREAM: u64 = 0xffffffffffffffff;

@inline
export function mix(z: u64): u64 {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

export function key(seed: u64, stream: u64): u64 {
  return mix(mix(seed + GOLDEN) + stream * STREAM);
}

/** Upper 32 bits of numbers first … first + count − 1 of a stream, as u32 from `out` on. */
export function fillU32(out: usize, count: u32, seed: f64, stream: f64, first: f64): void {
  let counter = key(<u64>seed, <u64>stream) + <u64>first * GOLDEN;
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(out + ((<usize>i) << 2), <u32>(mix(counter) >> 32));
    counter += GOLDEN;
  }
}

// ---- the numbers of a walk ----
// counter of walk w at node n, slot s: w · 2^16 + n · 2 + s

/** For the kernel of the row and the weight of the kernel; further proposals of rejection step by RETRY. */
export const DRAW_SLOT: u32 = 0;
/** For the link from the unit reached. */
export const WAY_SLOT: u32 = 1;

/** Counter step from one walk to the next. */
export const WALK_STEP: u64 = GOLDEN << 16;

/** Counter step from one proposal of a draw to the next; odd, and far from GOLDEN. */
export const RETRY: u64 = 0xa0761d6478bd642f;

/** Argument of `mix` for the first walk of a batch, a node and a slot; WALK_STEP for each walk after. */
@inline
export function counterOf(walkKey: u64, firstWalk: u64, node: u32, slot: u32): u64 {
  return walkKey + firstWalk * WALK_STEP + <u64>((node << 1) | slot) * GOLDEN;
}

/** A uniformly random whole number below n, from 32 random bits. */
@inline
export function below(bits: u32, n: u32): u32 {
  return <u32>((<u64>bits * <u64>n) >> 32);
}

/** 2^-32: turns 32 random bits into [0, 1). */
export const UNIT: f64 = 1.0 / 4294967296.0;
