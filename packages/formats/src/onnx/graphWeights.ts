/**
 * Which tensors of a graph are weights of layers, whatever else the graph computes:
 *   Conv, ConvTranspose, DeformConv: input 1;   Gemm, MatMul: an input that is constant;   LSTM, GRU, RNN: inputs 1 and 2;
 *   Gather of rows by an index that is computed: the table of an embedding.
 * What moves elements of a constant (Transpose, Identity, Cast, Slice, Concat, …) is walked back to the tensors that it
 * moves. Names and shapes are those of the state dict: a tensor that PyTorch's exporter turned has a name of the
 * exporter's, and is known by the bias behind it or by its module.
 */
import { ArgumentError } from "@phew/core";
import { Attributes } from "./attributes.ts";
import { isInvented, isNumbered, isSameModule, modulePath } from "./moduleNames.ts";
import type { ModelParts, NodePart, TensorPart } from "./parts.ts";
import { gatesOf, isRecurrent, type StoredGates } from "./recurrentGates.ts";
import { describe, isFloat } from "./tensors.ts";
import { calledWeight, placedLike, undotted, WeightNames } from "./weightNames.ts";

/** A weight as the state dict has it, and where its elements are stored. */
export interface GraphWeight {
  readonly name: string;
  /** Why the state dict may have another name for it. */
  readonly doubt?: string | undefined;
  readonly shape: readonly number[];
  readonly part: TensorPart;
  /** Index of the stored element that is element k of the weight; undefined where the order is the same. */
  readonly placeOf: ((k: number) => number) | undefined;
  /** Where another module's layer reads the tensor that a first one gave its name; undefined for that one. */
  readonly reader?: { readonly node: NodePart; readonly input: number };
}

export interface GraphWeights {
  /**
   * In the order of the nodes that read them: each once, but one that the exporter turned anew for each call of its module
   * once for each tensor, under one name.
   */
  readonly weights: readonly GraphWeight[];
  /** Tables of embeddings, also where a layer reads them too. */
  readonly tables: readonly GraphWeight[];
  /** Node → input → the weights that it reads there, under the names that they have in the first list. */
  readonly readBy: ReadonlyMap<NodePart, ReadonlyMap<number, readonly GraphWeight[]>>;
  /** Number of a recurrent node among those of its module. */
  readonly layers: ReadonlyMap<NodePart, number>;
}

/** Nodes that move elements of their first input. */
const MOVES = new Set(
  "Identity Cast CastLike Transpose Reshape Squeeze Unsqueeze Flatten Slice Split Expand".split(" "),
);
const QUANTISED = /^(DequantizeLinear|QLinear\w+|ConvInteger|MatMulInteger)$/;
/** Inputs with weights, by operation. */
const WEIGHT_INPUTS: Readonly<Record<string, readonly number[]>> = {
  Conv: [1],
  ConvTranspose: [1],
  DeformConv: [1],
  Gemm: [0, 1],
  MatMul: [0, 1],
  LSTM: [1, 2],
  GRU: [1, 2],
  RNN: [1, 2],
};

/** @throws ArgumentError for weights that are quantised */
export function graphWeights(parts: ModelParts): GraphWeights {
  const graph = indexOf(parts);
  const weights = new Map<TensorPart, readonly GraphWeight[]>();
  const tables = new Map<TensorPart, GraphWeight>();
  const names = new Set<string>();
  const all = new Map<string, GraphWeight>();
  const readBy = new Map<NodePart, Map<number, readonly GraphWeight[]>>();
  for (const node of parts.nodes) {
    const { opType = "" } = node;
    if (QUANTISED.test(opType)) throw quantised(parts, node);
    if (opType === "Gather") addTable(graph, node, tables);
    for (const input of Object.hasOwn(WEIGHT_INPUTS, opType) ? WEIGHT_INPUTS[opType]! : []) {
      const value = node.input?.[input] ?? "";
      for (const part of storedBehind(graph, value)) {
        const isDirect = part.name === value;
        const before = weights.get(part);
        const own =
          before !== undefined
            ? otherModules(graph, node, input, part, names)
            : isDirect
              ? directWeights(graph, node, input, part)
              : [sameAsStored(part.name, part)];
        const named = own.map((weight) =>
          isCalledAgain(node, weight, all.get(weight.name))
            ? weight
            : { ...weight, name: unused(weight.name, names) },
        );
        for (const weight of named) all.set(weight.name, weight);
        weights.set(part, [...(before ?? []), ...named]);
        const read = named.length > 0 || before === undefined ? named : before;
        const ofNode = readBy.get(node) ?? new Map<number, readonly GraphWeight[]>();
        readBy.set(node, ofNode.set(input, [...(ofNode.get(input) ?? []), ...read]));
      }
    }
  }
  const ofLayers = [...weights].flatMap(([part, own]) => (tables.has(part) ? [] : own));
  return { weights: ofLayers, tables: [...tables.values()], readBy, layers: graph.layers };
}

