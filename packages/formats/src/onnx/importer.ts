/** State of reading one graph: core nodes, parameters, notes, and the uses of each tensor. */
import {
  ArgumentError,
  activationValue,
  counted,
  definitionOf,
  type NodeSpec,
  type Operation,
  PARAMETER_ROLES,
  paddedAxis,
  type Shape,
} from "@phew/core";
import type { LeftOutSoftmax } from "../leftOutSoftmax.ts";
import { activationByValues } from "./activationByValues.ts";
import { countUnits, laid, orderOf, settled, unitsAlong } from "./arranging.ts";
import { Attributes } from "./attributes.ts";
import { requireAxis } from "./axisLimit.ts";
import { MOST_COMPUTED, smallNumbers } from "./constants.ts";
import {
  activationOf,
  asAffine,
  childrenOf,
  functionOf,
  innermostAffine,
  leafOf,
  outermost,
} from "./expressions.ts";
import { type Atom, joined, naturalOrder, permutedOrder, sameAtoms } from "./order.ts";
import {
  merge,
  NumberedNames,
  type ParameterPart,
  type ParameterSource,
  ParameterSources,
  type Reading,
} from "./parameterSources.ts";
import type { ModelParts, NodePart } from "./parts.ts";
import type { ExternalData } from "./tensors.ts";
import { Unsupported } from "./unsupported.ts";
import {
  type Activation,
  ANY_BATCH,
  type Constant,
  dimsText,
  type Expression,
  type Padded,
  product,
  type Tree,
  type Value,
} from "./values.ts";
import type { Range } from "./wire.ts";

/** A core node in progress; folding may still change its operation. */
interface Draft {
  readonly name: string;
  op: Operation;
  readonly inputs: readonly string[];
  readonly shape: Shape;
}

/** One constant read by one node, with the core nodes whose units its axes count. */
export interface TensorUse {
  readonly node: NodePart;
  /** Index into `node.input`. */
  readonly input: number;
  readonly constant: Constant;
  /** By axis of the constant: the core node whose output units it counts; undefined for other axes. */
  readonly axes: readonly (string | undefined)[];
  /** Name of the parameter that it is. */
  readonly parameter: string | undefined;
  /** Where it is several: elements that belong to one parameter each. */
  readonly parts?: readonly ParameterPart[] | undefined;
  /** By axis: how often it counts the units, one run of them after the other; absent: once. */
  readonly blocks?: readonly number[] | undefined;
}

/** A reshape that says how many units its input has. */
export interface ReshapedUnits {
  /** The core node whose units these are. */
  readonly spec: string;
  readonly axis: number;
  readonly dims: readonly number[];
}

/** Limit of elements of one value of one example; only a damaged file exceeds it. */
export const MOST_ELEMENTS = 2 ** 30;

/** Limit of constant elements that one graph may read and compute; real ones stay far below. */
const COMPUTING_BUDGET = 2 ** 23;
/**
 * In addition, for each of the file's tensors, so many times up to {@link MOST_COMPUTED} of its elements: a weight
 * may be computed from it.
 */
const MOST_READINGS = 8;

/** Operations that leave open which axis of their value tells units. */
const BESIDE_UNITS: ReadonlySet<string> = new Set(["activation", "identity", "dropout"]);

/** Thrown where an input's units are on another axis than was thought: the graph is then read again. */
export class UnitsElsewhere extends Error {
  readonly input: string;
  /** After the batch. */
  readonly axis: number;

  constructor(input: string, axis: number) {
    super(`units of ${input} on axis ${axis}`);
    this.input = input;
    this.axis = axis;
  }
}

