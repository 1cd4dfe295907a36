/** An ONNX file as its parts: nodes, tensors and values, each with its place in the file; payloads stay there. */
import { ArgumentError, counted } from "@phew/core";
import {
  decode,
  type FunctionProto,
  type NodeProto,
  type OperatorSetProto,
  type TensorProto,
  type ValueInfoProto,
  wholeNumber,
} from "./schema.ts";
import { type ByteSource, memorySource } from "./source.ts";
import { BYTES, fieldsOf, type Range } from "./wire.ts";

/** Field numbers of ModelProto. */
export const MODEL = {
  irVersion: 1,
  producer: 2,
  graph: 7,
  operatorSet: 8,
  functions: 25,
};
/** Field numbers of GraphProto. */
export const GRAPH = { node: 1, initializer: 5, input: 11, output: 12, valueInfo: 13, sparse: 15 };

/** A tensor of the file: header decoded, payload by position. */
export interface TensorPart {
  readonly name: string;
  readonly dims: readonly number[];
  readonly header: TensorProto;
  /** Position of its bytes: source, field number of TensorProto, and the runs, in order. */
  readonly source: ByteSource;
  readonly payloadField: number | undefined;
  readonly payload: readonly Range[];
  /** The initialiser's field in the graph; undefined for the tensor of a Constant node or an attribute. */
  readonly field: Range | undefined;
}

export interface NodePart extends NodeProto {
  readonly index: number;
  /** Its field in the graph; undefined for a node that came out of a function. */
  readonly field: Range | undefined;
  /** A name for messages. */
  readonly title: string;
}

export interface ModelParts {
  readonly source: ByteSource;
  readonly irVersion: number;
  /** Name of the program that wrote the file; empty if unknown. */
  readonly producer: string;
  readonly operatorSets: readonly OperatorSetProto[];
  readonly functions: readonly FunctionProto[];
  /** Payload of the graph's field and the field itself. */
  readonly graph: { readonly payload: Range; readonly whole: Range };
  readonly nodes: readonly NodePart[];
  readonly initializers: ReadonlyMap<string, TensorPart>;
  readonly inputs: readonly ValueInfoProto[];
  readonly outputs: readonly ValueInfoProto[];
  readonly valueInfo: ReadonlyMap<string, ValueInfoProto>;
}

/** No graph of this project's scope comes near; a damaged file may. */
const MOST_PARTS = 2_000_000;

/** @throws ArgumentError if the bytes are not an ONNX model */
export function readParts(source: ByteSource): ModelParts {
  const { name } = source;
  if (source.size === 0) throw notOnnx(name, "an empty file");
  let irVersion = 0;
  let producer = "";
  let graph: ModelParts["graph"] | undefined;
  const operatorSets: OperatorSetProto[] = [];
  const functions: FunctionProto[] = [];
  const bytes = ({ start, end }: Range) => source.bytes(start, end - start);
  for (const { number, wire, payload, whole } of fieldsOf(source, { start: 0, end: source.size }, name)) {
    if (number === MODEL.irVersion && wire === 0) irVersion = bytes(payload)[0]!;
    if (wire !== BYTES) continue;
    if (number === MODEL.producer) producer = Buffer.from(bytes(payload)).toString("utf8");
    if (number === MODEL.operatorSet)
      operatorSets.push(decode("OperatorSet", bytes(payload), `${name}: operator set`));
    if (number === MODEL.functions) functions.push(decode("Function", bytes(payload), `${name}: function`));
    if (number === MODEL.graph) {
      if (graph !== undefined) throw notOnnx(name, "two graphs");
      graph = { payload, whole };
    }
  }
  if (graph === undefined || operatorSets.length === 0) {
    throw notOnnx(name, graph === undefined ? "no graph" : "no operator set");
  }
  return { source, irVersion, producer, operatorSets, functions, graph, ...readGraph(source, graph.payload) };
}

