/** TensorFlow.js LayersModels in: a network of core, its weights in our layout. */
import { ArgumentError, buildNetwork, counted, elementCount, type Network, type Shape } from "@phew/core";
import { joinOutputs, type ModelOutput, noSuchOutput } from "../joinOutputs.ts";
import type { LeftOutSoftmax } from "../leftOutSoftmax.ts";
import type { ImportedModel } from "../onnx/importGraph.ts";
import { isObject, type JsonObject } from "../strictJson.ts";
import { toFloat32 } from "../tensor.ts";
import { TensorflowLayout } from "../tensorflowLayout.ts";
import { type ParameterSource, TfjsGraph, type Value } from "./graph.ts";
import { LAYER_READERS, unsupportedOption } from "./layers.ts";
import { kerasVersionOf, readTfjsFile, type TfjsFile, topologyOf } from "./modelFile.ts";
import { type LayerConfig, type ModelConfig, modelConfig, type ValueRef } from "./topology.ts";

export interface ImportTfjsOptions {
  /** `[channels, height, width]` or `[features]`, if the file leaves it open or to replace it. */
  readonly inputShape?: Shape | undefined;
  /** The wanted output of a file with several, by its layer's name; absent: all. */
  readonly output?: string | undefined;
}

/** A LayersModel with the data for writing it back. */
export interface TfjsModel extends ImportedModel {
  readonly file: TfjsFile;
  readonly options: ImportTfjsOptions;
  /** By parameter name. */
  readonly sources: ReadonlyMap<string, ParameterSource>;
  readonly layout: TensorflowLayout;
  /** Of the file, in its order, those that the network leads to. */
  readonly outputs: readonly ModelOutput[];
  /** Names of the file's others. */
  readonly otherOutputs: readonly string[];
}

/**
 * Reads `model.json` and the shards beside it, Sequential and Functional models of Keras 2 and 3. Parameters have the
 * names of the file's weights (`conv2d_1/kernel`) and our layout.
 * @throws ArgumentError if the file is damaged, or with a list of all that is not supported
 */
export async function readTfjs(path: string, options: ImportTfjsOptions = {}): Promise<TfjsModel> {
  return importTfjs(await readTfjsFile(path), options);
}

export async function importTfjs(file: TfjsFile, options: ImportTfjsOptions = {}): Promise<TfjsModel> {
  const { network, graph, outputs, otherOutputs } = tfjsNetwork(file, options);
  const layout = new TensorflowLayout(network);
  const weights = new Map<string, Float32Array>();
  for (const { name, shape } of network.parameters) {
    const source = graph.sources.get(name)!;
    if ("constant" in source) {
      weights.set(name, new Float32Array(elementCount(shape)).fill(source.constant));
    } else {
      weights.set(name, toFloat32(layout.fromTensorflow(name, await file.read(source.spec))));
    }
  }
  const { notes, sources } = graph;
  return { network, weights, notes, file, options, sources, layout, outputs, otherOutputs };
}

/** The network of a file, and where its parts come from; no weights are read. */
export function tfjsNetwork(
  file: TfjsFile,
  options: ImportTfjsOptions,
): { network: Network; graph: TfjsGraph } & Pick<TfjsModel, "outputs" | "otherOutputs"> {
  const kerasVersion = kerasVersionOf(file);
  const model = modelConfig(file.subject, topologyOf(file));
  requireSupported(file.subject, kerasVersion, model);
  const graph = new TfjsGraph(file.subject, kerasVersion, file.specs);
  const input = onlyInput(file.subject, model, options.inputShape);
  const { refs, others } = wantedOutputs(file.subject, model, options.output);
  const ends = assemble(graph, { ...model, outputs: refs }, [graph.input(input.name, input.shape)]);
  const values = ends.map(({ node, shape, padding, softmax }, k) => {
    if (padding.some((p) => p > 0)) throw graph.fault(node, "zero padding at the end", "none");
    return {
      name: outputName(refs[k]!),
      node,
      nodeShape: shape,
      shape,
      softmaxes: softmaxesOf(softmax, shape),
    };
  });
  if (ends.some(({ softmax }) => softmax))
    graph.notes.push("The softmax at the end is left out: outputs are logits.");
  const specs = graph.specsTo(values.map(({ node }) => node));
  const names = new Set(specs.map(({ name }) => name));
  const joined = joinOutputs(values, (name) => names.has(name));
  const network = buildNetwork(model.name, [...specs, ...joined.specs], joined.output);
  return { network, graph, outputs: joined.outputs, otherOutputs: others };
}

