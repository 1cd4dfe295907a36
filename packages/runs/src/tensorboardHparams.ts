/** A run's settings as TensorBoard's table of hyperparameters has them: one number, text or truth value each. */
import type { RunConfig } from "./canonicalJson.ts";
import { factsOf, isContent, valueText } from "./configurations/facts.ts";
import type { Hparam } from "./tensorboardRecord.ts";

/** With defaults, without the seed: TensorBoard averages over runs of one configuration. */
export function runHparams(config: RunConfig): Map<string, Hparam> {
  return new Map(
    [...factsOf(config).facts].map(([key, { value }]) => [
      key,
      isPlain(value) && !isContent(key) ? value : valueText(key, value),
    ]),
  );
}

function isPlain(value: unknown): value is Hparam {
  return typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
}
