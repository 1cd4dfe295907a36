/** Networks of random structure as ONNX files: fan-outs, slices, splits, groups, concatenations, sums, poolings. */
import fc from "fast-check";
import { type File, type FileNode, type Tensor, tensor, values } from "./onnxFile.ts";

/** One step of the making: what is added, and numbers that its choices are made by. */
export interface Step {
  readonly kind: (typeof IMAGE_STEPS)[number] | (typeof FEATURE_STEPS)[number];
  readonly picks: readonly number[];
}

const IMAGE_STEPS = [
  "conv",
  "conv",
  "grouped",
  "depthwise",
  "norm",
  "activation",
  "pool",
  "residual",
  "concat",
  "split",
  "slice",
  "gather",
  "shuffle",
  "scale",
  "shift",
  "pass",
] as const;
const FEATURE_STEPS = [
  "dense",
  "dense",
  "norm",
  "activation",
  "residual",
  "concat",
  "split",
  "slice",
  "gather",
  "pass",
] as const;

const steps = <K extends Step["kind"]>(kinds: readonly K[], most: number) =>
  fc.array(
    fc.record({
      kind: fc.constantFrom(...kinds),
      picks: fc.array(fc.nat(1000), { minLength: 6, maxLength: 6 }),
    }),
    { maxLength: most },
  );

type Kind = Step["kind"];
/** What TensorFlow.js' layers can hold. */
export const IN_TENSORFLOW: readonly Kind[] = [
  "conv",
  "depthwise",
  "dense",
  "norm",
  "pool",
  "residual",
  "concat",
  "scale",
  "shift",
  "pass",
];

/** A network over images that ends in features, or in an image. @param only the kinds of steps that it is made of */
export function randomNetwork(only?: readonly Kind[]): fc.Arbitrary<File> {
  const allowed = <K extends Kind>(kinds: readonly K[]) =>
    kinds.filter((kind) => only === undefined || only.includes(kind));
  const options = fc.record({
    opset: fc.constantFrom(9, 11, 13, 18),
    batch: fc.constantFrom<(number | string)[]>("n", 2),
    channels: fc.integer({ min: 1, max: 3 }),
    size: fc.integer({ min: 4, max: 7 }),
    images: steps(allowed(IMAGE_STEPS), 8),
    toFeatures: fc.nat(4),
    features: steps(allowed(FEATURE_STEPS), 4),
  });
  return options.map(({ opset, batch, channels, size, images, toFeatures, features }) => {
    const draft = new Draft(opset, batch, [channels, size, size]);
    draft.add({ kind: "conv", picks: [3, 1, 1, 1, 1, 1] });
    for (const step of images) draft.add(step);
    if (toFeatures === 4) return draft.imageFile();
    draft.flatten(toFeatures);
    for (const step of features) draft.add(step);
    return draft.featuresFile();
  });
}

interface Value {
  readonly name: string;
  /** Without the batch. */
  readonly shape: readonly number[];
}

class Draft {
  readonly #opset: number;
  readonly #batch: number | string;
  readonly #nodes: FileNode[] = [];
  readonly #tensors: Record<string, Tensor> = {};
  readonly #input: Value;
  /** What a step may read, all of one kind: images, later features. */
  #values: Value[];
  #count = 0;

  constructor(opset: number, batch: number | string, shape: readonly number[]) {
    this.#opset = opset;
    this.#batch = batch;
    this.#input = { name: "x", shape };
    this.#values = [this.#input];
  }

