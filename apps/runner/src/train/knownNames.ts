/** Names that a run must be of, checked before anything is loaded that trains. */
import { completeCheck, completeOptions, prunerByName } from "@phew/core";
import type { TrainConfig } from "../settings/configuration.ts";
import { DENSE } from "../settings/pruning.ts";

/** @throws ArgumentError for a method, a check or options of them that are not known */
export function requireKnown({ method, options, check, checkOptions = {} }: TrainConfig): void {
  if (method !== DENSE) completeOptions(prunerByName(method), options);
  if (check !== undefined) completeCheck({ name: check, options: checkOptions });
}
