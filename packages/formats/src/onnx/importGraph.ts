/**
 * Converts an ONNX graph to a network: infers shapes, folds constants, and reads every node or reports it as
 * unsupported.
 */
import {
  ArgumentError,
  buildNetwork,
  counted,
  type Network,
  type NodeSpec,
  type Shape,
  type Weights,
} from "@phew/core";
import { joinOutputs, type ModelOutput, noSuchOutput, type OutputValue } from "../joinOutputs.ts";
import type { ModelInput } from "../modelInput.ts";
import { toFloat32 } from "../tensor.ts";
import { turnedWeight } from "../turnedWeight.ts";
import { laid, orderOf } from "./arranging.ts";
import { storedConstant } from "./constants.ts";
import { embeddingTables } from "./embeddings.ts";
import { foldedNote, foldedWeights } from "./foldedNormalisation.ts";
import { inlineFunctions } from "./functions.ts";
import { fusedNormalisations } from "./fusedNormalisation.ts";
import { Importer, MOST_ELEMENTS, type ReshapedUnits, type TensorUse, UnitsElsewhere } from "./importer.ts";
import { standIn } from "./opaque.ts";
import type { Operator } from "./operators/operator.ts";
import { mostInputs, operators } from "./operators/operators.ts";
import { type Order, placesOf } from "./order.ts";
import type { ParameterSource } from "./parameterSources.ts";
import type { ModelParts, NodePart, TensorPart } from "./parts.ts";
import { type ReadGraph, readGraph } from "./reading.ts";
import { type DimensionProto, wholeNumber } from "./schema.ts";
import { type ExternalData, tensorOf } from "./tensors.ts";
import {
  reasonFor,
  Unsupported,
  UnsupportedModelError,
  type UnsupportedNode,
  UnsupportedOperationsError,
} from "./unsupported.ts";
import { type Activation, ANY_BATCH, dimsText, product, UNKNOWN, type Value } from "./values.ts";
import type { Range } from "./wire.ts";

export interface OnnxOptions {
  /** Shape of one input, without the batch: for files that leave it open. */
  readonly inputShape?: Shape | undefined;
  /** Unsupported nodes become opaque (every input unit reaches every output unit) instead of causing an error. */
  readonly treatAsOpaque?: boolean | undefined;
  /** Reads the model's external data. */
  readonly externalData?: ExternalData | undefined;
  /** The wanted output of a file with several; absent: all. */
  readonly output?: string | undefined;
  /** Name of the network, and of the file in messages. */
  readonly name?: string | undefined;
}

/** A model from a file. */
export interface ImportedModel {
  readonly network: Network;
  readonly weights: Weights;
  /** Assumptions, foldings and omissions; whole sentences, for the user. */
  readonly notes: readonly string[];
}

/** An ONNX model with the data for writing it back. */
export interface ImportedOnnx extends ImportedModel {
  readonly onnx: OnnxOrigin;
}

/** Sources of a network's parts in the file. */
export interface OnnxOrigin {
  readonly parts: ModelParts;
  readonly graph: ReadGraph;
  readonly opset: number;
  /** The file's inputs that the network has, in its order. */
  readonly inputs: readonly ModelInput[];
  /** The file's outputs that the network has, in order. */
  readonly outputs: readonly ModelOutput[];
  /** Names of the file's other outputs. */
  readonly otherOutputs: readonly string[];
  readonly uses: readonly TensorUse[];
  /** Nodes that select units of their input (Slice, Gather, Transpose). */
  readonly selections: ReadonlySet<NodePart>;
  /** Nodes that select units of a value whose axes are exchanged → the core node whose units they give. */
  readonly turnedSelections: ReadonlyMap<NodePart, string>;
  /** Core nodes whose units the file counts together with others. */
  readonly divided: ReadonlySet<string>;
  /** Reshapes that count the units of a core node alone, on one axis. */
  readonly reshaped: ReadonlyMap<NodePart, ReshapedUnits>;
  /** Nodes that split units → where each part lies along ONNX's unit axis. */
  readonly parted: ReadonlyMap<NodePart, readonly Range[]>;
  readonly parameters: ReadonlyMap<string, ParameterSource>;
  /** Weights with a batch normalisation folded in before the file was written, as far as it shows. */
  readonly folded: readonly string[];
  /** ONNX value → value of the network. */
  readonly activations: ReadonlyMap<string, Activation>;
  readonly externalData: ExternalData | undefined;
}

