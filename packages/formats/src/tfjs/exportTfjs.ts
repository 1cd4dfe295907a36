/** TensorFlow.js LayersModels out: the model that was read, with masks in it. */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import {
  ArgumentError,
  compactNetwork,
  elementCount,
  type Masks,
  type Network,
  type Weights,
} from "@phew/core";
import { normalisationsIn, parameterMasks, zeroedTensor } from "../parameterMasks.ts";
import type { JsonObject } from "../strictJson.ts";
import { boolTensor, ELEMENT_BYTES, float32Tensor, type Tensor } from "../tensor.ts";
import { ofRank, TensorflowLayout } from "../tensorflowLayout.ts";
import { type WriteOptions, writeBundle } from "../writeFile.ts";
import { statedShape, type TfjsModel, tfjsNetwork } from "./importTfjs.ts";
import { byteLength, type WeightSpec } from "./modelFile.ts";

export const TFJS_FORMS = ["zeroed", "compact"] as const;
export type TfjsForm = (typeof TFJS_FORMS)[number];

/** A weight as it is written. */
export interface WrittenWeight {
  /** In the manifest's words. */
  readonly entry: JsonObject;
  /** In bytes. */
  readonly length: number;
  read(): Promise<Uint8Array>;
}

/** As TensorFlow.js' converter cuts them: browsers cache files of this size. */
const SHARD_BYTES = 2 ** 22;

/**
 * Writes `model.json` and its shards beside it. `zeroed`: the same topology, zeros for pruned weights and for biases,
 * scales and shifts of dead units. `compact`: units without effect are removed from layers and weights.
 * @param options.weights values of the parameters if they differ from the file's
 * @returns notes for the user, one sentence each
 * @throws ArgumentError if the model cannot be written in this form, or as {@link writeBundle}
 */
export async function writeTfjs(
  path: string,
  model: TfjsModel,
  masks: Masks,
  form: TfjsForm,
  options: WriteOptions & { readonly weights?: Weights | undefined } = {},
): Promise<readonly string[]> {
  if (!TFJS_FORMS.includes(form)) {
    throw new ArgumentError("form", {
      given: `"${form}"`,
      expected: `one of ${TFJS_FORMS.join(", ")} for a TensorFlow.js model`,
      remedy:
        "A LayersModel has no place for masks: write them to .safetensors or .npz in TensorFlow's layout.",
    });
  }
  const notes: string[] = [];
  const { modelTopology, weights } =
    form === "zeroed"
      ? {
          modelTopology: model.file.modelTopology,
          weights: zeroedWeights(model, masks, options.weights, notes),
        }
      : compactWeights(model, masks, options.weights);
  await writeLayersModel(path, { ...model.file.json, modelTopology }, weights, options);
  return notes;
}

/**
 * Writes any LayersModel, its shards under names that no file has: `group1-shard1of1.bin`, else
 * `group1-1-shard1of1.bin` and so on. Such shards of the model that is replaced go with it.
 * @param json all of model.json but its manifest
 */
export async function writeLayersModel(
  path: string,
  json: JsonObject,
  weights: readonly WrittenWeight[],
  options: WriteOptions,
): Promise<void> {
  if (!path.endsWith(".json")) {
    throw new ArgumentError(path, { given: "another ending", expected: "the name of a model.json" });
  }
  const stem = basename(path, ".json");
  const total = weights.reduce((sum, { length }) => sum + length, 0);
  const count = Math.max(1, Math.ceil(total / SHARD_BYTES));
  const group = stem === "model" ? "group1" : `${stem}-group1`;
  const partNames = (attempt: number) => {
    const own = attempt === 0 ? group : `${group}-${attempt}`;
    return Array.from({ length: count }, (_, k) => `${own}-shard${k + 1}of${count}.bin`);
  };
  const bytes = new ByteStream(weights);
  const bundle = {
    path,
    parts: Array.from({ length: count }, () => bytes.next(SHARD_BYTES)),
    partNames,
    chunks(paths: readonly string[]) {
      const weightsManifest = [{ paths, weights: weights.map(({ entry }) => entry) }];
      return [Buffer.from(JSON.stringify({ ...json, weightsManifest }))];
    },
    ownParts: async () => (await shardNames(path)).filter((name) => isShardName(name, group)),
  };
  await writeBundle(bundle, options);
}

