/** Converts the settings of a run to options of the training loop. */
import {
  augmentationOf,
  type ChosenRule,
  chosenOptimiser,
  chosenRule,
  type Dataset,
  type OptimiserOptions,
  type Schedule,
  type TrainOptions,
} from "@phew/training";
import type { TrainConfig } from "../settings/configuration.ts";
import { optimiserNamed } from "../settings/optimisers.ts";

/** Options of the loop. @throws ArgumentError where settings do not go together or do not fit the data set */
export function settingsOf(config: TrainConfig, dataset: Dataset) {
  const { patience } = config;
  const optimiser = optimiserOf(config);
  chosenOptimiser(optimiser);
  const augmentation = augmentationOf(config.augmentation, dataset);
  return {
    optimiser,
    epochCount: config.epochs,
    batchSize: config.batchSize,
    rate: config.rate,
    schedule: scheduleOf(config),
    warmupEpochs: config.warmupEpochs,
    labelSmoothing: config.labelSmoothing,
    augmentation,
    rule: ruleOf(config),
    ...(patience > 0 ? { patience } : {}),
    seed: config.seed,
  } satisfies Partial<TrainOptions>;
}

function ruleOf({ rule, ruleOptions }: TrainConfig): ChosenRule | undefined {
  return rule === undefined ? undefined : chosenRule({ name: rule, options: ruleOptions });
}

/** The density of the masks that training begins with: a rule may start with others than the run ends with. */
export function startDensityOf(config: TrainConfig): number {
  const rule = ruleOf(config);
  return rule?.schedule.startDensity?.(config.density, rule.options) ?? config.density;
}

function optimiserOf(config: TrainConfig): OptimiserOptions {
  const { name, settings } = optimiserNamed(config.optimiser);
  const values = config as unknown as Readonly<Record<string, number | boolean>>;
  return {
    name,
    settings: Object.fromEntries(Object.keys(settings).map((setting) => [setting, values[setting]!])),
    ...(config.clipNorm > 0 ? { clipNorm: config.clipNorm } : {}),
  };
}

function scheduleOf({ schedule, drops, dropFactor, endRate }: TrainConfig): Schedule {
  return schedule === "cosine" ? { kind: "cosine", endRate } : { kind: "step", drops, factor: dropFactor };
}
