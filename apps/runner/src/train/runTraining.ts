import path from "node:path";
import { keepCountAt, type Masks, maskWarnings, type Network, type Weights } from "@phew/core";
import { readMasks, writeSafetensors } from "@phew/formats";
import {
  isFinished,
  isTidy,
  type RunRecord,
  type RunState,
  RunWriter,
  readRun,
  readRunData,
  runAccuracy,
  runFolderOf,
  withFinishedRun,
} from "@phew/runs";
import { DivergedError, type EpochResult, type TrainCheckpoint, train, usualLoader } from "@phew/training";
import { describeFailure, Failure, Interrupted } from "../failure.ts";
import { identityOf, runName, type TrainConfig } from "../settings/configuration.ts";
import { DENSE } from "../settings/pruning.ts";
import { REWIND_FILE } from "../sources/runSource.ts";
import { withDigests } from "../sources/weightSources.ts";
import { version } from "../version.ts";
import { checkpointDue, fromTensors, toTensors, weightTensors } from "./checkpoints.ts";
import { settingsOf } from "./loopSettings.ts";
import {
  datasetOf,
  gather,
  type Material,
  type RunHooks,
  type RunPlace,
  rewindStepOf,
  variantEntry,
} from "./runMaterial.ts";
import { digestMasks, keepFinalMasks, masksAgain, prunedAndKept, type Recorder } from "./runPruning.ts";
import { requireSameData, requireSameFiles, stampOf } from "./sameData.ts";

export interface RunResult {
  readonly folder: string;
  /** True if the run had been finished before. */
  readonly skipped: boolean;
  readonly testAccuracy?: number;
}

/**
 * Executes the run, or the rest of it. Does nothing if it has been finished.
 * @throws ArgumentError before anything is written if the configuration cannot be run, or if another process works on
 * it;
 *   Interrupted if the signal fired: the run can then be resumed
 */
export async function runTraining(given: TrainConfig, place: RunPlace, hooks: RunHooks): Promise<RunResult> {
  const { threadCount, force, resume = true } = place;
  const config = await withDigests(given);
  const identity = identityOf(config, place);
  const folder = runFolderOf(identity);
  const skipped = () => ({ folder, skipped: true, ...accuracyOf(readRun(folder).state) });
  const isStrict = place.strict === true && config.method !== DENSE;
  const load = () => datasetOf(config, hooks.onData);
  const wasFinished = isFinished(folder);
  if (!force && wasFinished) {
    await requireSameFiles(config, folder, load);
    // its process was killed behind its end
    if (!isTidy(folder)) await withFinishedRun(folder, async () => undefined);
    if (isStrict) await requireSound(folder, await gather(config, place, hooks));
    return skipped();
  }
  const dataStamp = await stampOf(config);
  const material = await gather(config, place, hooks);
  const { digest, normalisation } = material.dataset;
  if (!force && resume && !wasFinished)
    requireSameData(config, folder, readRunData(folder)?.digest, material.dataset);
  const options = {
    ...identity,
    name: runName(config),
    data: { ...(digest === undefined ? {} : { digest }), ...normalisation },
    ...(dataStamp === undefined ? {} : { dataStamp }),
    ...(threadCount === undefined ? {} : { threadCount }),
  };
  const writer = force || !resume ? RunWriter.open(options) : await RunWriter.resume(options);
  // another process has finished it meanwhile
  if (writer === undefined) {
    if (isStrict) await requireSound(folder, material);
    return skipped();
  }
  const record: Recorder = (event) => {
    writer.append(event);
    hooks.onEvent?.(event, writer.state);
  };
  try {
    const weights = await carriedOut(material, writer, record, hooks.signal);
    const { epochs, seed } = config;
    const metadata = metadataOf(config, material.network, { epoch: `${epochs}`, seed: `${seed}` });
    await writer.keepResult(weightTensors(material.network, weights), metadata);
    writer.close({ state: "finished" });
  } catch (error) {
    throw ended(writer, error, hooks.signal);
  }
  return { folder, skipped: false, ...accuracyOf(writer.state) };
}

/** @throws ArgumentError if the masks of a finished run cut outputs off or collapse a layer */
export async function requireSound(
  folder: string,
  { network, model }: Pick<Material, "network" | "model">,
): Promise<void> {
  const masks = await readMasks(path.join(folder, "masks.safetensors"), network, model);
  maskWarnings(masks, folder, { strict: true });
}

/** Closes the run of a failure. @returns what to throw for it */
function ended(writer: RunWriter, error: unknown, signal: AbortSignal): unknown {
  const interrupted = signal.aborted && error === signal.reason;
  const failure =
    error instanceof DivergedError ? new Failure(`${error.message} ${checkpointLeft(writer)}`) : error;
  try {
    if (interrupted) writer.close({ state: "interrupted" });
    else writer.close({ state: "failed", failure: describeFailure(failure).message });
  } catch {
    // a full disk, or a run in another process: the error below says so
  }
  if (!interrupted) return failure;
  return new Interrupted(`stopped; what was done is in ${writer.folder}, the same command goes on with it`);
}

