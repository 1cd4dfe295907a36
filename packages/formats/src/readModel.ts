/** A model out of any file that holds one: recognised by its content, then by its name. */
import {
  ArgumentError,
  elementCount,
  type Network,
  type Shape,
  type Weights,
  zooEntries,
  zooModel,
} from "@phew/core";
import { kindOf } from "./fileKind.ts";
import type { ImportedModel, ImportedOnnx } from "./onnx/importGraph.ts";
import { readOnnx } from "./onnx/onnx.ts";
import { withProducts } from "./prunedTensors.ts";
import { readWhole, withFile } from "./readFile.ts";
import { isObject, parseStrictJson } from "./strictJson.ts";
import type { Tensors } from "./tensor.ts";
import { type NamedTensors, readTensors, type TensorFormat } from "./tensorFile.ts";
import type { TfjsModel } from "./tfjs/importTfjs.ts";
import { ownNames, pickWeights, requirePlain } from "./weightsFile.ts";

export interface ReadModelOptions {
  /** A name of the zoo: files of named tensors hold weights alone. */
  readonly architecture?: string;
  /** Number of classes, of the architecture; read off the file's last layer where it is not given. */
  readonly classCount?: number;
  /** Shape of one input, `[channels, height, width]` or `[features]`. */
  readonly inputShape?: Shape;
  /** Parts of an ONNX file that are not supported carry every unit to every unit, instead of being refused. */
  readonly treatAsOpaque?: boolean;
}

/** A model with what it takes to write it back as the file it came from. */
export type ReadModel = ImportedModel &
  (
    | {
        readonly format: TensorFormat;
        readonly tensors: Tensors;
        readonly metadata: Readonly<Record<string, string>>;
      }
    | { readonly format: "tfjs"; readonly tfjs: TfjsModel }
    | { readonly format: "onnx"; readonly onnx: ImportedOnnx }
  );

/**
 * Reads `.onnx`, a TensorFlow.js `model.json`, or weights of a zoo architecture out of `.safetensors` (or the index of
 * sharded ones), `.npz`, `.pt` and `.pth`.
 * @throws ArgumentError where the file is of no such kind, damaged or not supported, or does not fit the architecture
 */
export async function readModel(path: string, options: ReadModelOptions = {}): Promise<ReadModel> {
  const format = await recognise(path);
  if (format === "tensors") return readZooModel(path, options);
  if (options.architecture !== undefined || options.classCount !== undefined) {
    const option = options.architecture !== undefined ? "architecture" : "class count";
    throw new ArgumentError(option, {
      given: `it for ${path}`,
      expected: "it for files of weights alone",
      remedy: "The file itself says what its network is: leave it out.",
    });
  }
  const input = options.inputShape === undefined ? {} : { inputShape: options.inputShape };
  if (format === "tfjs") {
    const { readTfjs } = await import("./tfjs/importTfjs.ts");
    const tfjs = await readTfjs(path, input);
    const { network, weights, notes } = tfjs;
    return { format, network, weights, notes, tfjs };
  }
  const onnx = await readOnnx(path, { ...input, treatAsOpaque: options.treatAsOpaque ?? false });
  const { network, weights, notes } = onnx;
  return { format, network, weights, notes, onnx };
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
  if (architecture === undefined) {
    throw new ArgumentError(path, {
      given: "weights without their network",
      expected: `an architecture: one of ${zooEntries.map(({ name }) => name).join(", ")}`,
      remedy: "Name it with --architecture, or bring the model as ONNX.",
    });
  }
  const network = fittingNetwork(architecture, options, file);
  const { tensors, prefix } = ownNames(network, file.tensors);
  requirePlain(network, tensors, file.others, path);
  const weights: Weights = pickWeights(network, tensors, path);
  const notes = [...file.notes];
  if (prefix !== "") notes.push(`Took "${prefix}" off the names.`);
  if (options.inputShape === undefined) notes.push(`Took the input to be ${network.inputShape.join("×")}.`);
  return { format: file.format, network, weights, notes, tensors, metadata: file.metadata };
}

/** The architecture in the form whose parameters fit the file best; the first of those that do alike. */
function fittingNetwork(architecture: string, options: ReadModelOptions, file: NamedTensors): Network {
  const entry = zooEntries.find(({ name }) => name === architecture);
  const inputs: (Shape | undefined)[] =
    options.inputShape !== undefined
      ? [options.inputShape]
      : (entry?.heads.map((head) => head.inputShape) ?? [undefined]);
  const candidates = inputs.map((inputShape) => {
    const shape = inputShape === undefined ? {} : { inputShape };
    const given = options.classCount === undefined ? {} : { classCount: options.classCount };
    const initial = zooModel(architecture, { ...shape, ...given });
    const classCount = options.classCount ?? classCountOf(initial, file.tensors);
    const network = classCount === undefined ? initial : zooModel(architecture, { ...shape, classCount });
    const { tensors } = ownNames(network, file.tensors);
    const misfits = network.parameters.filter(({ name, shape: own }) => !fits(own, tensors.get(name)?.shape));
    return { network, misfitCount: misfits.length };
  });
  return candidates.reduce((best, next) => (next.misfitCount < best.misfitCount ? next : best)).network;
}

const fits = (shape: Shape, given: Shape | undefined): boolean =>
  given !== undefined &&
  given.length === shape.length &&
  given.every((length, axis) => length === shape[axis]);

/** The number of output units of the file's last layer. */
function classCountOf(network: Network, tensors: Tensors): number | undefined {
  const last = network.prunable.at(-1)!;
  const shape = ownNames(network, tensors).tensors.get(last.name)?.shape;
  const usable = shape !== undefined && shape.length === last.shape.length && elementCount(shape) > 0;
  return usable ? shape[0] : undefined;
}