export class Importer {
  /** The node that is being read. */
  reading!: NodePart;
  /** Length of the batch in the file. */
  batch = ANY_BATCH;
  readonly parts: ModelParts;
  /** Opset of ONNX's own operations. */
  readonly opset: number;
  readonly external: ExternalData | undefined;
  readonly notes: string[] = [];
  /** Nodes of supported operations that read something of unknown shape. */
  readonly hidden: NodePart[] = [];
  readonly uses: TensorUse[] = [];
  /** Nodes that select units of their input. */
  readonly selections = new Set<NodePart>();
  /** Nodes that select units of a value whose axes are exchanged → the core node whose units they give. */
  readonly turnedSelections = new Map<NodePart, string>();
  /** Core nodes whose units a reshape or a slice of the file counts together with others: no file keeps fewer of them. */
  readonly divided = new Set<string>();
  /** Reshapes of values whose units stay alone on one axis: that axis, and the dims, −1 for the batch. */
  readonly reshaped = new Map<NodePart, ReshapedUnits>();
  /** Nodes that split units → where each part lies along ONNX's unit axis. */
  readonly parted = new Map<NodePart, readonly Range[]>();
  /** Softmaxes at the end that are left out of the network, in order, by the last output. */
  readonly softmaxes = new Map<string, LeftOutSoftmax[]>();
  readonly parameters: ParameterSources;
  readonly #names = new NumberedNames();
  readonly values = new Map<string, Value>();
  readonly #drafts = new Map<string, Draft>();
  readonly #inputs = new Map<string, Activation>();
  /** Inputs whose axis of units a reader has stated. */
  readonly #chosen = new Set<string>();
  readonly #noted = new Set<string>();
  /** Numbers that were read and computed from constants so far; see {@link spend}. */
  #numberCount = 0;
  readonly #budget: number;
  readonly #resolved = new Map<object, Activation>();
  readonly #settled = new WeakMap<Activation, Activation>();
  readonly #expressionOf = new WeakMap<Tree, Expression>();
  readonly #flattened = new Map<string, string>();
  readonly #readers: ReadonlyMap<string, number>;
  readonly #tails: ReadonlyMap<string, ReadonlySet<string>>;
  readonly #imageReaders: ReadonlySet<string>;

