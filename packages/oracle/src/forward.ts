/** A dense forward pass in float64, one number at a time. */
import { elementwise, isElementwise } from "./activations.ts";
import {
  elementBehind,
  maskOf,
  meeting,
  type OracleGraph,
  type OracleNode,
  type Parameters,
  shapesOf,
  sizeOf,
  softmax,
  termsOf,
  volumeTaps,
} from "./graph.ts";

export interface ForwardOptions {
  /** Training: batch normalisation uses the batch's statistics, dropout its masks. Default "evaluation". */
  readonly mode?: "evaluation" | "training";
  /** For dropout in training: node name → 1 where an element is kept, `[count, ...shape]`. Absent: all are kept. */
  readonly keptByDropout?: ReadonlyMap<string, ArrayLike<number>>;
}

export interface ForwardResult {
  /** Value of every node, row-major `[count, ...shape]`. */
  readonly values: readonly Float64Array[];
  /** Value of the output node. */
  readonly output: Float64Array;
  /** Running means and variances after this batch, by parameter name; empty in evaluation. */
  readonly running: ReadonlyMap<string, Float64Array>;
}

interface Task {
  readonly node: OracleNode;
  readonly shape: readonly number[];
  readonly inputs: readonly Float64Array[];
  readonly inputShapes: readonly (readonly number[])[];
  readonly parameters: Parameters;
  readonly count: number;
  readonly options: ForwardOptions;
  readonly running: Map<string, Float64Array>;
}

/** @param x row-major `[count, ...inputShape]` */
export function forward(
  graph: OracleGraph,
  parameters: Parameters,
  x: ArrayLike<number>,
  count: number,
  options: ForwardOptions = {},
): ForwardResult {
  const shapes = shapesOf(graph);
  const inputSize = graph.nodes.reduce(
    (sum, { op }) => sum + (op.kind === "input" ? sizeOf(op.shape) : 0),
    0,
  );
  if (x.length !== count * inputSize) throw new Error(`${x.length} inputs for ${count} × ${inputSize}`);
  const values: Float64Array[] = [];
  const running = new Map<string, Float64Array>();
  for (const [index, node] of graph.nodes.entries()) {
    const shape = shapes[index]!;
    if (node.op.kind === "input") {
      // several inputs: an example holds those of all, one after the other
      const size = sizeOf(shape);
      const whole = x.length / count;
      const start = graph.nodes
        .slice(0, index)
        .reduce((sum, { op }) => sum + (op.kind === "input" ? sizeOf(op.shape) : 0), 0);
      values.push(
        Float64Array.from({ length: count * size }, (_, k) => {
          return x[Math.floor(k / size) * whole + start + (k % size)]!;
        }),
      );
      continue;
    }
    values.push(
      evaluate({
        node,
        shape,
        inputs: node.inputs.map((input) => values[input]!),
        inputShapes: node.inputs.map((input) => shapes[input]!),
        parameters,
        count,
        options,
        running,
      }),
    );
  }
  return { values, output: values[graph.output]!, running };
}

