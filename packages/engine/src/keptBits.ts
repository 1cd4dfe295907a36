/** Counts ones in a walker's mask of bits: edge e is bit e mod 32 of word ⌊e / 32⌋. */

/**
 * Counts the ones of consecutive rows of bits.
 * @param words holds at least the bits up to first + rowLength · rowCount
 * @param first first bit of the first row
 * @returns length rowCount
 */
export function countRows(
  words: Uint32Array,
  first: number,
  rowLength: number,
  rowCount: number,
): Uint32Array {
  const counts = new Uint32Array(rowCount);
  for (let row = 0, start = first; row < rowCount; row++, start += rowLength) {
    const last = start + rowLength - 1;
    // a division, since edge ids exceed 31 bits
    const firstWord = Math.floor(start / 32);
    const lastWord = Math.floor(last / 32);
    const head = 0xffff_ffff << (start % 32);
    const tail = 0xffff_ffff >>> (31 - (last % 32));
    if (firstWord === lastWord) {
      counts[row] = ones(words[firstWord]! & head & tail);
      continue;
    }
    let count = ones(words[firstWord]! & head) + ones(words[lastWord]! & tail);
    for (let w = firstWord + 1; w < lastWord; w++) count += ones(words[w]!);
    counts[row] = count;
  }
  return counts;
}

/** Population count by sums of ever wider fields; Warren, Hacker's Delight, §5-1. */
function ones(word: number): number {
  const pairs = word - ((word >>> 1) & 0x5555_5555);
  const nibbles = (pairs & 0x3333_3333) + ((pairs >>> 2) & 0x3333_3333);
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}
