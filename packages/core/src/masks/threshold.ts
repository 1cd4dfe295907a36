/**
 * The score of the last weight kept, found by radix selection over the bits of float64, without sorting. A positive
 * float's bits with the sign bit set, and a negative one's inverted, are unsigned integers in the floats' order.
 * One pass counts the first sixteen bits of all scores, a second collects the scores with the same sixteen bits as
 * the threshold, and the threshold is found among these, twelve bits at a time. Memory: 8 bytes for each collected
 * score, and 256 KiB of counters.
 * For many scores a sample gives two bounds first; one pass counts the scores above and collects those between, and
 * only these are searched. If the threshold is not between the bounds, all scores are searched.
 * @see Floyd & Rivest 1975, Communications of the ACM 18(3), for selection by a sample
 */
import { ArgumentError } from "../errors.ts";

/** Scores of consecutive weights and the mask to be decided; both have the same length. */
export interface ScoredMask {
  /** The layer, for error messages. */
  readonly name: string;
  readonly scores: Float32Array | Float64Array;
  /** 0 or 1 per weight. Weights with 1 are kept whatever their scores. */
  readonly mask: Uint8Array;
}

/** Scores above `score` are kept, and the first `equalCount` of those equal to it. */
export interface Threshold {
  readonly score: number;
  readonly equalCount: number;
}

/**
 * @param layers weights with mask 1 are ignored @param magnitude true: compare scores by magnitude
 * @param wantedCount 1 … candidateCount @param candidateCount number of zeros in the masks
 * @throws ArgumentError naming layer and index for NaN
 */
export function findThreshold(
  layers: readonly ScoredMask[],
  wantedCount: number,
  candidateCount: number,
  magnitude: boolean,
): Threshold {
  const near = nearThreshold(layers, wantedCount, candidateCount, magnitude);
  return near === undefined ? byDigits(layers, wantedCount, magnitude) : byDigits(...near);
}

function byDigits(layers: readonly ScoredMask[], wantedCount: number, magnitude: boolean): Threshold {
  const counts = countFirstDigits(layers, magnitude);
  const { digit, above } = digitOf(counts, wantedCount);
  const candidates = new Float64Array(counts[digit]!);
  const range = { least: scoreOf(digit << 16, 0), most: scoreOf((digit << 16) | 0xffff, 0xffffffff) };
  let end = 0;
  for (const layer of layers) end += collectInto(candidates, end, layer, magnitude, range).collected;
  return among(candidates, wantedCount - above);
}

// below this count a full search takes no longer than a sample
const FEW = 1 << 15;
const SAMPLE_COUNT = 2048;
// in standard deviations of a rank in the sample; a miss costs a second search of all scores
const MARGIN = 5;

/** The scores between the bounds from a sample, and how many of them are wanted; undefined if the bounds miss. */
function nearThreshold(
  layers: readonly ScoredMask[],
  wantedCount: number,
  candidateCount: number,
  magnitude: boolean,
): [readonly ScoredMask[], number, boolean] | undefined {
  if (candidateCount < FEW) return undefined;
  const sample = sampleOf(layers, magnitude);
  const share = wantedCount / candidateCount;
  const margin = 1 + MARGIN * Math.sqrt(sample.length * share * (1 - share));
  const rank = sample.length * (1 - share);
  const range = {
    least: sample[Math.floor(rank - margin)] ?? Number.NEGATIVE_INFINITY,
    most: sample[Math.ceil(rank + margin)] ?? Number.POSITIVE_INFINITY,
  };
  // twice the expected number
  const candidates = new Float64Array(Math.ceil((4 * (margin + 1) * candidateCount) / sample.length));
  let [end, above] = [0, 0];
  for (const layer of layers) {
    const found = collectInto(candidates, end, layer, magnitude, range);
    end += found.collected;
    above += found.above;
  }
  const wanted = wantedCount - above;
  if (end > candidates.length || wanted < 1 || wanted > end) return undefined;
  const scores = candidates.subarray(0, end);
  return [[{ name: "sample", scores, mask: new Uint8Array(end) }], wanted, false];
}

/** Scores at equal distances, in ascending order. */
function sampleOf(layers: readonly ScoredMask[], magnitude: boolean): Float64Array {
  const count = layers.reduce((sum, { scores }) => sum + scores.length, 0);
  const step = Math.ceil(count / SAMPLE_COUNT);
  const sample: number[] = [];
  let next = 0;
  for (const { scores, mask } of layers) {
    for (; next < scores.length; next += step) {
      if (mask[next] === 0) sample.push(magnitude ? Math.abs(scores[next]!) : scores[next]!);
    }
    next -= scores.length;
  }
  return Float64Array.from(sample).sort();
}

