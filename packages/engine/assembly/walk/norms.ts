/**
 * One pass over a layer's weights: the norm of every kernel (sum of its biased weights), and the sum and the greatest
 * norm of every row of both directions. A forward row holds the kernels that leave one input unit, a backward row
 * those that enter one output unit. All sums are float64.
 */
import { biased, INVERSE, MAGNITUDE, SQUARE, UNIFORM } from "./bias";
import { biasMode, Layer, layerAt } from "./layout";

/** @param norms f64[outCount · inPerGroup], as the kernels stand in the weights */
export function measureLayer(l: u32, norms: usize): void {
  const layer = layerAt(l);
  if (biasMode == MAGNITUDE) measure(layer, norms, MAGNITUDE);
  else if (biasMode == SQUARE) measure(layer, norms, SQUARE);
  else if (biasMode == UNIFORM) measure(layer, norms, UNIFORM);
  else measure(layer, norms, INVERSE);
}

// @ts-ignore: decorator
@inline
function measure(layer: Layer, norms: usize, mode: u32): void {
  const inPerGroup = layer.inPerGroup;
  const outPerGroup = layer.outPerGroup;
  const kernelSize = layer.kernelSize;
  memory.fill(layer.forwardSum, 0, (<usize>layer.inCount) << 3);
  memory.fill(layer.forwardMax, 0, (<usize>layer.inCount) << 3);
  let weight = layer.weight;
  let norm = norms;
  let output: u32 = 0;
  for (let group: u32 = 0, groups = layer.groups; group < groups; group++) {
    const firstInput = (<usize>group * inPerGroup) << 3;
    for (let o: u32 = 0; o < outPerGroup; o++, output++) {
      let columnSum = layer.forwardSum + firstInput;
      let columnMax = layer.forwardMax + firstInput;
      let rowSum: f64 = 0;
      let rowMax: f64 = 0;
      for (let i: u32 = 0; i < inPerGroup; i++) {
        let sum = biased(load<f32>(weight), mode);
        weight += 4;
        for (let k: u32 = 1; k < kernelSize; k++) {
          sum += biased(load<f32>(weight), mode);
          weight += 4;
        }
        store<f64>(norm, sum);
        norm += 8;
        rowSum += sum;
        rowMax = max(rowMax, sum);
        store<f64>(columnSum, load<f64>(columnSum) + sum);
        store<f64>(columnMax, max(load<f64>(columnMax), sum));
        columnSum += 8;
        columnMax += 8;
      }
      store<f64>(layer.backwardSum + ((<usize>output) << 3), rowSum);
      store<f64>(layer.backwardMax + ((<usize>output) << 3), rowMax);
    }
  }
}