function readGraph(source: ByteSource, graph: Range) {
  const nodes: NodePart[] = [];
  const initializers = new Map<string, TensorPart>();
  const inputs: ValueInfoProto[] = [];
  const outputs: ValueInfoProto[] = [];
  const valueInfo = new Map<string, ValueInfoProto>();
  let count = 0;
  for (const { number, wire, payload, whole } of fieldsOf(source, graph, `${source.name}: graph`)) {
    if (++count > MOST_PARTS)
      throw notOnnx(source.name, `a graph of more than ${counted(MOST_PARTS, "part")}`);
    if (wire !== BYTES) continue;
    const bytes = () => source.bytes(payload.start, payload.end - payload.start);
    switch (number) {
      case GRAPH.node:
        nodes.push(
          nodePart(decode("Node", bytes(), `${source.name}: node ${nodes.length}`), nodes.length, whole),
        );
        break;
      case GRAPH.initializer: {
        const tensor = readTensor(source, payload, `${source.name}: initializer ${initializers.size}`, whole);
        if (initializers.has(tensor.name)) throw twice(source.name, tensor.name);
        initializers.set(tensor.name, tensor);
        break;
      }
      case GRAPH.input:
        inputs.push(decode("ValueInfo", bytes(), `${source.name}: input`));
        break;
      case GRAPH.output:
        outputs.push(decode("ValueInfo", bytes(), `${source.name}: output`));
        break;
      case GRAPH.valueInfo: {
        const info = decode("ValueInfo", bytes(), `${source.name}: value info`);
        valueInfo.set(info.name ?? "", info);
        break;
      }
      case GRAPH.sparse:
        throw new ArgumentError(source.name, {
          given: "a sparse initializer",
          expected: "dense initializers",
          remedy: "Export the model with dense weights.",
        });
    }
  }
  return { nodes, initializers, inputs, outputs, valueInfo };
}

export function nodePart(node: NodeProto, index: number, field?: Range): NodePart {
  const title = node.name || `${node.opType || "node"} #${index}`;
  return { ...node, index, title, field };
}

/** Field numbers of TensorProto that hold elements. */
export const PAYLOAD = { float: 4, int32: 5, string: 6, int64: 7, raw: 9, double: 10, uint64: 11 } as const;
const PAYLOADS: ReadonlySet<number> = new Set(Object.values(PAYLOAD));

/** @param range of the TensorProto in the source */
function readTensor(source: ByteSource, range: Range, subject: string, field?: Range): TensorPart {
  const rest: Uint8Array[] = [];
  const payload: Range[] = [];
  let payloadField: number | undefined;
  for (const part of fieldsOf(source, range, subject)) {
    if (!PAYLOADS.has(part.number)) {
      rest.push(source.bytes(part.whole.start, part.whole.end - part.whole.start));
      continue;
    }
    // an empty field beside the one that counts is what some writers leave
    if (part.payload.end === part.payload.start && part.wire === BYTES) continue;
    if (payloadField !== undefined && payloadField !== part.number) {
      throw new ArgumentError(subject, {
        given: `elements in two places (fields ${payloadField} and ${part.number})`,
        expected: "one",
        remedy: "The file is damaged: export it again.",
      });
    }
    payloadField = part.number;
    payload.push(part.payload);
  }
  const header = decode("Tensor", concatenated(rest), subject);
  const name = header.name ?? "";
  const dims = (header.dims ?? []).map((length) => wholeNumber(length, `${subject} "${name}": dims`));
  return { name, dims, header, source, payloadField, payload, field };
}

/** A tensor inside an attribute. */
export function readEmbeddedTensor(bytes: Uint8Array, subject: string): TensorPart {
  return readTensor(memorySource(bytes, subject), { start: 0, end: bytes.length }, subject);
}

export function concatenated(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** Text for messages; invalid UTF-8 is replaced. */
export function text(bytes: ArrayLike<number>): string {
  // a field that the file leaves out comes as an empty list
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

function twice(file: string, name: string): ArgumentError {
  return new ArgumentError(`${file}: value "${name}"`, {
    given: "two definitions",
    expected: "one",
    remedy: "The file is damaged: export it again.",
  });
}

function notOnnx(name: string, given: string): ArgumentError {
  return new ArgumentError(name, {
    given,
    expected: "an ONNX model",
    remedy: "Export it with torch.onnx.export or another exporter.",
  });
}
