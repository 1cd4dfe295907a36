/** The network of a run: one of the zoo, or that of a model file with the weights that it has there. */
import { type Network, requireFiniteWeights, type Weights, zooModel } from "@phew/core";
import type { ReadModel } from "@phew/formats";
import { formatCount } from "@phew/runs";
import { type DatasetHead, datasetByName, requireHead } from "@phew/training";
import type { TrainConfig } from "../settings/configuration.ts";
import { isModelFile } from "../settings/kinds.ts";
import { requireOneOutput } from "../sources/model.ts";
import { readModelFile } from "../sources/modelFile.ts";
import { requireDigest } from "../sources/weightSources.ts";

export interface RunNetwork {
  readonly network: Network;
  /** Its file; undefined for a network of the zoo. */
  readonly model: ReadModel | undefined;
}

/** Files of this process, so that consecutive runs read them once. */
const files = new Map<string, Promise<ReadModel>>();

/**
 * @param head of the data set
 * @throws ArgumentError for an unknown name, a file that is missing, another one than the configuration was made for,
 *   not supported, or has several outputs
 */
export async function runNetwork(config: TrainConfig, head: DatasetHead): Promise<RunNetwork> {
  const { model: name, input, output, narrowToDensity: narrowTo } = config;
  const { inputShape, classCount } = head;
  if (!isModelFile(name))
    return { network: zooModel(name, { inputShape, classCount, narrowTo }), model: undefined };
  await requireDigest(config, "model");
  const key = JSON.stringify([config.sourceDigests?.model, name, input, output, inputShape]);
  const reading = files.get(key) ?? readModelFile(name, { input, output, usualInput: inputShape });
  files.set(key, reading);
  const model = await reading;
  requireOneOutput(model, name);
  return { network: model.network, model };
}

/**
 * Looks at the network before a data set is read that has a shape of its own.
 * @throws ArgumentError as {@link runNetwork}, or if the network does not fit the data set
 */
export async function requireFittingHead(config: TrainConfig): Promise<void> {
  const { dataset, classCount, imageSize } = config;
  const { head } = datasetByName(dataset);
  if (!isModelFile(config.model)) zooModel(config.model);
  if (!isModelFile(config.model) || head === undefined || imageSize !== undefined) return;
  const own = { ...head, classCount: classCount ?? head.classCount };
  const { network } = await runNetwork(config, own);
  requireHead(network, { name: dataset, ...own });
}

/** The weights of the network's file, if training is to start from them. @throws ArgumentError if one is not finite */
export function ownWeights({ init }: TrainConfig, { network, model }: RunNetwork): Weights | undefined {
  if (model === undefined || init !== undefined) return undefined;
  requireFiniteWeights(network, model.weights);
  return model.weights;
}

/** "lenet5 narrowed to 3,071 of 61,470 weights; units of its layers: 1, 4, 26, 18, 10." */
function narrowNote({ name, prunable, prunableCount, inputShape, outputShape }: Network): string {
  const whole = zooModel(name, { inputShape, classCount: outputShape[0] }).prunableCount;
  const units = prunable.map(({ shape }) => shape[0]).join(", ");
  return `${name} narrowed to ${formatCount(prunableCount)} of ${formatCount(whole)} weights; units of its layers: ${units}.`;
}

/** What is said of a network that is narrowed, or from a file, when its run begins. */
export function networkNotes(config: TrainConfig, { network, model }: RunNetwork): readonly string[] {
  if (config.narrowToDensity !== undefined) return [narrowNote(network)];
  if (model === undefined) return [];
  const { init, startWeights, seed, model: file } = config;
  const start =
    startWeights !== undefined
      ? `Training starts from the weights of ${startWeights}, not from those of ${file}.`
      : init !== undefined
        ? `Weights are drawn anew (${init}, seed ${seed}): those of ${file} are not used.`
        : `Training starts from the weights of ${file}.`;
  return [...model.notes, start];
}