/** A node that a network cannot contain. */
interface Fault extends UnsupportedNode {
  /** True if an opaque operation can replace it. */
  isOpaque: boolean;
}

const OLDEST_OPSET = 9;
const NEWEST_OPSET = 22;

/** @throws ArgumentError if the file is damaged; UnsupportedOperationsError naming all unsupported nodes */
export function importGraph(given: ModelParts, options: OnnxOptions): ImportedOnnx {
  const parts = inlineFunctions(given);
  const unitAxes = new Map<string, number>();
  for (;;) {
    try {
      return importWithUnits(parts, options, unitAxes);
    } catch (error) {
      // once for each input: its first reader tells its units
      if (!(error instanceof UnitsElsewhere) || unitAxes.has(error.input)) throw error;
      unitAxes.set(error.input, error.axis);
    }
  }
}

/** @param unitAxes input → the axis behind the batch that tells its units; the first unless given */
function importWithUnits(
  parts: ModelParts,
  options: OnnxOptions,
  unitAxes: ReadonlyMap<string, number>,
): ImportedOnnx {
  const file = parts.source.name;
  const opset = opsetOf(parts);
  const { inputs: declared, inputNames } = dataInputs(parts);
  const { wanted, others } = wantedOutputs(parts, options.output);
  const graph = readGraph(parts, inputNames, wanted);
  const context = new Importer(parts, opset, options.externalData, graph);
  if (opset > NEWEST_OPSET) {
    context.note(`the file uses opset ${opset}, newer than ${NEWEST_OPSET}, the newest that was checked`);
  }
  for (const name of parts.initializers.keys()) {
    if (graph.readers.has(name)) {
      context.values.set(name, storedConstant(name, parts.initializers.get(name)!, options.externalData));
    }
  }
  const unread = parts.nodes.length - graph.order.length;
  if (unread > 0)
    context.note(
      `${counted(unread, "node")} that the ${wanted.length > 1 ? "outputs do" : "output does"} not depend on ${unread === 1 ? "is" : "are"} left out`,
    );
  // what nothing reads is no input of the network
  const read = declared.filter(({ name }) => graph.readers.has(name));
  const tables = embeddingTables(parts, graph.order);
  const given = { options, unitAxes, tables };
  const inputs = readInputs(context, read.length > 0 ? read : declared.slice(0, 1), given);

  const faults: Fault[] = [];
  const fused = fusedNormalisations(graph.order, wanted);
  for (const node of graph.order)
    if (!fused.inner.has(node)) readNode(context, node, faults, fused.ends.get(node));
  const ends = wanted.map((name) => outputValue(context, graph, name, faults));
  requireComputed(context, ends, { faults, wanted, asked: options.treatAsOpaque ?? false });
  const specs = context.specs();
  const names = new Set(specs.map(({ name }) => name));
  for (const end of ends) requireInput(specs, end, inputs, file);
  const joined = joinOutputs(ends, (name) => names.has(name));
  const network = buildNetwork(
    options.name ?? file,
    reaching([...specs, ...joined.specs], joined.output),
    joined.output,
  );
  context.parameters.noteRenamed();
  context.parameters.noteCopies();
  const folded = foldedWeights(network, context.uses);
  if (folded.length > 0) context.note(foldedNote(network, folded));
  const parameters = new Map(network.parameters.map(({ name }) => [name, context.parameters.all.get(name)!]));
  const weights = weightsOf(parameters, parts);
  const origin: OnnxOrigin = {
    parts,
    graph,
    opset,
    inputs: inputsOf(network, inputs, tables, options.externalData),
    outputs: joined.outputs,
    otherOutputs: others,
    uses: context.uses,
    selections: context.selections,
    turnedSelections: context.turnedSelections,
    divided: context.divided,
    reshaped: context.reshaped,
    parted: context.parted,
    parameters,
    folded,
    activations: context.activations(),
    externalData: options.externalData,
  };
  return { network, weights, notes: context.notes, onnx: origin };
}

