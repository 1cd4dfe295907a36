/**
 * ONNX evaluated node by node, in plain loops, float64: what a file means before anything is folded or fused. Shares no
 * code with the importer. Windows as the specification has them: with ceil_mode, one that starts behind the input and
 * its padding in front is left out, and what hangs over the padding at the end does not count in a mean.
 */
import type { FileNode } from "./onnxFile.ts";

export interface Dense {
  readonly dims: readonly number[];
  readonly values: Float64Array;
}

type Inputs = readonly (Dense | undefined)[];
type Attributes = NonNullable<FileNode["attributes"]>;

export const count = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

/** Adds what a node puts out. */
export function evaluateInto(values: Map<string, Dense>, node: FileNode): void {
  const inputs = node.in.map((name) => (name === "" ? undefined : values.get(name)!));
  const operation = operations[node.op];
  if (operation === undefined) throw new Error(`the reference knows no ${node.op}`);
  const outputs = [operation(inputs, node.attributes ?? {}, node.out.length)].flat();
  for (const [k, output] of outputs.entries()) if (node.out[k]) values.set(node.out[k]!, output);
}

const int = (a: Attributes, name: string, otherwise: number): number =>
  (a[name] as number | undefined) ?? otherwise;
const float = (a: Attributes, name: string, otherwise: number): number =>
  (a[name] as { float: number } | undefined)?.float ?? otherwise;
const ints = (a: Attributes, name: string): readonly number[] | undefined =>
  a[name] as readonly number[] | undefined;

function strides(dims: readonly number[]): number[] {
  return dims.map((_, axis) => count(dims.slice(axis + 1)));
}

/** A tensor by a function of its places. */
function tabulate(dims: readonly number[], at: (place: readonly number[]) => number): Dense {
  const steps = strides(dims);
  const values = Float64Array.from({ length: count(dims) }, (_, k) =>
    at(dims.map((length, axis) => Math.floor(k / steps[axis]!) % length)),
  );
  return { dims, values };
}

function read({ dims, values }: Dense, place: readonly number[]): number {
  return values[strides(dims).reduce((sum, step, axis) => sum + step * place[axis]!, 0)]!;
}

/** The element that broadcasting puts at a place. */
function spread(x: Dense, place: readonly number[]): number {
  const own = place.slice(place.length - x.dims.length);
  return read(
    x,
    own.map((at, axis) => (x.dims[axis] === 1 ? 0 : at)),
  );
}

function binary(compute: (a: number, b: number) => number) {
  return (inputs: Inputs): Dense =>
    (inputs as Dense[]).reduce((a, b) => {
      const rank = Math.max(a.dims.length, b.dims.length);
      const dims = Array.from({ length: rank }, (_, k) =>
        Math.max(a.dims[k - rank + a.dims.length] ?? 1, b.dims[k - rank + b.dims.length] ?? 1),
      );
      return tabulate(dims, (place) => compute(spread(a, place), spread(b, place)));
    });
}

function unary(compute: (x: number, attributes: Attributes) => number) {
  return ([x]: Inputs, attributes: Attributes): Dense => ({
    dims: x!.dims,
    values: x!.values.map((value) => compute(value, attributes)),
  });
}

interface Axis {
  readonly out: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly after: number;
  readonly length: number;
}

function windowAxes(
  length: readonly number[],
  kernel: readonly number[],
  a: Attributes,
  ceil: boolean,
): Axis[] {
  const automatic = (a.auto_pad as string | undefined) ?? "NOTSET";
  return [0, 1].map((axis) => {
    const stride = (ints(a, "strides") ?? [1, 1])[axis]!;
    const dilation = (ints(a, "dilations") ?? [1, 1])[axis]!;
    const pads = ints(a, "pads") ?? [0, 0, 0, 0];
    const reach = (kernel[axis]! - 1) * dilation + 1;
    const own = { kernel: kernel[axis]!, stride, dilation, length: length[axis]! };
    if (automatic.startsWith("SAME")) {
      const out = Math.ceil(own.length / stride);
      const total = Math.max(0, (out - 1) * stride + reach - own.length);
      const less = Math.floor(total / 2);
      const [before, after] = automatic === "SAME_UPPER" ? [less, total - less] : [total - less, less];
      return { ...own, out, before, after };
    }
    const [before, after] = automatic === "VALID" ? [0, 0] : [pads[axis]!, pads[axis + 2]!];
    let out = 0;
    for (let start = -before; start + reach <= own.length + after; start += stride) out++;
    const next = out * stride - before;
    const hangs = out > 0 && next - stride + reach < own.length + after;
    if (ceil && hangs && next < own.length) out++;
    return { ...own, out, before, after };
  });
}

