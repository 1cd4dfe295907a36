/** What a training run is: everything that decides its numbers, and nothing else. It names the run's folder. */

import type { RunIdentity } from "@phew/runs";
import { formatPercent } from "@phew/runs";

export interface TrainConfig {
  /** Name of the zoo. */
  readonly model: string;
  readonly dataset: string;
  /** Folder of the data set's files; absent for embedded ones. */
  readonly dataDir?: string;
  readonly classCount?: number;
  readonly trainCount?: number;
  readonly testCount?: number;
  /** Height and width of inputs, for images of any size. */
  readonly imageSize?: number;
  /** In place of the data set's own: inputs are (pixel / 255 − mean) / std, one number a channel. */
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  /** Fraction of each class's training examples set aside to choose by; 0: none. */
  readonly validation: number;
  /** Of data that are drawn or chosen; not the run's seed, so that runs of other seeds see the same data. */
  readonly dataSeed?: number;
  /** Of training images: none, usual, or as crop4+flip. */
  readonly augmentation: string;
  /** A pruning method, or `dense`. */
  readonly method: string;
  /** Fraction of weights kept; 1 for dense. */
  readonly density: number;
  readonly options: Readonly<Record<string, string | number | boolean>>;
  /** A sanity check that the mask goes through; absent where there is none. */
  readonly check?: string;
  readonly checkOptions?: Readonly<Record<string, string | number | boolean>>;
  /** Weights that the method prunes by: a file, or a run as `FOLDER[@final|@best|@rewind]`. Absent: those trained from. */
  readonly scoreWeights?: string;
  /** Weights that training starts from, alike. Absent: drawn with `seed`. */
  readonly startWeights?: string;
  /** Masks whose weights alone may be kept: a file, or a run's folder. Absent: all may be. */
  readonly within?: string;
  /** SHA-256 of the files that {@link SOURCE_SETTINGS} mean, by setting. */
  readonly sourceDigests?: Readonly<Record<string, string>>;
  /** The step, or the epoch, after which the run keeps its weights for others to be rewound to. */
  readonly rewindStep?: number;
  readonly rewindEpoch?: number;
  readonly seed: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly rate: number;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
  /** How the rate changes: `step` by drops, `cosine` to `endRate`. */
  readonly schedule: "step" | "cosine";
  /** Fractions of the run at which the rate is multiplied by `dropFactor`. */
  readonly drops: readonly number[];
  readonly dropFactor: number;
  /** What a cosine ends at. */
  readonly endRate: number;
  readonly warmupEpochs: number;
  readonly labelSmoothing: number;
  /** Global norm at which gradients are clipped; 0: nowhere. */
  readonly clipNorm: number;
  /** Epochs without a better validation accuracy after which the run ends; 0: never. */
  readonly patience: number;
  readonly executor: string;
  /** Fused multiply-add; absent: none, and the same bits on every machine. */
  readonly fastMath?: boolean;
}

/** Values that are left out of a run's hash where a configuration has them unchanged. */
export const TRAIN_DEFAULTS = {
  options: {},
  validation: 0,
  augmentation: "none",
  momentum: 0.9,
  nesterov: true,
  weightDecay: 1e-4,
  schedule: "step",
  drops: [0.5, 0.75],
  dropFactor: 0.1,
  endRate: 0,
  warmupEpochs: 0,
  labelSmoothing: 0,
  clipNorm: 0,
  patience: 0,
} satisfies Partial<TrainConfig>;

/** Settings that name files of other runs. */
export const SOURCE_SETTINGS = ["scoreWeights", "startWeights", "within"] as const;

/** The run of a configuration. Where the files of other runs lie is no part of it: what they hold is. */
export function identityOf(
  config: TrainConfig,
  { root, experiment }: Pick<RunIdentity, "root" | "experiment">,
): RunIdentity {
  const places = Object.fromEntries(SOURCE_SETTINGS.map((setting) => [setting, config[setting]]));
  const defaults = { ...TRAIN_DEFAULTS, ...places };
  return { root, experiment, config: { ...config }, defaults, seed: config.seed };
}

/** What is taken where nothing is said; in the hash even so, because recipes change them. */
export const USUAL_SETTINGS = {
  dataset: "glyphs",
  method: "phew",
  epochs: 4,
  batchSize: 64,
  rate: 0.02,
  executor: "sparse",
} satisfies Partial<TrainConfig>;

/** `phew 5 %`, `dense`: what a person calls the run. */
export function runName(config: TrainConfig): string {
  const method = config.check === undefined ? config.method : `${config.method}+${config.check}`;
  return config.method === "dense" ? "dense" : `${method} ${formatPercent(config.density, 4)}`;
}
