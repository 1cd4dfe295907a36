/** Writes any network as a new ONNX model: one node or a few for each operation, parameters under their names. */
import {
  type ActivationName,
  ArgumentError,
  activationParameters,
  counted,
  elementsMoved,
  type Masks,
  type Network,
  type Node,
  type Operation,
  type Weights,
} from "@phew/core";
import { type MaskedNetwork, maskedNetwork, type NetworkOutputs } from "../maskedNetwork.ts";
import { boolTensor, bytesOf, float32Tensor, type Tensor } from "../tensor.ts";
import { unusedName } from "../unusedName.ts";
import { type WriteOptions, writeBundle } from "../writeFile.ts";
import { attentionAsOnnx } from "./attentionAsOnnx.ts";
import { inline, intAttribute, intsAttribute } from "./graphEdit.ts";
import { modelBundle } from "./modelBundle.ts";
import { GRAPH, MODEL } from "./parts.ts";
import { bytesPiece, fieldPiece, joined, type Piece } from "./pieces.ts";
import { resampleAsOnnx } from "./resampleAsOnnx.ts";
import { ATTRIBUTE, type AttributeProto, encode, type NodeProto, type ValueInfoProto } from "./schema.ts";
import { dataTypeOf } from "./tensors.ts";

/** Of ModelProto: who wrote it. */
const PRODUCER = 2;
/** Of GraphProto. */
const NAME = 2;
/** Opset of all operations here, except the activations of {@link NEWER}. */
const OPSET = 14;
/** First opset that has the operation. */
const NEWER: Readonly<Record<string, number>> = { LayerNormalization: 17, Mish: 18, Gelu: 20 };
/** IR version of an opset. */
const irVersionOf = (opset: number): number => (opset > 18 ? 9 : 8);
/** What protobuf can hold. */
const MOST_BYTES = 2 ** 31 - 1;

export type NetworkOnnxForm = "zeroed" | "compact" | "original+masks";

/**
 * Writes a network from any source; its input is `[n, …]` for any n, its output the network's (mostly logits).
 * @throws ArgumentError if it has operations that cannot be computed or exceeds the size of an ONNX file, or as
 *   {@link writeBundle}
 */
export async function writeNetworkAsOnnx(
  path: string,
  network: Network,
  weights: Weights,
  masks: Masks,
  form: NetworkOnnxForm,
  options: WriteOptions & NetworkOutputs = {},
): Promise<void> {
  const draft = new ModelDraft(
    maskedNetwork(network, weights, masks, form === "compact", options),
    form === "original+masks" ? { weights, masks } : undefined,
  );
  await writeBundle(
    modelBundle(path, undefined, () => draft.piece().chunks()),
    options,
  );
}

class ModelDraft {
  readonly #network: Network;
  readonly #outputs: readonly number[];
  readonly #tensors = new Map<string, Tensor>();
  readonly #nodes: NodeProto[] = [];
  /** ONNX's name of each node's value. */
  readonly #valueOf: string[] = [];
  readonly #names: Set<string>;

  /** @param pruned weights and masks to be written side by side */
  constructor(masked: MaskedNetwork, pruned?: { weights: Weights; masks: Masks }) {
    const { network, weights: values } = masked;
    this.#network = network;
    this.#outputs = masked.outputs;
    this.#names = new Set(network.parameters.map(({ name }) => name));
    for (const { name, shape, role } of network.parameters) {
      if (role === "weight" && pruned !== undefined) this.#product(name, shape, pruned);
      else this.#tensors.set(name, float32Tensor(shape, values.get(name)!));
    }
    for (const [index, node] of masked.nodes) this.#valueOf[index] = this.#add(node);
  }