  featuresFile(): File {
    const last = this.#values.at(-1)!;
    const weight = this.#tensor([3, last.shape[0]!]);
    const inputs = [last.name, weight, this.#tensor([3])];
    this.#nodes.push({ op: "Gemm", in: inputs, out: ["y"], attributes: { transB: 1 } });
    return this.#file([3]);
  }

  imageFile(): File {
    const last = this.#values.at(-1)!;
    const weight = this.#tensor([3, last.shape[0]!, 1, 1]);
    this.#nodes.push({ op: "Conv", in: [last.name, weight, this.#tensor([3])], out: ["y"] });
    return this.#file([3, ...last.shape.slice(1)]);
  }

  #file(output: readonly number[]): File {
    return {
      opset: this.#opset,
      nodes: this.#nodes,
      tensors: this.#tensors,
      inputs: { x: [this.#batch, ...this.#input.shape] },
      outputs: { y: [this.#batch, ...output] },
    };
  }

  /** From the last image to features. */
  flatten(how: number): void {
    let image = this.#values.at(-1)!;
    if (how % 2 === 1) image = this.#node("GlobalAveragePool", [image], [image.shape[0]!, 1, 1]);
    const features = [image.shape.reduce((a, b) => a * b, 1)];
    const flat =
      how < 2
        ? this.#node("Flatten", [image], features)
        : this.#node("Reshape", [image, this.#ints([-1, features[0]!])], features);
    this.#values = [flat];
  }

  add({ kind, picks }: Step): void {
    // the newest value twice as often as any other
    const from = this.#values[Math.min(this.#values.length - 1, picks[0]! % (this.#values.length + 1))]!;
    const [units] = from.shape as [number];
    const isImage = from.shape.length === 3;
    switch (kind) {
      case "conv":
        this.#push(this.#conv(from, 2 + (picks[1]! % 5), 1, picks));
        break;
      case "grouped": {
        const groups = [4, 3, 2].find((n) => units % n === 0) ?? 1;
        this.#push(this.#conv(from, groups * (1 + (picks[1]! % 3)), groups, picks));
        break;
      }
      case "depthwise":
        this.#push(this.#conv(from, units * (1 + (picks[1]! % 2)), units, picks));
        break;
      case "dense":
        this.#push(this.#dense(from, 2 + (picks[1]! % 7), picks));
        break;
      case "norm": {
        const positive: Tensor = {
          dims: [units],
          values: values(units, ++this.#count, 0.4).map((v) => v + 0.6),
        };
        const statistics = [this.#tensor([units]), this.#tensor([units]), this.#tensor([units])];
        const names = [...statistics, this.#named(positive)];
        this.#push(this.#node("BatchNormalization", [from, ...names], from.shape));
        break;
      }
      case "activation":
        this.#push(this.#activation(from, picks[1]!));
        break;
      case "pool":
        if (isImage && from.shape[1]! >= 2) this.#push(this.#pool(from, picks));
        break;
      case "residual": {
        const other = isImage
          ? this.#conv(from, units, 1, [0, 0, 0, 0, 0, 0])
          : this.#dense(from, units, picks);
        this.#push(this.#node("Add", picks[2]! % 2 === 0 ? [from, other] : [other, from], from.shape));
        break;
      }
      case "concat": {
        const alike = this.#values.filter(
          ({ shape }) => String(shape.slice(1)) === String(from.shape.slice(1)),
        );
        const parts = [from, alike[picks[1]! % alike.length]!, ...(picks[2]! % 3 === 0 ? [alike[0]!] : [])];
        const total = parts.reduce((sum, { shape }) => sum + shape[0]!, 0);
        if (total <= 16 || !isImage)
          this.#push(this.#node("Concat", parts, [total, ...from.shape.slice(1)], { axis: 1 }));
        break;
      }
      case "split":
        if (units >= 2) this.#split(from, 1 + (picks[1]! % (units - 1)), picks[2]!);
        break;
      case "slice":
        if (units >= 2) this.#slice(from, picks);
        break;
      case "gather": {
        const index = picks.slice(1).map((pick) => pick % units);
        const name = this.#ints(index);
        this.#push(this.#node("Gather", [from, name], [index.length, ...from.shape.slice(1)], { axis: 1 }));
        break;
      }
      case "shuffle":
        this.#shuffle(from);
        break;
      case "scale":
      case "shift": {
        // taken up by the layer before, where nothing else reads that
        const layer = this.#conv(from, 2 + (picks[1]! % 5), 1, [0, 0, 1, 0, 0, 0]);
        const numbers = values(layer.shape[0]!, ++this.#count, 0.5).map((v) => v || 0.25);
        const constant = this.#named({ dims: [layer.shape[0]!, 1, 1], values: numbers });
        this.#push(this.#node(kind === "scale" ? "Mul" : "Add", [layer, constant], layer.shape));
        break;
      }
      case "pass":
        this.#push(this.#node(picks[1]! % 2 === 0 ? "Identity" : "Dropout", [from], from.shape));
    }
  }

  #conv(from: Value, units: number, groups: number, picks: readonly number[]): Value {
    const [channels, height, width] = from.shape as [number, number, number];
    const kernel = picks[2]! % 2 === 0 ? 1 : 3;
    const stride = picks[3]! % 4 === 0 && height > 3 && kernel === 3 ? 2 : 1;
    const pad = kernel === 3 ? 1 : 0;
    const size = (length: number) => Math.floor((length + 2 * pad - kernel) / stride) + 1;
    const weight = this.#tensor([units, channels / groups, kernel, kernel]);
    const bias = picks[4]! % 3 === 0 ? [] : picks[4]! % 3 === 1 ? [this.#tensor([units])] : [""];
    return this.#node("Conv", [from, weight, ...bias], [units, size(height), size(width)], {
      group: groups,
      pads: [pad, pad, pad, pad],
      strides: [stride, stride],
    });
  }

  #dense(from: Value, units: number, picks: readonly number[]): Value {
    const [features] = from.shape as [number];
    if (picks[2]! % 3 === 0) {
      const product = this.#node("MatMul", [from, this.#tensor([features, units])], [units]);
      return picks[3]! % 2 === 0 ? product : this.#node("Add", [product, this.#tensor([units])], [units]);
    }
    const isTransposed = picks[2]! % 3 === 1;
    const weight = this.#tensor(isTransposed ? [units, features] : [features, units]);
    const beta = { float: [0, 1, 0.5][picks[3]! % 3]! };
    const attributes = { transB: isTransposed ? 1 : 0, alpha: { float: 1.5 }, beta };
    return this.#node("Gemm", [from, weight, this.#tensor([units])], [units], attributes);
  }

  #activation(from: Value, pick: number): Value {
    const kinds = ["Relu", "Sigmoid", "Tanh", "LeakyRelu", "Elu", "HardSigmoid", "Softplus"];
    const op = kinds[pick % kinds.length]!;
    const attributes = op === "HardSigmoid" ? { alpha: { float: 1 / 6 } } : {};
    return this.#node(op, [from], from.shape, attributes);
  }

  #pool(from: Value, picks: readonly number[]): Value {
    const [units, height, width] = from.shape as [number, number, number];
    const op = picks[1]! % 2 === 0 ? "MaxPool" : "AveragePool";
    const half = (length: number) => Math.floor((length - 2) / 2) + 1;
    return this.#node(op, [from], [units, half(height), half(width)], {
      kernel_shape: [2, 2],
      strides: [2, 2],
    });
  }

