/** Operations on each element: activations, sums, and the arithmetic that exporters write for activations. */
import type { ActivationName } from "@phew/core";
import { foldCast, foldElementwise, isElementwise, reshaped, smallNumbers } from "../constants.ts";
import type { Expression, Tree } from "../expressions.ts";
import type { Importer } from "../importer.ts";
import type { NodePart } from "../parts.ts";
import { dtypeOf, isFloat } from "../tensors.ts";
import { reasonFor, Unsupported } from "../unsupported.ts";
import { type Activation, type Constant, dimsText, product, sameDims, type Value } from "../values.ts";
import { addBias, unitAxis, unitAxisOf } from "./layers.ts";
import type { Operator } from "./operator.ts";

/** An operation that is one of the network's activations. */
function activation(name: ActivationName, alpha?: number): Operator {
  return (context, node, [x]) => {
    const value = context.activation(x, "an activation");
    const own = alpha === undefined ? {} : { alpha: context.attributes(node).float("alpha", alpha) };
    return context.emit(node, { kind: "activation", name, ...own }, [value], value.dims);
  };
}

export const elu = activation("elu", 1);
export const leakyRelu = activation("leakyRelu", 0.01);
export const hardSwish = activation("hardSwish");

export const celu: Operator = (context, node, inputs) => {
  if (context.attributes(node).float("alpha", 1) !== 1)
    throw new Unsupported("celu with an alpha other than 1 is no elu");
  return activation("elu")(context, node, inputs);
};

export const swish: Operator = (context, node, inputs) => {
  if (context.attributes(node).float("alpha", 1) !== 1)
    throw new Unsupported("swish with an alpha other than 1 is no silu");
  return activation("silu")(context, node, inputs);
};

export const gelu: Operator = (context, node, inputs) => {
  const approximation = context.attributes(node).text("approximate", "none");
  if (approximation !== "none") {
    throw new Unsupported(
      `gelu is computed with the error function here; its ${approximation} approximation differs by up to 5e-4`,
    );
  }
  return activation("gelu")(context, node, inputs);
};

export const prelu: Operator = (context, node, [x, slope]) => {
  const value = context.activation(x, "an activation");
  const constant = context.constant(slope, "its slope");
  const slopes = smallNumbers(constant);
  if (slopes.length === 0 || slopes.some((s) => s !== slopes[0])) {
    throw new Unsupported("it has a slope for each unit, and a leaky relu here has one for all");
  }
  context.note(`"${node.title}" has a slope that was trained; here it stays ${slopes[0]}`);
  const name = "leakyRelu";
  const emitted = context.emit(node, { kind: "activation", name, alpha: slopes[0]! }, [value], value.dims);
  const axis = 1 - value.dims.length + constant.dims.length;
  if (axis >= 0 && constant.dims[axis]! > 1)
    context.use(node, 1, constant, unitAxis(constant.dims, axis, value.spec));
  return emitted;
};

export const hardSigmoid: Operator = (context, node, [x]) => {
  const attributes = context.attributes(node);
  const alpha = attributes.float("alpha", 0.2);
  const beta = attributes.float("beta", 0.5);
  const { tree, dims } = argument(context, x);
  return expression(context, node, { is: "hardSigmoid", x: tree, alpha, beta }, dims);
};

function call(name: "sigmoid" | "tanh" | "erf" | "exp" | "softplus"): Operator {
  return (context, node, [x]) => {
    const { tree, dims } = argument(context, x);
    return expression(context, node, { is: "call", name, x: tree }, dims);
  };
}

export const sigmoid = call("sigmoid");
export const tanh = call("tanh");
export const erf = call("erf");
export const softplus = call("softplus");

export const exp: Operator = (context, node, inputs) =>
  folded(node, inputs) ?? call("exp")(context, node, inputs);

export const log: Operator = (context, node, inputs) => {
  const constant = folded(node, inputs);
  if (constant !== undefined) return constant;
  const [x] = inputs;
  const tree = x?.kind === "expression" ? x.tree : undefined;
  const isSoftplus =
    tree?.is === "affine" &&
    tree.scale === 1 &&
    tree.offset === 1 &&
    tree.x.is === "call" &&
    tree.x.name === "exp";
  if (!isSoftplus) throw new Unsupported("a logarithm has a place here only as log(1 + exp(x))");
  return expression(context, node, { is: "call", name: "softplus", x: tree.x.x }, (x as Expression).dims);
};