/** @throws UnsupportedOperationsError where a node cannot be read, and none may stand for it */
function requireComputed(
  context: Importer,
  ends: readonly (OutputValue | undefined)[],
  given: {
    readonly faults: readonly Fault[];
    readonly wanted: readonly string[];
    /** Whether opaque operations may stand for nodes. */
    readonly asked: boolean;
  },
): asserts ends is readonly OutputValue[] {
  const { faults, wanted, asked } = given;
  // without a shape no opaque operation can replace a node
  const isKnown = ends.every((end) => end !== undefined);
  const works = isKnown && faults.every(({ isOpaque }) => isOpaque);
  if (works && (faults.length === 0 || asked)) return;
  throw new UnsupportedOperationsError(
    context.parts.source.name,
    asked ? faults.filter(({ isOpaque }) => !isOpaque) : faults,
    asked ? "refused" : works ? "works" : "fails",
    context.hidden.map((node) => ({ node: node.title, operation: operationOf(node) })),
    wanted,
  );
}

/** The file's inputs that the network has, in its order. */
function inputsOf(
  network: Network,
  inputs: readonly Activation[],
  tables: InputsGiven["tables"],
  externalData: ExternalData | undefined,
): ModelInput[] {
  return network.inputs.map((node) => {
    const { name } = network.nodes[node]!;
    const { dims, order } = inputs.find(({ spec }) => spec === name)!;
    const table = tables.get(name);
    const places = order && placesInInput(order);
    if (table === undefined) return { name, shape: dims.slice(1), places };
    const values = toFloat32(tensorOf(table, externalData));
    const [rows, width] = table.dims as [number, number];
    return { name, shape: dims.slice(1, -1), places, table: { name: table.name, rows, width, values } };
  });
}

/** Advice for nodes of constants only: the network needs their result, not the node. */
const OF_CONSTANTS =
  "; it reads constants alone: compute it before the export (where it makes a weight in PyTorch, torch.nn.utils.parametrize.remove_parametrizations does)";

/** Domains of operations that a program puts in place of several of ONNX's. */
const FUSED: Readonly<Record<string, string>> = {
  "com.microsoft":
    "onnxruntime's optimiser put it in place of several of ONNX's operations: give the model as it was exported, before it was optimised",
};

/** @param own reads the last of several nodes that are one operation */
function readNode(context: Importer, node: NodePart, faults: Fault[], own: Operator | undefined): void {
  context.reading = node;
  const names = node.input ?? [];
  const inputs = names.map((name) => (name === "" ? undefined : context.values.get(name)));
  const operation = operationOf(node);
  const give = (outputs: Value | readonly (Value | undefined)[]) => {
    for (const [k, value] of (Array.isArray(outputs) ? outputs : [outputs]).entries()) {
      const name = node.output?.[k];
      if (name === undefined || name === "" || value === undefined) continue;
      // an operation may return its input, which then has the readers of this name
      const isShared = "exclusive" in value && value.exclusive && !context.isReadOnce(name);
      context.values.set(name, isShared ? { ...value, exclusive: false } : value);
    }
  };
  try {
    const operator = own ?? (Object.hasOwn(operators, operation) ? operators[operation] : undefined);
    if (operator === undefined) {
      throw new Unsupported(
        operation === node.opType
          ? reasonFor(operation)
          : (FUSED[node.domain ?? ""] ?? `operations of the domain ${node.domain} are not known`),
      );
    }
    const most = mostInputs(operation);
    if (names.length > most)
      throw new Unsupported(
        `it has ${counted(names.length, "input")}, where ${operation} takes at most ${most}`,
      );
    // nothing can be read from inputs of unknown shape
    if (inputs.some((input) => input?.kind === "unknown")) {
      context.hidden.push(node);
      give((node.output ?? []).map(() => UNKNOWN));
      return;
    }
    const isFolding = inputs.every((input) => input === undefined || input.kind === "constant");
    if (isFolding) context.spend(inputs);
    const outputs = operator(context, node, inputs);
    if (isFolding) context.spend(Array.isArray(outputs) ? outputs : [outputs]);
    give(outputs);
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
    const isOfConstants =
      inputs.length > 0 && inputs.every((input) => input === undefined || input.kind === "constant");
    const fault = isOfConstants ? new Unsupported(`${error.message}${OF_CONSTANTS}`, error.culprit) : error;
    const isOpaque = !isOfConstants && standsIn(context, node, operation, inputs, error.message);
    if (!isOpaque) give((node.output ?? []).map(() => UNKNOWN));
    addFault(faults, fault, node, isOpaque);
  }
}