/** True for the weight of an earlier call of a module, which the exporter turned, and stored, once for each. */
function isCalledAgain(
  node: NodePart,
  { name, shape, reader }: GraphWeight,
  known: GraphWeight | undefined,
): boolean {
  return (
    known?.shape.join() === shape.join() && reader === undefined && calledWeight(node) === undotted(name)
  );
}

/** Steps back through concatenations in one graph; real ones take a few for each weight. */
const MOST_STEPS = 200_000;

interface GraphIndex {
  /** Steps back that were taken. */
  steps: number;
  /** Value → that from which only movements of one value separate it. */
  readonly roots: Map<string, string>;
  readonly parts: ModelParts;
  /** Number of a recurrent node among those of its module. */
  readonly layers: ReadonlyMap<NodePart, number>;
  readonly makers: ReadonlyMap<string, NodePart>;
  readonly readers: ReadonlyMap<string, readonly NodePart[]>;
  readonly names: WeightNames;
}

function indexOf(parts: ModelParts): GraphIndex {
  const makers = new Map<string, NodePart>();
  const readers = new Map<string, NodePart[]>();
  const layers = new Map<NodePart, number>();
  const counts = new Map<string | undefined, number>();
  for (const node of parts.nodes) {
    if (isRecurrent(node)) {
      const module = modulePath(node);
      layers.set(node, counts.get(module) ?? 0);
      counts.set(module, layers.get(node)! + 1);
    }
    for (const output of node.output ?? []) makers.set(output, node);
    for (const input of node.input ?? []) {
      const before = readers.get(input);
      if (before === undefined) readers.set(input, [node]);
      else before.push(node);
    }
  }
  const names = new WeightNames(parts.nodes, parts.initializers);
  return { steps: 0, roots: new Map(), parts, layers, makers, readers, names };
}

/** The stored tensors of floats, of two axes and more, that only movements separate from a value. */
function storedBehind(graph: GraphIndex, value: string): TensorPart[] {
  const { parts, makers } = graph;
  const found: TensorPart[] = [];
  const seen = new Set<string>();
  const wanted = [value];
  for (let next = wanted.pop(); next !== undefined; next = wanted.pop()) {
    const name = rootOf(graph, next);
    if (name === "" || seen.has(name)) continue;
    seen.add(name);
    if (++graph.steps > MOST_STEPS) throw tooDeep(parts);
    const part = parts.initializers.get(name);
    if (part !== undefined) {
      if (part.dims.length > 1 && isFloat(describe(part).dtype)) found.push(part);
      continue;
    }
    const maker = makers.get(name);
    // the input, or what is computed from it, is no weight
    if (maker?.opType !== "Concat") return [];
    wanted.push(...(maker.input ?? []));
  }
  return found.reverse();
}

/** Each value is walked through once, however many read it. */
function rootOf({ roots, makers, parts }: GraphIndex, value: string): string {
  const passed: string[] = [];
  let name = value;
  // no way through a graph without cycles is longer
  while (passed.length <= parts.nodes.length) {
    const known = roots.get(name);
    const maker = makers.get(name);
    if (known !== undefined || maker === undefined || !MOVES.has(maker.opType ?? "")) {
      name = known ?? name;
      break;
    }
    passed.push(name);
    name = maker.input?.[0] ?? "";
  }
  for (const each of passed) roots.set(each, name);
  return name;
}

const sameAsStored = (name: string, part: TensorPart): GraphWeight => ({
  name,
  shape: part.dims,
  part,
  placeOf: undefined,
});

