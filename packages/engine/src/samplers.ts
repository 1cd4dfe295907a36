/** How a layer draws a kernel of a row. */
import type { WalkLayer, WalkOptions } from "./walkPlan.ts";

/** Numbered as in assembly/walk/samplers.ts. */
export const SAMPLER = { uniform: 0, alias: 1 } as const;
export type Sampler = keyof typeof SAMPLER;

/** @returns the sampler of a layer; a function of the plan and the bias alone, so that masks of one seed are nested */
export function samplerOf(_layer: WalkLayer, options: WalkOptions): Sampler {
  return options.bias === "uniform" ? "uniform" : "alias";
}