export const relu: Operator = (context, node, [x]) => clipped(context, node, x, 0, Number.POSITIVE_INFINITY);

export const clip: Operator = (context, node, [x, min, max]) => {
  const attributes = context.attributes(node);
  const bound = (value: Value | undefined, name: string, otherwise: number) => {
    if (value === undefined) return attributes.float(name, otherwise);
    const number = context.scalar(value);
    if (number === undefined) throw new Unsupported(`its ${name} is no constant number`);
    return number;
  };
  // ±3.4e38 is how older exporters write "no bound"
  const widest = 3.4e38;
  const low = bound(min, "min", Number.NEGATIVE_INFINITY);
  const high = bound(max, "max", Number.POSITIVE_INFINITY);
  return clipped(
    context,
    node,
    x,
    low < -widest ? Number.NEGATIVE_INFINITY : low,
    high > widest ? Number.POSITIVE_INFINITY : high,
  );
};

/** Min or Max of a value and a number. */
function bounded(side: "low" | "high"): Operator {
  return (context, node, inputs) => {
    const constant = folded(node, inputs);
    if (constant !== undefined) return constant;
    const [a, b, ...more] = inputs;
    const [x, limit] = a?.kind === "constant" ? [b, a] : [a, b];
    const number = context.scalar(limit);
    if (number === undefined || more.length > 0)
      throw new Unsupported("the greater or lesser of two values has no place here");
    return side === "low"
      ? clipped(context, node, x, number, Number.POSITIVE_INFINITY)
      : clipped(context, node, x, Number.NEGATIVE_INFINITY, number);
  };
}

export const max = bounded("low");
export const min = bounded("high");

function clipped(
  context: Importer,
  node: NodePart,
  x: Value | undefined,
  low: number,
  high: number,
): Expression {
  if (x?.kind === "expression" && x.tree.is === "clip") {
    const { x: inner, low: lower, high: upper } = x.tree;
    // clip(clip(x, a, b), c, d) is one clip where the bounds overlap
    const merged = { low: Math.max(low, lower), high: Math.min(high, upper) };
    if (merged.low <= merged.high)
      return expression(context, node, { is: "clip", x: inner, ...merged }, x.dims);
  }
  const { tree, dims } = argument(context, x);
  return expression(context, node, { is: "clip", x: tree, low, high }, dims);
}

export const add: Operator = (context, node, inputs) => {
  const constant = folded(node, inputs);
  if (constant !== undefined) return constant;
  const [a, b] = inputs;
  if (a?.kind === "constant") return shifted(context, node, b, a, 0, 1);
  if (b?.kind === "constant") return shifted(context, node, a, b, 1, 1);
  return summed(context, node, inputs);
};

export const sum: Operator = (context, node, inputs) =>
  inputs.length === 1
    ? passed(context, node, context.activation(inputs[0], "a sum"))
    : summed(context, node, inputs);

export const sub: Operator = (context, node, inputs) => {
  const constant = folded(node, inputs);
  if (constant !== undefined) return constant;
  const [a, b] = inputs;
  if (b?.kind === "constant") return shifted(context, node, a, b, 1, -1);
  const number = context.scalar(a);
  if (number === undefined) throw new Unsupported("the difference of two values has no place here");
  const { tree, dims } = operand(context, b);
  return expression(context, node, { is: "affine", x: tree, scale: -1, offset: number }, dims);
};

export const neg: Operator = (context, node, inputs) => {
  const constant = folded(node, inputs);
  if (constant !== undefined) return constant;
  const { tree, dims } = operand(context, inputs[0]);
  return expression(context, node, { is: "affine", x: tree, scale: -1, offset: 0 }, dims);
};

export const mul: Operator = (context, node, inputs) => {
  const constant = folded(node, inputs);
  if (constant !== undefined) return constant;
  const [a, b] = inputs;
  if (a?.kind === "constant") return scaled(context, node, b, a, 0, (x) => x);
  if (b?.kind === "constant") return scaled(context, node, a, b, 1, (x) => x);
  const [left, right] = [operand(context, a), operand(context, b)];
  if (!sameDims(left.dims, right.dims)) {
    throw new Unsupported(
      `the product of two values, ${dimsText(left.dims)} and ${dimsText(right.dims)} (a gate), has no weights of its own to walk`,
    );
  }
  const all = [...factors(left.tree), ...factors(right.tree)];
  if (all.length > MOST_FACTORS) throw new Unsupported(`it multiplies ${all.length} values`);
  return expression(context, node, { is: "product", factors: all }, left.dims);
};

