/**
 * Norms of a layer's kernels (sums of biased weights) and derived data of the samplers. A forward row holds the
 * kernels that leave one input unit, a backward row those that enter one output unit.
 */
import { biased, INVERSE, MAGNITUDE, normOf, SQUARE } from "./bias";
import { magnitudeSeen } from "./finite";
import { biasMode, Layer, layerAt } from "./layout";

/** Maxima below this have no safe reciprocal in float32. */
const TINY: f64 = 1e-30;

/**
 * Writes the greatest norm of every row into forwardMax and backwardMax and, if kernels have several weights or the
 * bias is inverse, all norms, scaled into float32, into `norms`. Call it after checkWeights of the same layer.
 */
export function measureLayer(l: u32, norms: usize): void {
  const layer = layerAt(l);
  memory.fill(layer.forwardMax, 0, (<usize>layer.inCount) << 3);
  if (biasMode == INVERSE) {
    measure(layer, norms, INVERSE);
  } else if (biasMode == SQUARE) {
    if (layer.kernelSize == 1) measureSingles(layer, norms, SQUARE);
    else measure(layer, norms, SQUARE);
  } else if (biasMode == MAGNITUDE) {
    if (layer.kernelSize == 1) measureSingles(layer, norms, MAGNITUDE);
    else if (layer.kernelSize == 9 && magnitudeSeen() < <f32>1e30) measureNines(layer, norms);
    else measure(layer, norms, MAGNITUDE);
  }
}

@inline
function measure(layer: Layer, norms: usize, mode: u32): void {
  const inPerGroup = layer.inPerGroup;
  const outPerGroup = layer.outPerGroup;
  const kernelSize = layer.kernelSize;
  const most = <f64>kernelSize * biased(mode == INVERSE ? 0 : magnitudeSeen(), mode);
  const scale = most > 0 ? 1.0 / most : 0.0;
  layer.normScale = scale;
  let weight = layer.weight;
  let norm = norms;
  let output: u32 = 0;
  for (let group: u32 = 0, groups = layer.groups; group < groups; group++) {
    const firstMax = layer.forwardMax + ((<usize>group * inPerGroup) << 3);
    for (let o: u32 = 0; o < outPerGroup; o++, output++) {
      let columnMax = firstMax;
      let rowMax: f64 = 0;
      for (let i: u32 = 0; i < inPerGroup; i++) {
        let sum: f64 = 0;
        for (let k: u32 = 0; k < kernelSize; k++) {
          sum += biased(load<f32>(weight), mode);
          weight += 4;
        }
        store<f32>(norm, <f32>(sum * scale));
        norm += 4;
        rowMax = max(rowMax, sum);
        store<f64>(columnMax, max(load<f64>(columnMax), sum));
        columnMax += 8;
      }
      store<f64>(layer.backwardMax + ((<usize>output) << 3), rowMax);
    }
  }
  layer.steady = steady(layer, scale);
}

/**
 * `measure` for kernels of nine, the most frequent size, with magnitudes, by float32 sums in registers: norms are
 * rounded to float32 in any case, and an error of 10^-7 in a greatest norm changes probabilities by no more.
 */
function measureNines(layer: Layer, norms: usize): void {
  const inPerGroup = layer.inPerGroup;
  const outPerGroup = layer.outPerGroup;
  let weight = layer.weight;
  let norm = norms;
  let output: u32 = 0;
  for (let group: u32 = 0, groups = layer.groups; group < groups; group++) {
    const firstMax = layer.forwardMax + ((<usize>group * inPerGroup) << 3);
    for (let o: u32 = 0; o < outPerGroup; o++, output++) {
      let columnMax = firstMax;
      let rowMax: f64 = 0;
      for (let i: u32 = 0; i < inPerGroup; i++) {
        const fours = f32x4.add(f32x4.abs(v128.load(weight)), f32x4.abs(v128.load(weight, 16)));
        const twos = f32x4.add(fours, v128.shuffle<f32>(fours, fours, 2, 3, 0, 1));
        const sum =
          f32x4.extract_lane(twos, 0) + f32x4.extract_lane(twos, 1) + abs(load<f32>(weight, 32));
        weight += 36;
        store<f32>(norm, sum);
        norm += 4;
        rowMax = max<f64>(rowMax, <f64>sum);
        store<f64>(columnMax, max<f64>(load<f64>(columnMax), <f64>sum));
        columnMax += 8;
      }
      store<f64>(layer.backwardMax + ((<usize>output) << 3), rowMax);
    }
  }
  layer.normScale = 1;
  layer.steady = steady(layer, 1);
}