function evaluate(task: Task): Float64Array {
  const { op } = task.node;
  const [x] = task.inputs as [Float64Array];
  if (isElementwise(op)) {
    const values = (name: string) => task.parameters.get(name)!;
    const [units, ...places] = task.shape as [number, ...number[]];
    return x.map((v, k) => elementwise(op, v, Math.floor(k / sizeOf(places)) % units, values));
  }
  switch (op.kind) {
    case "conv2d":
      return convolution(task);
    case "conv3d":
      return volumeConvolution(task);
    case "maxOver":
      return greatest(task);
    case "dense":
      return dense(task);
    case "batchNorm":
      return batchNorm(task);
    case "learned": {
      const own = parameter(task, op.value, sizeOf(op.shape));
      return Float64Array.from({ length: task.count * own.length }, (_, k) => own[k % own.length]!);
    }
    case "layerNorm":
      return layerNorm(task);
    case "affine":
      return affine(task);
    case "maxPool2d":
    case "averagePool2d":
      return pool(task);
    case "globalAveragePool":
      return globalAverage(task);
    case "dropout": {
      const kept = task.options.keptByDropout?.get(task.node.name);
      return task.options.mode === "training" && kept !== undefined
        ? x.map((v, k) => (v * kept[k]!) / (1 - op.rate))
        : x;
    }
    case "add":
      return together(task, (a, b) => a + b);
    case "concat":
      return concatenation(task);
    case "rearrange": {
      const [size, whole] = [sizeOf(task.shape), sizeOf(task.inputShapes[0]!)];
      return Float64Array.from(
        { length: task.count * size },
        (_, k) => x[Math.floor(k / size) * whole + elementBehind(op, k % size)]!,
      );
    }
    case "resample":
      return resampled(task);
    case "multiply":
      return together(task, (a, b) => a * b);
    case "attention":
      return attention(task);
    case "select":
      return selection(task);
    case "opaque":
      throw new Error(`"${task.node.name}" cannot be computed: its inner workings are not known`);
    case "flatten":
    case "identity":
    case "input":
      return x;
  }
}

/** One parameter, present and of the right length. */
function parameter(task: Task, name: string, length: number): ArrayLike<number> {
  const values = task.parameters.get(name);
  if (values?.length !== length)
    throw new Error(`${values?.length} values for "${name}", expected ${length}`);
  return values;
}

function convolution(task: Task): Float64Array {
  const { op } = task.node;
  if (op.kind !== "conv2d") throw new Error("not a convolution");
  const [channels, height, width] = task.inputShapes[0] as [number, number, number];
  const [outChannels, outHeight, outWidth] = task.shape as [number, number, number];
  const [kh, kw] = op.kernel;
  const inPerGroup = channels / op.groups;
  const outPerGroup = outChannels / op.groups;
  const x = task.inputs[0]!;
  const weight = parameter(task, op.weight, outChannels * inPerGroup * kh * kw);
  const bias = op.bias === undefined ? undefined : parameter(task, op.bias, outChannels);
  const y = new Float64Array(task.count * outChannels * outHeight * outWidth);
  let at = 0;
  for (let n = 0; n < task.count; n++) {
    for (let o = 0; o < outChannels; o++) {
      const group = Math.floor(o / outPerGroup);
      for (let p = 0; p < outHeight; p++) {
        for (let q = 0; q < outWidth; q++) {
          let sum = bias === undefined ? 0 : bias[o]!;
          for (let i = 0; i < inPerGroup; i++) {
            const channel = group * inPerGroup + i;
            for (let r = 0; r < kh; r++) {
              const row = p * op.stride[0] - op.padding[0] + r * op.dilation[0];
              if (row < 0 || row >= height) continue;
              for (let s = 0; s < kw; s++) {
                const column = q * op.stride[1] - op.padding[1] + s * op.dilation[1];
                if (column < 0 || column >= width) continue;
                const w = weight[((o * inPerGroup + i) * kh + r) * kw + s]!;
                sum += w * x[((n * channels + channel) * height + row) * width + column]!;
              }
            }
          }
          y[at++] = sum;
        }
      }
    }
  }
  return y;
}

function volumeConvolution(task: Task): Float64Array {
  const { op } = task.node;
  if (op.kind !== "conv3d") throw new Error("not a 3-d convolution");
  const [channels, ...lengths] = task.inputShapes[0] as [number, ...number[]];
  const [outChannels, ...outLengths] = task.shape as [number, ...number[]];
  const inPerGroup = channels / op.groups;
  const weight = parameter(task, op.weight, outChannels * inPerGroup * sizeOf(op.kernel));
  const bias = op.bias === undefined ? undefined : parameter(task, op.bias, outChannels);
  const [plane, outPlane] = [sizeOf(lengths), sizeOf(outLengths)];
  return Float64Array.from({ length: task.count * outChannels * outPlane }, (_, k) => {
    const o = Math.floor(k / outPlane) % outChannels;
    const first =
      Math.floor(k / outPlane / outChannels) * channels +
      Math.floor(o / (outChannels / op.groups)) * inPerGroup;
    let sum = bias === undefined ? 0 : bias[o]!;
    for (const { tap, position } of volumeTaps(op, lengths, outLengths, k % outPlane)) {
      for (let i = 0; i < inPerGroup; i++)
        sum +=
          weight[(o * inPerGroup + i) * sizeOf(op.kernel) + tap]! *
          task.inputs[0]![(first + i) * plane + position]!;
    }
    return sum;
  });
}

