/** Applies a check and verifies its result. */

import { countKept } from "../masks/masks.ts";
import { completeOptions, type OptionValue } from "../pruners/pruner.ts";
import { counted } from "../quantity.ts";
import type { Check, Checked, CheckRequest, CheckSettings } from "./check.ts";
import { checkByName } from "./registry.ts";

/** A check with all its options. @throws ArgumentError for an unknown check or option */
export function completeCheck({ name, options = {} }: CheckSettings): {
  readonly check: Check;
  readonly options: Readonly<Record<string, OptionValue>>;
} {
  const check = checkByName(name);
  return { check, options: completeOptions(check, options) };
}

/**
 * @throws ArgumentError as {@link completeCheck}; Error if a layer's number of weights changed: a bug of the check
 */
export async function applyCheck(
  settings: CheckSettings,
  request: Omit<CheckRequest, "options">,
): Promise<Checked> {
  const { check, options } = completeCheck(settings);
  const checked = await check.apply({ ...request, options });
  for (const parameter of request.masks.network.prunable) {
    const [before, after] = [request.masks, checked.masks].map((masks) => countKept(masks.of(parameter)));
    if (before !== after)
      throw new Error(`${check.name} kept ${counted(after!, "weight")} of ${parameter.name}, not ${before}`);
  }
  return checked;
}