/** Kernels of one weight: the weights are their norms, and the maxima follow from the greatest |weight|. */
@inline
function measureSingles(layer: Layer, columns: usize, mode: u32): void {
  const inPerGroup = layer.inPerGroup;
  const outPerGroup = layer.outPerGroup;
  const rowBytes = (<usize>inPerGroup) << 2;
  const vectorBytes = rowBytes & ~15;
  let weight = layer.weight;
  let output: u32 = 0;
  for (let group: u32 = 0, groups = layer.groups; group < groups; group++) {
    memory.fill(columns, 0, rowBytes);
    for (let o: u32 = 0; o < outPerGroup; o++, output++) {
      let most = f32x4.splat(0);
      let at: usize = 0;
      for (; at < vectorBytes; at += 16) {
        const w = f32x4.abs(v128.load(weight + at));
        most = f32x4.max(most, w);
        v128.store(columns + at, f32x4.max(v128.load(columns + at), w));
      }
      let rowMax = max(
        max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)),
        max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)),
      );
      for (; at < rowBytes; at += 4) {
        const w = abs(load<f32>(weight + at));
        rowMax = max(rowMax, w);
        store<f32>(columns + at, max(load<f32>(columns + at), w));
      }
      store<f64>(layer.backwardMax + ((<usize>output) << 3), biased(rowMax, mode));
      weight += rowBytes;
    }
    const firstMax = layer.forwardMax + ((<usize>group * inPerGroup) << 3);
    for (let i: u32 = 0; i < inPerGroup; i++) {
      store<f64>(firstMax + ((<usize>i) << 3), biased(load<f32>(columns + ((<usize>i) << 2)), mode));
    }
  }
  layer.normScale = 1;
  layer.steady = steady(layer, 1);
}

/** Whether float32 can compare the norms of every row: its greatest is 0 or far from the ends of the range. */
function steady(layer: Layer, scale: f64): u32 {
  return <u32>(
    (steadyRows(layer.forwardMax, layer.inCount, scale) && steadyRows(layer.backwardMax, layer.outCount, scale))
  );
}

function steadyRows(greatest: usize, count: u32, scale: f64): bool {
  for (let row: u32 = 0; row < count; row++) {
    const norm = load<f64>(greatest + ((<usize>row) << 3)) * scale;
    if (norm != 0 && (norm < TINY || norm > 1.0 / TINY)) return false;
  }
  return true;
}

/** Sums of every row, for forks with unequal shares. */
export function sumRows(l: u32): void {
  const layer = layerAt(l);
  memory.fill(layer.forwardSum, 0, (<usize>layer.inCount) << 3);
  let kernel: u32 = 0;
  for (let o: u32 = 0; o < layer.outCount; o++) {
    let at = layer.forwardSum + ((<usize>(o / layer.outPerGroup) * layer.inPerGroup) << 3);
    let rowSum: f64 = 0;
    for (let j: u32 = 0; j < layer.inPerGroup; j++, kernel++) {
      const norm = normOf(layer.weight, kernel, layer.kernelSize, biasMode);
      rowSum += norm;
      store<f64>(at, load<f64>(at) + norm);
      at += 8;
    }
    store<f64>(layer.backwardSum + ((<usize>o) << 3), rowSum);
  }
}

/** Rows per direction sampled to estimate the cost of rejection. */
const SAMPLED_ROWS: u32 = 8;

/** Mean number of proposals until one is accepted, n · greatest / sum, over a sample of the rows of a direction. */
export function expectedProposals(l: u32, forward: u32): f64 {
  const layer = layerAt(l);
  const rowCount = forward ? layer.inCount : layer.outCount;
  const n = forward ? layer.outPerGroup : layer.inPerGroup;
  const perGroup = forward ? layer.inPerGroup : layer.outPerGroup;
  const maxima = forward ? layer.forwardMax : layer.backwardMax;
  const sampled = min(SAMPLED_ROWS, rowCount);
  let total: f64 = 0;
  for (let s: u32 = 0; s < sampled; s++) {
    const row = <u32>(((<u64>s * 2 + 1) * rowCount) / (<u64>sampled * 2));
    const group = row / perGroup;
    let kernel = forward ? group * n * layer.inPerGroup + (row - group * perGroup) : row * n;
    const step = forward ? layer.inPerGroup : 1;
    let sum: f64 = 0;
    for (let j: u32 = 0; j < n; j++) {
      sum += normOf(layer.weight, kernel, layer.kernelSize, biasMode);
      kernel += step;
    }
    total += sum > 0 ? (<f64>n * load<f64>(maxima + ((<usize>row) << 3))) / sum : 1.0;
  }
  return total / <f64>sampled;
}
