/**
 * The model, weights and masks that a run takes from other runs or from files: finds the files, and checks them against
 * the digests of the configuration. runSource.ts finds the file of a run.
 */
import { existsSync, statSync } from "node:fs";
import { ArgumentError, type Masks, type Network, requireFiniteWeights, type Weights } from "@phew/core";
import { type ExportableModel, readMasks, readWeights, readWeightsInto, summariseModel } from "@phew/formats";
import type { TrainConfig } from "../settings/configuration.ts";
import { isModelFile } from "../settings/kinds.ts";
import { DIGESTED_SETTINGS, SOURCE_SETTINGS } from "../settings/pruning.ts";
import { SETTINGS } from "../settings/table.ts";
import { digestOfFiles } from "./fileDigest.ts";
import { requireUnfolded } from "./model.ts";
import { runMasksFile, runModel, runSource, runWeightsFile } from "./runSource.ts";

type SourceSetting = (typeof SOURCE_SETTINGS)[number];
type DigestedSetting = (typeof DIGESTED_SETTINGS)[number];

/** Inputs of a run from elsewhere. */
export interface Sources {
  readonly scoreWeights?: Weights;
  readonly startWeights?: Weights;
  readonly within?: Masks;
}

/** Settings of a configuration that name files. */
export function fileSettings(config: TrainConfig): DigestedSetting[] {
  return DIGESTED_SETTINGS.filter((setting) =>
    setting === "model" ? isModelFile(config.model) : config[setting] !== undefined,
  );
}

/**
 * The configuration with the digests of the files that it names; existing digests stay.
 * @throws ArgumentError if a file or run is missing, of another model, or lacks what is needed
 */
export async function withDigests(config: TrainConfig): Promise<TrainConfig> {
  const named = fileSettings(config);
  const stray = Object.keys(config.sourceDigests ?? {}).find(
    (setting) => !named.some((name) => name === setting),
  );
  if (stray !== undefined) {
    throw new ArgumentError("sourceDigests", {
      given: `a digest of ${stray}, which is ${stray === "model" ? "no file" : "not set"}`,
      expected: "digests of files that the configuration names",
    });
  }
  // the model first: sources are compared with it
  let digested = config;
  for (const setting of named) {
    const digest = config.sourceDigests?.[setting] ?? (await digestOf(digested, setting));
    digested = { ...digested, sourceDigests: { ...digested.sourceDigests, [setting]: digest } };
  }
  return digested;
}

/**
 * Reads the files that the configuration names, but for its model.
 * @param model the network's file; undefined for a network of the zoo
 * @throws ArgumentError as {@link withDigests}; if a file does not have its digest, does not fit the network, or
 *   holds weights that are not finite
 */
export async function readSources(
  config: TrainConfig,
  network: Network,
  model: ExportableModel | undefined,
): Promise<Sources> {
  const { scoreWeights, startWeights, within } = config;
  for (const setting of SOURCE_SETTINGS)
    if (config[setting] !== undefined) await requireDigest(config, setting);
  const weightsOf = async (setting: SourceSetting) => {
    const weights = await readSource(config, setting, network, model);
    requireFiniteWeights(network, weights);
    return weights;
  };
  return {
    ...(scoreWeights !== undefined && { scoreWeights: await weightsOf("scoreWeights") }),
    ...(startWeights !== undefined && { startWeights: await weightsOf("startWeights") }),
    ...(within !== undefined && { within: await readMasks(sourceFile(config, "within"), network, model) }),
  };
}

/** A run has the network's own numbers; any other file those of the module that the network's file was exported from. */
function readSource(
  config: TrainConfig,
  setting: SourceSetting,
  network: Network,
  model: ExportableModel | undefined,
): Promise<Weights> {
  const file = sourceFile(config, setting);
  if (model === undefined || runSource(config[setting]!) !== undefined) return readWeights(file, network);
  const check = (others: readonly string[]) => requireUnfolded(file, config.model, model, others);
  return readWeightsInto(file, model, check).then(({ weights }) => weights);
}

/** @throws ArgumentError where the file is missing, or another one than the configuration was made for */
export async function requireDigest(config: TrainConfig, setting: DigestedSetting): Promise<void> {
  const expected = config.sourceDigests?.[setting];
  const subject = `${nounOf(setting)} "${config[setting]}"`;
  if (setting === "model" && !existsSync(config.model)) {
    throw new ArgumentError(subject, {
      given: "no such file",
      expected: `the one that the run was made for (${expected})`,
      remedy: "Put it back there, or say in the run's config.json where it is now.",
    });
  }
  const given = await digestOf(config, setting);
  if (given === expected) return;
  throw new ArgumentError(subject, {
    given: `another file than the configuration was made for (${given})`,
    expected: `${expected}`,
    remedy: "Name the file that it was made for, or leave sourceDigests out for a run of its own.",
  });
}

const nounOf = (setting: DigestedSetting) => (setting === "model" ? "model" : SETTINGS[setting].noun);

/** The file of a setting. @throws ArgumentError if there is none, or if it is of another model */
function sourceFile(config: TrainConfig, setting: SourceSetting): string {
  const text = config[setting]!;
  const subject = `${nounOf(setting)} "${text}"`;
  const run = runSource(text);
  if (run === undefined) return requireFile(subject, text);
  const { name, digest } = runModel(subject, run);
  if (digest === undefined ? name !== config.model : digest !== config.sourceDigests?.model) {
    throw new ArgumentError(subject, { given: `a run of ${name}`, expected: `one of ${config.model}` });
  }
  return setting === "within" ? runMasksFile(subject, run) : runWeightsFile(subject, run);
}

function requireFile(subject: string, text: string): string {
  const isThere = existsSync(text);
  if (isThere && !statSync(text).isDirectory()) return text;
  throw new ArgumentError(subject, {
    given: isThere ? "a folder without a run" : "no such file or run",
    expected: "a file, or the folder of a run",
  });
}

async function digestOf(config: TrainConfig, setting: DigestedSetting): Promise<string> {
  if (setting !== "model") return digestOfFiles([sourceFile(config, setting)]);
  return modelDigest(config.model);
}

/**
 * Of a model's file and of those that it names behind it.
 * @throws ArgumentError if one is missing, or the file holds weights without their network
 */
export async function modelDigest(model: string): Promise<string> {
  const { format, files } = await summariseModel(requireModelFile(model));
  if (format !== "tensors") return digestOfFiles(files);
  throw new ArgumentError(model, {
    given: "weights without their network",
    expected: "a model file, or an architecture beside the weights",
    remedy: "Name it with --architecture, or bring the model as ONNX.",
  });
}

function requireModelFile(model: string): string {
  const isThere = existsSync(model);
  if (isThere && !statSync(model).isDirectory()) return model;
  throw new ArgumentError(`model "${model}"`, {
    given: isThere ? "a folder" : "no such file",
    expected: "a name of the zoo, or a model file (.onnx, or a TensorFlow.js model.json)",
  });
}
