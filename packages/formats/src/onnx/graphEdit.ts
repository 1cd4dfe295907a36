/**
 * Changes to a model's graph: tensors and nodes replaced, removed or added. Everything else is copied byte for byte;
 * a tensor with changed elements changes nothing around it.
 */
import { ArgumentError, counted } from "@phew/core";
import { ELEMENT_BYTES, type Tensor } from "../tensor.ts";
import { unusedName } from "../unusedName.ts";
import { Attributes } from "./attributes.ts";
import { GRAPH, MODEL, type ModelParts, type NodePart, PAYLOAD, type TensorPart } from "./parts.ts";
import { bytesPiece, computed, copied, fieldPiece, joined, type Piece } from "./pieces.ts";
import {
  ATTRIBUTE,
  type AttributeProto,
  decode,
  encode,
  type NodeProto,
  type ValueInfoProto,
} from "./schema.ts";
import { dataTypeOf, describe, EXTERNAL, type ExternalData, externalPlace, tensorOf } from "./tensors.ts";
import { product } from "./values.ts";
import { fieldsOf, type Range } from "./wire.ts";

/** A tensor to be written; its elements are generated on demand. */
export interface NewTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dtype: Tensor["dtype"];
  read(): Uint8Array;
}

/** Changes of a node; the rest of it is copied. */
export interface NodeChange {
  readonly opType?: string;
  readonly input?: readonly string[];
  /** By name; null removes it. */
  readonly attributes?: ReadonlyMap<string, AttributeProto | null>;
}

/** Limit of a protobuf message. */
const MOST_BYTES = 2 ** 31 - 1;
/** External tensors start at multiples of this, so that they can be memory-mapped. */
const ALIGNMENT = 64;
/** Smaller tensors are written into the model itself, as PyTorch's exporter does. */
const LEAST_EXTERNAL_BYTES = 1024;
/** Types of lengths, axes, positions and sizes: shape inference reads these, and it may not open other files. */
const WHOLE: ReadonlySet<string> = new Set(["I64", "I32"]);

export class GraphEdit {
  readonly #parts: ModelParts;
  readonly #external: ExternalData | undefined;
  /** Payload → its new bytes, of the same length. */
  readonly #patches = new Map<number, Piece>();
  /** Tensors in external files with new bytes. */
  readonly #externalPatches = new Map<TensorPart, () => Uint8Array>();
  readonly #droppedTensors = new Set<string>();
  readonly #newTensors = new Map<string, NewTensor>();
  readonly #droppedNodes = new Set<NodePart>();
  readonly #changedNodes = new Map<NodePart, NodeChange>();
  readonly #newNodes: NodeProto[] = [];
  readonly #names: Set<string>;
  #dropsValueInfo = false;
  /** All outputs of the file by default. */
  #keptOutputs: ReadonlySet<string> | undefined;

  constructor(parts: ModelParts, external: ExternalData | undefined) {
    this.#parts = parts;
    this.#external = external;
    this.#names = new Set(parts.initializers.keys());
    for (const node of parts.nodes) for (const name of node.output ?? []) this.#names.add(name);
    for (const { name } of [...parts.inputs, ...parts.outputs]) this.#names.add(name ?? "");
  }

