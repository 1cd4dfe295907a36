/** How a setting stands in names and tables. `settingWords.ts` is made of the table of settings, in its order. */
export interface SettingWord {
  /** Its name in files. */
  readonly key: string;
  readonly label: string;
  /** Its value says what it is: "lenet5", "phew". */
  readonly isBare?: true;
  readonly isPercent?: true;
  /** What is meant where a configuration does not have it. */
  readonly default?: unknown;
  /** The same of settings that optimisers have each for itself, by the optimiser's name. */
  readonly defaultOf?: Readonly<Record<string, number | boolean>>;
  /** `seed`: no part of a configuration. `content`: it names a file, whose digest stands in `sourceDigests`. */
  readonly is?: "seed" | "content";
}