function greatest(task: Task): Float64Array {
  const { op } = task.node;
  if (op.kind !== "maxOver") throw new Error("not a maximum");
  const [lengths, outLengths] = [task.inputShapes[0]!.slice(1), task.shape.slice(1)];
  const size = sizeOf(outLengths);
  return Float64Array.from({ length: task.count * sizeOf(task.shape) }, (_, k) => {
    const first = Math.floor(k / size) * sizeOf(lengths);
    const terms = termsOf(op.axes, lengths, outLengths, k % size);
    return Math.max(...terms.map(({ position }) => task.inputs[0]![first + position]!));
  });
}

function dense(task: Task): Float64Array {
  const { op } = task.node;
  if (op.kind !== "dense") throw new Error("not a dense layer");
  const [inCount, ...places] = task.inputShapes[0] as [number, ...number[]];
  const plane = sizeOf(places);
  const x = task.inputs[0]!;
  const weight = parameter(task, op.weight, op.outFeatures * inCount);
  const bias = op.bias === undefined ? undefined : parameter(task, op.bias, op.outFeatures);
  const y = new Float64Array(task.count * op.outFeatures * plane);
  for (let k = 0; k < y.length; k++) {
    const [place, o] = [k % plane, Math.floor(k / plane) % op.outFeatures];
    const n = Math.floor(k / plane / op.outFeatures);
    let sum = bias === undefined ? 0 : bias[o]!;
    for (let i = 0; i < inCount; i++) sum += weight[o * inCount + i]! * x[(n * inCount + i) * plane + place]!;
    y[k] = sum;
  }
  return y;
}

function layerNorm(task: Task): Float64Array {
  const { op } = task.node;
  if (op.kind !== "layerNorm") throw new Error("not a normalisation");
  const [units, ...places] = task.shape as [number, ...number[]];
  const plane = sizeOf(places);
  const perGroup = op.groups === "units" ? 1 : units / op.groups;
  const x = task.inputs[0]!;
  const scale = op.scale === undefined ? undefined : parameter(task, op.scale, units);
  const shift = op.shift === undefined ? undefined : parameter(task, op.shift, units);
  return x.map((v, k) => {
    const unit = Math.floor(k / plane) % units;
    const first = k - (k % (units * plane)) + (unit - (unit % perGroup)) * plane;
    const alike = Array.from({ length: perGroup * plane }, (_, e) => first + e)
      .filter((at) => !op.eachPlace || at % plane === k % plane)
      .map((at) => x[at]!);
    const mean = op.centred ? alike.reduce((sum, a) => sum + a, 0) / alike.length : 0;
    const variance = alike.reduce((sum, a) => sum + (a - mean) ** 2, 0) / alike.length;
    const own = (v - mean) / Math.sqrt(variance + op.epsilon);
    return own * (scale?.[unit] ?? 1) + (shift?.[unit] ?? 0);
  });
}

function affine(task: Task): Float64Array {
  const { op } = task.node;
  if (op.kind !== "affine") throw new Error("no factors and offsets");
  const size = sizeOf(task.shape);
  const place = (k: number) =>
    op.of === "units" ? Math.floor((k % size) / (size / task.shape[0]!)) : k % size;
  const numbers = (name: string | undefined, neutral: number) => (k: number) =>
    name === undefined ? neutral : task.parameters.get(name)![place(k)]!;
  const [scale, shift] = [numbers(op.scale, 1), numbers(op.shift, 0)];
  return task.inputs[0]!.map((v, k) => v * scale(k) + shift(k));
}

