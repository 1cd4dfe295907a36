/**
 * Kept weights in the order in which they are summed: {u32 bytes from the run's start in the source, u32 index, f64
 * θ'}.
 */
import { Convolution, Tap } from "./layout";

export const ENTRY_BYTES: usize = 16;

/** |w| or w². */
@inline
function transformed(weight: usize, square: u32): f64 {
  const w = <f64>load<f32>(weight);
  return square ? w * w : abs(w);
}

/** Weights that enter output o, offsets within the planes; index: within those weights. @returns end of the entries */
export function gatherEntering(op: Convolution, o: u32, entries: usize): usize {
  const taps = op.taps;
  const tapsEnd = taps + op.tapCount * offsetof<Tap>();
  const square = op.square;
  const channelBytes = op.phaseCount * (<usize>op.planeLength << 3);
  const fanIn = op.inPerGroup * op.tapCount;
  let weight = op.weight + (<usize>o * fanIn << 2);
  let mask = op.mask + o * fanIn;
  const masked = op.mask != 0;
  let entry = entries;
  let index: u32 = 0;
  let channel = <usize>(o / op.outPerGroup) * op.inPerGroup * channelBytes;
  while (index < fanIn) {
    for (let at = taps; at < tapsEnd; at += offsetof<Tap>()) {
      // no branch, since kept weights are unpredictable: entries of removed ones are overwritten
      store<u32>(entry, <u32>channel + changetype<Tap>(at).inputBytes);
      store<u32>(entry, index, 4);
      store<f64>(entry, transformed(weight, square), 8);
      entry += masked ? <usize>load<u8>(mask) * ENTRY_BYTES : ENTRY_BYTES;
      weight += 4;
      mask++;
      index++;
    }
    channel += channelBytes;
  }
  return entry;
}

/** Weights that leave input channel i by taps of one phase, offsets within the gradient planes. @returns end */
export function gatherLeaving(op: Convolution, i: u32, phase: u32, entries: usize): usize {
  const square = op.square;
  const masked = op.mask != 0;
  const planeBytes = <usize>op.gradientLength << 3;
  const rowLength = <usize>op.inPerGroup * op.tapCount;
  const firstOutput = (i / op.inPerGroup) * op.outPerGroup;
  const taps = op.taps;
  const tapsEnd = taps + op.tapCount * offsetof<Tap>();
  // in memory order: all taps of an output before the next one
  let k = <usize>firstOutput * rowLength + (i % op.inPerGroup) * op.tapCount;
  let plane = <usize>firstOutput * planeBytes;
  let entry = entries;
  for (const end = plane + <usize>op.outPerGroup * planeBytes; plane < end; plane += planeBytes) {
    let weight = op.weight + (k << 2);
    let mask = op.mask + k;
    for (let at = taps; at < tapsEnd; at += offsetof<Tap>()) {
      const tap = changetype<Tap>(at);
      if (tap.phase == phase) {
        store<u32>(entry, <u32>plane + tap.gradientBytes);
        store<f64>(entry, transformed(weight, square), 8);
        entry += masked ? <usize>load<u8>(mask) * ENTRY_BYTES : ENTRY_BYTES;
      }
      weight += 4;
      mask++;
    }
    k += rowLength;
  }
  return entry;
}