async function carriedOut(
  material: Material,
  writer: RunWriter,
  record: Recorder,
  signal: AbortSignal,
): Promise<Weights> {
  const { config, network } = material;
  const from = writer.checkpoint && fromTensors(network, writer.checkpoint);
  if (from === undefined) {
    record({ kind: "run.started", name: runName(config), config: { ...config } });
    for (const message of material.notes) record({ kind: "log", level: "info", message });
    const { masks, weights } = await prunedAndKept(material, writer, record, signal);
    return trained(material, writer, { masks, weights }, record, signal);
  }
  const { epoch, step } = from.training.position;
  record({ kind: "run.resumed", epoch: Math.min(epoch, config.epochs), step });
  const masks = await masksAgain(material, writer, from.masksDigest, signal);
  if (material.place.strict && config.method !== DENSE) maskWarnings(masks, writer.folder, { strict: true });
  const { weights } = from.training;
  return trained(material, writer, { masks, weights, resume: from.training }, record, signal);
}

/** Start of a training; `resume` if it is resumed. */
interface Start {
  readonly masks: Masks;
  readonly weights: Weights;
  readonly resume?: TrainCheckpoint;
}

async function trained(
  material: Material,
  writer: RunWriter,
  { masks, weights, resume }: Start,
  record: Recorder,
  signal: AbortSignal,
): Promise<Weights> {
  const { config, place, dataset, network, executor } = material;
  const settings = settingsOf(config, dataset);
  const rewindStep = rewindStepOf(config, dataset);
  const isDue = checkpointDue(place.checkpoints, resume?.position.step);
  const events = train({
    dataset,
    network,
    weights,
    ...(config.method === DENSE ? {} : { masks }),
    executor,
    ...settings,
    keepCount: keepCountAt(config.density, network.prunableCount),
    loader: usualLoader(dataset, settings.augmentation),
    onBest: (best, result) => keepBest(writer, config, network, best, result),
    threadCount: place.threadCount,
    resume,
    checkpoints: {
      due: (position) => isDue(position) || position.step === rewindStep,
      keep: async (checkpoint) => {
        const { epoch, step } = checkpoint.position;
        // first, so that a run that resumes after this step has it
        if (step === rewindStep) await keepRewind(writer, config, network, checkpoint);
        const metadata = metadataOf(config, network, { epoch: `${epoch}`, step: `${step}` });
        return writer.keepCheckpoint(toTensors(network, checkpoint, digestMasks(masks)), metadata);
      },
    },
    signal,
  });
  for (;;) {
    const { done, value } = await events.next();
    if (!done) {
      record(value);
      continue;
    }
    if (value.interrupted) throw signal.reason;
    if (config.rule !== undefined && value.masks !== undefined)
      await keepFinalMasks(material, writer, value.masks);
    return value.weights;
  }
}

/** Metadata for readers of a run's weights: enough to build the network without its data set. */
function metadataOf(
  config: TrainConfig,
  network: Network,
  when: Readonly<Record<string, string>>,
): Record<string, string> {
  const input = network.inputShape.join(",");
  const model = path.basename(config.model);
  return { format: "pt", model, input, ...variantEntry(config, network), ...when, version };
}

/** The weights of the epoch that is the best so far by its validation examples, in place of the last such. */
function keepBest(
  writer: RunWriter,
  config: TrainConfig,
  network: Network,
  weights: Weights,
  { epoch }: EpochResult,
): Promise<void> {
  const metadata = metadataOf(config, network, { epoch: `${epoch}`, seed: `${config.seed}` });
  const tensors = weightTensors(network, weights);
  return writer.write("best.safetensors", (file) =>
    writeSafetensors(file, tensors, metadata, { force: true }),
  );
}

/** The weights of an early step, for other runs to start from. */
function keepRewind(
  writer: RunWriter,
  config: TrainConfig,
  network: Network,
  { weights, position: { step } }: TrainCheckpoint,
): Promise<void> {
  const metadata = metadataOf(config, network, { step: `${step}`, seed: `${config.seed}` });
  const tensors = weightTensors(network, weights);
  return writer.write(REWIND_FILE, (file) => writeSafetensors(file, tensors, metadata, { force: true }));
}

function accuracyOf(state: RunState): { testAccuracy?: number } {
  const testAccuracy = runAccuracy(state);
  return testAccuracy === undefined ? {} : { testAccuracy };
}

/** Restorable weights when numbers diverged: weights are kept only while they are finite. */
function checkpointLeft(writer: RunWriter): string {
  const kept = writer.keptStep;
  const file = writer.path("checkpoint.safetensors");
  return kept === undefined
    ? "No checkpoint had been kept before."
    : `The last good checkpoint is ${file}, of step ${kept}.`;
}

/** Finished runs with their states, for reports. */
export function recordsOf(results: readonly RunResult[]): RunRecord[] {
  return results.map(({ folder }) => readRun(folder));
}
