/**
 * Words for a setting in names and tables. `settingWords.ts` is generated from the table of settings, in its order.
 */
export interface SettingWord {
  /** Its name in files. */
  readonly key: string;
  readonly label: string;
  /** Its value alone is clear: "lenet5", "phew". */
  readonly isBare?: true;
  readonly isPercent?: true;
  /** Value if a configuration does not have it. */
  readonly default?: unknown;
  /** The same of settings that optimisers have each for itself, by the optimiser's name. */
  readonly defaultOf?: Readonly<Record<string, number | boolean>>;
  /** `seed`: not part of a configuration. `content`: it names a file whose digest is in `sourceDigests`. */
  readonly is?: "seed" | "content";
}
