/** Mean over all positions: `[c, h, w]` or `[c, d, h, w]` becomes `[c]`. */
import { ArgumentError } from "../errors.ts";
import { NO_GRADIENTS, type OperationDefinition, POOLS } from "./definition.ts";
import { elementCount } from "./shape.ts";

export interface GlobalAveragePool {
  readonly kind: "globalAveragePool";
}

export const globalAveragePool: OperationDefinition<GlobalAveragePool> = {
  ...POOLS,
  kind: "globalAveragePool",
  shape(_op, inputs, node) {
    if (inputs[0]!.length < 3) {
      throw new ArgumentError(`layer "${node}"`, {
        given: `an input of shape [${inputs[0]!.join(", ")}]`,
        expected: "channels × height × width",
      });
    }
    return [inputs[0]![0]!];
  },
  pathForward(_op, given) {
    const input = given.inputs[0]!;
    const channels = given.outputShape[0]!;
    const plane = input.length / channels;
    return Float64Array.from({ length: channels }, (_, c) => {
      let sum = 0;
      for (let k = c * plane; k < (c + 1) * plane; k++) sum += input[k]!;
      return sum / plane;
    });
  },
  pathBackward(_op, given, _output, gradient) {
    const length = elementCount(given.inputShapes[0]!);
    const plane = length / gradient.length;
    const inputGradient = new Float64Array(length);
    for (let c = 0; c < gradient.length; c++)
      inputGradient.fill(gradient[c]! / plane, c * plane, (c + 1) * plane);
    return { inputs: [inputGradient], parameters: NO_GRADIENTS };
  },
};
