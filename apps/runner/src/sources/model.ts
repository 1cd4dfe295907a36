/** `<model>` on the command line: a name of the zoo, a file or a run's folder, made into a network and its weights. */
import { existsSync, statSync } from "node:fs";
import path from "node:path";
import {
  ArgumentError,
  initialisationByName,
  initialise,
  type Network,
  ownInitialisation,
  variantOfSeveral,
  type Weights,
  type ZooVariant,
  zeroCount,
  zooEntries,
  zooModel,
  zooVariant,
} from "@phew/core";
import {
  type ExportableModel,
  modelOutputs,
  type ReadModel,
  type ReadModelOptions,
  readWeightsInto,
} from "@phew/formats";
import { counted, formatCount } from "@phew/runs";
import { UsageError } from "../failure.ts";
import {
  type RunModel,
  type RunSource,
  runModel,
  runSource,
  runWeightsFile,
  weightsFileOf,
} from "./runSource.ts";

export interface ModelOptions {
  readonly architecture?: string;
  readonly classes?: number;
  readonly input?: readonly number[];
  readonly variant?: ZooVariant;
  /** For a file with several outputs: the output whose network is read; absent: all. */
  readonly output?: string;
  readonly weights?: string;
  readonly init?: string;
  readonly seed?: number;
  readonly treatAsOpaque?: boolean;
  /** Of a file whose network cannot be read, its weights alone will do. */
  readonly weightsAlone?: { readonly embeddings: boolean } | undefined;
}

export interface LoadedModel {
  readonly network: Network;
  readonly weights: Weights;
  /** The source of the weights, for messages: `drawn with seed 1`, `model.onnx`. */
  readonly origin: string;
  /** Assumptions and foldings of the import. */
  readonly notes: readonly string[];
  /** The variant of a zoo architecture that has several. */
  readonly variant?: ZooVariant;
  /** Data for writing it back; `--architecture` with a file replaces its weights. */
  readonly source: ExportableModel;
}

/** True where `model` is meant as a file or a run rather than a name of the zoo. */
export function namesFile(model: string): boolean {
  if (zooEntries.some((entry) => entry.name === model)) return false;
  return (
    existsSync(model) ||
    runSource(model) !== undefined ||
    model.includes(path.sep) ||
    path.extname(model) !== ""
  );
}

/**
 * @param drawSeed seed of initial weights if no --seed is given
 * @throws UsageError or ArgumentError
 */
export async function loadModel(
  model: string | undefined,
  options: ModelOptions,
  drawSeed = 0,
): Promise<LoadedModel> {
  if (model === undefined) {
    throw new UsageError("model", {
      given: "none",
      expected: "a name of the zoo, a model file or the folder of a run",
      remedy: "phew zoo lists the names.",
    });
  }
  if (options.output !== undefined && (!namesFile(model) || runSource(model) !== undefined)) {
    throw new UsageError("--output", {
      given: `it for ${model}, which has one output`,
      expected: "it for an ONNX or TensorFlow.js file, which may have several",
    });
  }
  if (namesFile(model)) {
    if (options.weights !== undefined || options.init !== undefined) {
      const given = options.weights !== undefined ? "--weights" : "--init";
      throw new UsageError(given, {
        given: `it beside ${model}, which holds its weights`,
        expected: "one or the other",
      });
    }
    const run = runSource(model);
    if (run !== undefined) return loadRun(model, run, options);
    if (existsSync(model) && statSync(model).isDirectory()) {
      throw new UsageError("model", {
        given: `the folder ${model}, which is none of a run`,
        expected: "a name of the zoo, a model file or the folder of a run",
      });
    }
    if (options.architecture !== undefined && namesFile(options.architecture)) {
      return loadIntoArchitecture(model, options.architecture, options);
    }
    const read = await readSaid(model, {
      ...head(options),
      treatAsOpaque: options.treatAsOpaque === true,
      output: options.output,
      architecture: options.architecture,
      weightsAlone: options.weightsAlone,
    });
    const { network, weights } = read;
    const notes = withZeros(read.notes, network, weights);
    return { network, weights, origin: path.basename(model), notes, ...variantOf(read), source: read };
  }
  if (options.architecture !== undefined) {
    throw new UsageError("--architecture", {
      given: `it for the name "${model}"`,
      expected: "it with a weights file alone",
    });
  }
  if (options.weights !== undefined) {
    const file = weightsFileOf(options.weights);
    const read = await readSaid(file, { ...head(options), architecture: model });
    const notes = withZeros(read.notes, read.network, read.weights);
    return {
      ...ofZoo(read.network, read.weights, path.basename(options.weights)),
      notes,
      ...variantOf(read),
    };
  }
  const network = zooNetwork(model, options);
  const seed = options.seed ?? drawSeed;
  const initialisation =
    options.init === undefined ? ownInitialisation(network) : initialisationByName(options.init);
  const drawn = ofZoo(
    network,
    await initialise(network, { seed, initialisation }),
    `drawn with seed ${seed}`,
  );
  const variant = variantOfSeveral(model, network.inputShape, options.variant);
  return variant === undefined ? drawn : { ...drawn, variant };
}

