/**
 * The messages of onnx.proto (ONNX IR versions 3 to 13) for a graph, by protobufjs. Deliberately left out, and so
 * skipped as bytes: subgraphs (nothing in this schema is recursive), the payload of tensors (see parts.ts) and
 * annotations.
 */
import { ArgumentError } from "@phew/core";
import protobuf from "protobufjs/light.js";

/** `AttributeProto.type`. */
export const ATTRIBUTE = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  tensors: 9,
  graphs: 10,
} as const;

export interface AttributeProto {
  name?: string;
  refAttrName?: string;
  type?: number;
  f?: number;
  i?: Whole;
  s?: Uint8Array;
  /** A TensorProto, encoded. */
  t?: Uint8Array;
  /** A GraphProto, encoded. */
  g?: Uint8Array;
  floats?: number[];
  ints?: Whole[];
  strings?: Uint8Array[];
  tensors?: Uint8Array[];
  graphs?: Uint8Array[];
}

export interface NodeProto {
  input?: string[];
  output?: string[];
  name?: string;
  opType?: string;
  domain?: string;
  overload?: string;
  docString?: string;
  attribute?: AttributeProto[];
  metadataProps?: { key?: string; value?: string }[];
}

/** A TensorProto without its payload. */
export interface TensorProto {
  dims?: Whole[];
  dataType?: number;
  name?: string;
  rawData?: Uint8Array;
  externalData?: { key?: string; value?: string }[];
  dataLocation?: number;
}

export interface DimensionProto {
  dimValue?: Whole;
  dimParam?: string;
}

export interface ValueInfoProto {
  name?: string;
  type?: {
    tensorType?: { elemType?: number; shape?: { dim?: DimensionProto[] } };
  };
}

export interface OperatorSetProto {
  domain?: string;
  version?: Whole;
}

export interface FunctionProto {
  name?: string;
  domain?: string;
  overload?: string;
  input?: string[];
  output?: string[];
  attribute?: string[];
  attributeProto?: AttributeProto[];
  node?: NodeProto[];
}

/** An int64 as protobufjs gives it. */
export type Whole = number | { toNumber(): number };

const field = (id: number, type: string) => ({ id, type });
const list = (id: number, type: string) => ({ id, type, rule: "repeated" });

const root = protobuf.Root.fromJSON({
  nested: {
    Node: {
      fields: {
        input: list(1, "string"),
        output: list(2, "string"),
        name: field(3, "string"),
        opType: field(4, "string"),
        attribute: list(5, "Attribute"),
        docString: field(6, "string"),
        domain: field(7, "string"),
        overload: field(8, "string"),
        metadataProps: list(9, "Entry"),
      },
    },
    Attribute: {
      fields: {
        name: field(1, "string"),
        f: field(2, "float"),
        i: field(3, "int64"),
        s: field(4, "bytes"),
        t: field(5, "bytes"),
        g: field(6, "bytes"),
        floats: list(7, "float"),
        ints: list(8, "int64"),
        strings: list(9, "bytes"),
        tensors: list(10, "bytes"),
        graphs: list(11, "bytes"),
        type: field(20, "int32"),
        refAttrName: field(21, "string"),
      },
    },
    Tensor: {
      fields: {
        dims: list(1, "int64"),
        dataType: field(2, "int32"),
        name: field(8, "string"),
        rawData: field(9, "bytes"),
        externalData: list(13, "Entry"),
        dataLocation: field(14, "int32"),
      },
    },
    Entry: { fields: { key: field(1, "string"), value: field(2, "string") } },
    ValueInfo: { fields: { name: field(1, "string"), type: field(2, "ValueType") } },
    ValueType: { fields: { tensorType: field(1, "TensorType") } },
    TensorType: { fields: { elemType: field(1, "int32"), shape: field(2, "TensorShape") } },
    TensorShape: { fields: { dim: list(1, "Dimension") } },
    Dimension: {
      oneofs: { value: { oneof: ["dimValue", "dimParam"] } },
      fields: { dimValue: field(1, "int64"), dimParam: field(2, "string") },
    },
    OperatorSet: { fields: { domain: field(1, "string"), version: field(2, "int64") } },
    Function: {
      fields: {
        name: field(1, "string"),
        input: list(4, "string"),
        output: list(5, "string"),
        attribute: list(6, "string"),
        node: list(7, "Node"),
        domain: field(10, "string"),
        attributeProto: list(11, "Attribute"),
        overload: field(13, "string"),
      },
    },
  },
});

interface Messages {
  Node: NodeProto;
  Tensor: TensorProto;
  ValueInfo: ValueInfoProto;
  OperatorSet: OperatorSetProto;
  Function: FunctionProto;
}

/**
 * Decodes a message; fields beyond the schema are ignored. Bytes inside it are views.
 * @param subject the part of the file, for the error
 * @throws ArgumentError if the bytes are not such a message
 */
export function decode<K extends keyof Messages>(kind: K, bytes: Uint8Array, subject: string): Messages[K] {
  try {
    return root.lookupType(kind).decode(bytes) as unknown as Messages[K];
  } catch (error) {
    throw new ArgumentError(subject, {
      given: `bytes that are no ${kind} message (${error instanceof Error ? error.message : String(error)})`,
      expected: "ONNX's protobuf encoding",
      remedy: "The file is damaged: export or copy it again.",
    });
  }
}

export function encode<K extends keyof Messages>(kind: K, message: Messages[K]): Uint8Array {
  const type = root.lookupType(kind);
  return type.encode(type.fromObject(message)).finish();
}

/** @throws ArgumentError if it is beyond ±2^53 */
export function wholeNumber(value: Whole, subject: string): number {
  const number = largeNumber(value);
  if (Number.isSafeInteger(number)) return number;
  throw new ArgumentError(subject, { given: `${number}`, expected: "a whole number below 2^53" });
}

/** The same of a number that may be the greatest or the least int64, which stand for "to the end": they become ±2^63. */
export function boundNumber(value: Whole, subject: string): number {
  const number = largeNumber(value);
  return Math.abs(number) === 2 ** 63 ? number : wholeNumber(value, subject);
}

/** An int64 as the nearest number: ONNX writes 2^63 − 1 for "to the end". */
export function largeNumber(value: Whole): number {
  return typeof value === "number" ? value : value.toNumber();
}
