/**
 * Batch normalisation: y = (x − mean) / √(variance + ε) · scale + shift, per unit.
 * In training mean and variance are the batch's; running ← (1 − momentum)·running + momentum·batch (unbiased variance).
 * In a path sum it is a factor scale / √(variance + ε); with biases, the whole formula.
 */
import { elementCount, type OperationDefinition, unitsUnchanged } from "./definition.ts";

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
  kind: "batchNorm",
  arity: [1, 1],
  parameters(op, inputs) {
    const shape = [inputs[0]![0]!];
    return [
      { name: op.scale, shape, role: "scale" },
      { name: op.shift, shape, role: "shift" },
      { name: op.mean, shape, role: "mean" },
      { name: op.variance, shape, role: "variance" },
    ];
  },
  shape: (_op, inputs) => inputs[0]!,
  units: (_op, inputs) => unitsUnchanged(inputs),
  pathForward(op, given) {
    const input = given.inputs[0]!;
    const plane = elementCount(given.outputShape) / given.outputShape[0]!;
    const [scale, shift, mean, variance] = [op.scale, op.shift, op.mean, op.variance].map((name) =>
      given.theta(name),
    ) as [Float64Array, Float64Array, Float64Array, Float64Array];
    return input.map((x, k) => {
      const u = Math.floor(k / plane);
      const factor = scale[u]! / Math.sqrt(variance[u]! + op.epsilon);
      return given.biases ? (x - mean[u]!) * factor + shift[u]! : x * factor;
    });
  },
  pathBackward(op, given, _output, gradient) {
    const input = given.inputs[0]!;
    const plane = elementCount(given.outputShape) / given.outputShape[0]!;
    const scale = given.theta(op.scale);
    const mean = given.theta(op.mean);
    const variance = given.theta(op.variance);
    const scaleGradient = new Float64Array(scale.length);
    const shiftGradient = new Float64Array(scale.length);
    const inputGradient = gradient.map((g, k) => {
      const u = Math.floor(k / plane);
      const inverse = 1 / Math.sqrt(variance[u]! + op.epsilon);
      scaleGradient[u]! += g * (given.biases ? input[k]! - mean[u]! : input[k]!) * inverse;
      shiftGradient[u]! += g;
      return g * scale[u]! * inverse;
    });
    const parameters = new Map([[op.scale, scaleGradient]]);
    if (given.biases) parameters.set(op.shift, shiftGradient);
    return { inputs: [inputGradient], parameters };
  },
};
