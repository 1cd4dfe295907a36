/** ONNX files made from nothing, by protobufjs' writer alone: what importers are tested with where there is no Python. */
import protobuf from "protobufjs/light.js";

type Attribute =
  | number
  | { float: number }
  | string
  | readonly number[]
  | { texts: readonly string[] }
  | { floats: readonly number[] }
  | { tensor: Tensor };

export interface Tensor {
  readonly dims: readonly number[];
  readonly values: ArrayLike<number>;
  /** Default float. */
  readonly type?: "float" | "double" | "float16" | "bfloat16" | "int64" | "int32" | "bool" | "uint8";
  /** How the elements are stored; default raw. "plain": float_data, int32_data or int64_data, packed. */
  readonly as?: "raw" | "plain" | "unpacked";
  /** Elements in another file. */
  readonly external?: { readonly location: string; readonly offset?: number; readonly length?: number };
}

export interface FileNode {
  readonly op: string;
  readonly in: readonly string[];
  readonly out: readonly string[];
  readonly name?: string;
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface File {
  readonly opset?: number;
  readonly irVersion?: number;
  /** Default "test". */
  readonly producer?: string;
  readonly nodes: readonly FileNode[];
  readonly tensors?: Readonly<Record<string, Tensor>>;
  /** Name → dims; a text is a symbolic length. */
  readonly inputs?: Readonly<Record<string, readonly (number | string)[]>>;
  readonly outputs?: Readonly<Record<string, readonly (number | string)[]>>;
  readonly valueInfo?: Readonly<Record<string, readonly (number | string)[]>>;
  readonly functions?: readonly {
    readonly name: string;
    readonly domain: string;
    readonly in: readonly string[];
    readonly out: readonly string[];
    readonly nodes: readonly FileNode[];
  }[];
}

const TYPES = {
  float: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  double: 11,
  bfloat16: 16,
} as const;

type Write = (writer: protobuf.Writer) => void;

function message(number: number, write: Write): Write {
  return (writer) => {
    writer.uint32((number << 3) | 2).fork();
    write(writer);
    writer.ldelim();
  };
}

const text =
  (number: number, value: string): Write =>
  (w) =>
    w.uint32((number << 3) | 2).string(value);
/** 2^63 is written as the greatest int64, "to the end": protobufjs takes its two halves. */
const GREATEST = { low: -1, high: 0x7fffffff, unsigned: false } as unknown as number;
const whole =
  (number: number, value: number): Write =>
  (w) =>
    w.uint32(number << 3).int64(value === 2 ** 63 ? GREATEST : value);
const bytes =
  (number: number, value: Uint8Array): Write =>
  (w) =>
    w.uint32((number << 3) | 2).bytes(value);
const all =
  (parts: readonly Write[]): Write =>
  (w) => {
    for (const part of parts) part(w);
  };

export function onnxFile(file: File): Uint8Array {
  const writer = protobuf.Writer.create();
  const graph = [
    ...file.nodes.map((node) => message(1, nodeFields(node))),
    text(2, "main"),
    ...Object.entries(file.tensors ?? {}).map(([name, tensor]) => message(5, tensorFields(tensor, name))),
    ...Object.entries(file.inputs ?? { x: ["n", 3, 8, 8] }).map(([name, dims]) =>
      message(11, valueFields(name, dims)),
    ),
    ...Object.entries(file.outputs ?? { y: ["n", 2] }).map(([name, dims]) =>
      message(12, valueFields(name, dims)),
    ),
    ...Object.entries(file.valueInfo ?? {}).map(([name, dims]) => message(13, valueFields(name, dims))),
  ];
  all([
    whole(1, file.irVersion ?? 8),
    text(2, file.producer ?? "test"),
    message(7, all(graph)),
    message(8, all([text(1, ""), whole(2, file.opset ?? 13)])),
    ...(file.functions ?? []).map((f) =>
      message(
        25,
        all([
          text(1, f.name),
          ...f.in.map((name) => text(4, name)),
          ...f.out.map((name) => text(5, name)),
          ...f.nodes.map((node) => message(7, nodeFields(node))),
          text(10, f.domain),
        ]),
      ),
    ),
  ])(writer);
  return new Uint8Array(writer.finish());
}

function nodeFields(node: FileNode): Write {
  return all([
    ...node.in.map((name) => text(1, name)),
    ...node.out.map((name) => text(2, name)),
    text(3, node.name ?? `${node.op}_${node.out[0]}`),
    text(4, node.op),
    ...Object.entries(node.attributes ?? {}).map(([name, value]) => message(5, attributeFields(name, value))),
    ...(node.domain === undefined ? [] : [text(7, node.domain)]),
    ...Object.entries(node.metadata ?? {}).map(([key, value]) =>
      message(9, all([text(1, key), text(2, value)])),
    ),
  ]);
}

function attributeFields(name: string, value: Attribute): Write {
  const typed = (type: number, ...fields: Write[]) => all([text(1, name), ...fields, whole(20, type)]);
  if (typeof value === "number") return typed(2, whole(3, value));
  if (typeof value === "string") return typed(3, bytes(4, new TextEncoder().encode(value)));
  if ("float" in value) return typed(1, (w) => w.uint32((2 << 3) | 5).float(value.float));
  if ("tensor" in value) return typed(4, message(5, tensorFields(value.tensor, "")));
  if ("texts" in value)
    return typed(8, ...value.texts.map((each) => bytes(9, new TextEncoder().encode(each))));
  if ("floats" in value)
    return typed(
      6,
      ...value.floats.map(
        (x): Write =>
          (w) =>
            w.uint32((7 << 3) | 5).float(x),
      ),
    );
  return typed(7, ...value.map((x) => whole(8, x)));
}

function tensorFields(tensor: Tensor, name: string): Write {
  const type = tensor.type ?? "float";
  const place = tensor.external;
  const entry = (key: string, value: string) => message(13, all([text(1, key), text(2, value)]));
  return all([
    ...tensor.dims.map((length) => whole(1, length)),
    whole(2, TYPES[type]),
    ...(place === undefined ? [elementFields(tensor, type)] : []),
    text(8, name),
    ...(place === undefined
      ? []
      : [
          entry("location", place.location),
          ...(place.offset === undefined ? [] : [entry("offset", String(place.offset))]),
          ...(place.length === undefined ? [] : [entry("length", String(place.length))]),
          whole(14, 1),
        ]),
  ]);
}

function elementFields(tensor: Tensor, type: keyof typeof TYPES): Write {
  const values = Array.from(tensor.values);
  if ((tensor.as ?? "raw") === "raw") return bytes(9, rawBytes(values, type));
  const each =
    (list: readonly number[], write: (w: protobuf.Writer, x: number) => unknown): Write =>
    (w) => {
      for (const x of list) write(w, x);
    };
  // float_data, one field an element
  if (tensor.as === "unpacked") return each(values, (w, x) => w.uint32((4 << 3) | 5).float(x));
  switch (type) {
    case "float":
      return message(
        4,
        each(values, (w, x) => w.float(x)),
      );
    case "double":
      return message(
        10,
        each(values, (w, x) => w.double(x)),
      );
    case "int64":
      return message(
        7,
        each(values, (w, x) => w.int64(x)),
      );
    case "float16":
      return message(
        5,
        each(halves(values), (w, x) => w.int32(x)),
      );
    default:
      return message(
        5,
        each(values, (w, x) => w.int32(x)),
      );
  }
}

function rawBytes(values: readonly number[], type: keyof typeof TYPES): Uint8Array {
  const array = {
    float: () => Float32Array.from(values),
    double: () => Float64Array.from(values),
    int64: () => BigInt64Array.from(values.map((x) => BigInt(x))),
    int32: () => Int32Array.from(values),
    bool: () => Uint8Array.from(values),
    uint8: () => Uint8Array.from(values),
    float16: () => Uint16Array.from(halves(values)),
    bfloat16: () => Uint16Array.from(values, (x) => new Uint32Array(Float32Array.of(x).buffer)[0]! >>> 16),
  }[type]();
  return new Uint8Array(array.buffer);
}

/** Exact for small multiples of 1/64, which is all the tests use. */
function halves(values: readonly number[]): number[] {
  return values.map((x) => {
    if (x === 0) return 0;
    const exponent = Math.floor(Math.log2(Math.abs(x)));
    return (x < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | ((Math.abs(x) / 2 ** exponent - 1) * 1024);
  });
}

function valueFields(name: string, dims: readonly (number | string)[]): Write {
  const dimension = (length: number | string) =>
    message(1, typeof length === "number" ? whole(1, length) : text(2, length));
  const tensor = all([whole(1, 1), message(2, all(dims.map(dimension)))]);
  return all([text(1, name), message(2, message(1, tensor))]);
}

/** Seeded weights, uniform in ±scale, multiples of 1/64. */
export function values(count: number, seed: number, scale = 1): Float32Array {
  let state = (seed + 1) * 2654435761;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return (Math.round(((state / 2 ** 32) * 2 - 1) * 64) / 64) * scale;
  });
}

export function tensor(dims: readonly number[], seed: number, options: Partial<Tensor> = {}): Tensor {
  return {
    dims,
    values: values(
      dims.reduce((a, b) => a * b, 1),
      seed,
      0.5,
    ),
    ...options,
  };
}