  #split(from: Value, first: number, pick: number): void {
    const [units, ...rest] = from.shape as [number, ...number[]];
    const sizes = [first, units - first];
    const out = sizes.map(() => this.#name("part"));
    const isInput = this.#opset >= 13;
    this.#nodes.push({
      op: "Split",
      in: [from.name, ...(isInput ? [this.#ints(sizes)] : [])],
      out,
      attributes: { axis: 1, ...(isInput ? {} : { split: sizes }) },
    });
    const parts = out.map((name, k): Value => ({ name, shape: [sizes[k]!, ...rest] }));
    // a part that nothing reads is left out by some exporters, and kept by others
    for (const part of pick % 3 === 0 ? parts.slice(1) : parts) this.#push(part);
  }

  #slice(from: Value, picks: readonly number[]): void {
    const [units, ...rest] = from.shape as [number, ...number[]];
    const start = picks[1]! % (units - 1);
    const end = start + 1 + (picks[2]! % (units - start));
    const step = this.#opset >= 10 ? 1 + (picks[3]! % 2) : 1;
    const count = Math.ceil((end - start) / step);
    const lists = { starts: [start], ends: [end], axes: [1] };
    const shape = [count, ...rest];
    if (this.#opset < 10) this.#push(this.#node("Slice", [from], shape, lists));
    else {
      const inputs = [...Object.values(lists), [step]].map((list) => this.#ints(list));
      this.#push(this.#node("Slice", [from, ...inputs], shape));
    }
  }

  #shuffle(from: Value): void {
    const [units, height, width] = from.shape as [number, number, number];
    const groups = [2, 3].find((n) => units % n === 0);
    if (groups === undefined) return;
    const apart = [groups, units / groups, height, width];
    const split = this.#node("Reshape", [from, this.#ints([-1, ...apart])], apart);
    const turned = this.#node("Transpose", [split], [units / groups, groups, height, width], {
      perm: [0, 2, 1, 3, 4],
    });
    this.#push(this.#node("Reshape", [turned, this.#ints([-1, units, height, width])], from.shape));
  }

  #push(value: Value): void {
    this.#values.push(value);
  }

  #node(
    op: string,
    inputs: readonly (Value | string)[],
    shape: readonly number[],
    attributes: NonNullable<FileNode["attributes"]> = {},
  ): Value {
    const name = this.#name(op.toLowerCase());
    const names = inputs.map((input) => (typeof input === "string" ? input : input.name));
    this.#nodes.push({ op, in: names, out: [name], attributes });
    return { name, shape };
  }

  #name(kind: string): string {
    return `${kind}${++this.#count}`;
  }

  #named(value: Tensor): string {
    const name = this.#name("t");
    this.#tensors[name] = value;
    return name;
  }

  #tensor(dims: readonly number[]): string {
    return this.#named(tensor(dims, this.#count + 1));
  }

  #ints(list: readonly number[]): string {
    return this.#named({ dims: [list.length], values: list, type: "int64" });
  }
}