/** @throws UsageError if tensors fit several variants and none is given */
async function readSaid(file: string, options: ReadModelOptions): Promise<ReadModel> {
  const { AmbiguousVariantError, readModel } = await import("@phew/formats");
  try {
    return await readModel(file, options);
  } catch (error) {
    if (error instanceof AmbiguousVariantError) throw new UsageError(error.subject, error.fault);
    throw error;
  }
}

const variantOf = (read: ReadModel): { variant?: ZooVariant } =>
  "variant" in read && read.variant !== undefined ? { variant: read.variant } : {};

function ofZoo(network: Network, weights: Weights, origin: string): LoadedModel {
  return { network, weights, origin, notes: [], source: { format: "zoo", network, weights } };
}

/**
 * The final weights of a run, or those of a kept step: its configuration names the network, its folder has the
 * weights.
 */
async function loadRun(model: string, run: RunSource, options: ModelOptions): Promise<LoadedModel> {
  const trained = runModel(model, run);
  if (trained.digest !== undefined) return loadFileRun(model, run, trained, options);
  if (options.architecture !== undefined) {
    throw new UsageError("--architecture", {
      given: "it beside a run, which knows its network",
      expected: "it with a weights file alone",
    });
  }
  const { readTensors } = await import("@phew/formats");
  const architecture = trained.name;
  const file = runWeightsFile(model, run);
  // runs of before the input was noted: as for any file of weights
  const noted = (await readTensors(file)).metadata.input ?? "";
  const shape = noted.split(",").map(Number);
  // runs train the variant that is usual for their input
  const input = /^\d{1,9}(,\d{1,9}){0,2}$/.test(noted)
    ? { inputShape: shape, variant: zooVariant(architecture, shape) }
    : {};
  const read = await readSaid(file, {
    ...input,
    ...head(options),
    architecture,
    narrowTo: trained.narrowTo,
  });
  const { network, weights } = read;
  const notes = withZeros(read.notes, network, weights);
  const part = run.part === undefined ? "" : `@${run.part}`;
  const origin = path.basename(path.resolve(run.folder)) + part;
  return { network, weights, origin, notes, ...variantOf(read), source: read };
}

/**
 * The same of a run that trained the network of a model file, which must be where it was, or be named with
 * --architecture.
 */
async function loadFileRun(
  model: string,
  run: RunSource,
  { name, digest, output }: RunModel,
  options: ModelOptions,
): Promise<LoadedModel> {
  const { pickWeights, readTensors } = await import("@phew/formats");
  const { readModelFile } = await import("./modelFile.ts");
  const file = options.architecture ?? name;
  await requireModelOfRun(model, file, digest!);
  const weightsFile = runWeightsFile(model, run);
  const { tensors, metadata } = await readTensors(weightsFile);
  const usualInput = metadata.input?.split(",").map(Number);
  const source = await readModelFile(file, { input: options.input, output, usualInput });
  const weights = pickWeights(source.network, tensors, weightsFile);
  const notes = withZeros(source.notes, source.network, weights);
  const part = run.part === undefined ? "" : `@${run.part}`;
  const origin = path.basename(path.resolve(run.folder)) + part;
  return { network: source.network, weights, origin, notes, source };
}