/** The rows (or columns) of one window: which it covers inside, and how many inside or in the padding. */
function covered({ kernel, stride, dilation, before, after, length }: Axis, at: number) {
  const places = Array.from({ length: kernel }, (_, k) => at * stride - before + k * dilation);
  return {
    inside: places.map((place, tap) => ({ place, tap })).filter(({ place }) => place >= 0 && place < length),
    paddedCount: places.filter((place) => place < length + after).length,
  };
}

function conv([x, w, b]: Inputs, a: Attributes): Dense {
  const [n, , h, width] = x!.dims as [number, number, number, number];
  const [outCount, perGroup, kh, kw] = w!.dims as [number, number, number, number];
  const axes = windowAxes([h, width], [kh, kw], a, false);
  const outPerGroup = outCount / int(a, "group", 1);
  return tabulate([n, outCount, axes[0]!.out, axes[1]!.out], ([e, o, p, q]) => {
    let sum = b === undefined ? 0 : b.values[o!]!;
    for (let i = 0; i < perGroup; i++) {
      for (const row of covered(axes[0]!, p!).inside) {
        for (const column of covered(axes[1]!, q!).inside) {
          const channel = Math.floor(o! / outPerGroup) * perGroup + i;
          sum += read(w!, [o!, i, row.tap, column.tap]) * read(x!, [e!, channel, row.place, column.place]);
        }
      }
    }
    return sum;
  });
}

/** Each input position adds its products to the output positions that it leads to. */
function convTranspose([x, w, b]: Inputs, a: Attributes): Dense {
  const [n, inCount, h, width] = x!.dims as [number, number, number, number];
  const [, perGroup, kh, kw] = w!.dims as [number, number, number, number];
  const groups = int(a, "group", 1);
  const pairOf = (name: string, otherwise: number) => ints(a, name) ?? [otherwise, otherwise];
  const [stride, dilation, added] = [
    pairOf("strides", 1),
    pairOf("dilations", 1),
    pairOf("output_padding", 0),
  ];
  const pads = ints(a, "pads") ?? [0, 0, 0, 0];
  const [outHeight, outWidth] = [h, width].map(
    (length, axis) =>
      (length - 1) * stride[axis]! +
      dilation[axis]! * ([kh, kw][axis]! - 1) +
      1 +
      added[axis]! -
      pads[axis]! -
      pads[axis + 2]!,
  ) as [number, number];
  const dims = [n, perGroup * groups, outHeight, outWidth] as const;
  const values = tabulate(dims, ([, o]) => b?.values[o!] ?? 0).values;
  tabulate([n, inCount, h, width, perGroup, kh, kw], ([e, i, p, q, k, r, c]) => {
    const o = Math.floor(i! / (inCount / groups)) * perGroup + k!;
    const [row, column] = [
      p! * stride[0]! - pads[0]! + r! * dilation[0]!,
      q! * stride[1]! - pads[1]! + c! * dilation[1]!,
    ];
    const product = read(x!, [e!, i!, p!, q!]) * read(w!, [i!, k!, r!, c!]);
    const isInside = row >= 0 && row < outHeight && column >= 0 && column < outWidth;
    if (isInside) values[((e! * dims[1] + o) * outHeight + row) * outWidth + column]! += product;
    return product;
  });
  return { dims, values };
}

/** By scales: positions by asymmetric or half-pixel coordinates, the floor of them or linear between two. */
function resize(isOld: boolean) {
  return (inputs: Inputs, a: Attributes): Dense => {
    const x = inputs[0]!;
    const scales = inputs[isOld ? 1 : 2]!.values;
    const isHalf = !isOld && (a.coordinate_transformation_mode ?? "half_pixel") === "half_pixel";
    const dims = x.dims.map((length, axis) => Math.floor(length * scales[axis]!));
    const from = (at: number, axis: number) =>
      isHalf ? (at + 0.5) / scales[axis]! - 0.5 : at / scales[axis]!;
    const inside = (at: number, axis: number) => between(0, at, x.dims[axis]! - 1);
    if (a.mode !== "linear")
      return tabulate(dims, (place) =>
        read(
          x,
          place.map((at, axis) => inside(Math.floor(from(at, axis)), axis)),
        ),
      );
    return tabulate(dims, (place) => {
      const exact = place.map((at, axis) => inside(from(at, axis), axis));
      const corners = tabulate(
        dims.map(() => 2),
        (corner) => {
          const share = corner.map((side, axis) => (side === 1 ? exact[axis]! % 1 : 1 - (exact[axis]! % 1)));
          const at = corner.map((side, axis) => inside(Math.floor(exact[axis]!) + side, axis));
          return share.reduce((all, own) => all * own, 1) * read(x, at);
        },
      );
      return corners.values.reduce((sum, value) => sum + value, 0);
    });
  };
}

