/** Path sums of maxima: each path goes through the element that wins. */
import { NO_GRADIENTS, type OperationDefinition, type PathSumInputs } from "./definition.ts";
import { elementCount } from "./shape.ts";

/** @param winners index into the input of the element that each element of the output is */
export const throughGreatest = <Op extends { readonly kind: string }>(
  winners: (op: Op, given: PathSumInputs) => Int32Array,
): Pick<OperationDefinition<Op>, "pathForward" | "pathBackward"> => ({
  pathForward(op, given) {
    const input = given.inputs[0]!;
    return Float64Array.from(winners(op, given), (at) => input[at]!);
  },
  pathBackward(op, given, _output, gradient) {
    const inputGradient = new Float64Array(elementCount(given.inputShapes[0]!));
    winners(op, given).forEach((at, k) => {
      inputGradient[at]! += gradient[k]!;
    });
    return { inputs: [inputGradient], parameters: NO_GRADIENTS };
  },
});