const outputName = ({ layer, tensor }: ValueRef): string => (tensor === 0 ? layer : `${layer}:${tensor}`);

function wantedOutputs(subject: string, { outputs }: ModelConfig, wanted: string | undefined) {
  if (outputs.length === 0)
    throw new ArgumentError(subject, { given: "no output", expected: "at least one" });
  if (wanted === undefined) return { refs: outputs, others: [] };
  const names = outputs.map(outputName);
  const refs = outputs.filter((_, k) => names[k] === wanted);
  if (refs.length === 0) throw noSuchOutput(subject, wanted, names);
  return { refs, others: names.filter((name) => name !== wanted) };
}

/** Over the last axis there, the units, which come first here. */
function softmaxesOf(softmax: boolean, [length, ...rest]: Shape): readonly LeftOutSoftmax[] {
  if (!softmax) return [];
  return [{ kind: "Softmax", length: length!, stride: rest.reduce((product, n) => product * n, 1) }];
}

/** Why layers of some classes are not read, whatever their options. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [
    /^TensorFlowOp(Layer)?$|^TFOpLambda$|^SlicingOpLambda$/,
    "an operation of TensorFlow without a layer of Keras",
  ],
  [/^Lambda$/, "code of its own"],
  [/^(CuDNN)?(LSTM|GRU)$|RNN$/, "a recurrent layer, which uses a weight at many time steps"],
];

/** Lists every layer that cannot be read, before any is. */
function requireSupported(subject: string, kerasVersion: string, model: ModelConfig): void {
  const problems: string[] = [];
  const visit = ({ layers }: ModelConfig): void => {
    for (const layer of layers) {
      if (layer.model !== undefined) visit(layer.model);
      else if (layer.className !== "InputLayer") {
        const isKnown = Object.hasOwn(LAYER_READERS, layer.className);
        const option = isKnown
          ? unsupportedOption(layer.className, layer.config, kerasVersion)
          : (REASONS.find(([pattern]) => pattern.test(layer.className))?.[1] ?? "");
        if (option !== undefined)
          problems.push(`"${layer.name}" (${layer.className}${option && `, ${option}`})`);
      }
    }
  };
  visit(model);
  if (problems.length === 0) return;
  const some = problems.slice(0, 10).join(", ");
  throw new ArgumentError(subject, {
    given: `${counted(problems.length, "layer")} not supported: ${some}${problems.length > 10 ? ", …" : ""}`,
    expected: `channels_last layers of these kinds: ${Object.keys(LAYER_READERS).join(", ")}`,
    remedy: "Leave them out of the model, or bring it as ONNX.",
  });
}

function onlyInput(
  subject: string,
  model: ModelConfig,
  asked: Shape | undefined,
): { name: string; shape: Shape } {
  const [ref, ...others] = model.inputs;
  const layer = model.layers.find(({ name }) => name === ref?.layer);
  if (ref === undefined || others.length > 0 || layer === undefined) {
    throw new ArgumentError(subject, { given: counted(model.inputs.length, "input"), expected: "one" });
  }
  if (asked !== undefined) return { name: layer.name, shape: asked };
  const shape = statedShape(layer.config);
  const [, ...axes] = Array.isArray(shape) ? shape : [];
  if ((axes.length !== 1 && axes.length !== 3) || !axes.every((n) => Number.isSafeInteger(n) && n >= 1)) {
    throw new ArgumentError(`${subject}: input "${layer.name}"`, {
      given: `shape ${JSON.stringify(shape ?? null)}`,
      expected: "[null, height, width, channels] or [null, features]",
      remedy: "Give the input's shape, channels first: --input 3,224,224.",
    });
  }
  const [height, width, channels] = axes as [number, number, number];
  return { name: layer.name, shape: axes.length === 1 ? [height] : [channels, height, width] };
}

