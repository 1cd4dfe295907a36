/** Operations on each element: activations, sums, and the arithmetic that exporters write for activations. */

import type { ActivationName } from "@phew/core";
import type { LeftOutSoftmax } from "../../leftOutSoftmax.ts";
import { movedTo, orderOf } from "../arranging.ts";
import {
  broadcastDims,
  foldCast,
  foldElementwise,
  foldWhere,
  isElementwise,
  normalAxis,
  reshaped,
  smallNumbers,
} from "../constants.ts";
import { functions, functionsOfTwo } from "../elementwiseFunctions.ts";
import { activationOf, asAffine, leafOf, onto } from "../expressions.ts";
import type { Importer } from "../importer.ts";
import { sameOrder } from "../order.ts";
import type { NodePart } from "../parts.ts";
import { dtypeOf, isFloat } from "../tensors.ts";
import { reasonFor, Unsupported } from "../unsupported.ts";
import {
  type Activation,
  type Constant,
  dimsText,
  type Expression,
  product,
  sameDims,
  type Tree,
  type Value,
} from "../values.ts";
import { softmaxOfTwo } from "./branches.ts";
import { isOwnParameter, withFactors } from "./factors.ts";
import { addBias, lacksBias, unitAxis, unitAxisOf } from "./layers.ts";
import type { Operator } from "./operator.ts";
import { productOfValues } from "./products.ts";
import { weighingOver } from "./weighing.ts";

/** An operation that is an activation of networks; its attributes are ONNX's. */
function activation(name: ActivationName, alpha?: number): Operator {
  return (context, node, [x]) => {
    const value = context.laid(x, "an activation");
    const own = alpha === undefined ? {} : { alpha: context.attributes(node).float("alpha", alpha) };
    return context.emitLike(node, { kind: "activation", name, ...own }, [value]);
  };
}

export const elu = activation("elu", 1);
export const leakyRelu = activation("leakyRelu", 0.01);
export const hardSwish = activation("hardSwish");
export const softsign = activation("softsign");
export const mish = activation("mish");
export const thresholdedRelu = activation("thresholdedRelu", 1);
export const swish = activation("silu", 1);

export const celu: Operator = (context, node, inputs) =>
  // with alpha 1 both are one function
  activation(context.attributes(node).float("alpha", 1) === 1 ? "elu" : "celu", 1)(context, node, inputs);

export const gelu: Operator = (context, node, inputs) => {
  const approximation = context.attributes(node).text("approximate", "none");
  return activation(approximation === "tanh" ? "geluTanh" : "gelu")(context, node, inputs);
};

export const prelu: Operator = (context, node, [x, slope]) => {
  const value = context.activation(x, "an activation");
  const constant = context.constant(slope, "its slope");
  const slopes = smallNumbers(constant);
  if (slopes.length === 0) throw new Unsupported("it has no slope");
  const shared = slopes.length === 1;
  const axis = unitAxisOf(constant.dims, value);
  const base = !shared && value.dims.length === 2 ? context.flat(value) : value;
  if (shared || (axis !== undefined && slopes.length === base.shape[0])) {
    const slope = context.parameters.add(node, constant, "slope", [slopes.length]);
    const emitted = context.emit(node, { kind: "prelu", slope, shared }, [base], value.dims);
    const axes = shared ? constant.dims.map(() => undefined) : unitAxis(constant.dims, axis!, emitted.spec);
    context.use(node, 1, constant, axes, slope);
    return emitted;
  }
  // PyTorch has no slope per position; if all are equal it is a leaky relu
  const unitsAt = 1 - value.dims.length + constant.dims.length;
  const isOne = slopes.every((s) => s === slopes[0]);
  const emitted = isOne
    ? context.emit(node, { kind: "activation", name: "leakyRelu", alpha: slopes[0]! }, [value], value.dims)
    : withConstant(context, node, value, constant, true);
  if (isOne) context.note(`"${node.title}" has a slope that was trained; here it stays ${slopes[0]}`);
  if (unitsAt >= 0 && constant.dims[unitsAt]! > 1)
    context.use(node, 1, constant, unitAxis(constant.dims, unitsAt, emitted.spec));
  return emitted;
};

