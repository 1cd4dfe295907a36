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

/** What values are: parameters, or a buffer of the optimiser's state. */
type Kind = "weights" | "state";

/** All parameters after a change; those that it does not touch are shared, not copied. */
export function weightsAfterChange(weights: Weights, change: MaskChange): Weights {
  return new Map([...weights, ...survivors(weights, change), ...unitChange(change)(weights, "weights")]);
}

/** One buffer of the optimiser's state, by parameter name, after a change. */
export function stateAfterChange(buffer: Weights, change: MaskChange): Weights {
  return new Map([...buffer, ...survivors(buffer, change), ...unitChange(change)(buffer, "state")]);
}

/** Prunable parameters: 0 but for what is kept before and after. */
function* survivors(values: Weights, { before, next }: MaskChange): Iterable<[string, Float32Array]> {
  for (const parameter of next.network.prunable) {
    const kept = values.get(parameter.name)?.slice();
    if (kept === undefined) continue;
    const [was, is] = [before?.of(parameter), next.of(parameter)];
    // a loop: map takes ten times as long
    for (let k = 0; k < kept.length; k++) if (is[k] === 0 || was?.[k] === 0) kept[k] = 0;
    yield [parameter.name, kept];
  }
}

/**
 * @returns a function that gives, of the parameters beside weights, those that the change touches: of units that fall
 * silent, or no longer are
 */
export function unitChange({ before, next }: MaskChange): (values: Weights, kind: Kind) => Weights {
  const [silentBefore, silentNow] = [before && maskedParameters(before), maskedParameters(next)];
  return (values, kind) => {
    const result = new Map<string, Float32Array>();
    for (const parameter of next.network.parameters) {
      const { name } = parameter;
      const [was, is] = [silentBefore?.get(name), silentNow.get(name)];
      const given = values.get(name);
      if (given === undefined || (was === undefined && is === undefined)) continue;
      const back = kind === "state" ? 0 : valueBack(parameter);
      result.set(
        name,
        given.map((value, u) => (is?.[u] === 0 ? 0 : was?.[u] === 0 ? back : value)),
      );
    }
    return result;
  };
}

/** Of a unit that is no longer silent. */
function valueBack({ added, initial }: Parameter): number {
  if (added) return AWAKE;
  return initial === "drawn" ? 0 : initial;
}
