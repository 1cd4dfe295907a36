/** Walk options as the wasm module numbers them. */
import { EngineError, requireWhole } from "./errors.ts";
import type { Sampler } from "./samplers.ts";
import type { WalkOptions } from "./walkPlan.ts";

/** Numbered as in assembly/walk/bias.ts and assembly/walk/walk.ts. */
export const BIAS = { magnitude: 0, square: 1, uniform: 2, inverse: 3 } as const;
export const DIRECTION = { alternate: 0, forward: 1, backward: 2 } as const;

/** What tests and benchmarks may set. The batch size changes nothing but the speed. */
export interface WalkTuning {
  /** Walks that are under way together, 1 … 65536. */
  readonly batchSize?: number;
  /** The sampler of every layer; the cheaper one for each unless said otherwise. Other walks, of the same law. */
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