export const hardSigmoid: Operator = (context, node, [x]) => {
  const attributes = context.attributes(node);
  const alpha = attributes.float("alpha", 0.2);
  const beta = attributes.float("beta", 0.5);
  return expression(context, node, [x], ([tree]) => ({ is: "hardSigmoid", x: tree!, alpha, beta }));
};

function call(name: "sigmoid" | "tanh" | "erf" | "softplus"): Operator {
  return (context, node, [x]) => expression(context, node, [x], ([tree]) => ({ is: "call", name, x: tree! }));
}

export const sigmoid = call("sigmoid");
export const tanh = call("tanh");
export const erf = call("erf");
export const softplus = call("softplus");

/** A function of one number. */
export const unary: Operator = (context, node, inputs) => {
  const constant = folded(node, inputs);
  if (constant !== undefined) return constant;
  const compute = functions[node.opType ?? ""]!(context.attributes(node));
  return expression(context, node, inputs, (of) => ({ is: "function", of, compute }));
};

/** A function of two numbers; at least one comes from the network. */
export const binary: Operator = (context, node, inputs) =>
  folded(node, inputs) ?? ofTwo(context, node, inputs);

function ofTwo(context: Importer, node: NodePart, inputs: readonly (Value | undefined)[]): Value {
  const compute = functionsOfTwo[node.opType ?? ""]!;
  const [a, b] = inputs;
  const [value, constant] = a?.kind === "constant" ? [b, a] : b?.kind === "constant" ? [a, b] : [];
  if (constant === undefined)
    return expression(context, node, inputs, (of) => ({ is: "function", of, compute }));
  const number = context.scalar(constant);
  if (number === undefined) {
    return withConstant(context, node, context.laid(value, "arithmetic"), constant, false);
  }
  return expression(context, node, [value], (of) => ({
    is: "function",
    of,
    compute: value === a ? (x) => compute(x, number) : (x) => compute(number, x),
  }));
}

export const where: Operator = (context, node, inputs) => {
  const [condition, a, b] = inputs;
  if (condition?.kind === "constant" && a?.kind === "constant" && b?.kind === "constant")
    return foldWhere(node.output?.[0] ?? "", condition, a, b);
  const numbers = inputs.map((input) => (input?.kind === "constant" ? context.scalar(input) : undefined));
  if (inputs.some((input, k) => input?.kind === "constant" && numbers[k] === undefined))
    throw new Unsupported("it chooses between a value and a list of constants, place by place");
  const values = inputs.filter((input) => input?.kind !== "constant");
  return expression(context, node, values, (of) => ({
    is: "function",
    of,
    compute(...x) {
      const given = [...x];
      const [chosen, yes, no] = numbers.map((number) => number ?? given.shift()!);
      return chosen !== 0 ? yes! : no!;
    },
  }));
};

/** An operation with a constant per unit or position; its result is not computed here. */
function withConstant(
  context: Importer,
  node: NodePart,
  value: Activation,
  constant: Constant,
  keepsZero: boolean,
): Activation {
  if (!sameDims(broadcastDims(constant.dims, value.dims), value.dims)) {
    throw new Unsupported(
      `a constant of shape ${dimsText(constant.dims)} makes more of ${dimsText(value.dims)} than it is`,
    );
  }
  return context.elementwise(node, [value], value.dims, keepsZero);
}

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

/** Min or Max of a value and a number, or of a value and an expression of it. */
function bounded(side: "low" | "high"): Operator {
  return (context, node, inputs) => {
    const constant = folded(node, inputs);
    if (constant !== undefined) return constant;
    const [a, b, ...more] = inputs;
    const [x, limit] = a?.kind === "constant" ? [b, a] : [a, b];
    const number = context.scalar(limit);
    if (more.length > 0) throw new Unsupported("the greatest or least of more than two has no place here");
    if (number === undefined) return ofTwo(context, node, inputs);
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
    // clip(clip(x, a, b), c, d) is one clip if the bounds overlap
    const merged = { low: Math.max(low, lower), high: Math.min(high, upper) };
    if (merged.low <= merged.high)
      return made(context, node, x.dims, x.size, { is: "clip", x: inner, ...merged });
  }
  return expression(context, node, [x], ([tree]) => ({ is: "clip", x: tree!, low, high }));
}