export const div: Operator = (context, node, inputs) => {
  const constant = folded(node, inputs);
  if (constant !== undefined) return constant;
  const [a, b] = inputs;
  if (b?.kind !== "constant") throw new Unsupported("the quotient of two values has no place here");
  return scaled(context, node, a, b, 1, (x) => 1 / x);
};

/** x + sign · constant. */
function shifted(
  context: Importer,
  node: NodePart,
  x: Value | undefined,
  constant: Constant,
  input: number,
  sign: number,
): Value {
  const number = context.scalar(constant);
  const single =
    number !== undefined && x?.kind === "activation" && x.shape[0] === 1 ? context.operationOf(x) : undefined;
  const takesBias = (single?.kind === "dense" || single?.kind === "conv2d") && single.bias === undefined;
  if (number !== undefined && !(takesBias && x?.kind === "activation" && x.exclusive)) {
    const { tree, dims } = operand(context, x);
    requireScalar(constant, dims);
    return expression(context, node, { is: "affine", x: tree, scale: 1, offset: sign * number }, dims);
  }
  const value = context.activation(x, "a sum");
  const op = context.operationOf(value);
  const isLayer = op.kind === "conv2d" || op.kind === "dense";
  if (isLayer && op.bias === undefined && value.exclusive)
    addBias(context, node, input, constant, value, sign);
  else {
    const numbers = perUnit(constant, value);
    context.foldAffine(
      value,
      1,
      numbers.map((n) => sign * n),
    );
    context.use(
      node,
      input,
      constant,
      unitAxis(constant.dims, unitAxisOf(constant.dims, value.dims)!, value.spec),
    );
    context.note(`the constant "${constant.name}" of "${node.title}" is folded into "${value.spec}"`);
  }
  return passed(context, node, value);
}

/** x · f(constant). */
function scaled(
  context: Importer,
  node: NodePart,
  x: Value | undefined,
  constant: Constant,
  input: number,
  f: (x: number) => number,
): Value {
  const number = context.scalar(constant);
  if (number !== undefined) {
    const { tree, dims } = operand(context, x);
    requireScalar(constant, dims);
    return expression(context, node, { is: "affine", x: tree, scale: f(number), offset: 0 }, dims);
  }
  const value = context.activation(x, "a product");
  context.foldAffine(value, perUnit(constant, value).map(f), 0);
  context.use(
    node,
    input,
    constant,
    unitAxis(constant.dims, unitAxisOf(constant.dims, value.dims)!, value.spec),
  );
  context.note(`the constant "${constant.name}" of "${node.title}" is folded into "${value.spec}"`);
  return passed(context, node, value);
}

/** One number of a constant for each unit of a value. */
function perUnit(constant: Constant, value: Activation): Float64Array {
  if (unitAxisOf(constant.dims, value.dims) === undefined || product(constant.dims) !== value.shape[0]) {
    throw new Unsupported(
      `a constant of shape ${dimsText(constant.dims)} on ${dimsText(value.dims)} does not hold one number for each unit`,
    );
  }
  return smallNumbers(constant);
}

function requireScalar(constant: Constant, dims: readonly number[]): void {
  if (constant.dims.length > dims.length)
    throw new Unsupported(`a constant of shape ${dimsText(constant.dims)} changes the number of axes`);
}

function summed(context: Importer, node: NodePart, inputs: readonly (Value | undefined)[]): Activation {
  const values = inputs.map((input) => context.activation(input, "a sum"));
  const [first] = values as [Activation];
  const other = values.find((value) => !sameDims(value.dims, first.dims));
  if (other !== undefined) {
    throw new Unsupported(
      `it adds values of different shapes, ${dimsText(first.dims)} and ${dimsText(other.dims)}`,
    );
  }
  const isAlike = values.every((value) => sameDims(value.shape, first.shape));
  const terms = isAlike ? values : values.map((value) => context.flat(value));
  return context.emit(node, { kind: "add" }, terms, first.dims);
}

export const identity: Operator = (context, node, [x]) => {
  if (x?.kind === "constant") return reshaped(x, node.output?.[0] ?? x.name, x.dims);
  if (x?.kind === "padded" || x?.kind === "expression" || x?.kind === "turned") return x;
  return passed(context, node, context.activation(x, "an identity"));
};