function batchNorm(task: Task): Float64Array {
  const { op } = task.node;
  if (op.kind !== "batchNorm") throw new Error("not a batch normalisation");
  const unitCount = task.shape[0]!;
  const plane = sizeOf(task.shape) / unitCount;
  const x = task.inputs[0]!;
  const scale = parameter(task, op.scale, unitCount);
  const shift = parameter(task, op.shift, unitCount);
  const mean = Float64Array.from(parameter(task, op.mean, unitCount));
  const variance = Float64Array.from(parameter(task, op.variance, unitCount));
  const unitOf = (k: number) => Math.floor(k / plane) % unitCount;
  if (task.options.mode === "training") {
    const elements = task.count * plane;
    const batchMean = new Float64Array(unitCount);
    x.forEach((v, k) => {
      batchMean[unitOf(k)]! += v / elements;
    });
    const squares = new Float64Array(unitCount);
    x.forEach((v, k) => {
      squares[unitOf(k)]! += (v - batchMean[unitOf(k)]!) ** 2;
    });
    // the running variance is the unbiased estimate, the batch's variance is not
    task.running.set(
      op.mean,
      mean.map((m, u) => (1 - op.momentum) * m + op.momentum * batchMean[u]!),
    );
    task.running.set(
      op.variance,
      variance.map((v, u) => (1 - op.momentum) * v + (op.momentum * squares[u]!) / (elements - 1)),
    );
    mean.set(batchMean);
    variance.set(squares.map((sum) => sum / elements));
  }
  return x.map((v, k) => {
    const u = unitOf(k);
    return ((v - mean[u]!) / Math.sqrt(variance[u]! + op.epsilon)) * scale[u]! + shift[u]!;
  });
}

function pool(task: Task): Float64Array {
  const { op } = task.node;
  if (op.kind !== "maxPool2d" && op.kind !== "averagePool2d") throw new Error("not a pool");
  const [channels, height, width] = task.inputShapes[0] as [number, number, number];
  const [, outHeight, outWidth] = task.shape as [number, number, number];
  const x = task.inputs[0]!;
  const y: number[] = [];
  for (let plane = 0; plane < task.count * channels; plane++) {
    for (let p = 0; p < outHeight; p++) {
      for (let q = 0; q < outWidth; q++) {
        const inside: number[] = [];
        // elements of the window in the input or its padding: the divisor with countPadding
        let paddedCount = 0;
        for (let r = 0; r < op.kernel[0]; r++) {
          const row = p * op.stride[0] - op.padding[0] + r * op.dilation[0];
          for (let s = 0; s < op.kernel[1]; s++) {
            const column = q * op.stride[1] - op.padding[1] + s * op.dilation[1];
            if (row >= height + op.padding[2] || column >= width + op.padding[3]) continue;
            paddedCount++;
            if (row < 0 || row >= height || column < 0 || column >= width) continue;
            inside.push(x[(plane * height + row) * width + column]!);
          }
        }
        if (op.kind === "maxPool2d") y.push(Math.max(...inside));
        else {
          const divisor = op.countPadding ? paddedCount : inside.length;
          y.push(inside.reduce((sum, v) => sum + v, 0) / divisor);
        }
      }
    }
  }
  return Float64Array.from(y);
}

function globalAverage(task: Task): Float64Array {
  const [channels, ...lengths] = task.inputShapes[0] as [number, ...number[]];
  const x = task.inputs[0]!;
  const plane = sizeOf(lengths);
  return Float64Array.from({ length: task.count * channels }, (_, c) => {
    let sum = 0;
    for (let k = 0; k < plane; k++) sum += x[c * plane + k]!;
    return sum / plane;
  });
}

