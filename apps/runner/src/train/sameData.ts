/** A run is resumed, or counts as finished, only with the data with which it began. */
import { ArgumentError } from "@phew/core";
import { readDataStamp, readRunData } from "@phew/runs";
import { type Dataset, dataStamp } from "@phew/training";
import type { TrainConfig } from "../settings/configuration.ts";

type Named = Pick<TrainConfig, "dataset" | "dataDir">;

/** Stamps of this process, by folder: a row of runs looks at the files once. */
const stamps = new Map<string, Promise<string | undefined>>();

/** The stamp of the data's files as they were when this process first looked; undefined for data that are drawn. */
export function stampOf({ dataDir }: Named): Promise<string | undefined> {
  if (dataDir === undefined) return Promise.resolve(undefined);
  const known = stamps.get(dataDir) ?? dataStamp(dataDir);
  stamps.set(dataDir, known);
  return known;
}

/**
 * For a finished run: reads the data only if their files differ from those of the training.
 * @throws ArgumentError if their contents differ; nothing if they are missing
 */
export async function requireSameFiles(
  config: Named,
  folder: string,
  load: () => Promise<Dataset>,
): Promise<void> {
  const digest = readRunData(folder)?.digest;
  if (digest === undefined) return;
  const stamp = await stampOf(config);
  if (stamp === undefined || stamp === readDataStamp(folder)) return;
  requireSameData(config, folder, digest, await load());
}

/**
 * @param source of the digest: the run's folder, or the file from which a run is repeated
 * @throws ArgumentError if the data have another digest
 */
export function requireSameData(
  { dataset, dataDir }: Named,
  source: string,
  digest: string | undefined,
  { digest: own }: Dataset,
): void {
  if (digest === undefined || own === undefined || own === digest) return;
  throw new ArgumentError(`data set ${dataset} in ${dataDir}`, {
    given: `other data than those of ${source} (${own})`,
    expected: digest,
    remedy: "Put them back, train with these under another --experiment, or begin again with --force.",
  });
}
