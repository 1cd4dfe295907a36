/** How a layer draws a kernel of a row. */
import { SAMPLE_ALIAS, SAMPLE_REJECT, SAMPLE_UNIFORM } from "./border/walk.ts";

export const SAMPLER = { uniform: SAMPLE_UNIFORM, alias: SAMPLE_ALIAS, reject: SAMPLE_REJECT } as const;
export type Sampler = keyof typeof SAMPLER;

/** Bytes that the table of a sampler takes for each kernel, in each direction. */
export const TABLE_BYTES: Readonly<Record<Sampler, number>> = { uniform: 0, alias: 8, reject: 1 };

/**
 * An alias table costs some 20 to 40 ns per kernel to make and draws at once; rejection costs 1 ns per kernel and some
 * 5 ns per proposal. At a tenth of the weights conserved a kernel is drawn about 0.06 · kernelSize times in each
 * direction, so that the alias table is worth its making from this many proposals on.
 * The choice hangs on plan and bias alone, not on keepCount: masks of one seed are nested.
 */
export function cheaperSampler(proposals: number, kernelSize: number): Sampler {
  return proposals * kernelSize > 64 ? "alias" : "reject";
}