  piece(): Piece {
    const { name, inputs, nodes } = this.#network;
    const graph = joined([
      ...this.#nodes.map((node) => fieldPiece(GRAPH.node, bytesPiece(encode("Node", node)))),
      fieldPiece(NAME, bytesPiece(Buffer.from(name, "utf8"))),
      ...[...this.#tensors].map(([own, { shape, dtype, data }]) =>
        inline({ name: own, dims: shape, dtype, read: () => data }),
      ),
      ...inputs.map((node) => valuePiece(GRAPH.input, this.#valueOf[node]!, nodes[node]!.shape)),
      ...this.#outputs.map((node) => valuePiece(GRAPH.output, this.#valueOf[node]!, nodes[node]!.shape)),
    ]);
    const opset = Math.max(OPSET, ...this.#nodes.map(({ opType }) => NEWER[opType ?? ""] ?? OPSET));
    const model = joined([
      bytesPiece(Uint8Array.of(MODEL.irVersion << 3, irVersionOf(opset))),
      fieldPiece(PRODUCER, bytesPiece(Buffer.from("phew", "utf8"))),
      fieldPiece(MODEL.graph, graph),
      fieldPiece(MODEL.operatorSet, bytesPiece(encode("OperatorSet", { domain: "", version: opset }))),
    ]);
    if (model.length <= MOST_BYTES) return model;
    throw new ArgumentError(name, {
      given: counted(model.length, "byte"),
      expected: `at most ${MOST_BYTES}, what one ONNX file can hold`,
      remedy: "Write .safetensors.",
    });
  }

  /** A weight as the product of original and mask, as {@link originalAndMasksEdit} writes it. */
  #product(
    name: string,
    shape: readonly number[],
    { weights, masks }: { weights: Weights; masks: Masks },
  ): void {
    const [original, mask] = [this.#unused(`${name}_orig`), this.#unused(`${name}_mask`)];
    const float = this.#unused(`${name}_mask_float`);
    this.#tensors.set(original, float32Tensor(shape, weights.get(name)!));
    this.#tensors.set(mask, boolTensor(shape, masks.get(name)!));
    const to = intAttribute("to", dataTypeOf("F32"));
    this.#nodes.push({
      name: `${name}_mask_cast`,
      opType: "Cast",
      input: [mask],
      output: [float],
      attribute: [to],
    });
    this.#nodes.push({ name: `${name}_masked`, opType: "Mul", input: [original, float], output: [name] });
  }

  #unused(wanted: string): string {
    return unusedName(this.#names, wanted);
  }

  /** @returns the name of its value */
  #add(node: Node): string {
    const inputs = node.inputs.map((input) => this.#valueOf[input]!);
    const { op } = node;
    switch (op.kind) {
      case "input":
        return this.#unused(node.name);
      case "conv2d":
      case "conv3d":
        return this.#convolution(node, op, inputs[0]!);
      case "maxOver":
        return this.#maxima(node, op, inputs[0]!);
      case "dense":
        if (node.shape.length > 1) return this.#denseAtPlaces(node, op, inputs[0]!);
        return this.#node(node, "Gemm", [...inputs, op.weight, ...biasOf(op)], [intAttribute("transB", 1)]);
      case "affine":
        return this.#affine(node, op, inputs[0]!);
      case "learned":
        return this.#learned(node, op, inputs[0]!);
      case "layerNorm":
        return this.#layerNorm(node, op, inputs[0]!);
      case "batchNorm":
        return this.#node(
          node,
          "BatchNormalization",
          [...inputs, op.scale, op.shift, op.mean, op.variance],
          [floatAttribute("epsilon", op.epsilon), floatAttribute("momentum", 1 - op.momentum)],
        );
      case "activation":
        return this.#activation(node, op, inputs[0]!);
      case "prelu":
        return this.#prelu(node, op, inputs);
      case "maxPool2d":
        return this.#node(node, "MaxPool", inputs, [
          ...windowAttributes(op),
          intAttribute("ceil_mode", op.ceil ? 1 : 0),
        ]);
      case "averagePool2d":
        return this.#node(node, "AveragePool", inputs, [
          ...windowAttributes(op).filter(({ name }) => name !== "dilations"),
          intAttribute("ceil_mode", op.ceil ? 1 : 0),
          intAttribute("count_include_pad", op.countPadding ? 1 : 0),
        ]);
      case "globalAveragePool": {
        const pooled = this.#step(`${node.name}_mean`, "GlobalAveragePool", inputs);
        return this.#node(node, "Flatten", [pooled], [intAttribute("axis", 1)]);
      }
      case "flatten":
        return this.#node(node, "Flatten", inputs, [intAttribute("axis", 1)]);
      case "add":
        return this.#node(node, inputs.length === 2 ? "Add" : "Sum", inputs);
      case "multiply":
        return this.#node(node, "Mul", this.#broadcast(node));
      case "attention":
        return this.#attention(node, op, inputs);
      case "concat":
        return this.#node(node, "Concat", inputs, [intAttribute("axis", 1)]);
      case "rearrange":
        return this.#rearrange(node, op, inputs);
      case "resample":
        return this.#resample(node, op, inputs[0]!);
      case "select": {
        const from = op.index.includes(-1) ? this.#withZero(node, inputs[0]!) : inputs[0]!;
        return this.#node(
          node,
          "Gather",
          [from, this.#indices(node.name, op.index)],
          [intAttribute("axis", 1)],
        );
      }
      case "dropout":
        return this.#node(node, "Dropout", [...inputs, this.#number(`${node.name}_ratio`, op.rate)]);
      case "identity":
        return this.#node(node, "Identity", inputs);
      case "recurrent":
        throw new Error(`${node.name} is not unrolled`);
      case "opaque":
        throw new ArgumentError(`layer "${node.name}"`, {
          given: `${op.operation}, which is not known`,
          expected: "operations that can be computed",
          remedy: "Export the file that it came from in its own format.",
        });
    }
  }

  #attention(node: Node, op: Extract<Operation, { kind: "attention" }>, inputs: readonly string[]): string {
    const own = attentionAsOnnx(op, inputs, this.#shapesOf(node), {
      step: (name, opType, input, attribute) => this.#step(`${node.name}_${name}`, opType, input, attribute),
      numbers: (name, shape, values) => this.#numbers(`${node.name}_${name}`, shape, values),
      lengths: (name, values) => this.#indices(`${node.name}_${name}`, values),
    });
    return this.#node(node, own.opType, own.input);
  }

  #rearrange(node: Node, op: Extract<Operation, { kind: "rearrange" }>, inputs: readonly string[]): string {
    const flat = this.#step(`${node.name}_flat`, "Flatten", inputs, [intAttribute("axis", 1)]);
    const index = this.#indices(node.name, Array.from(elementsMoved(op)));
    const moved = this.#step(`${node.name}_moved`, "Gather", [flat, index], [intAttribute("axis", 1)]);
    return this.#node(node, "Reshape", [moved, this.#indices(`${node.name}_shape`, [-1, ...op.shape])]);
  }

  #resample(node: Node, op: Extract<Operation, { kind: "resample" }>, x: string): string {
    const own = resampleAsOnnx(op, x, node.shape, {
      step: (name, opType, input, perm) =>
        this.#step(`${node.name}_${name}`, opType, input, perm && [intsAttribute("perm", perm)]),
      numbers: (name, shape, values) => this.#numbers(`${node.name}_${name}`, shape, values),
    });
    return this.#node(node, own.opType, own.input);
  }

  #prelu(node: Node, op: Extract<Operation, { kind: "prelu" }>, inputs: readonly string[]): string {
    // axes of positions follow the unit axis
    const slopes = this.#tensors.get(op.slope)!;
    const shape = op.shared ? [1] : [...slopes.shape, ...node.shape.slice(1).map(() => 1)];
    this.#tensors.set(op.slope, { ...slopes, shape });
    return this.#node(node, "PRelu", [...inputs, op.slope]);
  }

  /** A matrix product over the last axis, to which units go for it. */
  #denseAtPlaces(node: Node, op: Extract<Operation, { kind: "dense" }>, x: string): string {
    const { name, shape } = node;
    const turned = this.#step(`${name}_weight`, "Transpose", [op.weight], [intsAttribute("perm", [1, 0])]);
    const product = this.#step(`${name}_product`, "MatMul", [this.#unitsLast(name, shape, x), turned]);
    const sum = op.bias === undefined ? product : this.#step(`${name}_sum`, "Add", [product, op.bias]);
    return this.#node(node, "Transpose", [sum], [intsAttribute("perm", unitsBack(shape))]);
  }

  #unitsLast(name: string, shape: readonly number[], x: string): string {
    const [, ...places] = shape.map((_, axis) => axis + 1);
    return this.#step(`${name}_last`, "Transpose", [x], [intsAttribute("perm", [0, ...places, 1])]);
  }

  #affine(
    node: Pick<Node, "name" | "shape">,
    { of, scale, shift }: Pick<Extract<Operation, { kind: "affine" }>, "of" | "scale" | "shift">,
    x: string,
  ): string {
    const numbers = (name: string): string => {
      const tensor = this.#tensors.get(name)!;
      // axes of positions follow the unit axis
      if (of === "units")
        this.#tensors.set(name, { ...tensor, shape: [node.shape[0]!, ...node.shape.slice(1).map(() => 1)] });
      return name;
    };
    const last = shift === undefined ? node.name : `${node.name}_scaled`;
    const scaled = scale === undefined ? x : this.#step(last, "Mul", [x, numbers(scale)]);
    if (shift !== undefined) return this.#step(node.name, "Add", [scaled, numbers(shift)]);
    return scale === undefined ? this.#step(node.name, "Identity", [x]) : scaled;
  }

  /** As often as there are examples. */
  #learned({ name }: Node, { value, shape }: Extract<Operation, { kind: "learned" }>, x: string): string {
    const all = this.#step(`${name}_input`, "Shape", [x]);
    const first = this.#indices(`${name}_first`, [0]);
    const count = this.#step(`${name}_count`, "Gather", [all, first], [intAttribute("axis", 0)]);
    const own = this.#indices(`${name}_own`, shape);
    const wanted = this.#step(`${name}_shape`, "Concat", [count, own], [intAttribute("axis", 0)]);
    return this.#step(name, "Expand", [value, wanted]);
  }

  #layerNorm(node: Node, op: Extract<Operation, { kind: "layerNorm" }>, x: string): string {
    if (!op.centred) return this.#rmsNorm(node, op, x);
    if (!op.eachPlace) return this.#groupNorm(node, op, x);
    const { name, shape } = node;
    const [units, ...places] = shape;
    const input = places.length === 0 ? x : this.#unitsLast(name, shape, x);
    const scale = op.scale ?? this.#filled(`${name}_ones`, units!, 1);
    const parameters = [scale, ...(op.shift === undefined ? [] : [op.shift])];
    const attributes = [intAttribute("axis", -1), floatAttribute("epsilon", op.epsilon)];
    const last = places.length === 0 ? name : `${name}_normal`;
    const normal = this.#step(last, "LayerNormalization", [input, ...parameters], attributes);
    if (places.length === 0) return normal;
    return this.#node(node, "Transpose", [normal], [intsAttribute("perm", unitsBack(shape))]);
  }

  /** As one of instances between two reshapes; scale and shift behind it. */
  #groupNorm(node: Node, op: Extract<Operation, { kind: "layerNorm" }>, x: string): string {
    const { name, shape } = node;
    const groups = op.groups === "units" ? shape[0]! : op.groups;
    const grouped = this.#step(`${name}_groups`, "Reshape", [
      x,
      this.#indices(`${name}_groups`, [0, groups, -1]),
    ]);
    const ones = this.#filled(`${name}_ones`, groups, 1);
    const zeros = this.#filled(`${name}_zeros`, groups, 0);
    const epsilon = [floatAttribute("epsilon", op.epsilon)];
    const normal = this.#step(`${name}_normal`, "InstanceNormalization", [grouped, ones, zeros], epsilon);
    const whole = this.#indices(`${name}_whole`, [0, ...shape]);
    if (op.scale === undefined && op.shift === undefined) return this.#node(node, "Reshape", [normal, whole]);
    const back = this.#step(`${name}_normalised`, "Reshape", [normal, whole]);
    return this.#affine(node, { ...op, of: "units" }, back);
  }

  /** Step by step: its own operation is newer than others that files here have. */
  #rmsNorm(node: Node, op: Extract<Operation, { kind: "layerNorm" }>, x: string): string {
    const { name, shape } = node;
    const axes = op.eachPlace ? [1] : shape.map((_, axis) => axis + 1);
    const count = op.eachPlace ? shape[0]! : shape.reduce((product, length) => product * length, 1);
    const squares = this.#step(`${name}_squares`, "Mul", [x, x]);
    const sum = this.#step(`${name}_sum`, "ReduceSum", [squares, this.#indices(`${name}_axes`, axes)]);
    const mean = this.#step(`${name}_mean`, "Mul", [sum, this.#number(`${name}_share`, 1 / count)]);
    const raised = this.#step(`${name}_raised`, "Add", [mean, this.#number(`${name}_epsilon`, op.epsilon)]);
    const root = this.#step(`${name}_root`, "Sqrt", [raised]);
    if (op.scale === undefined) return this.#node(node, "Div", [x, root]);
    const normal = this.#step(`${name}_normal`, "Div", [x, root]);
    return this.#affine(node, { ...op, of: "units" }, normal);
  }

  #filled(name: string, length: number, value: number): string {
    const own = this.#unused(name);
    this.#tensors.set(own, float32Tensor([length], new Float32Array(length).fill(value)));
    return own;
  }

  /** The factors of a product; features that meet an image are one of a single place. */
  #broadcast(node: Node): string[] {
    const rank = node.shape.length;
    return node.inputs.map((input, k) => {
      const own = this.#network.nodes[input]!.shape.length;
      if (own === rank) return this.#valueOf[input]!;
      const axes = Array.from({ length: rank - own }, (_, axis) => own + 1 + axis);
      const name = `${node.name}_factor${k + 1}`;
      return this.#step(name, "Unsqueeze", [this.#valueOf[input]!, this.#indices(name, axes)]);
    });
  }

  #convolution(node: Node, op: Extract<Operation, { kind: "conv2d" | "conv3d" }>, x: string): string {
    const attributes = [...windowAttributes(op), intAttribute("group", op.groups)];
    if (op.kind === "conv3d" || !op.isSequence)
      return this.#node(node, "Conv", [x, op.weight, ...biasOf(op)], attributes);
    const row = this.#indices(`${node.name}_row`, [2]);
    const flat = attributes.map((each) =>
      each.ints === undefined ? each : { ...each, ints: alongLast(each.ints.map(Number)) },
    );
    const sequence = this.#step(`${node.name}_sequence`, "Squeeze", [x, row]);
    const output = this.#step(`${node.name}_over_it`, "Conv", [sequence, op.weight, ...biasOf(op)], flat);
    return this.#node(node, "Unsqueeze", [output, row]);
  }

  /** Axis by axis, the greatest of what each position reads first, second, …; one that reads less reads its last again. */
  #maxima({ name, ...node }: Node, { axes }: Extract<Operation, { kind: "maxOver" }>, x: string): string {
    let value = x;
    for (const [k, { places }] of axes.entries()) {
      const most = places.reduce((longest, terms) => Math.max(longest, terms.length), 1);
      const taken = Array.from({ length: most }, (_, tap) => {
        const index = places.map((terms) => terms[Math.min(tap, terms.length - 1)]![0]);
        const indices = this.#indices(`${name}_axis${k + 2}_${tap}`, index);
        return this.#step(
          `${name}_axis${k + 2}_taken`,
          "Gather",
          [value, indices],
          [intAttribute("axis", k + 2)],
        );
      });
      value = this.#step(`${name}_axis${k + 2}`, "Max", taken);
    }
    return this.#node({ name, ...node }, "Identity", [value]);
  }

  #activation(node: Node, op: Extract<Operation, { kind: "activation" }>, x: string): string {
    const { alpha, beta } = activationParameters(op);
    const steps: Steps = {
      number: (name, value) => this.#number(`${node.name}_${name}`, value),
      step: (name, opType, input) => this.#step(`${node.name}_${name}`, opType, input),
    };
    const { opType, input = [x], attribute = [] } = ACTIVATIONS[op.name](x, alpha, beta, steps);
    return this.#node(node, opType, input, attribute);
  }

  /** The node of an operation; its value has the operation's name. */
  #node(node: Node, opType: string, input: readonly string[], attribute: AttributeProto[] = []): string {
    return this.#step(node.name, opType, input, attribute);
  }

  #step(name: string, opType: string, input: readonly string[], attribute: AttributeProto[] = []): string {
    const output = this.#unused(name);
    this.#nodes.push({ name: output, opType, input: [...input], output: [output], attribute });
    return output;
  }

  #number(name: string, value: number): string {
    return this.#numbers(name, [], Float32Array.of(value));
  }

  #numbers(name: string, shape: readonly number[], values: Float32Array): string {
    const own = this.#unused(name);
    this.#tensors.set(own, float32Tensor(shape, values));
    return own;
  }

  /** Shapes of a node's inputs. */
  #shapesOf({ inputs }: Node): (readonly number[])[] {
    return inputs.map((input) => this.#network.nodes[input]!.shape);
  }

  /** The same units and one of zeros behind them, which −1 counts from the end. */
  #withZero({ name, shape }: Node, x: string): string {
    const pads = shape.map(() => 0);
    const around = this.#indices(`${name}_zero`, [0, ...pads, 0, 1, ...pads.slice(1)]);
    return this.#step(`${name}_with_zero`, "Pad", [x, around]);
  }

  #indices(name: string, index: readonly number[]): string {
    const own = this.#unused(`${name}_index`);
    const data = bytesOf(BigInt64Array.from(index, BigInt));
    this.#tensors.set(own, { dtype: "I64", shape: [index.length], data });
    return own;
  }
}