/** False also if the replacement itself is not possible, such as for more elements than a network may have. */
function standsIn(...given: Parameters<typeof standIn>): boolean {
  try {
    return standIn(...given);
  } catch (error) {
    if (error instanceof Unsupported) return false;
    throw error;
  }
}

function addFault(faults: Fault[], error: Unsupported, read: NodePart | undefined, isOpaque: boolean): void {
  const node = error.culprit ?? read;
  const fault = {
    node: node?.title ?? "output",
    operation: node === undefined ? "output" : operationOf(node),
    reason: error.message,
  };
  // several nodes may report the same culprit
  const known = faults.find((other) => other.node === fault.node && other.operation === fault.operation);
  if (known === undefined) faults.push({ ...fault, isOpaque });
  else known.isOpaque &&= isOpaque;
}

/** With its domain unless that is ONNX's own. */
function operationOf(node: NodePart): string {
  const isOwn = node.domain === undefined || node.domain === "" || node.domain === "ai.onnx";
  return `${isOwn ? "" : `${node.domain}.`}${node.opType ?? ""}`;
}

function opsetOf(parts: ModelParts): number {
  const set = parts.operatorSets.find(
    ({ domain }) => domain === undefined || domain === "" || domain === "ai.onnx",
  );
  const version =
    set?.version === undefined ? undefined : wholeNumber(set.version, `${parts.source.name}: opset`);
  if (version !== undefined && version >= OLDEST_OPSET) return version;
  throw new UnsupportedModelError(parts.source.name, {
    given: version === undefined ? "no opset of ONNX's own operations" : `opset ${version}`,
    expected: `opset ${OLDEST_OPSET} to ${NEWEST_OPSET}`,
    remedy: "Export it again with a newer opset_version.",
  });
}

/** The inputs that are no initialisers: before IR version 4 these are listed as inputs too. */
function dataInputs(parts: ModelParts) {
  const file = parts.source.name;
  const inputs = parts.inputs.filter(({ name }) => !parts.initializers.has(name ?? ""));
  const names = inputs.map(({ name }) => name ?? "");
  if (new Set(names).size !== names.length) {
    throw new ArgumentError(file, {
      given: `inputs ${names.join(", ")}`,
      expected: "a name of its own for each input",
    });
  }
  if (inputs.length === 0) {
    throw new UnsupportedModelError(file, {
      given: "no input",
      expected: "at least one, such as images or vectors",
      remedy: "Export the model with an input; weights belong among the initializers.",
    });
  }
  return {
    inputs: inputs.map(({ name, type }) => ({ name: name ?? "", dims: type?.tensorType?.shape?.dim })),
    inputNames: new Set(names),
  };
}

interface InputsGiven {
  readonly options: OnnxOptions;
  readonly unitAxes: ReadonlyMap<string, number>;
  readonly tables: ReadonlyMap<string, TensorPart>;
}

/** Adds the inputs to the network. @returns their values @throws ArgumentError if their batches differ */
function readInputs(
  context: Importer,
  declared: readonly { readonly name: string; readonly dims: readonly DimensionProto[] | undefined }[],
  { options, unitAxes, tables }: InputsGiven,
): Activation[] {
  const { parts } = context;
  const file = parts.source.name;
  const single = declared.length === 1;
  let batch: number | undefined;
  return declared.map(({ name, dims }) => {
    const own = inputShapeOf(parts, dims, single ? options.inputShape : undefined, context);
    if (product(own.shape) > MOST_ELEMENTS) {
      throw new ArgumentError(`${file}: input`, {
        given: `shape ${dimsText(own.shape)}`,
        expected: `at most ${counted(MOST_ELEMENTS, "element")}`,
      });
    }
    if (batch !== undefined && own.batch !== batch) {
      throw new ArgumentError(`${file}: input "${name}"`, {
        given: `${dimsText([own.batch])} examples beside ${dimsText([batch])} of "${declared[0]!.name}"`,
        expected: "one number of examples for all inputs",
        remedy: "Export the model with the same batch for each of them.",
      });
    }
    batch = own.batch;
    const table = tables.get(name);
    const shape = table === undefined ? own.shape : [...own.shape, table.dims[1]!];
    const units = unitAxes.get(name) ?? (table === undefined ? 0 : own.shape.length);
    const value = context.emitInput(name, shape, own.batch, units);
    context.values.set(name, table === undefined ? value : idsOf(value));
    return value;
  });
}

