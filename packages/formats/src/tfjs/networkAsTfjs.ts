/** Any network as a TensorFlow.js LayersModel: a functional model of Keras' layers, channels last. */
import {
  type ActivationName,
  ArgumentError,
  counted,
  definitionOf,
  elementCount,
  type Masks,
  type Network,
  type Node,
  type Operation,
  operationLabel,
  type Weights,
} from "@phew/core";
import { type MaskedNetwork, maskedNetwork, type NetworkOutputs } from "../maskedNetwork.ts";
import type { JsonObject } from "../strictJson.ts";
import { float32Tensor } from "../tensor.ts";
import { ofRank, TensorflowLayout } from "../tensorflowLayout.ts";
import { unusedName } from "../unusedName.ts";
import type { WriteOptions } from "../writeFile.ts";
import { type WrittenWeight, writeLayersModel } from "./exportTfjs.ts";

/** One layer of the model; `weights` are kinds and parameters in Keras' order, with leading axes of 1 if needed. */
interface Layer {
  readonly className: string;
  readonly config: JsonObject;
  readonly weights?: readonly (readonly [kind: string, parameter: string, rank?: number])[];
}

type Window = Extract<Operation, { kind: "conv2d" | "maxPool2d" | "averagePool2d" }>;

type Activation = Extract<Operation, { kind: "activation" }>;

/** The layer for an activation; undefined where TensorFlow.js has none. */
const ACTIVATIONS: Readonly<Record<ActivationName, (op: Activation) => Layer | undefined>> = {
  relu: () => activation("relu"),
  relu6: () => ({ className: "ReLU", config: { max_value: 6 } }),
  leakyRelu: ({ alpha = 0.01 }) => ({ className: "LeakyReLU", config: { alpha } }),
  sigmoid: () => activation("sigmoid"),
  tanh: () => activation("tanh"),
  gelu: () => activation("gelu"),
  silu: ({ alpha = 1 }) => (alpha === 1 ? activation("swish") : undefined),
  elu: ({ alpha = 1 }) => ({ className: "ELU", config: { alpha } }),
  selu: () => activation("selu"),
  celu: ({ alpha = 1 }) => (alpha === 1 ? { className: "ELU", config: { alpha } } : undefined),
  softplus: ({ alpha = 1 }) => (alpha === 1 ? activation("softplus") : undefined),
  softsign: () => activation("softsign"),
  mish: () => activation("mish"),
  thresholdedRelu: ({ alpha = 1 }) => ({ className: "ThresholdedReLU", config: { theta: alpha } }),
  clip: ({ alpha = -1, beta = 1 }) =>
    alpha === 0 ? { className: "ReLU", config: { max_value: beta } } : undefined,
  // tfjs has none, or under a name that Keras does not know, and its hard sigmoid has another slope
  geluTanh: () => undefined,
  linear: () => undefined,
  hardSwish: () => undefined,
  hardSigmoid: () => undefined,
};

/**
 * Writes `model.json` and shards for a network from anywhere; outputs are those of the network, logits most often.
 * @throws ArgumentError that lists what TensorFlow.js' layers cannot express, or as {@link writeLayersModel}
 */
export async function writeNetworkAsTfjs(
  path: string,
  network: Network,
  weights: Weights,
  masks: Masks,
  form: "zeroed" | "compact",
  options: WriteOptions & NetworkOutputs = {},
): Promise<void> {
  const masked = maskedNetwork(network, weights, masks, form === "compact", options);
  const model = new LayersModelDraft(masked);
  const json = {
    format: "layers-model",
    generatedBy: "phew",
    convertedBy: null,
    modelTopology: {
      class_name: "Model",
      config: model.config(),
      keras_version: "tfjs-layers 4.22.0",
      backend: "tensor_flow.js",
    },
  };
  await writeLayersModel(path, json, model.weights(masked.weights), options);
}

class LayersModelDraft {
  readonly #network: Network;
  readonly #outputs: readonly number[];
  readonly #layers: JsonObject[] = [];
  readonly #names = new Set<string>();
  /** Weight on file → parameter, and how many axes it has there. */
  readonly #weights = new Map<string, { readonly parameter: string; readonly rank: number | undefined }>();
  /** Layer that gives each node's value. */
  readonly #layerOf: string[] = [];
  readonly #nonNegative: boolean[] = [];