/** The weight, or the weights, of a tensor that a layer reads as it is stored. */
function directWeights(graph: GraphIndex, node: NodePart, input: number, part: TensorPart): GraphWeight[] {
  const gates = gatesOf(node, input, part.dims);
  if (gates !== undefined) return recurrentWeights(graph, node, input, part, gates);
  if (!isGenerated(graph, part.name)) return [sameAsStored(part.name, part)];
  const { name, doubt } = graph.names.of(node, biasOf(graph, node)) ?? { name: part.name, doubt: undefined };
  const [rows, columns] = part.dims as [number, number];
  const isTurned =
    part.dims.length === 2 &&
    input === 1 &&
    (node.opType === "MatMul" || (node.opType === "Gemm" && !transB(graph, node)));
  if (!isTurned) return [{ ...sameAsStored(name, part), doubt }];
  const placeOf = (k: number) => (k % rows) * columns + Math.floor(k / rows);
  return [{ name, doubt, shape: [columns, rows], part, placeOf }];
}

/**
 * Modules that began with the same values (copies of one, as the layers of an encoder are) have one tensor in the file,
 * under the name of the first. @param names those that there are
 */
function otherModules(
  { parts }: GraphIndex,
  node: NodePart,
  input: number,
  part: TensorPart,
  names: ReadonlySet<string>,
): GraphWeight[] {
  const module = modulePath(node);
  const isDirect = node.input?.[input] === part.name;
  if (module === undefined || !isDirect || parts.producer !== "pytorch") return [];
  const name = placedLike(module, part.name);
  // a second call of the same module
  const isOwn = isSameModule(module, part.name.replace(/\.[^.]*$/, ""));
  return isOwn || names.has(name) ? [] : [{ ...sameAsStored(name, part), reader: { node, input } }];
}

/** PyTorch has a weight for each direction; its layers are nodes of one module. */
function recurrentWeights(
  graph: GraphIndex,
  node: NodePart,
  input: number,
  part: TensorPart,
  { shape, placesOf }: StoredGates,
): GraphWeight[] {
  const module = modulePath(node);
  if (module === undefined || !isGenerated(graph, part.name)) return [sameAsStored(part.name, part)];
  const stem = `${module}.weight_${input === 1 ? "ih" : "hh"}_l${graph.layers.get(node)}`;
  return placesOf.map((placeOf, direction) => ({
    name: direction === 0 ? stem : `${stem}_reverse`,
    shape,
    part,
    placeOf,
  }));
}

/** True for a name that PyTorch's exporters give to a tensor that they made of a parameter. */
function isGenerated({ parts }: GraphIndex, name: string): boolean {
  return parts.producer === "pytorch" && (isInvented(name) || isNumbered(name));
}

/** The bias of a layer: its own input, or what is added behind it. */
function biasOf(graph: GraphIndex, node: NodePart): string | undefined {
  const behind = (node.output ?? []).flatMap((output) => graph.readers.get(output) ?? []);
  const added = behind.filter(({ opType }) => opType === "Add").flatMap(({ input = [] }) => input);
  const given = node.opType === "MatMul" ? added : [node.input?.[2] ?? ""];
  return given.find((name) => /bias$/.test(name) && graph.parts.initializers.has(name));
}

function transB({ parts }: GraphIndex, node: NodePart): boolean {
  return new Attributes(node, parts.source.name).int("transB", 0) !== 0;
}

/** Rows of a table by an index that is not constant. */
function addTable(graph: GraphIndex, node: NodePart, tables: Map<TensorPart, GraphWeight>): void {
  const [data = "", index = ""] = node.input ?? [];
  const part = graph.parts.initializers.get(data);
  const isComputed = !graph.parts.initializers.has(index) && graph.makers.get(index)?.opType !== "Constant";
  if (part === undefined || part.dims.length !== 2 || !isComputed || tables.has(part)) return;
  if (!isFloat(describe(part).dtype)) return;
  const module = modulePath(node);
  const name = isGenerated(graph, part.name) && module !== undefined ? `${module}.weight` : part.name;
  tables.set(part, sameAsStored(name, part));
}

function unused(name: string, names: Set<string>): string {
  let own = name;
  for (let k = 2; names.has(own); k++) own = `${name}.${k}`;
  names.add(own);
  return own;
}

function tooDeep({ source }: ModelParts): ArgumentError {
  return new ArgumentError(source.name, {
    given: `a graph that puts its constants together in more than ${MOST_STEPS} steps`,
    expected: "weights that layers read",
    remedy: "The file is damaged or was put together wrongly: export it again.",
  });
}

function quantised(parts: ModelParts, node: NodePart): ArgumentError {
  return new ArgumentError(`${parts.source.name}: node "${node.title}"`, {
    given: `${node.opType}: weights that are whole numbers with a scale`,
    expected: "weights that are floats",
    remedy: "Export before quantising.",
  });
}
