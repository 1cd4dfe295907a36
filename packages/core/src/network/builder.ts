/** Builds networks layer by layer; the zoo uses it. */
import { ArgumentError } from "../errors.ts";
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

/** A number for each of `count` axes or sides. */
function eachOf(what: string, value: unknown, count: number): readonly number[] {
  if (typeof value === "number") return new Array<number>(count).fill(value);
  if (Array.isArray(value) && value.length === count && value.every((n) => typeof n === "number"))
    return value;
  throw new ArgumentError(what, {
    given: Array.isArray(value) ? `[${value.join(", ")}]` : `${value}`,
    expected: `a number, or ${count} of them`,
  });
}

const pair = (what: string, value: number | Pair) => eachOf(what, value, 2) as Pair;
const padding = (value: number | Padding) => eachOf("padding", value, 4) as Padding;

/** @throws ArgumentError unless `fits` */
function requireNumber(
  what: string,
  value: number,
  fits: (value: number) => boolean,
  expected: string,
): void {
  if (typeof value === "number" && fits(value)) return;
  throw new ArgumentError(what, { given: `${value}`, expected });
}

const requireEpsilon = (layer: string, epsilon: number): void =>
  requireNumber(
    `layer "${layer}": epsilon`,
    epsilon,
    (value) => value >= 0 && Number.isFinite(value),
    "0 or more, and finite",
  );

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
      kernel: pair("kernel", options.kernel),
      stride: pair("stride", options.stride ?? 1),
      padding: padding(options.padding ?? 0),
      dilation: pair("dilation", options.dilation ?? 1),
      groups: options.groups ?? 1,
    };
    return this.node(name, op, x);
  }

  dense(name: string, x: Value, outFeatures: number, options: { bias?: boolean } = {}): Value {
    const bias = options.bias === false ? {} : { bias: `${name}.bias` };
    return this.node(name, { kind: "dense", weight: `${name}.weight`, ...bias, outFeatures }, x);
  }

  batchNorm(name: string, x: Value, options: { epsilon?: number; momentum?: number } = {}): Value {
    const op = {
      kind: "batchNorm",
      scale: `${name}.weight`,
      shift: `${name}.bias`,
      mean: `${name}.running_mean`,
      variance: `${name}.running_var`,
      epsilon: options.epsilon ?? 1e-5,
      momentum: options.momentum ?? 0.1,
    } as const;
    requireEpsilon(name, op.epsilon);
    const isShare = (value: number) => value >= 0 && value <= 1;
    requireNumber(`layer "${name}": momentum`, op.momentum, isShare, "0 to 1");
    return this.node(name, op, x);
  }

  /** Statistics of all units at each place, with scale and shift, unless said otherwise; not centred has no shift. */
  layerNorm(
    name: string,
    x: Value,
    { groups = 1, eachPlace = true, centred = true, affine = true, epsilon = 1e-5 }: LayerNormOptions = {},
  ): Value {
    requireEpsilon(name, epsilon);
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
    requireNumber("dropout rate", rate, (value) => value >= 0 && value < 1, "0 ≤ rate < 1");
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
      kernel: pair("kernel", options.kernel),
      stride: pair("stride", options.stride ?? options.kernel),
      padding: padding(options.padding ?? 0),
      dilation: [1, 1] as const,
    };
  }
}