/** `[null, 28, 28, 1]`, as Keras 2 and 3 state it. */
export function statedShape(config: JsonObject): unknown {
  const { batch_input_shape: shape2, batch_shape: shape3, build_config: build } = config;
  const stated = shape2 ?? shape3 ?? (isObject(build) ? build.input_shape : undefined);
  // keras 3 may keep a shape with its type
  return isObject(stated) ? stated.items : stated;
}

/** Calls a model's layers in an order in which every value is there before it is read. */
function assemble(graph: TfjsGraph, model: ModelConfig, inputs: readonly Value[]): Value[] {
  const layers = new Map(model.layers.map((layer) => [layer.name, layer]));
  const values = new Map<string, readonly Value[]>();
  const subject = `${graph.subject}: model "${model.name}"`;
  if (model.inputs.length !== inputs.length) {
    throw new ArgumentError(subject, {
      given: counted(inputs.length, "input"),
      expected: `${model.inputs.length}`,
    });
  }
  const callOf = (ref: ValueRef): { layer: LayerConfig; index: number; key: string } => {
    const layer = layers.get(ref.layer);
    // a model inside counts its own making as its first call
    const index = layer !== undefined && layer.calls.length <= 1 ? 0 : ref.call;
    const isThere = layer !== undefined && (index === 0 || layer.calls[index] !== undefined);
    if (!isThere) {
      throw new ArgumentError(subject, {
        given: `a value of the layer "${ref.layer}", call ${ref.call}`,
        expected: "one of its layers",
      });
    }
    return { layer, index, key: `${index} ${layer.name}` };
  };
  const valueAt = (ref: ValueRef): Value | undefined => {
    const found = values.get(callOf(ref).key);
    const value = found?.[ref.tensor];
    if (found !== undefined && value === undefined) {
      throw new ArgumentError(subject, {
        given: `output ${ref.tensor} of "${ref.layer}"`,
        expected: `0 … ${found.length - 1}`,
      });
    }
    return value;
  };
  for (const [k, ref] of model.inputs.entries()) {
    const { key, layer } = callOf(ref);
    values.set(key, [graph.sized(inputs[k]!, layer.config, "input")]);
  }
  // depth first from the outputs, without recursion: models may be thousands of layers deep
  const open = new Set<string>();
  const stack: ValueRef[] = [...model.outputs];
  while (stack.length > 0) {
    const { layer, index, key } = callOf(stack.at(-1)!);
    if (values.has(key)) {
      stack.pop();
      continue;
    }
    const refs = layer.calls[index] ?? [];
    if (refs.length === 0) throw graph.fault(layer.name, "no inputs", "at least one");
    const missing = refs.filter((ref) => valueAt(ref) === undefined);
    if (missing.length > 0) {
      if (open.has(key)) throw graph.fault(layer.name, "a cycle through it", "a graph without cycles");
      open.add(key);
      for (const ref of missing) stack.push(ref);
      continue;
    }
    values.set(
      key,
      callLayer(
        graph,
        layer,
        index,
        refs.map((ref) => valueAt(ref)!),
      ),
    );
    stack.pop();
  }
  return model.outputs.map((ref) => valueAt(ref)!);
}

function callLayer(
  graph: TfjsGraph,
  layer: LayerConfig,
  index: number,
  inputs: readonly Value[],
): readonly Value[] {
  if (layer.model !== undefined) return assemble(graph, layer.model, inputs);
  const read = LAYER_READERS[layer.className];
  if (read === undefined)
    throw graph.fault(layer.name, `the class ${layer.className}`, "an input of the model");
  const name = index === 0 ? layer.name : `${layer.name}#${index}`;
  return [read({ layer: layer.name, name, config: layer.config, inputs }, graph)];
}