  constructor(parts: ModelParts, opset: number, external: ExternalData | undefined, reading: Reading) {
    this.parts = parts;
    this.parameters = new ParameterSources({ parts, note: (text) => this.note(text) }, reading, this.#names);
    let stored = 0;
    for (const { dims } of parts.initializers.values()) stored += Math.min(product(dims), MOST_COMPUTED);
    this.#budget = COMPUTING_BUDGET + MOST_READINGS * stored;
    this.opset = opset;
    this.external = external;
    this.#readers = reading.readers;
    this.#tails = reading.tails;
    this.#imageReaders = reading.readAsImage;
  }

  /** Remembers the node of an expression, for larger expressions. */
  remember(expression: Expression): Expression {
    this.#expressionOf.set(expression.tree, expression);
    return expression;
  }

  /** True if a window slides over the value, directly or after elementwise operations. */
  isReadAsImage(value: string): boolean {
    return this.#imageReaders.has(value);
  }

  /**
   * Counts the constants that a node without other inputs reads and computes.
   * @throws ArgumentError if the graph computes more than any shape arithmetic does
   */
  spend(values: readonly (Value | undefined)[]): void {
    for (const value of values) {
      if (value?.kind !== "constant") continue;
      this.#numberCount += value.uniform === undefined ? Math.min(product(value.dims), MOST_COMPUTED) : 1;
    }
    if (this.#numberCount <= this.#budget) return;
    throw new ArgumentError(this.parts.source.name, {
      given: `a graph that computes more than ${counted(this.#budget, "number")} from constants`,
      expected: "weights that are stored",
      remedy: "Fold the constants when exporting.",
    });
  }

  /** The output that only reshapes separate from the value. */
  outputBehind(value: string): string | undefined {
    for (const [output, tail] of this.#tails) if (tail.has(value)) return output;
    return undefined;
  }

  attributes(node: NodePart): Attributes {
    return new Attributes(node, this.parts.source.name);
  }

  note(text: string): void {
    if (this.#noted.has(text)) return;
    this.#noted.add(text);
    this.notes.push(text);
  }

  specs(): NodeSpec[] {
    return [...this.#drafts.values()].map(({ name, op, inputs }) => ({ name, op, inputs }));
  }

  /** Adds a core node and returns its value with ONNX's dims: those of its shape unless given. */
  emit(node: NodePart, op: Operation, inputs: readonly Activation[], dims?: readonly number[]): Activation {
    for (const input of inputs) requireNoIds(input);
    const spec = this.#add(
      node.title,
      op,
      inputs.map((input) => input.spec),
    );
    const shape = this.#drafts.get(spec)!.shape;
    return {
      kind: "activation",
      spec,
      shape,
      dims: dims ?? [this.batch, ...shape],
      exclusive: this.isReadOnce(node.output?.[0] ?? ""),
    };
  }

  /**
   * The same for an operation that keeps positions, on values that lie alike: its value lies as they do.
   * @param axis of the units, where their number may change
   */
  emitLike(node: NodePart, op: Operation, inputs: readonly Activation[], axis?: number): Activation {
    const [first] = inputs as [Activation];
    const value = this.emit(node, op, inputs, first.dims);
    if (axis === undefined) return { ...value, order: first.order };
    const [units, ...positions] = value.shape;
    const atom: Atom = { length: units!, stride: product(positions) };
    const { offset, axes } = orderOf(first);
    const own = axes.map((atoms, k) => (k !== axis ? atoms : units === 1 ? [] : [atom]));
    return laid(value, { offset, axes: own });
  }

  /**
   * Some units of a value by their index; the value itself if these are all of them, in order.
   * @param dims of the result in ONNX
   */
  select(node: NodePart, value: Activation, index: readonly number[], dims: readonly number[]): Activation {
    const isWhole = index.length === value.shape[0] && index.every((unit, k) => unit === k);
    if (isWhole) return { ...value, dims, exclusive: false };
    this.selections.add(node);
    return this.emit(node, { kind: "select", index }, [value], dims);
  }

  /**
   * @param shape of one example in the file @param units the axis after the batch that tells its units
   */
  emitInput(name: string, shape: Shape, batch: number, units = 0): Activation {
    this.batch = batch;
    const others = shape.map((_, axis) => axis).filter((axis) => axis !== units);
    const lengths = others.map((axis) => shape[axis]!);
    const own = [shape[units]!, ...(lengths.length === 1 ? [1, ...lengths] : lengths)];
    const spec = this.#add(name, { kind: "input", shape: own }, []);
    const value = { kind: "activation", spec, shape: own, dims: [batch, ...own], exclusive: false } as const;
    const inCore = [units, ...others];
    const back = [0, ...shape.map((_, axis) => inCore.indexOf(axis) + 1)];
    const input = laid(value, permutedOrder(naturalOrder([batch, shape[units]!, ...lengths]), back));
    this.#inputs.set(spec, input);
    return input;
  }

  /** The rows of a table that an input of whole numbers chooses, under the input's dims and that of features. */
  embedded({ spec }: Activation): Activation {
    return this.#inputs.get(spec)!;
  }

  /**
   * What first reads an input by its units tells which axis these are.
   * @throws UnitsElsewhere if the input was read with its units on another axis
   */
  chooseUnits(value: Activation, axes: readonly number[]): void {
    const input = this.#inputBehind(value.spec);
    if (input === undefined || this.#chosen.has(input.spec)) return;
    const order = orderOf(value);
    const wanted = joined(axes.flatMap((axis) => order.axes[axis]!));
    const axis = orderOf(input).axes.findIndex((atoms, k) => k > 0 && sameAtoms(atoms, wanted));
    if (axis < 0) return;
    this.#chosen.add(input.spec);
    if (!countUnits(input, [axis])) throw new UnitsElsewhere(input.spec, axis - 1);
  }

  /** The input that only elementwise functions separate from a value. */
  #inputBehind(spec: string): Activation | undefined {
    for (let at = spec; ; ) {
      const input = this.#inputs.get(at);
      const { op, inputs } = this.#drafts.get(at)!;
      if (input !== undefined || !BESIDE_UNITS.has(op.kind)) return input;
      at = inputs[0]!;
    }
  }

  isReadOnce(value: string): boolean {
    return this.#readers.get(value) === 1;
  }

  isRead(value: string): boolean {
    return (this.#readers.get(value) ?? 0) > 0;
  }

  /** The value that an activation reads, and its function; undefined for a value that no activation computes. */
  behind(value: Activation): { of: Activation; compute: (x: number) => number } | undefined {
    const { op, inputs } = this.#drafts.get(value.spec)!;
    if (op.kind !== "activation") return undefined;
    const spec = inputs[0]!;
    const of = { ...value, spec, shape: this.#drafts.get(spec)!.shape, exclusive: false };
    return { of, compute: (x) => activationValue(op, x) };
  }

  operationOf(activation: Activation): Operation {
    return this.#drafts.get(activation.spec)!.op;
  }

  /** Changes the operation of a core node without other readers. */
  replace(activation: Activation, op: Operation): void {
    this.#drafts.get(activation.spec)!.op = op;
  }

  /** `[batch, features]` as a flat core value. */
  flat(value: Activation): Activation {
    const { order: _, ...natural } = value.order === undefined ? value : unitsAlong(this, value, [1]);
    return this.flattened(natural);
  }

  /** All elements of a value as features, in the order of core. */
  flattened(value: Activation): Activation {
    if (value.shape.length === 1) return value;
    let spec = this.#flattened.get(value.spec);
    if (spec === undefined) {
      spec = this.#add(`${value.spec}/flatten`, { kind: "flatten" }, [value.spec]);
      this.#flattened.set(value.spec, spec);
    }
    return { ...value, spec, shape: [product(value.shape)], exclusive: false };
  }

  /**
   * `[batch, channels, …]` as an image of core: a row for one axis of positions, a plane for two, a volume for three.
   * @throws Unsupported if it is none
   */
  image(value: Activation, what: string): Activation {
    const [, , ...places] = value.dims;
    if (places.length < 1 || places.length > 3)
      throw new Unsupported(`${what} needs an image, and gets ${dimsText(value.dims)}`);
    return unitsAlong(this, value, [1], places.length === 1 ? [1, ...places] : places);
  }

  /** A value that a node of the network reads, or a part of one; pending padding and arithmetic are resolved. */
  view(value: Value | undefined, what: string): Activation {
    if (value === undefined) throw new Unsupported(`${what} lacks an input`);
    if (value.kind === "activation") return value;
    if (value.kind === "expression") return this.#resolve(value);
    if (value.kind === "padded") {
      const known = this.#resolved.get(value) ?? this.#padded(value);
      this.#resolved.set(value, known);
      return known;
    }
    if (value.kind === "scores")
      throw new Unsupported("the product of two values has a place in softmax attention alone", value.node);
    if (value.kind === "weighing")
      throw new Unsupported("its weights have a place in a sum over its own axis alone", value.node);
    throw new Unsupported(`${what} reads a ${value.kind} where a value of the network is expected`);
  }

  /** The same with each of its elements once, in whatever order they lie. */
  laid(value: Value | undefined, what: string): Activation {
    const own = this.view(value, what);
    requireNoIds(own);
    // several readers of a part read one value
    const known = this.#settled.get(own) ?? settled(this, own);
    this.#settled.set(own, known);
    return known;
  }

  /** The same row-major, the batch first and the units on the first axis behind it. */
  activation(value: Value | undefined, what: string): Activation {
    const own = this.laid(value, what);
    if (own.order === undefined) return own;
    if (own.dims.length < 2)
      throw new Unsupported(`${what} reads ${dimsText(own.dims)}, which has no axis of units`);
    const [, units, ...places] = own.dims;
    if (units! * product(places) !== product(own.shape))
      throw new Unsupported(
        `${what} reads ${dimsText(own.dims)}, of which the first axis counts more than examples`,
      );
    return unitsAlong(this, own, [1], places.length === 1 ? [1, ...places] : places);
  }

  /** ONNX value → value of the network; without arithmetic that became part of another activation. */
  activations(): Map<string, Activation> {
    const found = new Map<string, Activation>();
    for (const [name, value] of this.values) {
      const own = value.kind === "activation" ? value : this.#resolved.get(value);
      if (own !== undefined && own.order === undefined) found.set(name, own);
    }
    return found;
  }

  constant(value: Value | undefined, what: string): Constant {
    if (value?.kind === "constant") return value;
    throw new Unsupported(
      `${what} is ${value === undefined ? "missing" : "computed from the input"}, not a constant`,
    );
  }

  /** A list of axes: an input, of newer opsets, else the attribute; undefined if the node has neither. */
  axesOf(node: NodePart, axes: Value | undefined): readonly number[] | undefined {
    if (axes === undefined) return this.attributes(node).ints("axes");
    return [...smallNumbers(this.constant(axes, "its list of axes"))];
  }

  /** The only element of a constant. @returns undefined if there are several, or if it is not a constant */
  scalar(value: Value | undefined): number | undefined {
    return value?.kind === "constant" && product(value.dims) === 1 ? smallNumbers(value)[0]! : undefined;
  }

  use(
    node: NodePart,
    input: number,
    constant: Constant,
    axes: readonly (string | undefined)[],
    parameter?: string,
  ): void {
    this.uses.push({ node, input, constant, axes, parameter });
  }

  /** The same for a constant that holds several parameters. */
  useParts(
    node: NodePart,
    input: number,
    constant: Constant,
    axes: readonly (string | undefined)[],
    own: { readonly parts: readonly ParameterPart[]; readonly blocks: readonly number[] },
  ): void {
    this.uses.push({ node, input, constant, axes, parameter: undefined, ...own });
  }

  #add(title: string, op: Operation, inputs: readonly string[]): string {
    const name = this.#names.unused(title, (candidate) => this.#drafts.has(candidate));
    const shapes = inputs.map((input) => this.#drafts.get(input)!.shape);
    const definition = definitionOf(op);
    const [least, most] = definition.arity;
    if (inputs.length < least || inputs.length > most)
      throw new Unsupported(`it has ${counted(inputs.length, "input")}`);
    const shape = definition.shape(op, shapes, name);
    if (product(shape) > MOST_ELEMENTS) {
      throw new Unsupported(
        `its value of shape ${dimsText(shape)} has more than ${counted(MOST_ELEMENTS, "element")}`,
      );
    }
    this.#drafts.set(name, { name, op, inputs, shape });
    return name;
  }

  /** An image with its padding, for other readers than convolutions and poolings. */
  #padded({ base, padding, value, dims, node }: Padded): Activation {
    if (!Number.isFinite(value))
      throw new Unsupported("it pads with infinity, and other nodes than a maximum read that", node);
    const axes = [0, 1].map((axis) => {
      const [length, before, after] = [base.shape[axis + 1]!, padding[axis]!, padding[axis + 2]!];
      requireAxis(length + before + after);
      return paddedAxis(length, before, after, "constant");
    });
    return this.emit(node, { kind: "resample", name: "pad", axes, fill: value }, [base], dims);
  }

  #resolve(expression: Expression): Activation {
    const value = this.#computed(expression) ?? this.#notComputed(expression);
    this.#resolved.set(expression, value);
    return value;
  }

  /** The core node of an expression: none, or an activation; undefined if it cannot be computed. */
  #computed(expression: Expression): Activation | undefined {
    const known = this.#resolved.get(expression);
    if (known !== undefined) return known;
    const value =
      this.#scaledOnly(expression) ??
      this.#oneActivation(expression) ??
      this.#ofInner(expression) ??
      this.#product(expression);
    if (value !== undefined) this.#resolved.set(expression, value);
    return value;
  }

  /** scale · x + offset, merged into the previous layer if possible. */
  #scaledOnly(expression: Expression): Activation | undefined {
    const { x, scale, offset } = asAffine(expression.tree);
    if (x.is !== "leaf") return undefined;
    if (scale === 1 && offset === 0) return { ...x.of, exclusive: false };
    if (this.canFold(x.of, offset)) return this.#scaled(expression, x.of, scale, offset);
    const linear = { kind: "activation", name: "linear", alpha: scale, beta: offset } as const;
    return this.#activated(expression, x.of, linear);
  }

  /** An activation of a value, or of scale · x + offset if the previous layer can absorb that. */
  #oneActivation(expression: Expression): Activation | undefined {
    const { tree } = expression;
    const of = leafOf(tree);
    const own = activationOf(tree);
    if (own !== undefined) return this.#activated(expression, of, own);
    const inner = innermostAffine(tree);
    if (inner === undefined || inner.scale === 0 || !this.canFold(of, inner.offset)) return undefined;
    const scaled = activationByValues(functionOf(tree, inner));
    return (
      scaled && this.#activated(expression, this.#scaled(expression, of, inner.scale, inner.offset), scaled)
    );
  }

  /** An activation of an expression that is computed by itself: one after the other. */
  #ofInner(expression: Expression): Activation | undefined {
    const { tree } = expression;
    // several affine steps are one
    const { x, scale, offset } = asAffine(tree);
    const [inner, ...others] = x !== tree ? [x] : x.is === "leaf" ? [] : childrenOf(x);
    const known = inner && this.#expressionOf.get(inner);
    if (known === undefined || others.length > 0) return undefined;
    const own =
      x !== tree
        ? ({ kind: "activation", name: "linear", alpha: scale, beta: offset } as const)
        : activationByValues(outermost(tree));
    const of = own && this.#computed(known);
    return of && this.#activated(expression, of, own);
  }