export const add: Operator = (context, node, inputs) => {
  const constant = folded(node, inputs);
  if (constant !== undefined) return constant;
  const [a, b] = inputs;
  if (a?.kind === "constant") return shifted(context, node, b, a, 0, 1);
  if (b?.kind === "constant") return shifted(context, node, a, b, 1, 1);
  return partOfOne(context, node, inputs) ?? summed(context, node, inputs);
};

/**
 * The sum of a value and an expression of it, if it is an activation (gelu by tanh) or cannot be computed alone: one
 * function of the value.
 */
function partOfOne(
  context: Importer,
  node: NodePart,
  inputs: readonly (Value | undefined)[],
): Expression | undefined {
  if (!inputs.some((input) => input?.kind === "expression" && activationOf(input.tree) === undefined))
    return undefined;
  const operands = inputs.map((input) => operand(context, input));
  if (!isOfOne(operands)) return undefined;
  const of = operands.map(({ tree }) => tree);
  const tree: Tree = { is: "function", of, compute: (...x) => x.reduce((sum, part) => sum + part, 0) };
  return made(context, node, operands[0]!.dims, sizeOf(operands), tree);
}

export const sum: Operator = (context, node, inputs) =>
  inputs.length === 1 ? context.laid(inputs[0], "a sum") : summed(context, node, inputs);

export const sub: Operator = (context, node, inputs) => {
  const constant = folded(node, inputs);
  if (constant !== undefined) return constant;
  const [a, b] = inputs;
  if (b?.kind === "constant") return shifted(context, node, a, b, 1, -1);
  const number = context.scalar(a);
  if (number !== undefined) return affine(context, node, b, -1, number);
  // functions of one value stay one function
  if (a?.kind === "constant" || operandsOf(context, inputs) !== undefined)
    return ofTwo(context, node, inputs);
  return differenceOf(context, node, a, b);
};

function differenceOf(
  context: Importer,
  node: NodePart,
  a: Value | undefined,
  b: Value | undefined,
): Activation {
  return summed(context, node, [a, affine(context, { ...node, title: `${node.title}/minus` }, b, -1, 0)]);
}

export const neg: Operator = (context, node, inputs) =>
  folded(node, inputs) ?? affine(context, node, inputs[0], -1, 0);

function affine(
  context: Importer,
  node: NodePart,
  x: Value | undefined,
  scale: number,
  offset: number,
): Expression {
  return expression(context, node, [x], ([tree]) => ({ is: "affine", x: tree!, scale, offset }));
}

export const mul: Operator = (context, node, inputs) => {
  const constant = folded(node, inputs);
  if (constant !== undefined) return constant;
  const [a, b] = inputs;
  if (a?.kind === "constant") return scaled(context, node, b, a, 0, (x) => x);
  if (b?.kind === "constant") return scaled(context, node, a, b, 1, (x) => x);
  const operands = operandsOf(context, inputs);
  if (operands === undefined) return productOfValues(context, node, inputs);
  const of = operands.map(({ tree }) => tree);
  const all = of.flatMap(factors);
  const tree: Tree = { is: "product", factors: all.length > MOST_FACTORS ? of : all };
  return made(context, node, operands[0]!.dims, sizeOf(operands), tree);
};

