/** Names that a run must be of, checked before anything is loaded that trains. */
import { completeCheck, completeOptions, prunerByName } from "@phew/core";
import { chosenRule } from "@phew/training";
import type { TrainConfig } from "../settings/configuration.ts";
import { DENSE } from "../settings/pruning.ts";

/** @throws ArgumentError for a method, a check, a rule or options of them that are not known */
export function requireKnown({
  method,
  options,
  check,
  checkOptions = {},
  rule,
  ruleOptions,
}: TrainConfig): void {
  if (method !== DENSE) completeOptions(prunerByName(method), options);
  if (check !== undefined) completeCheck({ name: check, options: checkOptions });
  if (rule !== undefined) chosenRule({ name: rule, options: ruleOptions });
}
