/** How a layer samples a kernel of a row. */
import { SAMPLE_ALIAS, SAMPLE_REJECT, SAMPLE_UNIFORM } from "./border/walk.ts";

export const SAMPLER = { uniform: SAMPLE_UNIFORM, alias: SAMPLE_ALIAS, reject: SAMPLE_REJECT } as const;
export type Sampler = keyof typeof SAMPLER;

/** Table bytes per kernel and direction. */
export const TABLE_BYTES: Readonly<Record<Sampler, number>> = { uniform: 0, alias: 8, reject: 1 };

/**
 * An alias table costs some 20 to 40 ns per kernel to make and draws at once; rejection costs 1 ns per kernel and
 * some 5 ns per proposal. At a density of a tenth a kernel is drawn about 0.06 · kernelSize times in each direction,
 * so that from this many proposals on the alias table is cheaper. The choice depends only on plan and bias, not on
 * keepCount: masks of one seed are nested.
 */
export function cheaperSampler(proposals: number, kernelSize: number): Sampler {
  return proposals * kernelSize > 64 ? "alias" : "reject";
}
