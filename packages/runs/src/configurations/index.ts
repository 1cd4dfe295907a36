/** `@phew/runs/configurations`: what runs are told apart by, and what a sample of their numbers comes to. */
export {
  type Configuration,
  type Configurations,
  type ConfiguredRun,
  configurationsOf,
  type SettingColumn,
} from "./configurations.ts";
export type { SettingWord } from "./settingWord.ts";
export { type Spread, spreadOf, studentT, studentTail } from "./spread.ts";