export const div: Operator = (context, node, inputs) => {
  const constant = folded(node, inputs);
  if (constant !== undefined) return constant;
  const [a, b] = inputs;
  return b?.kind === "constant" ? scaled(context, node, a, b, 1, (x) => 1 / x) : ofTwo(context, node, inputs);
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
  const takesBias = single !== undefined && lacksBias(single);
  if (number !== undefined && !(takesBias && x?.kind === "activation" && x.exclusive)) {
    requireScalar(constant, x);
    return affine(context, node, x, 1, sign * number);
  }
  const value = context.laid(x, "a sum");
  const op = context.operationOf(value);
  if (lacksBias(op) && value.exclusive) addBias(context, node, input, constant, value, sign);
  else {
    const numbers = perUnit(constant, value)?.map((n) => sign * n);
    const isOwn = isOwnParameter(context, constant) && ["affine", "layerNorm"].includes(op.kind);
    if (numbers === undefined || isOwn || !context.canFold(value, numbers)) {
      const counted = sign === 1 ? undefined : (x: number) => sign * x;
      const own = withFactors(context, node, { value, constant, input, role: "shift", counted });
      return own ?? withConstant(context, node, value, constant, false);
    }
    context.foldAffine(value, 1, numbers);
    tellFolded(context, node, input, constant, value);
  }
  return value;
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
    requireScalar(constant, x);
    return affine(context, node, x, f(number), 0);
  }
  const value = context.laid(x, "a product");
  const numbers = perUnit(constant, value);
  const isFolded = numbers !== undefined && context.canFold(value, 0) && !isOwnParameter(context, constant);
  if (!isFolded) {
    const counted = node.opType === "Div" ? f : undefined;
    const own = withFactors(context, node, { value, constant, input, role: "scale", counted });
    return own ?? withConstant(context, node, value, constant, false);
  }
  context.foldAffine(value, numbers.map(f), 0);
  tellFolded(context, node, input, constant, value);
  return value;
}

/** Records that a value's layer contains the constant now. */
function tellFolded(context: Importer, node: NodePart, input: number, constant: Constant, value: Activation) {
  const axis = unitAxisOf(constant.dims, value)!;
  context.use(node, input, constant, unitAxis(constant.dims, axis, value.spec));
  context.note(`the constant "${constant.name}" of "${node.title}" is folded into "${value.spec}"`);
}

/** A constant's numbers per unit of a value; undefined if it has another form. */
function perUnit(constant: Constant, value: Activation): Float64Array | undefined {
  const isPerUnit =
    unitAxisOf(constant.dims, value) !== undefined && product(constant.dims) === value.shape[0];
  return isPerUnit ? smallNumbers(constant) : undefined;
}

function requireScalar(constant: Constant, x: Value | undefined): void {
  if (x !== undefined && "dims" in x && constant.dims.length > x.dims.length)
    throw new Unsupported(`a constant of shape ${dimsText(constant.dims)} changes the number of axes`);
}

export function summed(
  context: Importer,
  node: NodePart,
  inputs: readonly (Value | undefined)[],
): Activation {
  const values = inputs.map((input) => context.laid(input, "a sum"));
  const [first] = values as [Activation];
  const other = values.find((value) => !sameDims(value.dims, first.dims));
  if (other !== undefined) {
    throw new Unsupported(
      `it adds values of different shapes, ${dimsText(first.dims)} and ${dimsText(other.dims)}`,
    );
  }
  if (values.some(({ order }) => order !== undefined))
    return context.emitLike(
      node,
      { kind: "add" },
      values.map((value) => movedTo(context, value, first)),
    );
  const isAlike = values.every((value) => sameDims(value.shape, first.shape));
  const terms = isAlike ? values : values.map((value) => context.flat(value));
  return context.emit(node, { kind: "add" }, terms, first.dims);
}

export const identity: Operator = (context, node, [x]) => {
  if (x?.kind === "constant") return reshaped(x, node.output?.[0] ?? x.name, x.dims);
  if (x?.kind === "padded" || x?.kind === "expression") return x;
  return context.view(x, "an identity");
};

export const cast: Operator = (context, node, [x]) => {
  const attributes = context.attributes(node);
  const dtype = dtypeOf(attributes.int("to", 1));
  if (x?.kind === "constant") {
    if (dtype === undefined) throw new Unsupported(`it casts to type ${attributes.int("to", 1)}`);
    return foldCast(node.output?.[0] ?? x.name, x, dtype);
  }
  if (dtype === undefined) throw new Unsupported(`it casts to type ${attributes.int("to", 1)}`);
  if (!isFloat(dtype)) {
    const compute = dtype === "BOOL" ? (value: number) => Number(value !== 0) : Math.trunc;
    return expression(context, node, [x], (of) => ({ is: "function", of, compute }));
  }
  if (dtype !== "F32")
    context.note(`"${node.title}" casts to ${dtype}; here everything is computed in float32`);
  if (x?.kind === "padded" || x?.kind === "expression") return x;
  return context.view(x, "a cast");
};

