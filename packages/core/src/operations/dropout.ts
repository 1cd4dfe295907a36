/** In training: each element is 0 with probability `rate`, else divided by 1 − rate. Otherwise the identity. */
import type { OperationDefinition } from "./definition.ts";
import { identity } from "./identity.ts";
import { throughMeeting } from "./repeats.ts";

export interface Dropout {
  readonly kind: "dropout";
  /** Probability of dropping an element, 0 ≤ rate < 1. */
  readonly rate: number;
}

export const dropout: OperationDefinition<Dropout> = {
  kind: "dropout",
  arity: [1, 1],
  parameters: () => [],
  shape: (_op, inputs) => inputs[0]!,
  units: (_op, inputs, output) => identity.units({ kind: "identity" }, inputs, output),
  repeats: (_op, inputs) => throughMeeting(inputs),
  pathForward: (_op, given) => given.inputs[0]!,
  pathBackward: (_op, given, output, gradient) =>
    identity.pathBackward({ kind: "identity" }, given, output, gradient),
};