  constructor({ network, outputs, nodes }: MaskedNetwork) {
    this.#network = network;
    this.#outputs = outputs;
    const problems: string[] = [];
    for (const [index, node] of nodes) {
      const inputs = node.inputs.map((input) => this.#nonNegative[input]!);
      this.#nonNegative[index] = definitionOf(node.op).isNonNegative(node.op, inputs);
      const layers = this.#layersFor(node);
      if (typeof layers === "string") problems.push(`"${node.name}" (${layers})`);
      this.#layerOf[index] = typeof layers === "string" ? "" : this.#add(node, layers);
    }
    if (problems.length === 0) return;
    const some = problems.slice(0, 10).join(", ");
    throw new ArgumentError(network.name, {
      given: `${counted(problems.length, "layer")} that TensorFlow.js has not: ${some}${problems.length > 10 ? ", …" : ""}`,
      expected: "layers that its LayersModel can hold",
      remedy: "Write .safetensors, .npz or .onnx.",
    });
  }

  config(): JsonObject {
    const ends = (nodes: readonly number[]) => nodes.map((node) => [this.#layerOf[node], 0, 0]);
    return {
      // a name of tfjs must begin with a letter
      name: `model_${plainName(this.#network.name)}`,
      layers: this.#layers,
      input_layers: ends([0]),
      output_layers: ends(this.#outputs),
    };
  }

  weights(values: Weights): WrittenWeight[] {
    const layout = new TensorflowLayout(this.#network);
    const shapes = new Map(this.#network.parameters.map(({ name, shape }) => [name, shape]));
    return [...this.#weights].map(([name, { parameter, rank }]): WrittenWeight => {
      const shape = shapes.get(parameter)!;
      const read = async () =>
        layout.toTensorflow(parameter, float32Tensor(shape, values.get(parameter)!)).data;
      const entry = { name, shape: ofRank(layout.shapeOf(parameter), rank), dtype: "float32" };
      return { entry, length: 4 * elementCount(shape), read };
    });
  }

  /** Adds the layers of a node one behind the other. @returns the last one's name */
  #add(node: Node, layers: readonly Layer[]): string {
    let inputs = node.inputs.map((input, slot) => this.#asInput(node, input, slot));
    for (const [k, { className, config, weights = [] }] of layers.entries()) {
      const [, parameter] = weights[0] ?? [];
      const isLast = k === layers.length - 1;
      const name = unusedName(
        this.#names,
        plainName(parameter === undefined ? node.name + (isLast ? "" : "_pad") : withoutKind(parameter)),
      );
      const inbound = inputs.length === 0 ? [] : [inputs.map((input) => [input, 0, 0, {}])];
      this.#layers.push({
        name,
        class_name: className,
        config: { name, trainable: true, ...config },
        inbound_nodes: inbound,
      });
      for (const [kind, own, rank] of weights) this.#weights.set(`${name}/${kind}`, { parameter: own, rank });
      inputs = [name];
    }
    return inputs[0]!;
  }

  /** The layer whose value a node reads; features that multiply an image are made one of a single place. */
  #asInput({ name, op, shape }: Node, input: number, slot: number): string {
    const own = this.#network.nodes[input]!.shape;
    const layer = this.#layerOf[input]!;
    if (op.kind !== "multiply" || own.length === shape.length) return layer;
    const reshape = unusedName(this.#names, plainName(`${name}_factor${slot + 1}`));
    this.#layers.push({
      name: reshape,
      class_name: "Reshape",
      config: { name: reshape, target_shape: [...shape.slice(1).map(() => 1), own[0]!] },
      inbound_nodes: [[[layer, 0, 0, {}]]],
    });
    return reshape;
  }

  /** The layers of a node, none if it changes nothing; or what TensorFlow.js lacks. */
  #layersFor(node: Node): Layer[] | string {
    const { op, shape } = node;
    const [inputShape = shape] = node.inputs.map((input) => this.#network.nodes[input]!.shape);
    switch (op.kind) {
      case "input": {
        const [channels, ...size] = shape;
        return [
          {
            className: "InputLayer",
            config: { batch_input_shape: [null, ...size, channels], dtype: "float32" },
          },
        ];
      }
      case "conv3d":
        return "convolution of volumes";
      case "maxOver":
        return "maxima over tables of positions";
      case "conv2d":
        return op.isSequence ? "1-d convolution" : this.#convolution(op, inputShape, shape);
      case "dense": {
        const config = { units: op.outFeatures, use_bias: op.bias !== undefined, activation: "linear" };
        return [{ className: "Dense", config, weights: [["kernel", op.weight], ...biasOf(op)] }];
      }
      case "batchNorm":
        return batchNormalization(op);
      case "activation": {
        const layer = ACTIVATIONS[op.name](op);
        return layer === undefined ? op.name : [layer];
      }
      case "prelu":
        return parametricRelu(op, shape);
      case "maxPool2d":
        return this.#maxPooling(op, node, inputShape);
      case "averagePool2d":
        return averagePooling(op, inputShape, shape);
      case "globalAveragePool":
        return [{ className: "GlobalAveragePooling2D", config: { data_format: "channels_last" } }];
      case "add":
        return [{ className: "Add", config: {} }];
      case "learned":
        return "a value that does not depend on the input";
      case "affine":
        return "a factor or an offset of its own";
      case "layerNorm":
        return layerNormalization(op, shape);
      case "multiply":
        return [{ className: "Multiply", config: {} }];
      case "concat":
        return [{ className: "Concatenate", config: { axis: -1 } }];
      case "flatten":
        return inputShape.length === 3 ? [{ className: "Flatten", config: {} }] : [];
      case "dropout":
        return [{ className: "Dropout", config: { rate: op.rate } }];
      case "attention":
        return "attention";
      case "identity":
        return [];
      case "recurrent":
        return "recurrent layers as they are written here";
      case "rearrange":
        return "elements moved between channels and positions";
      case "resample":
        return `${op.name} of positions`;
      case "select":
        return "a part of the channels";
      case "opaque":
        return op.operation;
      default:
        return operationLabel(op);
    }
  }

  #convolution(
    op: Extract<Operation, { kind: "conv2d" }>,
    input: readonly number[],
    output: readonly number[],
  ): Layer[] | string {
    const isDepthwise = op.groups > 1 && op.groups === input[0];
    const isDilated = op.dilation.some((d) => d > 1);
    if (op.groups > 1 && !isDepthwise) return counted(op.groups, "group");
    if (isDilated && (isDepthwise || op.stride.some((s) => s > 1)))
      return "dilation of depthwise or strided kernels";
    const { padding, before } = paddingFor(op, input, output);
    const window = {
      kernel_size: op.kernel,
      strides: op.stride,
      dilation_rate: op.dilation,
      padding,
      data_format: "channels_last",
      activation: "linear",
      use_bias: op.bias !== undefined,
    };
    const last: Layer = isDepthwise
      ? {
          className: "DepthwiseConv2D",
          config: { ...window, depth_multiplier: op.outChannels / op.groups },
          weights: [["depthwise_kernel", op.weight], ...biasOf(op)],
        }
      : {
          className: "Conv2D",
          config: { ...window, filters: op.outChannels },
          weights: [["kernel", op.weight], ...biasOf(op)],
        };
    return [...before, last];
  }