/** The shards that a model.json names; none if there is no such readable file. */
async function shardNames(path: string): Promise<string[]> {
  try {
    const json = JSON.parse(await readFile(path, "utf8"));
    const paths: unknown[] = json.weightsManifest.flatMap((entry: JsonObject) => entry.paths);
    return paths.filter((name) => typeof name === "string");
  } catch {
    return [];
  }
}

function isShardName(name: string, group: string): boolean {
  return name.startsWith(group) && /^(-\d+)?-shard\d+of\d+\.bin$/.test(name.slice(group.length));
}

/** The bytes of weights end to end, taken piece by piece. */
class ByteStream {
  readonly #weights: readonly WrittenWeight[];
  #next = 0;
  #rest: Uint8Array = new Uint8Array();

  constructor(weights: readonly WrittenWeight[]) {
    this.#weights = weights;
  }

  /** The next `length` bytes, or the rest; read it to its end before the next call. */
  async *next(length: number): AsyncGenerator<Uint8Array> {
    for (let left = length; left > 0; ) {
      while (this.#rest.length === 0 && this.#next < this.#weights.length)
        this.#rest = await this.#weights[this.#next++]!.read();
      if (this.#rest.length === 0) return;
      const piece = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }
}

function zeroedWeights(
  model: TfjsModel,
  masks: Masks,
  weights: Weights | undefined,
  notes: string[],
): WrittenWeight[] {
  const parameterOf = parametersBySpec(model);
  const maskOf = parameterMasks(masks, (name) => isOnFile(model, name));
  const shapeOf = new Map(model.network.parameters.map(({ name, shape }) => [name, shape]));
  return model.file.specs.map((spec): WrittenWeight => {
    const parameter = parameterOf.get(spec.name);
    const mask = parameter === undefined ? undefined : maskOf.get(parameter);
    const isTrained = parameter !== undefined && weights !== undefined;
    if (!isTrained && (mask === undefined || !mask.includes(0)))
      return { entry: spec.entry, length: byteLength(spec), read: () => model.file.readStored(spec) };
    const shape = shapeOf.get(parameter!)!;
    const masked = (tensor: Tensor): Uint8Array => {
      if (mask === undefined) return tensor.data;
      const theirs = model.layout.toTensorflow(parameter!, boolTensor(shape, mask));
      return zeroedTensor(tensor, theirs.data).data;
    };
    // quantised numbers may have no 0 among them
    const isPlain = !isTrained && spec.affine === undefined;
    if (isPlain) {
      const { storedDtype: dtype } = spec;
      const read = async () => masked({ dtype, shape: spec.shape, data: await model.file.readStored(spec) });
      return { entry: spec.entry, length: byteLength(spec), read };
    }
    if (spec.storedDtype !== "F32")
      notes.push(`The weight "${spec.name}" is written as float32, no longer quantised.`);
    const read = async () => {
      const values = weights?.get(parameter!);
      if (values === undefined) return masked(await model.file.read(spec));
      return masked(model.layout.toTensorflow(parameter!, float32Tensor(shape, values)));
    };
    return {
      entry: plainEntry(spec.name, spec.shape),
      length: elementCount(spec.shape) * ELEMENT_BYTES.F32,
      read,
    };
  });
}

function compactWeights(model: TfjsModel, masks: Masks, given: Weights | undefined) {
  const { file } = model;
  if (model.otherOutputs.length > 0) {
    throw new ArgumentError(file.subject, {
      given: `other outputs than the one that was asked for (${model.otherOutputs.slice(0, 10).join(", ")}), whose layers are in it too`,
      expected: "all outputs, where units are to be cut out",
      remedy: "Write the form zeroed, or take all outputs.",
    });
  }
  const parameterOf = parametersBySpec(model);
  const stray = file.specs.find(({ name }) => !parameterOf.has(name));
  if (stray !== undefined) {
    throw new ArgumentError(`${file.subject}: weight "${stray.name}"`, {
      given: "a weight that is no part of the way from input to output",
      expected: "none, where units are to be cut out",
      remedy: "Write the form zeroed.",
    });
  }
  const compact = compactNetwork(model.network, settledWeights(model, masks, given ?? model.weights), masks);
  const layout = new TensorflowLayout(compact.network);
  const shapeOf = new Map(compact.network.parameters.map(({ name, shape }) => [name, shape]));
  const turned = (parameter: string): Tensor =>
    layout.toTensorflow(parameter, float32Tensor(shapeOf.get(parameter)!, compact.weights.get(parameter)!));
  const specs = file.specs.map((spec): WeightSpec => {
    const shape = layout.shapeOf(parameterOf.get(spec.name)!);
    const { affine: _, ...rest } = spec;
    // a dense layer over images is a convolution here and has two axes there
    return { ...rest, shape: ofRank(shape, spec.shape.length), dtype: "F32", storedDtype: "F32" };
  });
  const modelTopology = resizedTopology(model, compact.network, specs);
  const weights = specs.map(
    (spec): WrittenWeight => ({
      entry: plainEntry(spec.name, spec.shape),
      length: byteLength(spec),
      read: async () => turned(parameterOf.get(spec.name)!).data,
    }),
  );
  return { modelTopology, weights };
}

/** The topology with the compact network's numbers of units; parsed again as a check. */
function resizedTopology(model: TfjsModel, compact: Network, specs: readonly WeightSpec[]): JsonObject {
  const file = { ...model.file, modelTopology: structuredClone(model.file.modelTopology) };
  const { graph } = tfjsNetwork(file, model.options);
  const nodes = new Map(compact.nodes.map((node) => [node.name, node]));
  for (const { node: name, config, option } of graph.sizes) {
    const node = nodes.get(name);
    if (node === undefined) continue;
    const [units, height, width] = node.shape;
    const flat = node.shape.length === 1 ? [units] : [height, width, units];
    const groups = node.op.kind === "conv2d" ? node.op.groups : 1;
    if (option === "input") {
      const stated = statedShape(config);
      if (Array.isArray(stated)) stated[stated.length - 1] = units;
      continue;
    }
    // the clone is ours to change
    (config as Record<string, unknown>)[option] =
      option === "target_shape" ? flat : option === "groups" ? groups : units;
  }
  const written = tfjsNetwork({ ...file, specs }, model.options).network;
  if (JSON.stringify(written.nodes) !== JSON.stringify(compact.nodes)) {
    throw new ArgumentError(model.file.subject, {
      given: "layers whose units the topology counts in a way that is not known",
      expected: "layers that can be made smaller",
      remedy: "Write the form zeroed.",
    });
  }
  return file.modelTopology;
}

/** Weights with running means of 0 where a scale that is not in the file cannot set a dead unit to 0. */
function settledWeights(model: TfjsModel, masks: Masks, weights: Weights): Weights {
  const settled = new Map(weights);
  const maskOf = parameterMasks(masks, (name) => isOnFile(model, name));
  for (const { mean } of normalisationsIn(model.network)) {
    const mask = maskOf.get(mean);
    if (mask === undefined) continue;
    settled.set(
      mean,
      weights.get(mean)!.map((value, u) => (mask[u] === 1 ? value : 0)),
    );
  }
  return settled;
}

const isOnFile = (model: TfjsModel, parameter: string): boolean => "spec" in model.sources.get(parameter)!;

/** Name on file → parameter; these are the same name, but for weights that are none. */
function parametersBySpec(model: TfjsModel): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const { name } of model.network.parameters) {
    const source = model.sources.get(name)!;
    if ("spec" in source) parameters.set(source.spec.name, name);
  }
  return parameters;
}

const plainEntry = (name: string, shape: readonly number[]): JsonObject => ({
  name,
  shape,
  dtype: "float32",
});