/** @throws ArgumentError where the file of a run's network is missing, or is another one */
async function requireModelOfRun(run: string, file: string, digest: string): Promise<void> {
  const { summariseModel } = await import("@phew/formats");
  const { digestOfFiles } = await import("./fileDigest.ts");
  const own = existsSync(file) ? digestOfFiles((await summariseModel(file)).files) : undefined;
  if (own === digest) return;
  throw new ArgumentError(run, {
    given: `a run of the network of ${file}, ${own === undefined ? "which is not there" : `which is another file now (${own})`}`,
    expected: `the file that it trained (${digest})`,
    remedy: "Put it back, or name where it is now with --architecture.",
  });
}

/** Weights of one file for the network of another: `weights.safetensors --architecture model.onnx`. */
async function loadIntoArchitecture(
  file: string,
  architecture: string,
  options: ModelOptions,
): Promise<LoadedModel> {
  const { readModel } = await import("@phew/formats");
  const { architecture: _, ...rest } = options;
  const source = await readModel(architecture, {
    ...head(rest),
    treatAsOpaque: rest.treatAsOpaque === true,
    output: rest.output,
  });
  const { weights, notes: own } = await readWeightsInto(weightsFileOf(file), source, (others) =>
    requireUnfolded(file, architecture, source, others),
  );
  const notes = withZeros([...source.notes, ...own], source.network, weights);
  return { network: source.network, weights, origin: path.basename(file), notes, source };
}

const withZeros = (notes: readonly string[], network: Network, weights: Weights): readonly string[] =>
  [...notes, zerosNote(network, weights)].filter((note) => note !== undefined);

/** From this fraction on, weights that are exactly 0 are no accident. */
const MANY_ZEROS = 0.05;

/** A note on a model that seems to be pruned already; undefined for others. */
export function zerosNote(network: Network, weights: Weights): string | undefined {
  const count = zeroCount(network, weights);
  if (count < MANY_ZEROS * network.prunableCount) return undefined;
  const verb = "phew prune, analyze, predict and export take them for masks with --masks-from-zeros";
  return `${formatCount(count)} of ${formatCount(network.prunableCount)} prunable weights are exactly 0, as pruned weights are: here they are weights; ${verb}.`;
}

/**
 * Rejects weights with batch normalisation beside them for a network into whose weights it was folded, even if names
 * and shapes match.
 * @param others names of the file's tensors that the network does not have
 */
export function requireUnfolded(
  file: string,
  architecture: string,
  source: ExportableModel,
  others: readonly string[],
): void {
  const { nodes } = source.network;
  const isFolded =
    (source.format === "onnx" && source.onnx.onnx.folded.length > 0) ||
    !nodes.some(({ op }) => op.kind === "batchNorm");
  const stray = others.find((name) => name.endsWith("running_mean"));
  if (!isFolded || stray === undefined) return;
  throw new ArgumentError(file, {
    given: `batch normalisation (${stray}) beside weights for ${architecture}, into whose weights it was folded on export`,
    expected: "weights and a network that both have it, or neither",
    remedy: "Export the model with it kept (docs/pytorch.md), or export it again with these weights in it.",
  });
}

/** @throws UsageError where labels would be those of several outputs @param subject what looks at labels */
export function requireOneOutput(model: ExportableModel, subject: string): void {
  const outputs = modelOutputs(model);
  if (new Set(outputs.map(({ node }) => node)).size === 1) return;
  const names = outputs.map(({ name }) => name);
  throw new UsageError(subject, {
    given: `a model with ${counted(names.length, "output")} (${names.slice(0, 10).join(", ")})`,
    expected: "one output, of which the loss is taken",
    remedy: `Choose it: --output ${names[0]}.`,
  });
}

/** A network of the zoo with the classes and input asked for. */
export function zooNetwork(name: string, options: ModelOptions): Network {
  return zooModel(name, head(options));
}

function head(options: ModelOptions): {
  classCount?: number;
  inputShape?: readonly number[];
  variant?: ZooVariant;
} {
  return {
    ...(options.variant === undefined ? {} : { variant: options.variant }),
    ...(options.classes === undefined ? {} : { classCount: options.classes }),
    ...(options.input === undefined ? {} : { inputShape: options.input }),
  };
}
