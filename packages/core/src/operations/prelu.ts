/**
 * PReLU (He et al. 2015, arXiv:1502.01852): y = x above 0, else slope · x, with one trained slope per unit or one for
 * all. In a path sum without biases values are positive and pass unchanged, so the slope is on no path. With biases a
 * running mean may make a value negative: the slope then counts by magnitude or square, like every trained parameter,
 * forward and backward.
 */
import { ON_EACH_ELEMENT, type OperationDefinition, type PathSumInputs } from "./definition.ts";

export interface Prelu {
  readonly kind: "prelu";
  /** Name of the slope, `[units]` or `[1]`. */
  readonly slope: string;
  /** True: one slope for all units. */
  readonly shared: boolean;
}

export const prelu: OperationDefinition<Prelu> = {
  ...ON_EACH_ELEMENT,
  kind: "prelu",
  parameters: ({ slope, shared }, inputs) => [
    {
      name: slope,
      shape: [shared ? 1 : inputs[0]![0]!],
      role: "slope",
      trained: true,
      initial: 0.25,
      unitAxis: shared ? undefined : 0,
      added: false,
    },
  ],
  keepsZero: () => true,
  isNonNegative: (_op, [input]) => input!,
  pathForward: (op, given) => scaledBelowZero(op, given, given.inputs[0]!),
  pathBackward(op, given, _output, gradient) {
    const inputs = [scaledBelowZero(op, given, gradient)];
    if (!given.biases) return { inputs, parameters: new Map() };
    const input = given.inputs[0]!;
    const slopes = new Float64Array(given.theta(op.slope).length);
    const plane = input.length / slopes.length;
    for (const [k, x] of input.entries()) if (x < 0) slopes[Math.floor(k / plane)]! += gradient[k]! * x;
    return { inputs, parameters: new Map([[op.slope, slopes]]) };
  },
};

/** `values` times the slope at negative inputs; `values` itself if there are none. */
function scaledBelowZero({ slope }: Prelu, given: PathSumInputs, values: Float64Array): Float64Array {
  const input = given.inputs[0]!;
  if (!given.biases || !input.some((x) => x < 0)) return values;
  const slopes = given.theta(slope);
  const plane = input.length / slopes.length;
  return values.map((value, k) => (input[k]! < 0 ? slopes[Math.floor(k / plane)]! * value : value));
}