export const castLike: Operator = (context, node, [x, like]) => {
  if (x?.kind !== "constant") return identity(context, node, [x]);
  // a value of the network is computed in float32
  return foldCast(node.output?.[0] ?? x.name, x, like?.kind === "constant" ? like.dtype : "F32");
};

export const dropout: Operator = (context, node, [x, ratio, training]) => {
  const value = context.laid(x, "a dropout");
  if (context.isRead(node.output?.[1] ?? "")) throw new Unsupported("its mask is read by other nodes");
  if ((context.scalar(training) ?? 0) !== 0)
    throw new Unsupported("it was exported in training mode, in which its output is random");
  const rate = ratio === undefined ? context.attributes(node).float("ratio", 0.5) : context.scalar(ratio);
  if (rate === undefined || !(rate >= 0 && rate < 1))
    throw new Unsupported(`its ratio ${rate ?? ""} is not within 0 ≤ ratio < 1`);
  return context.emitLike(node, { kind: "dropout", rate }, [value]);
};

export const softmax: Operator = (context, node, [x]) => {
  const output = context.outputBehind(node.output?.[0] ?? "");
  if (output === undefined) return softmaxWithin(context, node, x);
  const value = context.laid(x, "a softmax");
  const before = context.softmaxes.get(output) ?? [];
  context.softmaxes.set(output, [...before, leftOut(context, node, value.dims)]);
  context.note(`"${node.title}" (${node.opType}) at the end is left out: outputs are logits`);
  return value;
};

/** In the middle of the network: over two branches, or over places. */
function softmaxWithin(context: Importer, node: NodePart, x: Value | undefined): Value {
  const value = context.view(x, "a softmax");
  const given = context.attributes(node).int("axis", context.opset < 13 ? 1 : -1);
  const axis = normalAxis(given, value.dims.length);
  const isOfOne = context.opset >= 13 || product(value.dims.slice(axis + 1)) === 1;
  const found =
    node.opType === "Softmax" && isOfOne
      ? softmaxOfTwo(context, node, value, axis, {
          difference: (own, a, b) => differenceOf(context, own, a, b),
          sigmoid: (own, of) => sigmoid(context, own, [of]) as Value,
        })
      : undefined;
  const isOverPlaces = node.opType === "Softmax" && isOfOne && found === undefined;
  const weighing = isOverPlaces ? weighingOver(context, node, value, axis) : undefined;
  const read = found ?? weighing;
  if (read === undefined) throw new Unsupported(reasonFor(node.opType ?? ""));
  return read;
}

/** Before opset 13 all axes from the given one on go together. @throws Unsupported over the examples of a batch */
function leftOut(context: Importer, node: NodePart, dims: readonly number[]): LeftOutSoftmax {
  const isOld = context.opset < 13;
  const given = context.attributes(node).int("axis", isOld ? 1 : -1);
  const axis = given < 0 ? given + dims.length : given;
  if (!(axis > 0 && axis < dims.length))
    throw new Unsupported(`its axis ${given} is none of an example's, of ${dimsText(dims)}`);
  const behind = product(dims.slice(axis + 1));
  const kind = node.opType === "LogSoftmax" ? "LogSoftmax" : "Softmax";
  return { kind, length: dims[axis]! * (isOld ? behind : 1), stride: isOld ? 1 : behind };
}

function folded(node: NodePart, inputs: readonly (Value | undefined)[]): Constant | undefined {
  const constants = inputs.filter((input) => input?.kind === "constant");
  if (constants.length !== inputs.length || inputs.length === 0 || !isElementwise(node.opType ?? ""))
    return undefined;
  const name = node.output?.[0] ?? "";
  const [first, ...rest] = constants as [Constant, ...Constant[]];
  if (rest.length === 0) return foldElementwise(node.opType ?? "", name, [first]);
  return rest.reduce((sum, next) => foldElementwise(node.opType ?? "", name, [sum, next]), first);
}

/** A function of values that all depend on one value. @throws Unsupported if they depend on several */
function expression(
  context: Importer,
  node: NodePart,
  inputs: readonly (Value | undefined)[],
  tree: (of: readonly Tree[]) => Tree,
): Expression {
  if (inputs.length === 0) throw new Unsupported("it has no input");
  const operands = operandsOf(context, inputs);
  if (operands === undefined) {
    const given = inputs.map((input) => operand(context, input));
    const shapes = [...new Set(given.map(({ dims }) => dimsText(dims)))].join(" and ");
    throw new Unsupported(
      `it is computed from several values, ${shapes}, and has no weights of its own to walk`,
    );
  }
  const of = operands.map((own) => own.tree);
  return made(context, node, operands[0]!.dims, sizeOf(operands), tree(of));
}