  /** A product of functions of one value that is no activation: their product, one after the other. */
  #product({ tree, node, dims, exclusive }: Expression): Activation | undefined {
    if (tree.is !== "product") return undefined;
    const factors = tree.factors.map((factor) => {
      const known = this.#expressionOf.get(factor);
      return factor.is === "leaf" ? factor.of : known && this.#computed(known);
    });
    if (!factors.every((factor) => factor !== undefined)) return undefined;
    const value = factors.reduce((a, b) => this.emit(node, { kind: "multiply" }, [a, b], dims));
    return { ...value, exclusive };
  }

  #activated(expression: Expression, of: Activation, op: Operation): Activation {
    const spec = this.#add(expression.node.title, op, [of.spec]);
    return { ...of, spec, dims: expression.dims, exclusive: expression.exclusive };
  }

  #scaled(expression: Expression, of: Activation, scale: number, offset: number): Activation {
    this.foldAffine(of, scale, offset);
    this.note(`"${expression.node.title}" (times ${scale}, plus ${offset}) is folded into "${of.spec}"`);
    return { ...of, exclusive: expression.exclusive };
  }

  /** An elementwise function that is not an activation: units pass, and it is not computed. */
  #notComputed({ node, dims, exclusive, tree }: Expression): Activation {
    const value = this.elementwise(node, [leafOf(tree)], dims, functionOf(tree)(0) === 0);
    return { ...value, exclusive };
  }

  /**
   * An operation that keeps units separate and is not computed.
   * @param keepsZero whether 0 stays 0, and no constant distinguishes units
   */
  elementwise(
    node: NodePart,
    values: readonly Activation[],
    dims: readonly number[],
    keepsZero: boolean,
  ): Activation {
    const [{ shape }] = values as [Activation];
    const operation = node.opType ?? "";
    this.note(
      `"${node.title}" (${operation}) is a function of each element that is not computed here: units pass it unchanged; the network can be pruned, not run`,
    );
    const op = { kind: "opaque", operation, shape, carries: "elements", keepsZero } as const;
    return { ...this.emit(node, op, values, dims), order: values[0]!.order };
  }

  /** True if the layer of a value can absorb factors, and offsets unless all are 0. */
  canFold(of: Activation, offset: number | Float64Array): boolean {
    const hasOffset = typeof offset === "number" ? offset !== 0 : offset.some((x) => x !== 0);
    const { factor, shift } = this.#affineOf(of);
    const isOwn = factor?.isShared === false && shift?.isShared !== true;
    return isOwn && of.exclusive && (!hasOffset || shift !== undefined);
  }

  /**
   * Merges scale · y + offset, per unit, into the layer of y.
   * @throws Unsupported if y is read elsewhere too or if its layer has no weights
   */
  foldAffine(of: Activation, scale: number | Float64Array, offset: number | Float64Array): void {
    const { factor, shift } = this.#affineOf(of);
    if (!this.canFold(of, offset) || factor === undefined) {
      throw new Unsupported(
        "a constant is added or multiplied where no layer's own bias or scale can take it up",
      );
    }
    merge({ factor, shift }, scale, offset);
  }

  /** The last factor and shift of the operation of a value; undefined if it has none. */
  #affineOf({ spec }: Activation): { factor?: ParameterSource; shift?: ParameterSource } {
    const { op, inputs } = this.#drafts.get(spec)!;
    const shapes = inputs.map((input) => this.#drafts.get(input)!.shape);
    const found: { factor?: ParameterSource; shift?: ParameterSource } = {};
    for (const { name, role } of definitionOf(op).parameters(op, shapes, spec)) {
      const { affine } = PARAMETER_ROLES[role];
      if (affine !== undefined) found[affine] = this.parameters.all.get(name)!;
    }
    return found;
  }
}

function requireNoIds({ isIds, spec }: Activation): void {
  if (isIds)
    throw new Unsupported(`it computes with the whole numbers "${spec}", which choose rows of a table`);
}
