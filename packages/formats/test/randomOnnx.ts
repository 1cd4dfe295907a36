/** Random chains of the nodes that the importer folds into one another, with random attributes. */
import { type File, type FileNode, type Tensor, tensor, values } from "./onnxFile.ts";
import { count, type Dense, evaluateInto } from "./referenceOnnx.ts";

/** Whole numbers from least to most, both included. */
export type Draw = (least: number, most: number) => number;

export interface RandomModel {
  readonly file: File;
  readonly x: Float32Array;
  /** `[count, ...inputShape]` */
  readonly shape: readonly number[];
  /** What the reference makes of it. */
  readonly y: Dense;
}

/** Images of 2 examples through some random nodes, to features, through a dense layer. */
export function randomModel(draw: Draw, stepCount = draw(1, 5)): RandomModel {
  const shape = [2, draw(1, 3), draw(4, 8), draw(4, 8)];
  const chain = new Chain(draw, shape);
  chain.step(chain.conv);
  const steps = [
    chain.conv,
    chain.pad,
    chain.pad,
    chain.pool,
    chain.pool,
    chain.arithmetic,
    chain.arithmetic,
    chain.batchNorm,
    chain.activation,
    chain.activation,
    chain.bounds,
    chain.nothing,
    chain.shuffle,
    chain.branches,
  ];
  for (let k = 0; k < stepCount; k++) chain.step(steps[draw(0, steps.length - 1)]!);
  chain.features();
  chain.dense();
  return chain.finish(shape);
}

class Chain {
  readonly #draw: Draw;
  readonly #nodes: FileNode[] = [];
  readonly #tensors: Record<string, Tensor> = {};
  readonly #values: Map<string, Dense>;
  readonly #x: Float32Array;
  #last = "x";
  #count = 0;

  constructor(draw: Draw, shape: readonly number[]) {
    this.#draw = draw;
    this.#x = values(count(shape), draw(0, 999), 2);
    this.#values = new Map([["x", { dims: shape, values: Float64Array.from(this.#x) }]]);
  }

  /** One more step; what leaves nothing of the image is taken back. */
  step(make: () => void): void {
    const [last, nodeCount] = [this.#last, this.#nodes.length];
    make.call(this);
    const { dims, values: numbers } = this.#values.get(this.#last)!;
    if (dims.every((length) => length > 0) && numbers.every(Number.isFinite)) return;
    this.#last = last;
    this.#nodes.length = nodeCount;
  }

  get #dims(): readonly number[] {
    return this.#values.get(this.#last)!.dims;
  }