export const cast: Operator = (context, node, [x]) => {
  const attributes = context.attributes(node);
  const dtype = dtypeOf(attributes.int("to", 1));
  if (x?.kind === "constant") {
    if (dtype === undefined) throw new Unsupported(`it casts to type ${attributes.int("to", 1)}`);
    return foldCast(node.output?.[0] ?? x.name, x, dtype);
  }
  if (dtype === undefined || !isFloat(dtype))
    throw new Unsupported("it makes whole numbers of the network's values");
  if (dtype !== "F32")
    context.note(`"${node.title}" casts to ${dtype}; here everything is computed in float32`);
  if (x?.kind === "padded" || x?.kind === "expression" || x?.kind === "turned") return x;
  return passed(context, node, context.activation(x, "a cast"));
};

export const castLike: Operator = (context, node, [x, like]) => {
  if (x?.kind !== "constant") return identity(context, node, [x]);
  // a value of the network is computed in float32
  return foldCast(node.output?.[0] ?? x.name, x, like?.kind === "constant" ? like.dtype : "F32");
};

export const dropout: Operator = (context, node, [x, ratio, training]) => {
  const value = context.activation(x, "a dropout");
  if (context.isRead(node.output?.[1] ?? "")) throw new Unsupported("its mask is read by other nodes");
  if ((context.scalar(training) ?? 0) !== 0)
    throw new Unsupported("it was exported in training mode, in which its output is random");
  const rate = ratio === undefined ? context.attributes(node).float("ratio", 0.5) : context.scalar(ratio);
  if (rate === undefined || !(rate >= 0 && rate < 1))
    throw new Unsupported(`its ratio ${rate ?? ""} is not within 0 ≤ ratio < 1`);
  return context.emit(node, { kind: "dropout", rate }, [value], value.dims);
};

export const softmax: Operator = (context, node, [x]) => {
  if (!context.isTail(node.output?.[0] ?? "")) throw new Unsupported(reasonFor(node.opType ?? ""));
  context.note(`"${node.title}" (${node.opType}) at the end is left out: outputs are logits`);
  return passed(context, node, context.activation(x, "a softmax"));
};

/** Arithmetic on constants alone; on a value of the network it has no place. */
export const constantArithmetic: Operator = (_context, node, inputs) => {
  const constant = folded(node, inputs);
  if (constant === undefined) throw new Unsupported(reasonFor(node.opType ?? ""));
  return constant;
};

function folded(node: NodePart, inputs: readonly (Value | undefined)[]): Constant | undefined {
  const constants = inputs.filter((input) => input?.kind === "constant");
  if (constants.length !== inputs.length || inputs.length === 0 || !isElementwise(node.opType ?? ""))
    return undefined;
  const name = node.output?.[0] ?? "";
  const [first, ...rest] = constants as [Constant, ...Constant[]];
  if (rest.length === 0) return foldElementwise(node.opType ?? "", name, [first]);
  return rest.reduce((sum, next) => foldElementwise(node.opType ?? "", name, [sum, next]), first);
}

function passed(context: Importer, node: NodePart, value: Activation): Activation {
  return { ...value, exclusive: value.exclusive && context.isReadOnce(node.output?.[0] ?? "") };
}

function expression(context: Importer, node: NodePart, tree: Tree, dims: readonly number[]): Expression {
  return {
    kind: "expression",
    tree,
    dims,
    title: node.title,
    exclusive: context.isReadOnce(node.output?.[0] ?? ""),
  };
}

interface Operand {
  readonly tree: Tree;
  readonly dims: readonly number[];
}

/** A value as a tree, whatever arithmetic it is. */
function operand(context: Importer, x: Value | undefined): Operand {
  if (x?.kind === "expression" && !isActivation(x.tree)) return x;
  const of = context.activation(x, "arithmetic");
  return { tree: { is: "leaf", of }, dims: of.dims };
}

/** The argument of a function: a value, scaled and shifted at most. */
function argument(context: Importer, x: Value | undefined): Operand {
  if (x?.kind === "expression" && x.tree.is === "affine" && x.tree.x.is === "leaf") return x;
  const of = context.activation(x, "an activation");
  return { tree: { is: "leaf", of }, dims: of.dims };
}

/** relu and relu6 of a value are values like any other; what is left may be part of something larger. */
function isActivation(tree: Tree): boolean {
  return tree.is === "clip" && tree.low === 0 && tree.x.is === "leaf";
}

/** No activation has more; a product of products of itself has as many as it likes. */
const MOST_FACTORS = 3;

const factors = (tree: Tree): readonly Tree[] => (tree.is === "product" ? tree.factors : [tree]);
