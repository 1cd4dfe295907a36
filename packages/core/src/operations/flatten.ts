/** `[c, h, w]` becomes `[c·h·w]`, row-major: channel c becomes the h·w features from c·h·w on. */

import {
  ASSUMES_NOTHING,
  NO_GRADIENTS,
  NO_PARAMETERS,
  type OperationDefinition,
  SHRINKS_AS_IT_IS,
} from "./definition.ts";
import { elementCount } from "./shape.ts";

export interface Flatten {
  readonly kind: "flatten";
}

export const flatten: OperationDefinition<Flatten> = {
  kind: "flatten",
  arity: [1, 1],
  parameters: () => NO_PARAMETERS,
  shape: (_op, inputs) => [elementCount(inputs[0]!)],
  units(_op, inputs) {
    const count = inputs[0]![0]!;
    return [{ input: 0, fromStart: 0, count, toStart: 0, spread: elementCount(inputs[0]!) / count }];
  },
  keepsZero: () => true,
  isNonNegative: (_op, [input]) => input!,
  couples: () => false,
  adds: false,
  shrink: SHRINKS_AS_IT_IS,
  assumes: ASSUMES_NOTHING,
  pathForward: (_op, given) => given.inputs[0]!,
  pathBackward: (_op, _given, _output, gradient) => ({ inputs: [gradient], parameters: NO_GRADIENTS }),
};
