/** The network's input: vectors `[features]`, images `[channels, height, width]` or volumes, with depth before height. */
import { ArgumentError } from "../errors.ts";
import { ASSUMES_NOTHING, NO_GRADIENTS, NO_PARAMETERS, type OperationDefinition } from "./definition.ts";
import type { Shape } from "./shape.ts";

export interface Input {
  readonly kind: "input";
  readonly shape: Shape;
}

export const input: OperationDefinition<Input> = {
  kind: "input",
  arity: [0, 0],
  parameters: () => NO_PARAMETERS,
  shape(op, _inputs, node) {
    const usable =
      (op.shape.length === 1 || op.shape.length === 3 || op.shape.length === 4) &&
      op.shape.every((n) => Number.isInteger(n) && n >= 1);
    if (!usable) {
      throw new ArgumentError(`input "${node}"`, {
        given: `shape [${op.shape.join(", ")}]`,
        expected:
          "[features], [channels, height, width] or [channels, depth, height, width], whole numbers of at least 1, without the batch axis",
      });
    }
    return op.shape;
  },
  units: () => [],
  keepsZero: () => false,
  isNonNegative: () => false,
  couples: () => false,
  adds: false,
  shrink: () => undefined,
  assumes: ASSUMES_NOTHING,
  pathForward: (_op, given) => given.inputs[0]!,
  pathBackward: () => ({ inputs: [], parameters: NO_GRADIENTS }),
};