  /** True in one of `n` cases. */
  #once(n: number): boolean {
    return this.#draw(1, n) === 1;
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#draw(0, list.length - 1)]!;
  }

  #tensor(dims: readonly number[], options: Partial<Tensor> = {}): string {
    const name = `t${this.#count++}`;
    const made = tensor(dims, this.#draw(0, 999), options);
    this.#tensors[name] = made;
    this.#values.set(name, { dims, values: Float64Array.from(made.values) });
    return name;
  }

  #numbers(list: readonly number[], dims: readonly number[] = []): string {
    return this.#tensor(dims, { values: list });
  }

  #ints(list: readonly number[]): string {
    return this.#tensor([list.length], { values: list, type: "int64" });
  }

  #node(
    op: string,
    more: readonly string[] = [],
    attributes: FileNode["attributes"] = {},
    first = false,
  ): void {
    const given = first ? [...more, this.#last] : [this.#last, ...more];
    this.#emit(op, given, attributes);
  }

  #emit(op: string, given: readonly string[], attributes: FileNode["attributes"] = {}): void {
    const out = `v${this.#count++}`;
    const node = { op, in: given, out: [out], attributes };
    this.#nodes.push(node);
    evaluateInto(this.#values, node);
    this.#last = out;
  }

  #window(kernel: readonly number[], most: readonly number[]): Record<string, readonly number[] | string> {
    const draw = this.#draw;
    const attributes: Record<string, readonly number[] | string> = { strides: [draw(1, 3), draw(1, 3)] };
    if (this.#once(3)) attributes.auto_pad = this.#pick(["SAME_UPPER", "SAME_LOWER", "VALID"]);
    else if (this.#once(2)) attributes.pads = [0, 1, 2, 3].map((side) => draw(0, most[side % 2]!));
    return kernel.length > 0 ? attributes : {};
  }

  conv(): void {
    const draw = this.#draw;
    const channels = this.#dims[1]!;
    const group = this.#pick([1, 1, channels]);
    const outChannels = group * draw(1, group === 1 ? 6 : 2);
    const kernel = [draw(1, 3), draw(1, 3)];
    const weight = this.#tensor([outChannels, channels / group, ...kernel]);
    const bias = this.#once(2) ? [this.#tensor([outChannels])] : [];
    this.#node("Conv", [weight, ...bias], {
      ...this.#window(kernel, [2, 2]),
      group,
      ...(this.#once(3) ? { dilations: [draw(1, 2), draw(1, 2)] } : {}),
      ...(this.#once(2) ? { kernel_shape: kernel } : {}),
    });
  }

  /** Mostly zeros around height and width; rarely another number, a crop, or a padding of channels. */
  pad(): void {
    const draw = this.#draw;
    const side = () => (this.#once(20) ? -1 : draw(0, 2));
    const pads = [0, this.#once(30) ? 1 : 0, side(), side(), 0, 0, side(), side()];
    const fill = this.#once(4) ? [this.#numbers([this.#pick([0, 1, -0.5])])] : [];
    this.#node("Pad", [this.#ints(pads), ...fill]);
    if (!this.#once(6)) this.step(this.#pick([this.conv, this.conv, this.pool]));
  }

  pool(): void {
    const draw = this.#draw;
    const kind = this.#pick(["MaxPool", "AveragePool"]);
    const kernel = [draw(1, 3), draw(1, 3)];
    this.#node(kind, [], {
      kernel_shape: kernel,
      ...this.#window(kernel, [kernel[0]! - 1, kernel[1]! - 1]),
      ...(this.#once(3) ? { ceil_mode: 1 } : {}),
      ...(kind === "AveragePool" && this.#once(2) ? { count_include_pad: 1 } : {}),
      ...(kind === "MaxPool" && this.#once(4) ? { dilations: [draw(1, 2), draw(1, 2)] } : {}),
    });
  }

  /** A number, or one a channel, added, taken off, multiplied or divided by, on either side. */
  arithmetic(): void {
    const channels = this.#dims[1]!;
    const dims = this.#pick([[], [1], [1, 1, 1], [channels, 1, 1], [1, channels, 1, 1], [channels, 1, 1]]);
    const op = this.#pick(["Add", "Sub", "Mul", "Div", "Mul", "Add"]);
    const first = op !== "Div" && this.#once(3);
    // nothing is divided by 0
    const numbers = values(count(dims), this.#draw(0, 999)).map((x) => x + Math.sign(x + 0.001) / 4);
    this.#node(op, [this.#numbers([...numbers], dims)], {}, first);
  }

  batchNorm(): void {
    const channels = this.#dims[1]!;
    const variance = values(channels, this.#draw(0, 999)).map((x) => x + 1.25);
    this.#node(
      "BatchNormalization",
      [...[0, 1, 2].map(() => this.#tensor([channels])), this.#numbers([...variance], [channels])],
      this.#once(2) ? { epsilon: { float: 0.01 } } : {},
    );
  }

  activation(): void {
    const x = this.#last;
    switch (this.#draw(0, 9)) {
      case 0:
        this.#node("Relu");
        return;
      case 1:
        this.#node(
          this.#pick(["Sigmoid", "Tanh", "Softplus", "LeakyRelu", "Elu", "Celu", "Selu", "Softsign"]),
        );
        return;
      case 2:
        this.#node("Sigmoid");
        this.#emit(
          "Mul",
          this.#pick([
            [x, this.#last],
            [this.#last, x],
          ]),
        );
        return;
      case 3:
        this.#node(this.#pick(["Div", "Mul"]), [this.#numbers([Math.SQRT2])]);
        this.#node("Erf");
        this.#node("Add", [this.#numbers([1])]);
        this.#emit("Mul", [x, this.#last]);
        this.#node("Mul", [this.#numbers([0.5])]);
        return;
      case 4:
        this.#node("Add", [this.#numbers([3])]);
        this.#node("Clip", [this.#numbers([0]), this.#numbers([6])]);
        if (this.#once(2)) this.#emit("Mul", [this.#last, x]);
        {
          this.#node("Div", [this.#numbers([6])]);
          return;
        }
      case 5:
        this.#node("HardSigmoid", [], this.#once(2) ? { alpha: { float: 1 / 6 } } : {});
        return;
      case 6:
        this.#node("Softplus");
        this.#node("Tanh");
        this.#emit("Mul", [x, this.#last]);
        return;
      case 7:
        this.#node("Exp");
        this.#node("Add", [this.#numbers([1])]);
        this.#node("Log");
        return;
      case 8: {
        const channels = this.#dims[1]!;
        const slopes = this.#pick([[0.25], [...values(channels, this.#draw(0, 99))]]);
        this.#node("PRelu", [this.#numbers(slopes, slopes.length === 1 ? [1] : [channels, 1, 1])]);
        return;
      }
      default:
        this.#node("Softplus");
        this.#emit("Greater", [x, this.#numbers([20])]);
        this.#emit("Where", [this.#last, x, `v${this.#count - 3}`]);
        return;
    }
  }

  /** Clip, Min, Max, alone or one behind the other. */
  bounds(): void {
    const low = () => this.#numbers([this.#pick([0, 0, -1, 0.25])]);
    const high = () => this.#numbers([this.#pick([6, 6, 1, 0.5])]);
    if (this.#once(3)) {
      this.#node("Clip", this.#pick([[low(), high()], [low()], ["", high()], [low(), ""]]));
      return;
    }
    this.#node("Max", [low()], {}, this.#once(2));
    if (this.#once(2)) this.#node("Min", [high()], {}, this.#once(2));
  }

  /** Two ways from one value, added up again: what is folded for one must not count for the other. */
  branches(): void {
    const scaled = this.#once(2);
    if (scaled) this.arithmetic();
    const start = this.#last;
    const steps = [this.activation, this.bounds, this.arithmetic, this.nothing];
    this.#pick(steps).call(this);
    const left = this.#last;
    this.#last = start;
    if (this.#once(2)) this.#pick(steps).call(this);
    if (this.#last !== left) this.#emit("Add", [left, this.#last]);
  }

  /** What changes nothing. */
  nothing(): void {
    if (this.#once(3)) {
      this.#node("Identity");
      return;
    }
    if (this.#once(2)) {
      this.#node("Cast", [], { to: 1 });
      return;
    }
    this.#node("Transpose", [], { perm: [0, 2, 3, 1] });
    this.#node("Transpose", [], { perm: [0, 3, 1, 2] });
  }

  shuffle(): void {
    const [, channels, height, width] = this.#dims as [number, number, number, number];
    if (channels % 2 === 0 && this.#once(2)) {
      this.#node("Reshape", [this.#ints([-1, 2, channels / 2, height, width])]);
      this.#node("Transpose", [], { perm: [0, 2, 1, 3, 4] });
      this.#node("Reshape", [this.#ints([-1, channels, height, width])]);
      return;
    }
    const places = Array.from({ length: this.#draw(1, 4) }, () => this.#draw(-channels, channels - 1));
    this.#node("Gather", [this.#ints(places)], { axis: 1 });
  }

  /** To `[n, features]`. */
  features(): void {
    switch (this.#draw(0, 5)) {
      case 0:
        this.#node("GlobalAveragePool");
        this.#node("Flatten");
        return;
      case 1:
        this.#node("ReduceMean", [], {
          axes: this.#pick([
            [2, 3],
            [-1, -2],
          ]),
          keepdims: 0,
        });
        return;
      case 2:
        this.#node("ReduceMax", [], { axes: [3, 2] });
        this.#node("Squeeze", [this.#ints([2, 3])]);
        return;
      case 3:
        this.#node("Transpose", [], { perm: [0, 2, 3, 1] });
        this.#node("Reshape", [this.#ints([0, -1])]);
        return;
      case 4:
        this.#node("Reshape", [this.#ints([-1, this.#dims[1]!, this.#dims[2]! * this.#dims[3]!])]);
        this.#node("ReduceMean", [], { axes: [2], keepdims: 0 });
        return;
      default:
        this.#node("Flatten");
        return;
    }
  }

  dense(): void {
    const features = this.#dims[1]!;
    if (this.#once(3)) {
      this.#node("MatMul", [this.#tensor([features, 2])]);
      if (this.#once(2)) this.#node(this.#pick(["Add", "Sub"]), [this.#tensor([2])], {}, this.#once(2));
    } else {
      const transB = this.#draw(0, 1);
      const bias = this.#once(3) ? [] : [this.#tensor(this.#pick([[2], [1, 2], [1], []]))];
      this.#node("Gemm", [this.#tensor(transB ? [2, features] : [features, 2]), ...bias], {
        transB,
        ...(this.#once(2) ? { alpha: { float: this.#pick([0.5, -2]) } } : {}),
        ...(this.#once(2) ? { beta: { float: this.#pick([0.25, -1, 0]) } } : {}),
      });
    }
    if (this.#once(3)) this.#node("Mul", [this.#numbers([0.5])]);
  }

  finish(shape: readonly number[]): RandomModel {
    this.#node("Identity");
    const y = this.#values.get(this.#last)!;
    const file: File = {
      opset: 13,
      nodes: this.#nodes,
      // axes of reductions are attributes until opset 17
      tensors: this.#tensors,
      inputs: { x: ["n", ...shape.slice(1)] },
      outputs: { [this.#last]: ["n", 2] },
    };
    return { file, x: this.#x, shape, y };
  }
}