/** Whole numbers that stand for features: they lie where the first feature does. */
function idsOf(value: Activation): Activation {
  const { offset, axes } = orderOf(value);
  return { ...laid(value, { offset, axes: axes.slice(0, -1) }, value.dims.slice(0, -1)), isIds: true };
}

/** For each element of the network's input its position in the file's. */
function placesInInput({ axes }: Order): readonly number[] {
  const inFile = placesOf(axes.slice(1).flat());
  const places = new Array<number>(inFile.length);
  for (const [position, element] of inFile.entries()) places[element] = position;
  return places;
}

function wantedOutputs(parts: ModelParts, wanted: string | undefined) {
  const names = [...new Set(parts.outputs.map(({ name }) => name ?? ""))];
  if (names.length === 0) {
    throw new ArgumentError(parts.source.name, {
      given: "no output",
      expected: "at least one",
      remedy: "The file is damaged or was put together wrongly: export it again.",
    });
  }
  if (wanted === undefined) return { wanted: names, others: [] };
  if (names.includes(wanted)) return { wanted: [wanted], others: names.filter((name) => name !== wanted) };
  throw noSuchOutput(parts.source.name, wanted, names);
}

/** An output as a value of the network; undefined, with a further fault, if it is none. */
function outputValue(
  context: Importer,
  graph: ReadGraph,
  name: string,
  faults: Fault[],
): OutputValue | undefined {
  try {
    const value = context.values.get(name);
    if (value?.kind === "unknown") return undefined;
    const laid = context.laid(value, "the output");
    const { spec, shape, dims } = laid;
    const softmaxes = context.softmaxes.get(name) ?? [];
    return {
      name,
      node: spec,
      nodeShape: shape,
      shape: dims.slice(1),
      softmaxes,
      places: placesInOutput(laid),
    };
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
    addFault(faults, error, graph.makers.get(name), false);
    return undefined;
  }
}

/** @throws Unsupported if the batch is not the first axis */
function placesInOutput({ order }: Activation): readonly number[] | undefined {
  if (order === undefined) return undefined;
  const [first, ...rest] = order.axes;
  if (first?.length !== 1 || first[0]!.stride !== undefined)
    throw new Unsupported("the first axis of the output is not that of the batch alone");
  return placesOf(rest.flat());
}

function inputShapeOf(
  parts: ModelParts,
  declared: readonly DimensionProto[] | undefined,
  wanted: Shape | undefined,
  context: Importer,
): { shape: Shape; batch: number } {
  const file = parts.source.name;
  const lengths = declared?.map(({ dimValue }) => {
    const length = dimValue === undefined ? 0 : wholeNumber(dimValue, `${file}: input`);
    // −1 and 0 mean "any", as a name does
    return length > 0 ? length : undefined;
  });
  const shapeText = lengths && `[${lengths.map((length) => length ?? "?").join(", ")}]`;
  if (lengths !== undefined && (lengths.length < 2 || lengths.length > 5)) {
    throw new UnsupportedModelError(`${file}: input`, {
      given: `shape ${shapeText}`,
      expected: "the batch, and one to four axes of an example",
    });
  }
  const batch = lengths?.[0] ?? ANY_BATCH;
  if (lengths?.[0] !== undefined)
    context.note(`the file fixes the batch at ${batch}; here any batch will do`);
  const [, ...own] = lengths ?? [];
  if (wanted !== undefined) {
    const fits =
      own.length === 0 ||
      (own.length === wanted.length && own.every((n, axis) => n === undefined || n === wanted[axis]));
    if (!fits) {
      throw new ArgumentError(`${file}: input`, {
        given: `--input ${wanted.join(",")}`,
        expected: `${own.map((length) => length ?? "?").join(",")}, as the file says`,
      });
    }
    return { shape: wanted, batch };
  }
  const open = own.length === 0 || own.some((length) => length === undefined);
  if (open) {
    throw new UnsupportedModelError(`${file}: input`, {
      given: `shape ${shapeText ?? "unknown"}`,
      expected: "known channels, height and width (or features)",
      remedy: "Give the shape of one input, without the batch, such as --input 3,224,224.",
    });
  }
  return { shape: own as number[], batch };
}