  #maxPooling(
    op: Extract<Operation, { kind: "maxPool2d" }>,
    node: Node,
    input: readonly number[],
  ): Layer[] | string {
    if (op.dilation.some((d) => d > 1)) return "dilated pooling";
    const { padding, before } = paddingFor(op, input, node.shape);
    if (before.length > 0 && !this.#nonNegative[node.inputs[0]!])
      return "a maximum over padding beside values below 0";
    return [...before, { className: "MaxPooling2D", config: poolConfig(op, padding) }];
  }
}

function batchNormalization(op: Extract<Operation, { kind: "batchNorm" }>): Layer[] {
  const config = {
    axis: -1,
    momentum: 1 - op.momentum,
    epsilon: op.epsilon,
    center: true,
    scale: true,
  };
  const kinds = ["gamma", "beta", "moving_mean", "moving_variance"];
  const parameters = [op.scale, op.shift, op.mean, op.variance];
  return [
    {
      className: "BatchNormalization",
      config,
      weights: kinds.map((kind, k) => [kind, parameters[k]!] as const),
    },
  ];
}

function parametricRelu(op: Extract<Operation, { kind: "prelu" }>, shape: readonly number[]): Layer[] {
  const axes = shape.map((_, k) => k + 1);
  const config = {
    alpha_initializer: { class_name: "Zeros", config: {} },
    shared_axes: op.shared ? axes : axes.slice(0, -1),
  };
  return [{ className: "PReLU", config, weights: [["alpha", op.slope, shape.length]] }];
}