function pool(kind: "max" | "mean") {
  return ([x]: Inputs, a: Attributes): Dense => {
    const [n, channels, h, w] = x!.dims as [number, number, number, number];
    const ceil = int(a, "ceil_mode", 0) !== 0;
    const axes = windowAxes([h, w], ints(a, "kernel_shape")!, a, ceil);
    return tabulate([n, channels, axes[0]!.out, axes[1]!.out], ([e, c, p, q]) => {
      const [rows, columns] = [covered(axes[0]!, p!), covered(axes[1]!, q!)];
      const values = rows.inside.flatMap(({ place: row }) =>
        columns.inside.map(({ place }) => read(x!, [e!, c!, row, place])),
      );
      if (kind === "max") return Math.max(...values);
      const isCounted = int(a, "count_include_pad", 0) !== 0;
      const divisor = isCounted ? rows.paddedCount * columns.paddedCount : values.length;
      return values.reduce((sum, value) => sum + value, 0) / divisor;
    });
  };
}

function pad([x, pads, fill]: Inputs, a: Attributes): Dense {
  const given = pads === undefined ? ints(a, "pads")! : [...pads.values];
  const rank = x!.dims.length;
  const dims = x!.dims.map((length, axis) => length + given[axis]! + given[axis + rank]!);
  const value = fill === undefined ? float(a, "value", 0) : fill.values[0]!;
  return tabulate(dims, (place) => {
    const from = place.map((at, axis) => {
      const [own, last] = [at - given[axis]!, x!.dims[axis]! - 1];
      if (a.mode === "reflect") return last - Math.abs(last - Math.abs(own));
      return a.mode === "edge" ? between(0, own, last) : own;
    });
    return from.every((at, axis) => at >= 0 && at < x!.dims[axis]!) ? read(x!, from) : value;
  });
}

function matrix(x: Dense, transposes: boolean): Dense {
  if (!transposes) return x;
  const [rows, columns] = x.dims as [number, number];
  return tabulate([columns, rows], ([r, c]) => read(x, [c!, r!]));
}

function matMul(a: Dense, b: Dense): Dense {
  const [rows, inner] = a.dims as [number, number];
  return tabulate([rows, b.dims[1]!], ([r, c]) => {
    let sum = 0;
    for (let k = 0; k < inner; k++) sum += read(a, [r!, k]) * read(b, [k, c!]);
    return sum;
  });
}

function gemm([a, b, c]: Inputs, attributes: Attributes): Dense {
  const [alpha, beta] = [float(attributes, "alpha", 1), float(attributes, "beta", 1)];
  const turned = (x: Dense, name: string) => matrix(x, int(attributes, name, 0) !== 0);
  const whole = matMul(turned(a!, "transA"), turned(b!, "transB"));
  return tabulate(
    whole.dims,
    (place) => alpha * read(whole, place) + (c === undefined || beta === 0 ? 0 : beta * spread(c, place)),
  );
}

function batchNorm([x, scale, shift, mean, variance]: Inputs, a: Attributes): Dense {
  const epsilon = float(a, "epsilon", 1e-5);
  return tabulate(x!.dims, (place) => {
    const [, u] = place as [number, number];
    const centred = (read(x!, place) - mean!.values[u]!) / Math.sqrt(variance!.values[u]! + epsilon);
    return centred * scale!.values[u]! + shift!.values[u]!;
  });
}

function reduce(kind: "max" | "mean") {
  return ([x, axesInput]: Inputs, a: Attributes): Dense => {
    const rank = x!.dims.length;
    const given = axesInput === undefined ? ints(a, "axes") : [...axesInput.values];
    const axes = (given ?? x!.dims.map((_, k) => k)).map((axis) => (axis < 0 ? axis + rank : axis));
    const dims = x!.dims.map((length, axis) => (axes.includes(axis) ? 1 : length));
    const over = x!.dims.map((length, axis) => (axes.includes(axis) ? length : 1));
    const result = tabulate(dims, (place) => {
      const all = tabulate(over, (offset) =>
        read(
          x!,
          place.map((at, axis) => at + offset[axis]!),
        ),
      ).values;
      return kind === "max" ? Math.max(...all) : all.reduce((sum, value) => sum + value, 0) / all.length;
    });
    if (int(a, "keepdims", 1) !== 0) return result;
    return { ...result, dims: dims.filter((_, axis) => !axes.includes(axis)) };
  };
}

