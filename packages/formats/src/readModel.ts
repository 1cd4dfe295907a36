/** A model out of any file that holds one: recognised by its content, then by its name. */
import { basename } from "node:path";
import {
  ArgumentError,
  counted,
  looseNetwork,
  shortened,
  variantOfSeveral,
  type Weights,
  type ZooVariant,
  zooEntries,
} from "@phew/core";
import { kindOf } from "./fileKind.ts";
import { neighbourPath } from "./neighbour.ts";
import type { ImportedModel, ImportedOnnx } from "./onnx/importGraph.ts";
import type { LooseOnnx } from "./onnx/looseOnnx.ts";
import { readOnnx, readOnnxInterface } from "./onnx/onnx.ts";
import { isFloat } from "./onnx/tensors.ts";
import { UnsupportedModelError } from "./onnx/unsupported.ts";
import { withProducts } from "./prunedTensors.ts";
import { readWhole, withFile } from "./readFile.ts";
import { isObject, parseStrictJson } from "./strictJson.ts";
import { type Tensors, toFloat32 } from "./tensor.ts";
import { type NamedTensors, readTensors, type TensorFormat } from "./tensorFile.ts";
import type { TfjsModel } from "./tfjs/importTfjs.ts";
import { ownNames, pickWeights, requirePlain } from "./weightsFile.ts";
import { fittingNetwork, type ZooFitOptions } from "./zooFit.ts";

export interface ReadModelOptions extends ZooFitOptions {
  /** A name of the zoo: files of named tensors hold only weights. */
  readonly architecture?: string | undefined;
  /** Of a file with several outputs, the one that is wanted; all of them without. */
  readonly output?: string | undefined;
  /**
   * Of a file whose network cannot be read, the weights alone are read: a network without nodes (`isLoose`). With
   * `embeddings` always, and tables of embeddings are among them.
   */
  readonly weightsAlone?: { readonly embeddings: boolean } | undefined;
  /** Parts of an ONNX file that are not supported carry every unit to every unit, instead of being refused. */
  readonly treatAsOpaque?: boolean | undefined;
}

/** A model with the data for writing it back in the format of its file. */
export type ReadModel = ImportedModel &
  (
    | {
        readonly format: TensorFormat;
        readonly tensors: Tensors;
        readonly metadata: Readonly<Record<string, string>>;
        /** Variant of the architecture; undefined if it has only one. */
        readonly variant: ZooVariant | undefined;
      }
    | { readonly format: "tfjs"; readonly tfjs: TfjsModel }
    | { readonly format: "onnx"; readonly onnx: ImportedOnnx }
    | { readonly format: "looseOnnx"; readonly tensors: Tensors; readonly loose: LooseOnnx }
  );

/**
 * Reads `.onnx`, a TensorFlow.js `model.json`, or weights of a zoo architecture from `.safetensors` (or the index of
 * sharded ones), `.npz`, `.pt` and `.pth`.
 * @throws ArgumentError if the file is of another kind, damaged or not supported, or does not fit the architecture
 */
export async function readModel(path: string, options: ReadModelOptions = {}): Promise<ReadModel> {
  const model = await readWhicheverModel(path, options);
  // names in them may be as long as the file
  return { ...model, notes: model.notes.map((note) => shortened(note)) };
}

async function readWhicheverModel(path: string, options: ReadModelOptions): Promise<ReadModel> {
  const format = await recognise(path);
  if (options.output !== undefined && format === "tensors") throw withoutOutputs(path);
  if (format === "tensors") return readZooModel(path, options);
  const given = {
    architecture: options.architecture,
    "class count": options.classCount,
    variant: options.variant,
  };
  const option = Object.entries(given).find(([, value]) => value !== undefined)?.[0];
  if (option !== undefined) {
    throw new ArgumentError(option, {
      given: `it for ${path}`,
      expected: "it for files of weights alone",
      remedy: "The file itself says what its network is: leave it out.",
    });
  }
  const { inputShape, output, treatAsOpaque } = options;
  if (format === "tfjs") {
    const { readTfjs } = await import("./tfjs/importTfjs.ts");
    const tfjs = await readTfjs(path, { inputShape, output });
    const { network, weights, notes } = tfjs;
    return { format, network, weights, notes, tfjs };
  }
  const { weightsAlone } = options;
  if (weightsAlone?.embeddings) return readWeightsAlone(path, true, "embeddings are asked for");
  try {
    const onnx = await readOnnx(path, { inputShape, output, treatAsOpaque });
    const { network, weights, notes } = onnx;
    return { format, network, weights, notes, onnx };
  } catch (error) {
    if (weightsAlone === undefined || !(error instanceof UnsupportedModelError)) throw error;
    return readWeightsAlone(path, false, error.inWords);
  }
}

/** @param reason why the network itself is not read */
async function readWeightsAlone(path: string, embeddings: boolean, reason: string): Promise<ReadModel> {
  const { readLooseOnnx } = await import("./onnx/looseOnnx.ts");
  const loose = await readLooseOnnx(path, { embeddings });
  const { network, weights, tensors } = loose;
  const level = `Its weights alone are read, since ${reason}: phew doctor says more.`;
  return { format: "looseOnnx", network, weights, notes: [level, ...loose.notes], tensors, loose };
}

