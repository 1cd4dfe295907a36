/** `<model>` on the command line: a name of the zoo or a file, made into a network and its weights. */
import { existsSync, statSync } from "node:fs";
import path from "node:path";
import {
  initialisationByName,
  initialise,
  type Network,
  ownInitialisation,
  type Weights,
  zooEntries,
  zooModel,
} from "@phew/core";
import { type ExportableModel, readWeights } from "@phew/formats";
import { UsageError } from "./failure.ts";

export interface ModelOptions {
  readonly architecture?: string;
  readonly classes?: number;
  readonly input?: readonly number[];
  readonly weights?: string;
  readonly init?: string;
  readonly seed?: number;
  readonly treatAsOpaque?: boolean;
}

export interface LoadedModel {
  readonly network: Network;
  readonly weights: Weights;
  /** How the weights came about, for people: `drawn with seed 1`, `model.onnx`. */
  readonly origin: string;
  /** What was assumed or folded on import. */
  readonly notes: readonly string[];
  /** What it takes to write it back. */
  readonly source: ExportableModel;
}

/** True where `model` is meant as a file rather than a name of the zoo. */
export function namesFile(model: string): boolean {
  if (zooEntries.some((entry) => entry.name === model)) return false;
  return existsSync(model) || model.includes(path.sep) || path.extname(model) !== "";
}

/**
 * @param drawSeed seed of the weights where they are drawn and no --seed is given
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
      expected: "a name of the zoo or a model file",
      remedy: "phew zoo lists the names.",
    });
  }
  if (namesFile(model)) {
    if (options.weights !== undefined || options.init !== undefined) {
      const given = options.weights !== undefined ? "--weights" : "--init";
      throw new UsageError(given, {
        given: "it beside a model file, which holds its weights",
        expected: "one or the other",
      });
    }
    if (existsSync(model) && statSync(model).isDirectory()) {
      throw new UsageError("model", {
        given: `the folder ${model}`,
        expected: "a name of the zoo or a model file",
      });
    }
    const { readModel } = await import("@phew/formats");
    if (options.architecture !== undefined && namesFile(options.architecture)) {
      return loadIntoArchitecture(model, options.architecture, options);
    }
    const read = await readModel(model, {
      ...head(options),
      treatAsOpaque: options.treatAsOpaque === true,
      ...(options.architecture === undefined ? {} : { architecture: options.architecture }),
    });
    const { network, weights, notes } = read;
    return { network, weights, origin: path.basename(model), notes, source: read };
  }
  if (options.architecture !== undefined) {
    throw new UsageError("--architecture", {
      given: `it for the name "${model}"`,
      expected: "it with a weights file alone",
    });
  }
  const network = zooNetwork(model, options);
  if (options.weights !== undefined) {
    const weights = await readWeights(options.weights, network);
    return ofZoo(network, weights, path.basename(options.weights));
  }
  const seed = options.seed ?? drawSeed;
  const initialisation =
    options.init === undefined ? ownInitialisation(network) : initialisationByName(options.init);
  return ofZoo(network, await initialise(network, { seed, initialisation }), `drawn with seed ${seed}`);
}

function ofZoo(network: Network, weights: Weights, origin: string): LoadedModel {
  return { network, weights, origin, notes: [], source: { format: "zoo", network, weights } };
}

/** Weights of one file for the network of another: `weights.safetensors --architecture model.onnx`. */
async function loadIntoArchitecture(
  file: string,
  architecture: string,
  options: ModelOptions,
): Promise<LoadedModel> {
  const { readModel } = await import("@phew/formats");
  const { architecture: _, ...rest } = options;
  const { network, notes } = await readModel(architecture, head(rest));
  const weights = await readWeights(file, network);
  return { ...ofZoo(network, weights, path.basename(file)), notes };
}

/** A network of the zoo with the classes and input asked for. */
export function zooNetwork(name: string, options: ModelOptions): Network {
  return zooModel(name, head(options));
}

function head(options: ModelOptions): { classCount?: number; inputShape?: readonly number[] } {
  return {
    ...(options.classes === undefined ? {} : { classCount: options.classes }),
    ...(options.input === undefined ? {} : { inputShape: options.input }),
  };
}