  /** A value name that the graph does not use. */
  unusedName(wanted: string): string {
    return unusedName(this.#names, wanted);
  }

  /** New elements for an initialiser, in its place. */
  patch(part: TensorPart, read: () => Uint8Array): void {
    if (externalPlace(part) !== undefined) this.#externalPatches.set(part, read);
    else {
      const { start, end } = part.payload[0]!;
      this.#patches.set(start, computed(end - start, read));
    }
  }

  dropTensor(name: string): void {
    this.#droppedTensors.add(name);
  }

  /** Replaces an earlier addition of the same name. */
  addTensor(tensor: NewTensor): void {
    this.#newTensors.set(tensor.name, tensor);
  }

  /** Undoes {@link addTensor}. */
  withdrawTensor(name: string): void {
    this.#newTensors.delete(name);
  }

  dropNode(node: NodePart): void {
    this.#droppedNodes.add(node);
  }

  isDropped(node: NodePart): boolean {
    return this.#droppedNodes.has(node);
  }

  changeNode(node: NodePart, change: NodeChange): void {
    const before = this.#changedNodes.get(node);
    this.#changedNodes.set(node, { ...before, ...change });
  }

  /** A node that reads only initialisers and earlier new nodes. */
  addNode(node: NodeProto): void {
    this.#newNodes.push(node);
  }

  /** Makes a node read another value at one of its inputs. */
  repoint(node: NodePart, input: number, name: string): void {
    if (this.inputsOf(node)[input] === name) return;
    const names = [...this.inputsOf(node)];
    while (names.length <= input) names.push("");
    names[input] = name;
    this.changeNode(node, { input: names });
  }

  inputsOf(node: NodePart): readonly string[] {
    return this.#changedNodes.get(node)?.input ?? node.input ?? [];
  }

  dropValueInfo(): void {
    this.#dropsValueInfo = true;
  }

  /** Removes the other outputs, and every node and tensor that the remaining ones no longer depend on. */
  keepOutputs(outputs: readonly string[]): void {
    this.#keptOutputs = new Set(outputs);
    const makers = new Map<string, NodePart>();
    for (const node of this.#parts.nodes) {
      if (!this.#droppedNodes.has(node)) for (const name of node.output ?? []) makers.set(name, node);
    }
    const read = new Set<string>();
    const live = new Set<NodePart>();
    const wanted = [...outputs, ...this.#newNodes.flatMap((node) => node.input ?? [])];
    for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
      if (name === "" || read.has(name)) continue;
      read.add(name);
      const node = makers.get(name);
      if (node === undefined || live.has(node)) continue;
      live.add(node);
      for (const input of this.inputsOf(node)) wanted.push(input);
    }
    for (const node of this.#parts.nodes) if (!live.has(node)) this.#droppedNodes.add(node);
    for (const name of this.#parts.initializers.keys()) if (!read.has(name)) this.#droppedTensors.add(name);
    for (const name of [...this.#newTensors.keys()]) if (!read.has(name)) this.#newTensors.delete(name);
  }

  /** Removes the initialisers that were read and, after the changes, no longer are. */
  dropOrphans(): void {
    const { nodes, outputs, initializers } = this.#parts;
    // the bodies of branches and loops may read anything
    if (nodes.some(({ attribute }) => attribute?.some(({ g, graphs }) => g?.length || graphs?.length)))
      return;
    const kept = nodes.filter((node) => !this.#droppedNodes.has(node)).flatMap((node) => this.inputsOf(node));
    const added = this.#newNodes.flatMap((node) => node.input ?? []);
    const read = new Set([...kept, ...added, ...outputs.map(({ name }) => name ?? "")]);
    for (const name of nodes.flatMap((node) => node.input ?? []))
      if (initializers.has(name) && !read.has(name)) this.#droppedTensors.add(name);
  }

  /**
   * The file to write, and its external file.
   * @param dataName name of that file; used only if the model had external tensors
   */
  write(dataName: string): { model: Piece; data: Piece | undefined } {
    const { source, graph } = this.#parts;
    const data = new DataFile(dataName);
    const fields: Piece[] = [];
    const inlines = this.#parts.functions.length > 0;
    const constants = this.#externalConstants();
    const initializers = [...this.#parts.initializers.values()];
    const hasExternal = constants.size > 0 || initializers.some(isExternal);
    for (const node of this.#newNodes) fields.push(fieldPiece(GRAPH.node, bytesPiece(encode("Node", node))));
    if (inlines) {
      for (const node of this.#parts.nodes) {
        if (!this.#droppedNodes.has(node) && !constants.has(node))
          fields.push(fieldPiece(GRAPH.node, bytesPiece(encode("Node", this.#changed(node)))));
      }
    }
    const nodeAt = new Map(this.#parts.nodes.map((node) => [node.field?.start, node]));
    const tensorAt = new Map([...this.#parts.initializers.values()].map((part) => [part.field?.start, part]));
    for (const { number, whole, payload } of fieldsOf(source, graph.payload, source.name)) {
      if (number === GRAPH.node) {
        const node = inlines ? undefined : nodeAt.get(whole.start);
        const isKept = node !== undefined && !this.#droppedNodes.has(node) && !constants.has(node);
        if (isKept) fields.push(this.#node(node));
      } else if (number === GRAPH.initializer) {
        const part = tensorAt.get(whole.start);
        if (part !== undefined && !this.#droppedTensors.has(part.name)) fields.push(this.#tensor(part, data));
      } else if (!this.#isDropped(number, payload)) {
        fields.push(copied(source, whole));
      }
    }
    for (const tensor of [...this.#newTensors.values(), ...constants.values()]) {
      fields.push(hasExternal ? data.place(tensor) : inline(tensor));
      // before IR version 4 every initialiser is an input too
      if (this.#parts.irVersion < 4)
        fields.push(fieldPiece(GRAPH.input, bytesPiece(encode("ValueInfo", valueInfo(tensor)))));
    }
    const content = joined(fields);
    const isSameLength = content.length === graph.payload.end - graph.payload.start;
    const model = joined([
      this.#outside(0, graph.whole.start, inlines),
      isSameLength
        ? joined([copied(source, { start: graph.whole.start, end: graph.payload.start }), content])
        : fieldPiece(MODEL.graph, content),
      this.#outside(graph.whole.end, source.size, inlines),
    ]);
    if (model.length > MOST_BYTES) {
      throw new ArgumentError(source.name, {
        given: counted(model.length, "byte"),
        expected: `at most ${MOST_BYTES}, what protobuf can hold`,
        remedy: "Save the model with external data first.",
      });
    }
    return { model, data: data.isEmpty ? undefined : data.piece() };
  }

  /**
   * Constant nodes with external elements, and initialisers that replace them: the nodes refer to a file that is not
   * written again.
   */
  #externalConstants(): Map<NodePart, NewTensor> {
    const { source, nodes } = this.#parts;
    const found = new Map<NodePart, NewTensor>();
    for (const node of nodes) {
      if (node.opType !== "Constant" || this.#droppedNodes.has(node)) continue;
      const part = new Attributes(node, source.name).tensor("value");
      if (part === undefined || !isExternal(part)) continue;
      const { dtype } = describe(part);
      const read = () => tensorOf(part, this.#external).data;
      found.set(node, { name: node.output![0]!, dims: part.dims, dtype, read });
    }
    return found;
  }

  /** Whether a field is dropped: annotations of changed values; removed outputs; inputs for a removed initialiser. */
  #isDropped(number: number, { start, end }: Range): boolean {
    if (number === GRAPH.valueInfo) return this.#dropsValueInfo;
    if (number !== GRAPH.input && number !== GRAPH.output) return false;
    const { source } = this.#parts;
    const { name = "" } = decode("ValueInfo", source.bytes(start, end - start), source.name);
    if (number === GRAPH.output) return this.#keptOutputs?.has(name) === false;
    return this.#droppedTensors.has(name);
  }

  /** The model's fields before or after the graph; without functions once they are inlined. */
  #outside(start: number, end: number, inlines: boolean): Piece {
    const { source } = this.#parts;
    if (!inlines) return copied(source, { start, end });
    const kept = [...fieldsOf(source, { start, end }, source.name)].filter(
      ({ number }) => number !== MODEL.functions,
    );
    return joined(kept.map(({ whole }) => copied(source, whole)));
  }

  #tensor(part: TensorPart, data: DataFile): Piece {
    const { source } = this.#parts;
    const place = externalPlace(part);
    if (place !== undefined) {
      const { dtype, count } = describe(part);
      const length = count * ELEMENT_BYTES[dtype];
      const read =
        this.#externalPatches.get(part) ?? (() => this.#external!(place.location, place.offset, length));
      return data.place({ name: part.name, dims: part.dims, dtype, read });
    }
    const field = part.field!;
    const patch = part.payload.length === 1 ? this.#patches.get(part.payload[0]!.start) : undefined;
    if (patch === undefined) return copied(source, field);
    const { start, end } = part.payload[0]!;
    return joined([
      copied(source, { start: field.start, end: start }),
      patch,
      copied(source, { start: end, end: field.end }),
    ]);
  }

  #node(node: NodePart): Piece {
    const { source } = this.#parts;
    const change = this.#changedNodes.get(node);
    if (change === undefined) return copied(source, node.field!);
    const pieces: Piece[] = [];
    const written: NodeProto = {
      ...(change.input ? { input: [...change.input] } : {}),
      ...(change.opType ? { opType: change.opType } : {}),
      attribute: [...(change.attributes?.values() ?? [])].filter((attribute) => attribute !== null),
    };
    pieces.push(bytesPiece(encode("Node", written)));
    // everything else of the node is copied, including fields that this schema lacks
    const bytes = source.bytes(node.field!.start, node.field!.end - node.field!.start);
    const memory = {
      name: source.name,
      size: bytes.length,
      bytes: (at: number, n: number) => bytes.subarray(at, at + n),
    };
    const [whole] = fieldsOf(memory, { start: 0, end: bytes.length }, node.title);
    for (const { number, whole: range, payload } of fieldsOf(memory, whole!.payload, node.title)) {
      if (number === 1 && change.input !== undefined) continue;
      if (number === 4 && change.opType !== undefined) continue;
      if (number === 5 && change.attributes !== undefined) {
        const { attribute } = decode("Node", bytes.subarray(range.start, range.end), node.title);
        if (payload.end > payload.start && change.attributes.has(attribute?.[0]?.name ?? "")) continue;
      }
      pieces.push(bytesPiece(bytes.subarray(range.start, range.end)));
    }
    return fieldPiece(GRAPH.node, joined(pieces));
  }

  /** A node from a function, with its changes. */
  #changed(node: NodePart): NodeProto {
    const change = this.#changedNodes.get(node);
    const { index, title, field, ...proto } = node;
    if (change === undefined) return proto;
    const attributes = change.attributes;
    const kept = (proto.attribute ?? []).filter(({ name }) => !attributes?.has(name ?? ""));
    const added = [...(attributes?.values() ?? [])].filter((attribute) => attribute !== null);
    return {
      ...proto,
      ...(change.input ? { input: [...change.input] } : {}),
      ...(change.opType ? { opType: change.opType } : {}),
      attribute: [...kept, ...added],
    };
  }
}

/** Tensors in an external file beside the model. */
class DataFile {
  readonly #name: string;
  readonly #pieces: Piece[] = [];
  #length = 0;

  constructor(name: string) {
    this.#name = name;
  }

  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  /** @returns the initialiser: it refers to this file, or contains the elements if they belong in the model */
  place(tensor: NewTensor): Piece {
    const length = byteLength(tensor);
    if (length < LEAST_EXTERNAL_BYTES || WHOLE.has(tensor.dtype)) return inline(tensor);
    const gap = (ALIGNMENT - (this.#length % ALIGNMENT)) % ALIGNMENT;
    this.#pieces.push(
      bytesPiece(new Uint8Array(gap)),
      computed(length, () => tensor.read()),
    );
    const offset = this.#length + gap;
    this.#length = offset + length;
    const header = encode("Tensor", {
      dims: [...tensor.dims],
      dataType: dataTypeOf(tensor.dtype),
      name: tensor.name,
      externalData: [
        { key: "location", value: this.#name },
        { key: "offset", value: String(offset) },
        { key: "length", value: String(length) },
      ],
      dataLocation: EXTERNAL,
    });
    return fieldPiece(GRAPH.initializer, bytesPiece(header));
  }

  piece(): Piece {
    return joined(this.#pieces);
  }
}

const isExternal = (part: TensorPart): boolean => part.header.dataLocation === EXTERNAL;

const byteLength = ({ dims, dtype }: NewTensor): number => product(dims) * ELEMENT_BYTES[dtype];

/** An initialiser with its elements. */
export function inline(tensor: NewTensor): Piece {
  const header = encode("Tensor", {
    dims: [...tensor.dims],
    dataType: dataTypeOf(tensor.dtype),
    name: tensor.name,
  });
  const payload = fieldPiece(
    PAYLOAD.raw,
    computed(byteLength(tensor), () => tensor.read()),
  );
  return fieldPiece(GRAPH.initializer, joined([bytesPiece(header), payload]));
}

function valueInfo(tensor: NewTensor): ValueInfoProto {
  return {
    name: tensor.name,
    type: {
      tensorType: {
        elemType: dataTypeOf(tensor.dtype),
        shape: { dim: tensor.dims.map((dimValue) => ({ dimValue })) },
      },
    },
  };
}

export function intsAttribute(name: string, ints: readonly number[]): AttributeProto {
  return { name, type: ATTRIBUTE.ints, ints: [...ints] };
}

export function intAttribute(name: string, i: number): AttributeProto {
  return { name, type: ATTRIBUTE.int, i };
}
