/** A run's configuration from a file: the `config.json` of a run folder, or one written in its manner. */
import { readText } from "@phew/formats";
import { parseRunData } from "@phew/runs";
import { requireShape } from "@phew/runs/sweeps";
import { z } from "zod";
import { parseJson } from "./parseJson.ts";
import { TRAIN_DEFAULTS, type TrainConfig } from "./trainConfig.ts";
import { trainConfigSchema } from "./trainSettings.ts";

export interface TrainConfigFile {
  /** Folder of this and like runs, where the file names one. */
  readonly experiment?: string;
  readonly config: TrainConfig;
  /** Of the data that the run was trained on, where the file says. */
  readonly dataDigest?: string;
}

/** What stands beside `config` in a run folder's file. */
const frame = z.strictObject({
  experiment: z.string().optional().describe("a text"),
  name: z.unknown().optional(),
  seed: z.unknown().optional(),
  data: z.unknown().optional(),
  config: z.record(z.string(), z.unknown()).describe("an object of settings"),
});

/** @throws ArgumentError where the file is missing or no JSON, or a field is missing, unknown or of another kind */
export function readTrainConfig(path: string): TrainConfigFile {
  const { experiment, config, data } = requireShape(
    path,
    frame,
    parseJson(path, readText(path), "a run's config.json"),
  );
  const dataDigest = parseRunData(data)?.digest;
  return {
    ...(experiment === undefined ? {} : { experiment }),
    config: checkTrainConfig(path, config),
    ...(dataDigest === undefined ? {} : { dataDigest }),
  };
}

/**
 * A configuration with every field checked, those absent at their defaults.
 * @param source where it comes from, for messages
 * @throws ArgumentError for the first field that is missing, unknown or of another kind
 */
export function checkTrainConfig(source: string, given: Readonly<Record<string, unknown>>): TrainConfig {
  return requireShape(source, trainConfigSchema, { ...TRAIN_DEFAULTS, ...given }) as TrainConfig;
}
