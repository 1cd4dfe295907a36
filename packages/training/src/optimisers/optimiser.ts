/**
 * What an optimiser is: a file in this folder, which names a kernel in packages/engine/assembly/layers, and a line in
 * registry.ts. Everything else (options, files, checkpoints, memory, both executors) derives from it; see
 * docs/adding-an-optimiser.md.
 */
import type { FieldsOf, records, UpdateKernel } from "@phew/engine";
import type * as Tensorflow from "@tensorflow/tfjs-core";

/** A setting that is a number, from `least` to `most`. */
interface NumberSetting {
  readonly default: number;
  readonly least: number;
  /** Absent: any. */
  readonly most?: number;
  /** A few words for help. */
  readonly help: string;
}

/** A setting that is on or off. */
interface FlagSetting {
  readonly default: boolean;
  /** Effect of the value other than the default, for help. */
  readonly help: string;
}

export type Setting = NumberSetting | FlagSetting;
export type Settings = Readonly<Record<string, Setting>>;
export type SettingValues<S extends Settings = Settings> = {
  readonly [Name in keyof S]: Setting extends S[Name]
    ? number | boolean
    : S[Name] extends FlagSetting
      ? boolean
      : number;
};

/** One step of one parameter in TensorFlow.js; masked entries of θ and of the gradient are 0 and must stay 0. */
export interface TensorStep {
  readonly tf: typeof Tensorflow;
  readonly theta: Tensorflow.Tensor;
  readonly gradient: Tensorflow.Tensor;
  /** In the order of the optimiser's `state`. */
  readonly state: readonly Tensorflow.Tensor[];
}

export interface TensorStepResult {
  readonly theta: Tensorflow.Tensor;
  readonly state: readonly Tensorflow.Tensor[];
}

type RecordName = keyof typeof records;

export interface Optimiser<S extends Settings = Settings, Record_ extends RecordName = RecordName> {
  readonly name: string;
  /** One line for lists. */
  readonly summary: string;
  /** Default of η. */
  readonly rate: number;
  /** By their names in files; `--weight-decay` on the command line is `weightDecay`. Optimisers may share them. */
  readonly settings: S;
  /** Buffers, one number each for every trained number, 0 at first. In checkpoints they have these names. */
  readonly state: readonly string[];
  readonly kernel: UpdateKernel;
  /** The record that the kernel reads besides the numbers. */
  readonly record: Record_;
  /** @param step 1-based @returns the fields of that record */
  fields(values: SettingValues<S>, rate: number, step: number): FieldsOf<(typeof records)[Record_]>;
  /** The same step in TensorFlow.js. */
  tensorStep(given: TensorStep, values: SettingValues<S>, rate: number, step: number): TensorStepResult;
  /** The buffer that is a sum of the last gradients, and what makes a mean of it after so many steps; absent: none is. */
  readonly meanGradient?: {
    readonly buffer: string;
    factor(values: SettingValues<S>, steps: number): number;
  };
  /** Error for settings that are valid one by one but not together. */
  conflict?(values: SettingValues<S>): Conflict | undefined;
}

export interface Conflict {
  readonly subject: string;
  readonly given: string;
  readonly expected: string;
}

/** Keeps the types of the settings while the definition is written. */
export function defineOptimiser<const S extends Settings, Record_ extends RecordName>(
  definition: Optimiser<S, Record_>,
): Optimiser {
  return definition as unknown as Optimiser;
}
