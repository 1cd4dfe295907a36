/** An optimiser with its settings, checked. */
import { ArgumentError, unknownName } from "@phew/core";
import type { Optimiser, Setting, SettingValues } from "./optimiser.ts";
import { optimisers } from "./registry.ts";

export interface OptimiserOptions {
  /** As in registry.ts. */
  readonly name: string;
  /** Those that are absent have their defaults. */
  readonly settings?: Readonly<Record<string, number | boolean>> | undefined;
  /** Maximum norm of the gradients of all parameters together; absent: no clipping. See gradientNorm.ts. */
  readonly clipNorm?: number | undefined;
}

export interface ChosenOptimiser {
  readonly optimiser: Optimiser;
  /** All of its settings. */
  readonly values: SettingValues;
}

/**
 * @throws ArgumentError if the name is unknown, a setting is not the optimiser's or out of range, or two are not
 * compatible
 */
export function chosenOptimiser({ name, settings = {}, clipNorm }: OptimiserOptions): ChosenOptimiser {
  const optimiser = optimisers.find((other) => other.name === name);
  if (optimiser === undefined) {
    throw unknownName(
      "optimiser",
      name,
      optimisers.map((known) => known.name),
    );
  }
  const foreign = Object.keys(settings).find((setting) => !Object.hasOwn(optimiser.settings, setting));
  if (foreign !== undefined) {
    throw new ArgumentError(foreign, {
      given: `${settings[foreign]} for ${name}`,
      expected: `settings that ${name} has: ${Object.keys(optimiser.settings).join(", ")}`,
    });
  }
  const values = Object.fromEntries(
    Object.entries(optimiser.settings).map(([setting, declared]) => {
      const value = settings[setting] ?? declared.default;
      requireSetting(setting, declared, value);
      return [setting, value];
    }),
  );
  const conflict = optimiser.conflict?.(values);
  if (conflict !== undefined) throw new ArgumentError(conflict.subject, conflict);
  if (clipNorm !== undefined && !(clipNorm > 0)) {
    throw new ArgumentError("norm to clip gradients at", {
      given: `${clipNorm}`,
      expected: "a number above 0",
    });
  }
  return { optimiser, values };
}

function requireSetting(name: string, declared: Setting, value: number | boolean): void {
  const subject = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  if ("least" in declared) {
    const { least, most = Number.MAX_VALUE } = declared;
    if (typeof value === "number" && value >= least && value <= most) return;
    const above = most === Number.MAX_VALUE ? ", and finite" : ` and at most ${most}`;
    throw new ArgumentError(subject, { given: `${value}`, expected: `at least ${least}${above}` });
  }
  if (typeof value !== "boolean")
    throw new ArgumentError(subject, { given: `${value}`, expected: "true or false" });
}