function layerNormalization(
  op: Extract<Operation, { kind: "layerNorm" }>,
  shape: readonly number[],
): Layer[] | string {
  const isOfChannels = op.centred && op.groups === 1 && (op.eachPlace || shape.length === 1);
  if (!isOfChannels) return "a normalisation over other than the channels of a pixel";
  const { epsilon, scale, shift } = op;
  const weights = [["gamma", scale] as const, ["beta", shift] as const];
  return [
    {
      className: "LayerNormalization",
      config: { axis: [-1], epsilon, center: shift !== undefined, scale: scale !== undefined },
      weights: weights.flatMap(([kind, own]) => (own === undefined ? [] : [[kind, own] as const])),
    },
  ];
}

function averagePooling(
  op: Extract<Operation, { kind: "averagePool2d" }>,
  input: readonly number[],
  output: readonly number[],
): Layer[] | string {
  const { padding, before } = paddingFor(op, input, output);
  const hangsOver = [0, 1].some((axis) => after(op, input, output, axis) > op.padding[axis + 2]!);
  const isPadded = op.padding.some((p) => p > 0);
  if (hangsOver && (op.countPadding || padding !== "same")) return "pooling that hangs over the end";
  if (!isPadded && !hangsOver) return [{ className: "AveragePooling2D", config: poolConfig(op, "valid") }];
  // TensorFlow leaves its own padding out of the mean, and counts zeros that a layer put there
  if (op.countPadding)
    return [zeroPadding(op.padding), { className: "AveragePooling2D", config: poolConfig(op, "valid") }];
  return before.length === 0
    ? [{ className: "AveragePooling2D", config: poolConfig(op, padding) }]
    : "a mean without its padding";
}

/** Keras' word for a window's padding, or the layer of zeros that goes before it. */
function paddingFor(
  op: Window,
  input: readonly number[],
  output: readonly number[],
): { padding: string; before: Layer[] } {
  const needed = [0, 1].map((axis) => [op.padding[axis]!, after(op, input, output, axis)] as const);
  if (needed.every(([first, last]) => first === 0 && last === 0)) return { padding: "valid", before: [] };
  const isSame = needed.every(([first, last], axis) => {
    const length = input[axis + 1]!;
    const total = first + last;
    const wanted = Math.max(
      (Math.ceil(length / op.stride[axis]!) - 1) * op.stride[axis]! + reach(op, axis) - length,
      0,
    );
    return (
      output[axis + 1] === Math.ceil(length / op.stride[axis]!) &&
      total === wanted &&
      first === Math.floor(total / 2)
    );
  });
  if (isSame) return { padding: "same", before: [] };
  const [[top, bottom], [left, right]] = needed as [readonly [number, number], readonly [number, number]];
  return { padding: "valid", before: [zeroPadding([top, left, bottom, right])] };
}

/** Padding that the windows really reach at the end of an axis. */
function after(op: Window, input: readonly number[], output: readonly number[], axis: number): number {
  return Math.max(
    0,
    (output[axis + 1]! - 1) * op.stride[axis]! + reach(op, axis) - input[axis + 1]! - op.padding[axis]!,
  );
}

const reach = (op: Window, axis: number): number => (op.kernel[axis]! - 1) * op.dilation[axis]! + 1;

const zeroPadding = ([top, left, bottom, right]: readonly [number, number, number, number]): Layer => ({
  className: "ZeroPadding2D",
  config: {
    padding: [
      [top, bottom],
      [left, right],
    ],
    data_format: "channels_last",
  },
});

const poolConfig = (op: Window, padding: string): JsonObject => ({
  pool_size: op.kernel,
  strides: op.stride,
  padding,
  data_format: "channels_last",
});

function activation(name: string): Layer {
  return { className: "Activation", config: { activation: name } };
}

const biasOf = (op: { readonly bias?: string }): [string, string][] =>
  op.bias === undefined ? [] : [["bias", op.bias]];

/** `layer1.0.conv1` of `layer1.0.conv1.weight`. */
const withoutKind = (parameter: string): string => parameter.replace(/[./](weight|kernel|gamma|scale)$/, "");

/** What TensorFlow.js takes as a name. */
const plainName = (name: string): string =>
  name.replace(/[^A-Za-z0-9_.-]/g, "_").replace(/^[^A-Za-z0-9]+/, "") || "layer";
