/** Fully connected layer: y[o] = b[o] + Σ_i w[o, i] · x[i]. Units are features; every weight is an edge. */
import { ArgumentError } from "../errors.ts";
import { ASSUMES_NOTHING, biasParameter, type OperationDefinition, type Parameter } from "./definition.ts";

export interface Dense {
  readonly kind: "dense";
  /** Name of the weight, `[outFeatures, inFeatures]`. */
  readonly weight: string;
  /** Name of the bias, `[outFeatures]`. */
  readonly bias?: string;
  readonly outFeatures: number;
}

export const dense: OperationDefinition<Dense> = {
  kind: "dense",
  arity: [1, 1],
  parameters(op, inputs) {
    const weight: Parameter = {
      name: op.weight,
      shape: [op.outFeatures, inputs[0]![0]!],
      role: "weight",
      trained: true,
      initial: "drawn",
      unitAxis: 0,
      added: false,
    };
    return op.bias === undefined ? [weight] : [weight, biasParameter(op.bias, op.outFeatures)];
  },
  shape(op, inputs, node) {
    if (inputs[0]!.length !== 1) {
      throw new ArgumentError(`layer "${node}"`, {
        given: `an input of shape [${inputs[0]!.join(", ")}]`,
        expected: "a flat list of features",
        remedy: "Put a flatten or a global average pooling before it.",
      });
    }
    return [op.outFeatures];
  },
  units(op, inputs) {
    return {
      weight: op.weight,
      outCount: op.outFeatures,
      inCount: inputs[0]![0]!,
      groups: 1,
      kernelSize: 1,
      placesByTap: () => [1],
    };
  },
  keepsZero: () => true,
  isNonNegative: () => false,
  adds: false,
  shrink:
    (op) =>
    ({ output }) => ({ ...op, outFeatures: output.length }),
  assumes: ASSUMES_NOTHING,
  pathForward(op, given) {
    const input = given.inputs[0]!;
    const weight = given.weight(op.weight);
    const kept = given.kept(op.weight);
    const square = given.power === 2;
    const bias = op.bias !== undefined && given.biases ? given.theta(op.bias) : undefined;
    const output = new Float64Array(op.outFeatures);
    for (let o = 0, e = 0; o < output.length; o++) {
      let sum = bias === undefined ? 0 : bias[o]!;
      for (let i = 0; i < input.length; i++, e++) {
        if (kept !== undefined && kept[e] === 0) continue;
        const w = weight[e]!;
        sum += (square ? w * w : Math.abs(w)) * input[i]!;
      }
      output[o] = sum;
    }
    return output;
  },
  pathBackward(op, given, _output, gradient) {
    const input = given.inputs[0]!;
    const weight = given.weight(op.weight);
    const kept = given.kept(op.weight);
    const square = given.power === 2;
    const inputGradient = new Float64Array(input.length);
    const weightGradient = new Float64Array(weight.length);
    for (let o = 0, e = 0; o < op.outFeatures; o++) {
      const g = gradient[o]!;
      for (let i = 0; i < input.length; i++, e++) {
        if (kept !== undefined && kept[e] === 0) continue;
        const w = weight[e]!;
        inputGradient[i]! += (square ? w * w : Math.abs(w)) * g;
        weightGradient[e] = input[i]! * g;
      }
    }
    const parameters = new Map([[op.weight, weightGradient]]);
    if (op.bias !== undefined && given.biases) parameters.set(op.bias, gradient.slice());
    return { inputs: [inputGradient], parameters };
  },
};
