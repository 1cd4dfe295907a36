/** The oracle's own random number generator: Marsaglia's xorshift with a state of four 32-bit words. */

/** @returns a function that returns uniform numbers, 0 ≤ r < 1, of 53 bits */
export function randomFrom(seed: number): () => number {
  const state = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0, 0x9e3779b9, 0x243f6a88];
  const word = (): number => {
    const [a, b, c, d] = state as [number, number, number, number];
    const t = a ^ (a << 11);
    state[0] = b;
    state[1] = c;
    state[2] = d;
    state[3] = (d ^ (d >>> 19) ^ t ^ (t >>> 8)) >>> 0;
    return state[3];
  };
  // the first words still depend visibly on the seed
  for (let k = 0; k < 20; k++) word();
  return () => ((word() >>> 5) * 2 ** 26 + (word() >>> 6)) / 2 ** 53;
}

/** Draws an index with probability in proportion to `share`: sums shares until the sum exceeds the draw. */
export function draw(share: readonly number[], random: () => number): number {
  let left = random() * share.reduce((sum, s) => sum + s, 0);
  for (const [k, s] of share.entries()) {
    left -= s;
    if (left < 0) return k;
  }
  // with rounding the sum may stay below the draw: the last index that can be drawn is returned
  return share.findLastIndex((s) => s > 0);
}