function concatenation(task: Task): Float64Array {
  const y: number[] = [];
  for (let n = 0; n < task.count; n++) {
    for (const [input, value] of task.inputs.entries()) {
      const size = sizeOf(task.inputShapes[input]!);
      for (let k = 0; k < size; k++) y.push(value[n * size + k]!);
    }
  }
  return Float64Array.from(y);
}

/** Each position by the sum of its terms, which are multiplied out over the axes. */
function resampled(task: Task): Float64Array {
  const { op } = task.node;
  if (op.kind !== "resample") throw new Error("not resampled");
  const x = task.inputs[0]!;
  const lengths = task.inputShapes[0]!.slice(1);
  const outLengths = task.shape.slice(1);
  const size = sizeOf(outLengths);
  return Float64Array.from({ length: task.count * sizeOf(task.shape) }, (_, k) => {
    const first = Math.floor(k / size) * sizeOf(lengths);
    const terms = termsOf(op.axes, lengths, outLengths, k % size);
    if (terms.length === 0) return op.fill;
    return terms.reduce((sum, { position, factor }) => sum + factor * x[first + position]!, 0);
  });
}

function selection(task: Task): Float64Array {
  const { op } = task.node;
  if (op.kind !== "select") throw new Error("not a selection");
  const whole = sizeOf(task.inputShapes[0]!);
  const plane = whole / task.inputShapes[0]![0]!;
  const y: number[] = [];
  for (let n = 0; n < task.count; n++) {
    for (const unit of op.index) {
      for (let k = 0; k < plane; k++) y.push(unit < 0 ? 0 : task.inputs[0]![n * whole + unit * plane + k]!);
    }
  }
  return Float64Array.from(y);
}

/** Values combined element by element; one of length 1 along an axis stands for all places there. */
function together(
  { inputs, inputShapes, shape, count }: Task,
  combine: (a: number, b: number) => number,
): Float64Array {
  const size = sizeOf(shape);
  return Float64Array.from({ length: count * size }, (_, k) => {
    const n = Math.floor(k / size);
    const all = inputs.map((values, slot) => {
      const own = inputShapes[slot]!;
      return values[n * sizeOf(own) + meeting(k % size, shape, own)]!;
    });
    return all.reduce(combine);
  });
}

/** One number after the other: the scores of a query, their softmax, the mean of values by it. */
function attention({ node, inputs, inputShapes, shape, count }: Task): Float64Array {
  const op = node.op as Extract<OracleNode["op"], { kind: "attention" }>;
  const [q, k, v] = inputs as [Float64Array, Float64Array, Float64Array];
  const [queryUnits, ...places] = inputShapes[0] as [number, ...number[]];
  const [valueUnits, ...keyPlaces] = inputShapes[2] as [number, ...number[]];
  const [plane, keyPlane] = [sizeOf(places), sizeOf(keyPlaces)];
  const [tokens, keys] = [places.at(-1)!, keyPlaces.at(-1)!];
  const depth = queryUnits / op.heads;
  return Float64Array.from({ length: count * sizeOf(shape) }, (_, e) => {
    const [n, unit, position] = [
      Math.floor(e / (valueUnits * plane)),
      Math.floor(e / plane) % valueUnits,
      e % plane,
    ];
    const [head, window] = [Math.floor(unit / (valueUnits / op.heads)), Math.floor(position / tokens)];
    const scores = Array.from({ length: keys }, (_, key) => {
      let score = 0;
      for (let c = head * depth; c < (head + 1) * depth; c++) {
        const own = k[(n * queryUnits + c) * keyPlane + window * keys + key]!;
        score += q[(n * queryUnits + c) * plane + position]! * own;
      }
      return op.scale * score + maskOf(op, head, window, position % tokens, key);
    });
    const start = (n * valueUnits + unit) * keyPlane + window * keys;
    return softmax(scores).reduce((sum, weight, key) => sum + weight * v[start + key]!, 0);
  });
}