/** The core nodes that an output depends on. */
function reaching(specs: readonly NodeSpec[], output: string): NodeSpec[] {
  const byName = new Map(specs.map((spec) => [spec.name, spec]));
  const reached = new Set<string>();
  const wanted = [output];
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    if (reached.has(name)) continue;
    reached.add(name);
    for (const input of byName.get(name)!.inputs) wanted.push(input);
  }
  return specs.filter((spec) => reached.has(spec.name));
}

/** @throws ArgumentError if an output does not depend on any input */
function requireInput(
  specs: readonly NodeSpec[],
  output: OutputValue,
  inputs: readonly Activation[],
  file: string,
): void {
  if (reaching(specs, output.node).some(({ op }) => op.kind === "input")) return;
  throw new ArgumentError(file, {
    given: `an output that does not depend on the input "${inputs.map(({ spec }) => spec).join('", "')}"`,
    expected: "one that does",
  });
}

/** Limit of weights that are copies of shared tensors, or computed, in addition to those stored in the file. */
const MOST_COPIED = 2 ** 26;

/**
 * Parameters never share memory, even if they share a tensor of the file.
 * @throws ArgumentError if that would take much more memory than the file
 */
function weightsOf(parameters: ReadonlyMap<string, ParameterSource>, parts: ModelParts): Weights {
  const stored = new Set<unknown>();
  let copied = 0;
  for (const { constant, shape } of parameters.values()) {
    const part = constant.stored?.part;
    if (part === undefined || stored.has(part)) copied += product(shape);
    stored.add(part);
  }
  // a product of a weight and its mask is no larger than the file
  const most = [...parts.initializers.values()].reduce((sum, { dims }) => sum + product(dims), MOST_COPIED);
  if (copied > most) {
    throw new ArgumentError(parts.source.name, {
      given: `layers that share tensors or compute theirs, ${counted(copied, "weight")} beyond those that are stored`,
      expected: `at most ${most}`,
      remedy: "Export the model with weights of its own for each layer.",
    });
  }
  const weights = new Map<string, Float32Array>();
  const seen = new Set<unknown>();
  for (const [name, source] of parameters) {
    const values = parameterValues(source);
    const part = source.constant.stored?.part;
    weights.set(name, part !== undefined && seen.has(part) ? values.slice() : values);
    seen.add(part);
  }
  return weights;
}

/** The float32 values of a parameter in the network's layout. */
export function parameterValues(source: ParameterSource): Float32Array {
  const tensor = source.constant.read();
  if (source.placeOf !== undefined) {
    const all = toFloat32(tensor);
    const { placeOf } = source;
    return Float32Array.from({ length: product(source.shape) }, (_, k) => all[placeOf(k)]!);
  }
  return folded(source, toFloat32(source.transposed ? turnedWeight(tensor, source.groups) : tensor));
}

/** Values in the network's layout with the file's factor and offset applied; the same array if there are none. */
export function folded({ scale, offset, shape }: ParameterSource, values: Float32Array): Float32Array {
  if (scale === 1 && offset === 0) return values;
  const units = shape[0]!;
  const run = values.length / units;
  const result = new Float32Array(values.length);
  for (let u = 0; u < units; u++) {
    const factor = typeof scale === "number" ? scale : scale[u]!;
    const shift = typeof offset === "number" ? offset : offset[u]!;
    for (let k = u * run; k < (u + 1) * run; k++) result[k] = values[k]! * factor + shift;
  }
  return result;
}