function withoutOutputs(path: string): ArgumentError {
  return new ArgumentError("output", {
    given: `it for ${path}`,
    expected: "it for ONNX and TensorFlow.js files, which may have several",
    remedy: "Leave it out.",
  });
}

/** What a model's file says of itself, without its weights being read. */
export interface ModelSummary {
  readonly format: "onnx" | "tfjs" | "tensors";
  /** Lengths of one input, without the batch; undefined where an ONNX file leaves one open, or all; else undefined. */
  readonly inputDims: readonly (number | undefined)[] | undefined;
  /** Paths of all its files: itself first, then those that it names, each once. */
  readonly files: readonly string[];
}

/** @throws ArgumentError if the file is of no known kind or damaged, or if a file that it names is missing */
export async function summariseModel(path: string): Promise<ModelSummary> {
  const format = await recognise(path);
  if (format === "onnx") {
    const { inputDims, externalNames } = await readOnnxInterface(path);
    return { format, inputDims, files: withNeighbours(path, externalNames, "external data") };
  }
  if (format === "tensors") return { format, inputDims: undefined, files: [path] };
  const { readTfjsFile } = await import("./tfjs/modelFile.ts");
  const { shards } = await readTfjsFile(path);
  return { format, inputDims: undefined, files: withNeighbours(path, [...new Set(shards)], "shards") };
}

const withNeighbours = (path: string, names: readonly string[], what: string): string[] => [
  path,
  ...names.map((name) => neighbourPath(path, name, `${path}: ${what}`)),
];

/** Whether a file is an ONNX model, by its content. @throws ArgumentError if it is of no known kind */
export async function isOnnxModel(path: string): Promise<boolean> {
  return (await recognise(path)) === "onnx";
}

async function recognise(path: string): Promise<"onnx" | "tfjs" | "tensors"> {
  const kind = await withFile(path, kindOf);
  if (kind === "json") return recogniseJson(path);
  return kind === "onnx" ? "onnx" : "tensors";
}

async function recogniseJson(path: string): Promise<"tfjs" | "tensors"> {
  const json = parseStrictJson(path, await readWhole(path), 64);
  if (isObject(json) && "weight_map" in json) return "tensors";
  if (isObject(json) && "modelTopology" in json) return "tfjs";
  throw new ArgumentError(path, {
    given: "JSON of another kind",
    expected: "the model.json of a TensorFlow.js LayersModel, or the index of sharded safetensors",
  });
}

async function readZooModel(path: string, options: ReadModelOptions): Promise<ReadModel> {
  const { architecture } = options;
  // first of all: it may be no file of weights either
  const file = withProducts(await readTensors(path), path);
  if (architecture === undefined && options.weightsAlone !== undefined) return looseTensors(path, file);
  if (architecture === undefined) {
    throw new UnsupportedModelError(path, {
      given: "weights without their network",
      expected: `an architecture: one of ${zooEntries.map(({ name }) => name).join(", ")}`,
      remedy: "Name it with --architecture, or bring the model as ONNX.",
    });
  }
  const variantOptions = { ...options, variant: options.variant ?? ownVariant(architecture, file.metadata) };
  const {
    network,
    variant,
    notes: choice,
  } = fittingNetwork(path, architecture, variantOptions, file.tensors);
  const { tensors, prefix } = ownNames(network, file.tensors);
  requirePlain(network, tensors, file.others, path);
  const weights: Weights = pickWeights(network, tensors, path);
  const notes = [...file.notes, ...choice];
  if (prefix !== "") notes.push(`Took "${prefix}" off the names.`);
  if (options.inputShape === undefined) notes.push(`Took the input to be ${network.inputShape.join("×")}.`);
  return {
    format: file.format,
    network,
    weights,
    notes,
    tensors,
    metadata: file.metadata,
    variant: variantOfSeveral(architecture, network.inputShape, variant),
  };
}

/** Float tensors of two axes and more, under their names: the network that they are of is not known. */
function looseTensors(path: string, file: NamedTensors): ReadModel {
  const matrices = [...file.tensors].filter(([, { dtype, shape }]) => isFloat(dtype) && shape.length > 1);
  const network = looseNetwork(
    basename(path).replace(/\.[^.]+$/, ""),
    matrices.map(([name, { shape }]) => ({ name, shape })),
  );
  const weights = new Map(matrices.map(([name, tensor]) => [name, toFloat32(tensor)]));
  const notes = [
    ...file.notes,
    `Without --architecture its weights alone are known: ${counted(matrices.length, "tensor")} of two axes and more.`,
  ];
  const { format, tensors, metadata } = file;
  return { format, network, weights, notes, tensors, metadata, variant: undefined };
}

/** Files that phew writes say which variant they are. */
function ownVariant(
  architecture: string,
  { model, variant }: Readonly<Record<string, string>>,
): ZooVariant | undefined {
  const variants = zooEntries.find(({ name }) => name === architecture)?.variants ?? [];
  return model === architecture ? variants.find((name) => name === variant) : undefined;
}