function transpose([x]: Inputs, a: Attributes): Dense {
  const order = ints(a, "perm") ?? x!.dims.map((_, axis) => x!.dims.length - 1 - axis);
  const dims = order.map((axis) => x!.dims[axis]!);
  return tabulate(dims, (place) => {
    const from = new Array<number>(place.length);
    for (const [k, axis] of order.entries()) from[axis] = place[k]!;
    return read(x!, from);
  });
}

/** @param place in the image of larger planes → in the one of more channels */
function blocks(isToDepth: boolean) {
  return ([x]: Inputs, a: Attributes): Dense => {
    const size = int(a, "blocksize", 1);
    const isUnitFirst = a.mode === "CRD";
    const [n, channels, height, width] = x!.dims as [number, number, number, number];
    const units = isToDepth ? channels : channels / size ** 2;
    const deep = (unit: number, row: number, column: number) =>
      isUnitFirst ? (unit * size + row) * size + column : (row * size + column) * units + unit;
    if (!isToDepth)
      return tabulate([n, units, height * size, width * size], ([b, c, y, z]) =>
        read(x!, [b!, deep(c!, y! % size, z! % size), Math.floor(y! / size), Math.floor(z! / size)]),
      );
    return tabulate([n, channels * size ** 2, height / size, width / size], ([b, c, y, z]) => {
      const [unit, block] = [c! % units, Math.floor(c! / units)];
      return read(x!, [b!, unit, y! * size + Math.floor(block / size), z! * size + (block % size)]);
    });
  };
}

function reshape([x, target]: Inputs, a: Attributes): Dense {
  const wanted = [...target!.values].map((length, axis) =>
    length === 0 && int(a, "allowzero", 0) === 0 ? x!.dims[axis]! : length,
  );
  const known = count(wanted.filter((length) => length !== -1));
  return { ...x!, dims: wanted.map((length) => (length === -1 ? x!.values.length / known : length)) };
}

function flatten([x]: Inputs, a: Attributes): Dense {
  const axis = int(a, "axis", 1);
  const at = axis < 0 ? axis + x!.dims.length : axis;
  return { ...x!, dims: [count(x!.dims.slice(0, at)), count(x!.dims.slice(at))] };
}

function gather([x, indices]: Inputs, a: Attributes): Dense {
  const axis = int(a, "axis", 0);
  const rank = indices!.dims.length;
  const dims = [...x!.dims.slice(0, axis), ...indices!.dims, ...x!.dims.slice(axis + 1)];
  return tabulate(dims, (place) => {
    const index = read(indices!, place.slice(axis, axis + rank));
    const at = index < 0 ? index + x!.dims[axis]! : index;
    return read(x!, [...place.slice(0, axis), at, ...place.slice(axis + rank)]);
  });
}

/** Along one axis, as the tests have it. */
function slice([x, starts, ends, axes, steps]: Inputs): Dense {
  const [axis, start, step] = [axes!.values[0]!, starts!.values[0]!, steps?.values[0] ?? 1];
  const length = x!.dims[axis]!;
  const from = start < 0 ? start + length : Math.min(start, step < 0 ? length - 1 : length);
  const end =
    ends!.values[0]! < 0 ? Math.max(ends!.values[0]! + length, -1) : Math.min(ends!.values[0]!, length);
  const taken: number[] = [];
  for (let at = from; step > 0 ? at < end : at > end; at += step) taken.push(at);
  return tabulate(
    x!.dims.map((own, k) => (k === axis ? taken.length : own)),
    (place) =>
      read(
        x!,
        place.map((at, k) => (k === axis ? taken[at]! : at)),
      ),
  );
}

function concat(inputs: Inputs, a: Attributes): Dense {
  const axis = int(a, "axis", 1);
  const parts = inputs as readonly Dense[];
  const total = parts.reduce((sum, part) => sum + part.dims[axis]!, 0);
  return tabulate(
    parts[0]!.dims.map((length, k) => (k === axis ? total : length)),
    (place) => {
      let [at, part] = [place[axis]!, 0];
      while (at >= parts[part]!.dims[axis]!) at -= parts[part++]!.dims[axis]!;
      return read(
        parts[part]!,
        place.map((own, k) => (k === axis ? at : own)),
      );
    },
  );
}

