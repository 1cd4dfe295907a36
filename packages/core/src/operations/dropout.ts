/** In training: each element is 0 with probability `rate`, else divided by 1 − rate. Otherwise the identity. */
import type { OperationDefinition } from "./definition.ts";
import { identity } from "./identity.ts";

export interface Dropout {
  readonly kind: "dropout";
  /** Probability of dropping an element, 0 ≤ rate < 1. */
  readonly rate: number;
}

export const dropout: OperationDefinition<Dropout> = {
  ...(identity as OperationDefinition<never>),
  kind: "dropout",
};
