/**
 * Weights and masks that a run takes from other runs or from files: finds the files, and checks them against the
 * digests of the configuration. runSource.ts finds the file of a run.
 */
import { createHash } from "node:crypto";
import { existsSync, readSync, statSync } from "node:fs";
import { ArgumentError, type Masks, type Network, requireFiniteWeights, type Weights } from "@phew/core";
import { readMasks, readWeights, withFileSync } from "@phew/formats";
import type { TrainConfig } from "../settings/configuration.ts";
import { SOURCE_SETTINGS } from "../settings/pruning.ts";
import { SETTINGS } from "../settings/table.ts";
import { runMasksFile, runModel, runSource, runWeightsFile } from "./runSource.ts";

type SourceSetting = (typeof SOURCE_SETTINGS)[number];

/** Inputs of a run from elsewhere. */
export interface Sources {
  readonly scoreWeights?: Weights;
  readonly startWeights?: Weights;
  readonly within?: Masks;
}

/**
 * The configuration with the digests of the files that it names; existing digests stay.
 * @throws ArgumentError if a file or run is missing, of another model, or lacks what is needed
 */
export function withDigests(config: TrainConfig): TrainConfig {
  const named = SOURCE_SETTINGS.filter((setting) => config[setting] !== undefined);
  const stray = Object.keys(config.sourceDigests ?? {}).find(
    (setting) => !named.some((name) => name === setting),
  );
  if (stray !== undefined) {
    throw new ArgumentError("sourceDigests", {
      given: `a digest of ${stray}, which is not set`,
      expected: "digests of files that the configuration names",
    });
  }
  if (named.length === 0) return config;
  const digests = named.map((setting) => [
    setting,
    config.sourceDigests?.[setting] ?? digestOf(config, setting),
  ]);
  return { ...config, sourceDigests: Object.fromEntries(digests) };
}

/**
 * Reads the files that the configuration names.
 * @throws ArgumentError as {@link withDigests}; if a file does not have its digest, does not fit the network, or
 *   holds weights that are not finite
 */
export async function readSources(config: TrainConfig, network: Network): Promise<Sources> {
  const { scoreWeights, startWeights, within } = config;
  for (const setting of SOURCE_SETTINGS) if (config[setting] !== undefined) requireDigest(config, setting);
  const weightsOf = async (setting: SourceSetting) => {
    const file = sourceFile(config, setting);
    const weights = await readWeights(file, network);
    requireFiniteWeights(network, weights);
    return weights;
  };
  return {
    ...(scoreWeights !== undefined && { scoreWeights: await weightsOf("scoreWeights") }),
    ...(startWeights !== undefined && { startWeights: await weightsOf("startWeights") }),
    ...(within !== undefined && { within: await readMasks(sourceFile(config, "within"), network) }),
  };
}

function requireDigest(config: TrainConfig, setting: SourceSetting): void {
  const expected = config.sourceDigests?.[setting];
  const given = digestOf(config, setting);
  if (given === expected) return;
  throw new ArgumentError(`${SETTINGS[setting].noun} "${config[setting]}"`, {
    given: `another file than the configuration was made for (${given})`,
    expected: `${expected}`,
    remedy: "Name the file that it was made for, or leave sourceDigests out for a run of its own.",
  });
}

/** The file of a setting. @throws ArgumentError if there is none, or if it is of another model */
function sourceFile(config: TrainConfig, setting: SourceSetting): string {
  const text = config[setting]!;
  const subject = `${SETTINGS[setting].noun} "${text}"`;
  const run = runSource(text);
  if (run === undefined) {
    const isThere = existsSync(text);
    if (isThere && !statSync(text).isDirectory()) return text;
    throw new ArgumentError(subject, {
      given: isThere ? "a folder without a run" : "no such file or run",
      expected: "a file, or the folder of a run",
    });
  }
  const model = runModel(subject, run);
  if (model !== config.model) {
    throw new ArgumentError(subject, { given: `a run of ${model}`, expected: `one of ${config.model}` });
  }
  return setting === "within" ? runMasksFile(subject, run) : runWeightsFile(subject, run);
}

function digestOf(config: TrainConfig, setting: SourceSetting): string {
  return withFileSync(sourceFile(config, setting), (descriptor) => {
    const hash = createHash("sha256");
    const piece = new Uint8Array(1 << 20);
    let at = 0;
    for (let length = 1; length > 0; at += length) {
      length = readSync(descriptor, piece, 0, piece.length, at);
      hash.update(piece.subarray(0, length));
    }
    return `sha256:${hash.digest("hex")}`;
  });
}