function clip([x, low, high]: Inputs, a: Attributes): Dense {
  const least = low?.values[0] ?? float(a, "min", Number.NEGATIVE_INFINITY);
  const most = high?.values[0] ?? float(a, "max", Number.POSITIVE_INFINITY);
  return { ...x!, values: x!.values.map((value) => Math.min(most, Math.max(least, value))) };
}

/** 2/√π ∫₀ˣ e^(−t²) dt by its alternating series; the tests stay within ±5. */
function erf(x: number): number {
  if (Math.abs(x) > 5) return Math.sign(x);
  let [term, sum] = [x, x];
  for (let k = 1; Math.abs(term) > 1e-18; k++) {
    term *= (-x * x) / k;
    sum += term / (2 * k + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const between = (least: number, x: number, most: number) => Math.min(most, Math.max(least, x));

const operations: Readonly<
  Record<string, (inputs: Inputs, a: Attributes, outputCount: number) => Dense | Dense[]>
> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  Resize: resize(false),
  Upsample: resize(true),
  MaxPool: pool("max"),
  AveragePool: pool("mean"),
  GlobalAveragePool: ([x]) => reduce("mean")([x], { axes: [2, 3] }),
  GlobalMaxPool: ([x]) => reduce("max")([x], { axes: [2, 3] }),
  ReduceMean: reduce("mean"),
  ReduceMax: reduce("max"),
  Pad: pad,
  Gemm: gemm,
  MatMul: ([a, b]) => matMul(a!, b!),
  BatchNormalization: batchNorm,
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: binary((a, b) => a / b),
  Min: binary(Math.min),
  Max: binary(Math.max),
  Pow: binary((a, b) => a ** b),
  Greater: binary((a, b) => Number(a > b)),
  Less: binary((a, b) => Number(a < b)),
  Where: ([condition, a, b]) =>
    tabulate(condition!.dims, (place) => spread(read(condition!, place) !== 0 ? a! : b!, place)),
  Identity: ([x]) => x!,
  Cast: ([x]) => x!,
  Relu: unary((x) => Math.max(0, x)),
  LeakyRelu: unary((x, a) => (x < 0 ? float(a, "alpha", 0.01) * x : x)),
  Sigmoid: unary(sigmoid),
  Tanh: unary(Math.tanh),
  Erf: unary(erf),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Neg: unary((x) => -x),
  Abs: unary(Math.abs),
  Sqrt: unary(Math.sqrt),
  Softplus: unary(softplus),
  Softsign: unary((x) => x / (1 + Math.abs(x))),
  Mish: unary((x) => x * Math.tanh(softplus(x))),
  Elu: unary((x, a) => (x < 0 ? float(a, "alpha", 1) * Math.expm1(x) : x)),
  Celu: unary((x, a) => {
    const alpha = float(a, "alpha", 1);
    return Math.max(0, x) + Math.min(0, alpha * Math.expm1(x / alpha));
  }),
  Selu: unary((x, a) => {
    const [alpha, gamma] = [
      float(a, "alpha", Math.fround(1.6732632423543772)),
      float(a, "gamma", Math.fround(1.0507009873554805)),
    ];
    return gamma * (x < 0 ? alpha * Math.expm1(x) : x);
  }),
  ThresholdedRelu: unary((x, a) => (x > float(a, "alpha", 1) ? x : 0)),
  HardSigmoid: unary((x, a) => between(0, float(a, "alpha", 0.2) * x + float(a, "beta", 0.5), 1)),
  HardSwish: unary((x) => x * between(0, x / 6 + 0.5, 1)),
  PRelu: binary((x, slope) => (x < 0 ? slope * x : x)),
  Clip: clip,
  Reshape: reshape,
  Flatten: flatten,
  DepthToSpace: blocks(false),
  SpaceToDepth: blocks(true),
  Transpose: transpose,
  Gather: gather,
  Slice: slice,
  Concat: concat,
  Squeeze: ([x, axes]) => ({ ...x!, dims: x!.dims.filter((_, k) => !axes!.values.includes(k)) }),
  Unsqueeze: ([x, axes]) => ({ ...x!, dims: x!.dims.toSpliced(axes!.values[0]!, 0, 1) }),
};
