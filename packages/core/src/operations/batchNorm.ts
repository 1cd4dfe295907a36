/**
 * Batch normalisation: y = (x − mean) / √(variance + ε) · scale + shift, per unit.
 * In training mean and variance are the batch's; running ← (1 − momentum)·running + momentum·batch (unbiased
 * variance).
 * In a path sum it is a factor of every path, scale / √(variance + ε), by magnitude or square. With biases it is the
 * whole formula over the transformed parameters: see analysis/pathSums.ts.
 */
import { ON_EACH_ELEMENT, type OperationDefinition, type PathSumInputs } from "./definition.ts";

export interface BatchNorm {
  readonly kind: "batchNorm";
  /** Names of the four parameters, each `[units]`. */
  readonly scale: string;
  readonly shift: string;
  readonly mean: string;
  readonly variance: string;
  readonly epsilon: number;
  /** Weight of the newest batch in the running statistics (PyTorch's meaning). */
  readonly momentum: number;
}

export const batchNorm: OperationDefinition<BatchNorm> = {
  ...ON_EACH_ELEMENT,
  kind: "batchNorm",
  parameters(op, inputs) {
    const own = { shape: [inputs[0]![0]!], unitAxis: 0 } as const;
    return [
      { ...own, name: op.scale, role: "scale", trained: true, initial: 1, added: false },
      { ...own, name: op.shift, role: "shift", trained: true, initial: 0, added: true },
      { ...own, name: op.mean, role: "mean", trained: false, initial: 0, added: true },
      // a negative variance has no root
      { ...own, name: op.variance, role: "variance", trained: false, initial: 1, least: 0, added: false },
    ];
  },
  keepsZero: () => true,
  /** y = x · factor + (shift − mean · factor): 0 if both terms are 0. */
  makesZero(op, weight, unit, comesOfZeros) {
    const [scale, shift, mean] = [op.scale, op.shift, op.mean].map((name) => weight(name)[unit]);
    return shift === 0 && (scale === 0 || (comesOfZeros && mean === 0));
  },
  isNonNegative: () => false,
  pathForward(op, given) {
    const input = given.inputs[0]!;
    const scale = given.theta(op.scale);
    const shift = given.theta(op.shift);
    const mean = given.theta(op.mean);
    const inverse = inverseDeviations(op, given);
    const plane = input.length / scale.length;
    const output = new Float64Array(input.length);
    for (let u = 0, k = 0; u < scale.length; u++) {
      const factor = scale[u]! * inverse[u]!;
      const offset = given.biases ? shift[u]! - mean[u]! * factor : 0;
      for (const end = k + plane; k < end; k++) output[k] = input[k]! * factor + offset;
    }
    return output;
  },
  pathBackward(op, given, _output, gradient) {
    const input = given.inputs[0]!;
    const scale = given.theta(op.scale);
    const mean = given.theta(op.mean);
    const inverse = inverseDeviations(op, given);
    const plane = input.length / scale.length;
    const scaleGradient = new Float64Array(scale.length);
    const shiftGradient = new Float64Array(scale.length);
    const inputGradient = new Float64Array(input.length);
    for (let u = 0, k = 0; u < scale.length; u++) {
      const factor = scale[u]! * inverse[u]!;
      const centre = given.biases ? mean[u]! : 0;
      let [sum, weightedSum] = [0, 0];
      for (const end = k + plane; k < end; k++) {
        const g = gradient[k]!;
        sum += g;
        weightedSum += g * (input[k]! - centre);
        inputGradient[k] = g * factor;
      }
      scaleGradient[u] = weightedSum * inverse[u]!;
      shiftGradient[u] = sum;
    }
    const parameters = new Map([[op.scale, scaleGradient]]);
    if (given.biases) parameters.set(op.shift, shiftGradient);
    return { inputs: [inputGradient], parameters };
  },
};

/** 1 / √(variance + ε) of each unit; its square if squares of path factors are summed. */
function inverseDeviations(op: BatchNorm, given: PathSumInputs): Float64Array {
  const square = given.power === 2 && !given.biases;
  return given.theta(op.variance).map((variance) => {
    const inverse = 1 / Math.sqrt(variance + op.epsilon);
    return square ? inverse * inverse : inverse;
  });
}