/** Builds an activation from nodes and numbers with new names. */
interface Steps {
  /** @returns the name of its value */
  step(name: string, opType: string, input: readonly string[]): string;
  number(name: string, value: number): string;
}

/** The last node of an activation; its input is by default the activation's own. */
interface LastNode {
  readonly opType: string;
  readonly input?: readonly string[];
  readonly attribute?: AttributeProto[];
}

const plain = (opType: string) => (): LastNode => ({ opType });
const withAlpha =
  (opType: string) =>
  (_x: string, alpha: number): LastNode => ({ opType, attribute: [floatAttribute("alpha", alpha)] });

/** Every activation of a network; the compiler reports a missing one. */
const ACTIVATIONS: Readonly<
  Record<ActivationName, (x: string, alpha: number, beta: number, steps: Steps) => LastNode>
> = {
  relu: plain("Relu"),
  relu6: (x, _alpha, _beta, { number }) => ({
    opType: "Clip",
    input: [x, number("least", 0), number("most", 6)],
  }),
  leakyRelu: withAlpha("LeakyRelu"),
  sigmoid: plain("Sigmoid"),
  tanh: plain("Tanh"),
  gelu: plain("Gelu"),
  geluTanh: () => ({ opType: "Gelu", attribute: [stringAttribute("approximate", "tanh")] }),
  silu: (x, alpha, _beta, { number, step }) => {
    const scaled = alpha === 1 ? x : step("scaled", "Mul", [x, number("alpha", alpha)]);
    return { opType: "Mul", input: [x, step("sigmoid", "Sigmoid", [scaled])] };
  },
  hardSwish: plain("HardSwish"),
  hardSigmoid: (_x, alpha, beta) => ({
    opType: "HardSigmoid",
    attribute: [floatAttribute("alpha", alpha), floatAttribute("beta", beta)],
  }),
  elu: withAlpha("Elu"),
  selu: plain("Selu"),
  celu: withAlpha("Celu"),
  softplus: (x, alpha, _beta, { number, step }) => {
    if (alpha === 1) return { opType: "Softplus" };
    const factor = number("alpha", alpha);
    return { opType: "Div", input: [step("soft", "Softplus", [step("scaled", "Mul", [x, factor])]), factor] };
  },
  softsign: plain("Softsign"),
  mish: plain("Mish"),
  thresholdedRelu: withAlpha("ThresholdedRelu"),
  clip: (x, alpha, beta, { number }) => ({
    opType: "Clip",
    input: [x, number("least", alpha), number("most", beta)],
  }),
  linear: (x, alpha, beta, { number, step }) => ({
    opType: "Add",
    input: [step("scaled", "Mul", [x, number("alpha", alpha)]), number("beta", beta)],
  }),
};