/** The values as functions of the one that they all depend on; undefined if they depend on several. */
function operandsOf(
  context: Importer,
  inputs: readonly (Value | undefined)[],
): readonly Operand[] | undefined {
  const given = inputs.map((input) => operand(context, input));
  return isOfOne(given) ? given : ofCommonValue(context, given);
}

interface Operand {
  readonly tree: Tree;
  readonly dims: readonly number[];
  readonly size: number;
}

/** Activations take fewer operations; a larger expression becomes a node of its own. */
const LARGEST = 32;

/** A value as a tree, whatever arithmetic it is. */
function operand(context: Importer, x: Value | undefined): Operand {
  if (x?.kind === "expression" && x.size < LARGEST && !isTaken(context, x)) return x;
  const of = context.laid(x, "arithmetic");
  return { tree: { is: "leaf", of }, dims: of.dims, size: 0 };
}

/**
 * A value with several readers becomes a node of its own, if possible, before any of them: its layer absorbs a scale
 * only once.
 */
function isTaken(context: Importer, { tree, exclusive }: Expression): boolean {
  if (exclusive) return false;
  const { x, offset } = asAffine(tree);
  return x.is === "leaf" ? context.canFold(x.of, offset) : activationOf(tree) !== undefined;
}

function isOfOne(operands: readonly Operand[]): boolean {
  const [first, ...others] = operands.map(({ tree, dims }) => ({ of: leafOf(tree), dims }));
  return others.every(({ of, dims }) => isSame(of, first!.of) && sameDims(dims, first!.dims));
}

const isSame = (a: Activation, b: Activation): boolean =>
  a.spec === b.spec &&
  (a.order === undefined && b.order === undefined ? true : sameOrder(orderOf(a), orderOf(b)));

/**
 * The operands as functions of the one value that they all depend on: an activation with several readers is a node of
 * its own, and the others read its input (x > 20 ? x : softplus(x)).
 * @returns undefined if they depend on several
 */
function ofCommonValue(context: Importer, operands: readonly Operand[]): Operand[] | undefined {
  const chains = operands.map(({ tree }) => treesOf(context, tree));
  const common = chains[0]!.find(({ of }) =>
    chains.every((chain) => chain.some((other) => isSame(other.of, of))),
  );
  if (common === undefined || operands.some(({ dims }) => !sameDims(dims, operands[0]!.dims)))
    return undefined;
  return operands.map((own, k) => {
    const steps = chains[k]!.findIndex(({ of }) => isSame(of, common.of));
    return { ...own, tree: chains[k]![steps]!.tree, size: own.size + steps };
  });
}

/** A tree unchanged, and as a function of the inputs of its value, one activation further back each. */
function treesOf(context: Importer, tree: Tree): { of: Activation; tree: Tree }[] {
  const found = [{ of: leafOf(tree), tree }];
  while (found.length < LARGEST) {
    const last = found.at(-1)!;
    const behind = context.behind(last.of);
    if (behind === undefined) break;
    const leaf: Tree = { is: "leaf", of: behind.of };
    const inner: Tree = { is: "function", of: [leaf], compute: behind.compute };
    found.push({ of: behind.of, tree: onto(last.tree, inner) });
  }
  return found;
}

const sizeOf = (operands: readonly Operand[]): number => operands.reduce((sum, { size }) => sum + size, 0);

function made(
  context: Importer,
  node: NodePart,
  dims: readonly number[],
  size: number,
  tree: Tree,
): Expression {
  const exclusive = context.isReadOnce(node.output?.[0] ?? "");
  return context.remember({ kind: "expression", tree, dims, node, exclusive, size: size + 1 });
}

/** No activation has more; a product of products of itself has as many as it likes. */
const MOST_FACTORS = 3;

const factors = (tree: Tree): readonly Tree[] => (tree.is === "product" ? tree.factors : [tree]);
