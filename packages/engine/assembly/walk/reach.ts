/**
 * Which edges a walk can keep at all. A unit is reached forward if weights of probability above 0 lead to it from an
 * input unit, backward if they lead to an output unit; an edge is reachable if its unit is reached and it has a share
 * in the unit's row. Only called if some weight is 0: else every edge is reachable.
 */
import { biased, INVERSE, MAGNITUDE, normOf, SQUARE, UNIFORM } from "./bias";
import {
  backwardExitAt,
  biasMode,
  forwardExitAt,
  inputCount,
  Layer,
  layerAt,
  layerCount,
  outputCount,
  segmentAt,
  wayAt,
  wholeKernels,
} from "./layout";
import { isKept } from "./mask";

/** u8 for each input unit, then each output unit, of every layer: reached forward, reached backward. */
let flags: usize = 0;
let flagBytes: usize = 0;
/** u8 for each unit that leaves the current node. */
let leaving: usize = 0;

export function setReach(flags_: usize, flagBytes_: usize, leaving_: usize): void {
  flags = flags_;
  flagBytes = flagBytes_;
  leaving = leaving_;
}

/** @returns number of edges that are kept or reachable */
export function countReachable(walksForward: u32, walksBackward: u32): u32 {
  memory.fill(flags, 0, flagBytes);
  if (walksForward) spreadForward();
  if (walksBackward) spreadBackward();
  let count: u32 = 0;
  for (let l: u32 = 0; l < layerCount; l++) count += countInLayer(layerAt(l), forwardFlags(l), backwardFlags(l));
  return count;
}

function forwardFlags(l: u32): usize {
  let at = flags;
  for (let before: u32 = 0; before < l; before++) {
    const layer = layerAt(before);
    at += layer.inCount + layer.outCount;
  }
  return at;
}

function backwardFlags(l: u32): usize {
  return forwardFlags(l) + layerAt(l).inCount;
}

function biasOf(layer: Layer, kernel: u32): f64 {
  return normOf(layer.weight, kernel, layer.kernelSize, biasMode);
}

@inline
function sumAt(sums: usize, unit: u32): f64 {
  return load<f64>(sums + ((<usize>unit) << 3));
}

function spreadForward(): void {
  memory.fill(leaving, 1, inputCount);
  passOn(0, true);
  for (let l: u32 = 0; l < layerCount; l++) {
    const layer = layerAt(l);
    const reached = forwardFlags(l);
    memory.fill(leaving, 0, layer.outCount);
    for (let o: u32 = 0; o < layer.outCount; o++) {
      const firstInput = (o / layer.outPerGroup) * layer.inPerGroup;
      for (let j: u32 = 0; j < layer.inPerGroup; j++) {
        const input = firstInput + j;
        if (!load<u8>(reached + input)) continue;
        if (biasOf(layer, o * layer.inPerGroup + j) > 0 || sumAt(layer.forwardMax, input) == 0) {
          store<u8>(leaving + o, 1);
          break;
        }
      }
    }
    passOn(l + 1, true);
  }
}

function spreadBackward(): void {
  memory.fill(leaving, 1, outputCount);
  passOn(layerCount + 1, false);
  for (let l = layerCount; l > 0; l--) {
    const layer = layerAt(l - 1);
    const reached = backwardFlags(l - 1);
    memory.fill(leaving, 0, layer.inCount);
    for (let o: u32 = 0; o < layer.outCount; o++) {
      if (!load<u8>(reached + o)) continue;
      const firstInput = (o / layer.outPerGroup) * layer.inPerGroup;
      const zeroRow = sumAt(layer.backwardMax, o) == 0;
      for (let j: u32 = 0; j < layer.inPerGroup; j++) {
        if (zeroRow || biasOf(layer, o * layer.inPerGroup + j) > 0) store<u8>(leaving + firstInput + j, 1);
      }
    }
    passOn(l, false);
  }
}

/** From the units that leave a node to their targets. */
function passOn(node: u32, forward: bool): void {
  const exit = forward ? forwardExitAt(node) : backwardExitAt(node);
  const end = forward ? layerCount + 1 : 0;
  for (let s: u32 = 0; s < exit.segmentCount; s++) {
    const segment = segmentAt(exit, s);
    for (let u: u32 = 0; u < segment.unitCount; u++) {
      const unit = segment.firstUnit + u;
      if (!load<u8>(leaving + unit)) continue;
      const row = segment.cumulative + ((<usize>u * segment.wayCount) << 3);
      const weighed = segment.cumulative != 0;
      for (let w: u32 = 0; w < segment.wayCount; w++) {
        const way = wayAt(segment, w);
        if (way.target == end) continue;
        if (weighed && sumAt(row, w) == (w == 0 ? 0 : sumAt(row, w - 1))) continue;
        const offset = unit - way.sourceStart;
        if (forward) {
          memory.fill(forwardFlags(way.target - 1) + way.targetStart + offset * way.spread, 1, way.spread);
        } else {
          store<u8>(backwardFlags(way.target - 1) + way.targetStart + offset / way.spread, 1);
        }
      }
    }
  }
}

function countInLayer(layer: Layer, reachedForward: usize, reachedBackward: usize): u32 {
  let count: u32 = 0;
  for (let o: u32 = 0; o < layer.outCount; o++) {
    const firstInput = (o / layer.outPerGroup) * layer.inPerGroup;
    const backward = load<u8>(reachedBackward + o) != 0;
    const zeroBackward = backward && sumAt(layer.backwardMax, o) == 0;
    for (let j: u32 = 0; j < layer.inPerGroup; j++) {
      const input = firstInput + j;
      const forward = load<u8>(reachedForward + input) != 0;
      const all = zeroBackward || (forward && sumAt(layer.forwardMax, input) == 0);
      const kernel = o * layer.inPerGroup + j;
      const some = backward || forward;
      const whole = all || (some && wholeKernels && biasOf(layer, kernel) > 0);
      for (let k: u32 = 0; k < layer.kernelSize; k++) {
        const at = kernel * layer.kernelSize + k;
        count += <u32>(
          (whole ||
            isKept(layer.firstEdge + at) != 0 ||
            (some && biasedAt(layer, at) > 0))
        );
      }
    }
  }
  return count;
}

@inline
function biasedAt(layer: Layer, at: u32): f64 {
  const w = load<f32>(layer.weight + ((<usize>at) << 2));
  if (biasMode == MAGNITUDE) return biased(w, MAGNITUDE);
  if (biasMode == SQUARE) return biased(w, SQUARE);
  if (biasMode == UNIFORM) return biased(w, UNIFORM);
  return biased(w, INVERSE);
}
