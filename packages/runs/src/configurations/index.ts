/** `@phew/runs/configurations`: in what runs differ, and statistics over samples of their numbers. */
export { comparedDensities, isFound } from "./comparedDensities.ts";
export {
  type Configuration,
  type Configurations,
  type ConfiguredRun,
  configurationsOf,
  type SettingColumn,
} from "./configurations.ts";
export { isBare, labelOf, modelName } from "./facts.ts";
export { problemsOf } from "./problems.ts";
export { oncePerSeed, repeatWords } from "./repeats.ts";
export { type SettingLine, settingLines } from "./settingLines.ts";
export type { SettingWord } from "./settingWord.ts";
export { type Spread, spreadOf, studentT, studentTail } from "./spread.ts";
