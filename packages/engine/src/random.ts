/**
 * Counter-based random numbers, bit for bit the same as assembly/walk/random.ts:
 *   z(s, t, k) = mix(key(s, t) + k · GOLDEN),   key(s, t) = mix(mix(s + GOLDEN) + t · STREAM)     modulo 2^64,
 * with the finaliser of splitmix64 (Steele, Lea & Flood, OOPSLA 2014). 64-bit words are two halves, since BigInt is
 * slow.
 */
import { requireWhole } from "./errors.ts";

const GOLDEN_HIGH = 0x9e3779b9;
const GOLDEN_LOW = 0x7f4a7c15;
const STREAM_HIGH = 0xd1342543;
const STREAM_LOW = 0xde82ef95;

// the last product, sum or mix, in two variables, since returning a pair would allocate
let high = 0;
let low = 0;

/** high·2^32 + low = a · b modulo 2^64 */
function multiply(aHigh: number, aLow: number, bHigh: number, bLow: number): void {
  const a0 = aLow & 0xffff;
  const a1 = aLow >>> 16;
  const b0 = bLow & 0xffff;
  const b1 = bLow >>> 16;
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const middle2 = a0 * b1 + (middle & 0xffff);
  const carry = a1 * b1 + Math.floor(middle / 65_536) + Math.floor(middle2 / 65_536);
  high = (carry + Math.imul(aHigh, bLow) + Math.imul(aLow, bHigh)) >>> 0;
  low = Math.imul(aLow, bLow) >>> 0;
}

function add(aHigh: number, aLow: number, bHigh: number, bLow: number): void {
  const sum = aLow + bLow;
  low = sum >>> 0;
  high = (aHigh + bHigh + (sum > 0xffff_ffff ? 1 : 0)) >>> 0;
}

function mix(zHigh: number, zLow: number): void {
  let h = zHigh ^ (zHigh >>> 30);
  let l = zLow ^ ((zLow >>> 30) | (zHigh << 2));
  multiply(h >>> 0, l >>> 0, 0xbf58476d, 0x1ce4e5b9);
  h = high ^ (high >>> 27);
  l = low ^ ((low >>> 27) | (high << 5));
  multiply(h >>> 0, l >>> 0, 0x94d049bb, 0x133111eb);
  l = low ^ ((low >>> 31) | (high << 1));
  high = (high ^ (high >>> 31)) >>> 0;
  low = l >>> 0;
}

const highOf = (whole: number): number => Math.floor(whole / 4_294_967_296);

function key(seed: number, stream: number): void {
  add(highOf(seed), seed >>> 0, GOLDEN_HIGH, GOLDEN_LOW);
  mix(high, low);
  const seedHigh = high;
  const seedLow = low;
  multiply(highOf(stream), stream >>> 0, STREAM_HIGH, STREAM_LOW);
  add(high, low, seedHigh, seedLow);
  mix(high, low);
}

/**
 * Number `k` of stream `stream` under `seed`: 32 random bits that depend only on these three.
 * @param seed @param stream @param k whole numbers from 0 to 2^53 − 1
 */
export function randomU32(seed: number, stream: number, k: number): number {
  requireWhole("seed", seed, 0, Number.MAX_SAFE_INTEGER);
  requireWhole("stream", stream, 0, Number.MAX_SAFE_INTEGER);
  requireWhole("number of the draw", k, 0, Number.MAX_SAFE_INTEGER);
  key(seed, stream);
  const keyHigh = high;
  const keyLow = low;
  multiply(highOf(k), k >>> 0, GOLDEN_HIGH, GOLDEN_LOW);
  add(high, low, keyHigh, keyLow);
  mix(high, low);
  return high;
}

/** The numbers of one stream, one after the other: the same as `randomU32(seed, stream, 0)`, 1, 2, … */
export class Random {
  #counterHigh: number;
  #counterLow: number;

  /** @param seed @param stream whole numbers from 0 to 2^53 − 1 */
  constructor(seed: number, stream = 0) {
    requireWhole("seed", seed, 0, Number.MAX_SAFE_INTEGER);
    requireWhole("stream", stream, 0, Number.MAX_SAFE_INTEGER);
    key(seed, stream);
    this.#counterHigh = high;
    this.#counterLow = low;
  }

  /** 32 random bits as a whole number, 0 … 2^32 − 1. */
  nextU32(): number {
    mix(this.#counterHigh, this.#counterLow);
    const drawn = high;
    add(this.#counterHigh, this.#counterLow, GOLDEN_HIGH, GOLDEN_LOW);
    this.#counterHigh = high;
    this.#counterLow = low;
    return drawn;
  }

  /** Uniform in [0, 1), a multiple of 2^-53; takes two numbers of the stream. */
  nextFloat(): number {
    const upper = this.nextU32() >>> 5;
    const lower = this.nextU32() >>> 6;
    return (upper * 67_108_864 + lower) / 9_007_199_254_740_992;
  }

  /** Uniform whole number, 0 … bound − 1, without bias; takes one number of the stream, rarely more. */
  below(bound: number): number {
    requireWhole("bound", bound, 1, 4_294_967_296);
    // numbers from the last whole multiple of the bound on are rejected
    const limit = 4_294_967_296 - (4_294_967_296 % bound);
    let drawn = this.nextU32();
    while (drawn >= limit) drawn = this.nextU32();
    return drawn % bound;
  }

  /** Uniformly random order, in place (Fisher–Yates). */
  shuffleInto<T extends { readonly length: number; [index: number]: unknown }>(items: T): void {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const held = items[i];
      items[i] = items[j];
      items[j] = held;
    }
  }
}
