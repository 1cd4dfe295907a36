/** Numbers of the walk options for the wasm module. */
import { ALTERNATE, BACKWARD, FORWARD, INVERSE, MAGNITUDE, SQUARE, UNIFORM } from "./border/walk.ts";
import { EngineError, requireWhole } from "./errors.ts";
import type { Sampler } from "./samplers.ts";
import type { WalkOptions } from "./walkPlan.ts";

export const BIAS = { magnitude: MAGNITUDE, square: SQUARE, uniform: UNIFORM, inverse: INVERSE } as const;
export const DIRECTION = { alternate: ALTERNATE, forward: FORWARD, backward: BACKWARD } as const;

/** For tests and benchmarks. The batch size only affects the speed. */
export interface WalkTuning {
  /** Walks in a batch, 1 … 65536. */
  readonly batchSize?: number;
  /** The sampler of every layer; default: the cheaper one for each. It changes the walks, not their distribution. */
  readonly sampler?: Exclude<Sampler, "uniform">;
}

/** @throws EngineError naming the option */
export function checkOptions(options: WalkOptions): void {
  requireWhole("seed", options.seed, 0, Number.MAX_SAFE_INTEGER);
  requireOneOf("bias", options.bias, Object.keys(BIAS));
  requireOneOf("granularity", options.granularity, ["weight", "kernel"]);
  requireOneOf("direction", options.direction, Object.keys(DIRECTION));
  requireOneOf("branching", options.branching, ["equal", "weight"]);
}

function requireOneOf(subject: string, value: string, known: readonly string[]): void {
  if (!known.includes(value)) {
    throw new EngineError(subject, { given: `"${value}"`, expected: `one of ${known.join(", ")}` });
  }
}
