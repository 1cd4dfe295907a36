/** Builds networks layer by layer; the zoo uses it. */
import type { ActivationName } from "../operations/activation.ts";
import type { Operation } from "../operations/registry.ts";
import type { Shape } from "../operations/shape.ts";
import type { Padding, Pair } from "../operations/spatial.ts";
import { buildNetwork, type Network, type NodeSpec } from "./network.ts";

/** The name of a node whose value another layer reads. */
export type Value = string;

export interface ConvOptions {
  readonly outChannels: number;
  /** Side of the kernel, or height and width. */
  readonly kernel: number | Pair;
  readonly stride?: number | Pair | undefined;
  /** On all sides, or top, left, bottom, right. */
  readonly padding?: number | Padding | undefined;
  readonly dilation?: number | Pair | undefined;
  readonly groups?: number | undefined;
  /** A bias named `<name>.bias`; default true. */
  readonly bias?: boolean | undefined;
}

export interface PoolOptions {
  readonly kernel: number | Pair;
  /** Default: the kernel's size. */
  readonly stride?: number | Pair | undefined;
  readonly padding?: number | Padding | undefined;
  readonly ceil?: boolean | undefined;
}

const pair = (value: number | Pair): Pair => (typeof value === "number" ? [value, value] : value);
const padding = (value: number | Padding): Padding =>
  typeof value === "number" ? [value, value, value, value] : value;

/**
 * ```ts
 * const b = new NetworkBuilder("tiny", [1, 28, 28]);
 * const x = b.relu(b.conv2d("conv1", b.input, { outChannels: 6, kernel: 5 }));
 * const network = b.build(b.dense("fc", b.flatten(x), 10));
 * ```
 * Parameters are named after their layer: `conv1.weight`, `conv1.bias`, `bn1.running_mean`.
 */
export interface LayerNormOptions {
  readonly groups?: number | "units";
  readonly eachPlace?: boolean;
  readonly centred?: boolean;
  /** False: without scale and shift. */
  readonly affine?: boolean;
  readonly epsilon?: number;
}

export class NetworkBuilder {
  readonly input: Value = "input";
  readonly #name: string;
  readonly #specs: NodeSpec[];
  #anonymousCount = 0;

  constructor(name: string, inputShape: Shape) {
    this.#name = name;
    this.#specs = [{ name: this.input, op: { kind: "input", shape: inputShape }, inputs: [] }];
  }

  node(name: string, op: Operation, ...inputs: Value[]): Value {
    this.#specs.push({ name, op, inputs });
    return name;
  }

  conv2d(name: string, x: Value, options: ConvOptions): Value {
    const bias = options.bias === false ? {} : { bias: `${name}.bias` };
    const op: Operation = {
      kind: "conv2d",
      weight: `${name}.weight`,
      ...bias,
      outChannels: options.outChannels,
      kernel: pair(options.kernel),
      stride: pair(options.stride ?? 1),
      padding: padding(options.padding ?? 0),
      dilation: pair(options.dilation ?? 1),
      groups: options.groups ?? 1,
    };
    return this.node(name, op, x);
  }

  dense(name: string, x: Value, outFeatures: number, options: { bias?: boolean } = {}): Value {
    const bias = options.bias === false ? {} : { bias: `${name}.bias` };
    return this.node(name, { kind: "dense", weight: `${name}.weight`, ...bias, outFeatures }, x);
  }

  batchNorm(name: string, x: Value, options: { epsilon?: number; momentum?: number } = {}): Value {
    const op: Operation = {
      kind: "batchNorm",
      scale: `${name}.weight`,
      shift: `${name}.bias`,
      mean: `${name}.running_mean`,
      variance: `${name}.running_var`,
      epsilon: options.epsilon ?? 1e-5,
      momentum: options.momentum ?? 0.1,
    };
    return this.node(name, op, x);
  }

  /** Statistics of all units at each place, with scale and shift, unless said otherwise; not centred has no shift. */
  layerNorm(
    name: string,
    x: Value,
    { groups = 1, eachPlace = true, centred = true, affine = true, epsilon = 1e-5 }: LayerNormOptions = {},
  ): Value {
    const op: Operation = {
      kind: "layerNorm",
      groups,
      eachPlace,
      centred,
      epsilon,
      ...(affine && { scale: `${name}.weight`, ...(centred && { shift: `${name}.bias` }) }),
    };
    return this.node(name, op, x);
  }

  activation(name: ActivationName, x: Value): Value {
    return this.node(this.#anonymous(name), { kind: "activation", name }, x);
  }

  relu(x: Value): Value {
    return this.activation("relu", x);
  }

  add(...inputs: Value[]): Value {
    return this.node(this.#anonymous("add"), { kind: "add" }, ...inputs);
  }

  concat(...inputs: Value[]): Value {
    return this.node(this.#anonymous("concat"), { kind: "concat" }, ...inputs);
  }

  maxPool2d(x: Value, options: PoolOptions): Value {
    return this.node(
      this.#anonymous("maxPool"),
      { kind: "maxPool2d", ...this.#window(options), ceil: options.ceil ?? false },
      x,
    );
  }

  averagePool2d(x: Value, options: PoolOptions): Value {
    const op: Operation = {
      kind: "averagePool2d",
      ...this.#window(options),
      countPadding: true,
      ceil: options.ceil ?? false,
    };
    return this.node(this.#anonymous("averagePool"), op, x);
  }

  globalAveragePool(x: Value): Value {
    return this.node(this.#anonymous("globalAveragePool"), { kind: "globalAveragePool" }, x);
  }

  flatten(x: Value): Value {
    return this.node(this.#anonymous("flatten"), { kind: "flatten" }, x);
  }

  dropout(rate: number, x: Value): Value {
    return this.node(this.#anonymous("dropout"), { kind: "dropout", rate }, x);
  }

  /** @throws ArgumentError as {@link buildNetwork} */
  build(output: Value): Network {
    return buildNetwork(this.#name, this.#specs, output);
  }

  #anonymous(kind: string): string {
    return `${kind}#${++this.#anonymousCount}`;
  }

  #window(options: PoolOptions) {
    return {
      kernel: pair(options.kernel),
      stride: pair(options.stride ?? options.kernel),
      padding: padding(options.padding ?? 0),
      dilation: [1, 1] as const,
    };
  }
}
