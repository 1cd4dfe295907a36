/**
 * Fully connected layer: y[o] = b[o] + Σ_i w[o, i] · x[i], at every place by itself where its input has places. Units are
 * features; every weight is an edge.
 */
import { requireUnitCount } from "./counts.ts";
import { ASSUMES_NOTHING, biasParameter, type OperationDefinition, type Parameter } from "./definition.ts";
import { throughMeeting } from "./repeats.ts";
import { elementCount } from "./shape.ts";
import { summed } from "./unitFactors.ts";

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
    requireUnitCount(node, "output features", op.outFeatures);
    return [op.outFeatures, ...inputs[0]!.slice(1)];
  },
  units(op, inputs) {
    return {
      weight: op.weight,
      outCount: op.outFeatures,
      inCount: inputs[0]![0]!,
      groups: 1,
      kernelSize: 1,
      placesByTap: () => [elementCount(inputs[0]!.slice(1))],
    };
  },
  keepsZero: () => true,
  isNonNegative: () => false,
  couples: () => false,
  adds: false,
  shrink:
    (op) =>
    ({ output }) => ({ ...op, outFeatures: output.length }),
  assumes: ASSUMES_NOTHING,
  repeats: (_op, inputs) => throughMeeting(inputs),
  pathForward(op, given) {
    const input = given.inputs[0]!;
    const weight = given.weight(op.weight);
    const kept = given.kept(op.weight);
    const square = given.power === 2;
    const bias = op.bias !== undefined && given.biases ? given.theta(op.bias) : undefined;
    const output = new Float64Array(elementCount(given.outputShape));
    const plane = output.length / op.outFeatures;
    for (let o = 0, e = 0; o < op.outFeatures; o++) {
      const row = output.subarray(o * plane, (o + 1) * plane).fill(bias === undefined ? 0 : bias[o]!);
      for (let at = 0; at < input.length; at += plane, e++) {
        if (kept !== undefined && kept[e] === 0) continue;
        const w = weight[e]!;
        const factor = square ? w * w : Math.abs(w);
        for (let k = 0; k < plane; k++) row[k]! += factor * input[at + k]!;
      }
    }
    return output;
  },
  pathBackward(op, given, output, gradient) {
    const input = given.inputs[0]!;
    const weight = given.weight(op.weight);
    const kept = given.kept(op.weight);
    const square = given.power === 2;
    const plane = output.length / op.outFeatures;
    const inputGradient = new Float64Array(input.length);
    const weightGradient = new Float64Array(weight.length);
    for (let o = 0, e = 0; o < op.outFeatures; o++) {
      const row = gradient.subarray(o * plane, (o + 1) * plane);
      for (let at = 0; at < input.length; at += plane, e++) {
        if (kept !== undefined && kept[e] === 0) continue;
        const w = weight[e]!;
        const factor = square ? w * w : Math.abs(w);
        let sum = 0;
        for (let k = 0; k < plane; k++) {
          inputGradient[at + k]! += factor * row[k]!;
          sum += input[at + k]! * row[k]!;
        }
        weightGradient[e] = sum;
      }
    }
    const parameters = new Map([[op.weight, weightGradient]]);
    if (op.bias !== undefined && given.biases) parameters.set(op.bias, summed(gradient, op.outFeatures));
    return { inputs: [inputGradient], parameters };
  },
};
