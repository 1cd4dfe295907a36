/**
 * Elementwise activations, as PyTorch defines them. In a path sum without biases all values are positive and
 * activations are the identity. With biases a running mean may make a value negative: relu and relu6 then give 0 and
 * leakyRelu its slope, as in the network itself; the others pass it unchanged. For `linear`, |α| is a constant factor
 * of each path, and β is on no path.
 */
import {
  NO_GRADIENTS,
  NO_PARAMETERS,
  ON_EACH_ELEMENT,
  type OperationDefinition,
  type PathSumInputs,
} from "./definition.ts";

interface ActivationFunction {
  /** The function of one element, in float64. */
  value(x: number, alpha: number, beta: number): number;
  /** Used if the operation states none. */
  readonly alpha?: number;
  readonly beta?: number;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const softplus = (x: number) => Math.max(0, x) + Math.log1p(Math.exp(-Math.abs(x)));
const between = (least: number, x: number, most: number) => Math.min(most, Math.max(least, x));
const elu = (x: number, alpha: number) => (x > 0 ? x : alpha * Math.expm1(x));
/** SELU's fixed points of mean and variance (Klambauer et al. 2017, arXiv:1706.02515). */
const SELU = { alpha: 1.6732632423543772, scale: 1.0507009873554805 };

const functions = {
  relu: { value: (x) => Math.max(0, x) },
  relu6: { value: (x) => between(0, x, 6) },
  /** α: slope below zero */
  leakyRelu: { alpha: 0.01, value: (x, alpha) => (x >= 0 ? x : alpha * x) },
  sigmoid: { value: sigmoid },
  tanh: { value: Math.tanh },
  /** x · Φ(x) */
  gelu: { value: (x) => (x * (1 + erf(x / Math.SQRT2))) / 2 },
  /** The tanh approximation of gelu. */
  geluTanh: {
    value: (x) => (x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))) / 2,
  },
  /** x · σ(αx) */
  silu: { alpha: 1, value: (x, alpha) => x * sigmoid(alpha * x) },
  hardSwish: { value: (x) => (x * between(0, x + 3, 6)) / 6 },
  /** αx + β, limited to 0 … 1 */
  hardSigmoid: { alpha: 1 / 6, beta: 0.5, value: (x, alpha, beta) => between(0, alpha * x + beta, 1) },
  elu: { alpha: 1, value: elu },
  selu: { value: (x) => SELU.scale * elu(x, SELU.alpha) },
  celu: { alpha: 1, value: (x, alpha) => (x > 0 ? x : alpha * Math.expm1(x / alpha)) },
  /** ln(1 + e^αx) / α */
  softplus: { alpha: 1, value: (x, alpha) => softplus(alpha * x) / alpha },
  softsign: { value: (x) => x / (1 + Math.abs(x)) },
  mish: { value: (x) => x * Math.tanh(softplus(x)) },
  /** x above α, else 0 */
  thresholdedRelu: { alpha: 1, value: (x, alpha) => (x > alpha ? x : 0) },
  /** From α to β. */
  clip: { alpha: -1, beta: 1, value: (x, alpha, beta) => between(alpha, x, beta) },
  /** αx + β, for factors and constants that no layer's scale and bias can absorb. */
  linear: { alpha: 1, beta: 0, value: (x, alpha, beta) => alpha * x + beta },
} satisfies Readonly<Record<string, ActivationFunction>>;

export type ActivationName = keyof typeof functions;
export const ACTIVATIONS = Object.keys(functions) as readonly ActivationName[];
/** Those that read neither α nor β. */
export const CONSTANT_ACTIVATIONS = ACTIVATIONS.filter((name) => !("alpha" in functions[name]));

export interface Activation {
  readonly kind: "activation";
  readonly name: ActivationName;
  /** Their meaning is documented at each function; absent: PyTorch's defaults. */
  readonly alpha?: number;
  readonly beta?: number;
}

/** α and β of an activation, or their defaults; 0 if the function reads none. */
export function activationParameters({ name, alpha, beta }: Activation): { alpha: number; beta: number } {
  const usual: ActivationFunction = functions[name];
  return { alpha: alpha ?? usual.alpha ?? 0, beta: beta ?? usual.beta ?? 0 };
}

/** The activation of one number. */
export function activationValue(op: Activation, x: number): number {
  const { alpha, beta } = activationParameters(op);
  return functions[op.name].value(x, alpha, beta);
}

/** The error function by its series of positive terms: 2/√π · e^(−x²) · Σ_n 2^n x^(2n+1) / (2n+1)!!. */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let [term, sum] = [x, x];
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

export const activation: OperationDefinition<Activation> = {
  ...ON_EACH_ELEMENT,
  kind: "activation",
  parameters: () => NO_PARAMETERS,
  keepsZero: (op) => activationValue(op, 0) === 0,
  // softplus of a negative α is a log of a sigmoid
  isNonNegative: (op) =>
    NON_NEGATIVE.has(op.name) && !(op.name === "softplus" && activationParameters(op).alpha < 0),
  label: ({ name }) => name,
  pathForward: (op, given) => alongPaths(op, given, given.inputs[0]!),
  pathBackward: (op, given, _output, gradient) => ({
    inputs: [alongPaths(op, given, gradient)],
    parameters: NO_GRADIENTS,
  }),
};

const NON_NEGATIVE: ReadonlySet<ActivationName> = new Set([
  "relu",
  "relu6",
  "sigmoid",
  "hardSigmoid",
  "softplus",
]);

function alongPaths(op: Activation, given: PathSumInputs, values: Float64Array): Float64Array {
  if (op.name !== "linear") return scaledBelowZero(op, given, values);
  const factor = Math.abs(activationParameters(op).alpha);
  return factor === 1 ? values : values.map((value) => factor * value);
}

/** `values` times the slope at negative inputs; `values` itself if nothing changes. */
function scaledBelowZero(
  op: Activation,
  { inputs, biases }: PathSumInputs,
  values: Float64Array,
): Float64Array {
  const slope =
    op.name === "relu" || op.name === "relu6"
      ? 0
      : op.name === "leakyRelu"
        ? activationParameters(op).alpha
        : 1;
  const input = inputs[0]!;
  if (!biases || slope === 1 || !input.some((x) => x < 0)) return values;
  return values.map((value, k) => (input[k]! < 0 ? slope * value : value));
}