function windowAttributes({
  kernel,
  stride,
  padding,
  dilation,
}: Extract<Operation, { kind: "conv2d" | "conv3d" | "maxPool2d" | "averagePool2d" }>): AttributeProto[] {
  return [
    intsAttribute("kernel_shape", kernel),
    intsAttribute("strides", stride),
    intsAttribute("pads", padding),
    intsAttribute("dilations", dilation),
  ];
}

/** What a window has along its last axis: one number, or one for either side. */
const alongLast = (given: readonly number[]): number[] => given.filter((_, k) => k % 2 === 1);
/** The perm that takes units, which are last, back behind the batch. */
const unitsBack = (shape: readonly number[]): number[] => [
  0,
  shape.length,
  ...shape.slice(1).map((_, axis) => axis + 1),
];

const biasOf = ({ bias }: { readonly bias?: string }): string[] => (bias === undefined ? [] : [bias]);

const floatAttribute = (name: string, f: number): AttributeProto => ({ name, type: ATTRIBUTE.float, f });

const stringAttribute = (name: string, s: string): AttributeProto => ({
  name,
  type: ATTRIBUTE.string,
  s: Buffer.from(s, "utf8"),
});

function valuePiece(field: number, name: string, shape: readonly number[]): Piece {
  const dim = [{ dimParam: "n" }, ...shape.map((dimValue) => ({ dimValue }))];
  const info: ValueInfoProto = {
    name,
    type: { tensorType: { elemType: dataTypeOf("F32"), shape: { dim } } },
  };
  return fieldPiece(field, bytesPiece(encode("ValueInfo", info)));
}
