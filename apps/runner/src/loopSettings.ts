/** What the settings of a run mean to the training loop. */
import { augmentationOf, type Dataset, type Schedule, type TrainOptions } from "@phew/training";
import type { TrainConfig } from "./settings/configuration.ts";

/** Options of the loop. @throws ArgumentError where settings do not go together or do not fit the data set */
export function settingsOf(config: TrainConfig, dataset: Dataset) {
  const { momentum, nesterov, weightDecay, clipNorm, patience } = config;
  const augmentation = augmentationOf(config.augmentation, dataset);
  return {
    optimiser: { momentum, nesterov, weightDecay, ...(clipNorm > 0 ? { clipNorm } : {}) },
    epochCount: config.epochs,
    batchSize: config.batchSize,
    rate: config.rate,
    schedule: scheduleOf(config),
    warmupEpochs: config.warmupEpochs,
    labelSmoothing: config.labelSmoothing,
    ...(augmentation && { augmentation }),
    ...(patience > 0 ? { patience } : {}),
    seed: config.seed,
  } satisfies Partial<TrainOptions>;
}

function scheduleOf({ schedule, drops, dropFactor, endRate }: TrainConfig): Schedule {
  return schedule === "cosine" ? { kind: "cosine", endRate } : { kind: "step", drops, factor: dropFactor };
}
