/**
 * What a change of masks between two steps does to parameters and to the optimiser's state:
 * - a weight that is kept before and after stays as it is, and so does its state;
 * - a weight that is new, or removed, is 0 with state 0;
 * - where a unit falls silent, its bias, scale, shift and slope are 0 with state 0 (silentUnits.ts);
 * - where a unit is no longer silent, they are as in a new network with state 0, but bias and shift are {@link AWAKE}:
 *   with 0 the unit would output 0 whatever its input, since its weights are 0, and ReLU passes no gradient at 0;
 * - running statistics stay as they are.
 */
import type { Parameter } from "../operations/definition.ts";
import type { Weights } from "../weights/weights.ts";
import type { Masks } from "./masks.ts";
import { maskedParameters } from "./silentUnits.ts";

/** Bias and shift of a unit that is no longer silent: small, and enough for ReLU to pass gradients. */
export const AWAKE = 2 ** -10;

/** Masks that hold and those that replace them. @property before absent: everything is kept */
export interface MaskChange {
  readonly before: Masks | undefined;
  readonly next: Masks;
}

/** All parameters after a change; those that it does not touch are shared, not copied. */
export function weightsAfterChange(weights: Weights, change: MaskChange): Weights {
  return afterChange(weights, change, (parameter) =>
    parameter.added ? AWAKE : parameter.initial === "drawn" ? 0 : parameter.initial,
  );
}

/** One buffer of the optimiser's state, by parameter name, after a change. */
export function stateAfterChange(buffer: Weights, change: MaskChange): Weights {
  return afterChange(buffer, change, () => 0);
}

/** @param valueBack of a unit that is no longer silent */
function afterChange(
  values: Weights,
  { before, next }: MaskChange,
  valueBack: (parameter: Parameter) => number,
): Weights {
  const result = new Map(values);
  for (const parameter of next.network.prunable) {
    const given = values.get(parameter.name);
    if (given === undefined) continue;
    const was = before?.of(parameter);
    const is = next.of(parameter);
    result.set(
      parameter.name,
      given.map((value, k) => (is[k] === 1 && was?.[k] !== 0 ? value : 0)),
    );
  }
  const silent = { was: before && maskedParameters(before), is: maskedParameters(next) };
  for (const parameter of next.network.parameters) {
    const { name } = parameter;
    const [was, is] = [silent.was?.get(name), silent.is.get(name)];
    const given = values.get(name);
    if (given === undefined || (was === undefined && is === undefined)) continue;
    const back = valueBack(parameter);
    result.set(
      name,
      given.map((value, u) => (is?.[u] === 0 ? 0 : was?.[u] === 0 ? back : value)),
    );
  }
  return result;
}