// a block of scores fits the first-level cache
const BLOCK_LENGTH = 1024;
const SIGN = 0x80000000;
// typed arrays have the byte order of the platform
const HIGH_WORD = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 1 : 0;

/** Counts the scores with each value of the first sixteen bits. */
function countFirstDigits(layers: readonly ScoredMask[], magnitude: boolean): Uint32Array {
  const counts = new Uint32Array(1 << 16);
  const block = new Float64Array(BLOCK_LENGTH);
  const words = new Int32Array(block.buffer);
  for (const { name, scores, mask } of layers) {
    for (let start = 0; start < scores.length; start += BLOCK_LENGTH) {
      const length = Math.min(BLOCK_LENGTH, scores.length - start);
      let nanAt = -1;
      for (let k = 0; k < length; k++) {
        const s = scores[start + k]!;
        // + 0 turns −0 into 0
        block[k] = magnitude ? Math.abs(s) : s + 0;
        if (Number.isNaN(s)) nanAt = start + k;
      }
      if (nanAt >= 0) throw notANumber(name, nanAt);
      for (let k = 0; k < length; k++) {
        const high = words[2 * k + HIGH_WORD]!;
        counts[(high ^ ((high >> 31) | SIGN)) >>> 16]! += 1 - mask[start + k]!;
      }
    }
  }
  return counts;
}

const notANumber = (name: string, index: number) =>
  new ArgumentError(`layer "${name}", score ${index}`, {
    given: "NaN",
    expected: "a number",
    remedy: "Check that the weights, and the batch if one was used, are finite.",
  });

/** The digit of the wantedCount-th greatest score, and how many scores have a higher digit. */
function digitOf(counts: Uint32Array, wantedCount: number): { digit: number; above: number } {
  let [digit, above] = [counts.length - 1, 0];
  while (above + counts[digit]! < wantedCount) above += counts[digit--]!;
  return { digit, above };
}

/** The score with this key; infinite beyond the largest. */
function scoreOf(high: number, low: number): number {
  const score = new Float64Array(1);
  const words = new Int32Array(score.buffer);
  const isNegative = high >= 0;
  words[HIGH_WORD] = isNegative ? ~high : high ^ SIGN;
  words[1 - HIGH_WORD] = isNegative ? ~low : low;
  if (Number.isNaN(score[0])) return isNegative ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  // −0 is counted as 0, so no score has its key
  return isNegative && score[0] === 0 ? -Number.MIN_VALUE : score[0]!;
}

/**
 * Collects the scores from least to most whose mask is 0, and counts those above.
 * @returns both counts; scores beyond the memory of `candidates` are counted, not collected
 * @throws ArgumentError naming layer and index for NaN
 */
function collectInto(
  candidates: Float64Array,
  start: number,
  { name, scores, mask }: ScoredMask,
  magnitude: boolean,
  { least, most }: { readonly least: number; readonly most: number },
): { readonly collected: number; readonly above: number } {
  let [end, above] = [start, 0];
  for (let k = 0; k < scores.length; k++) {
    const s = magnitude ? Math.abs(scores[k]!) : scores[k]!;
    if (s > most) above += 1 - mask[k]!;
    else if (s >= least) {
      if (mask[k] === 0) candidates[end++] = s + 0;
    } else if (Number.isNaN(s)) throw notANumber(name, k);
  }
  return { collected: end - start, above };
}

/** The wantedCount-th greatest of scores with equal first sixteen bits, and so of one sign. Overwrites them. */
function among(candidates: Float64Array, wantedCount: number): Threshold {
  const words = new Uint32Array(candidates.buffer);
  const inverted = words[HIGH_WORD]! >>> 31 === 1 ? 0xffffffff : 0;
  let [count, wanted] = [candidates.length, wantedCount];
  for (let level = 0; level < 4; level++) {
    const counts = new Uint32Array(1 << 12);
    for (let k = 0; k < count; k++) counts[digitAt(words, k, level, inverted)]!++;
    const { digit, above } = digitOf(counts, wanted);
    wanted -= above;
    let end = 0;
    for (let k = 0; k < count; k++)
      if (digitAt(words, k, level, inverted) === digit) candidates[end++] = candidates[k]!;
    count = end;
  }
  return { score: candidates[0]!, equalCount: wanted };
}

/** Bits 47 … 36 of a score's key at level 0, and the next twelve at each further level. */
function digitAt(words: Uint32Array, k: number, level: number, inverted: number): number {
  const high = words[2 * k + HIGH_WORD]! ^ inverted;
  const low = words[2 * k + 1 - HIGH_WORD]! ^ inverted;
  if (level === 0) return (high >>> 4) & 0xfff;
  if (level === 1) return ((high & 0xf) << 8) | (low >>> 24);
  return (level === 2 ? low >>> 12 : low) & 0xfff;
}
