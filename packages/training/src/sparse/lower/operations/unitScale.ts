/** Trained numbers by unit that elements are multiplied with: factors of values, and sums that are their gradients. */

import type { UnitParameter } from "../../plan/parameters.ts";
import { Region } from "../../plan/region.ts";
import type { Pass, Target } from "../pass.ts";
import type { PlannedTensor } from "../tensor.ts";
import { descend } from "./weights.ts";

/** Arguments of {@link scaleUnits}: the factors. */
export interface UnitFactors {
  readonly parameter: UnitParameter;
  /** Address of its elements, or of those of a direction. */
  readonly values: Region;
  /** Given: only where this is not above 0; elsewhere the factor is `above`. */
  readonly gate?: PlannedTensor;
  readonly above?: number;
}

/** target ← input · factor, or plus */
export function scaleUnits(
  pass: Pass,
  index: number,
  input: PlannedTensor,
  { parameter, values, gate, above }: UnitFactors,
  { tensor, accumulate }: Target,
): void {
  pass.draft.emit("scaleUnits", pass.label(index, "activation"), {
    input,
    output: tensor,
    factors: values,
    factorStep: isShared(parameter) ? 0 : 4,
    gate,
    above,
    accumulate,
  });
}

/**
 * The gradient of a factor: Σ of the products, over all pairs, by unit; and its update.
 * @param gate elements at which it is above 0 do not count
 */
export function descendProducts(
  pass: Pass,
  index: number,
  parameter: UnitParameter,
  pairs: readonly (readonly [PlannedTensor, PlannedTensor])[],
  gate?: PlannedTensor,
): void {
  const together = isShared(parameter);
  const bytes = 8 * pass.plan.blocks * parameter.units.length;
  const partial = new Region("gradients", bytes, { temporary: true });
  for (const [k, [first, second]] of pairs.entries()) {
    const fields = { first, second, gate, partial, together, accumulate: k > 0 };
    pass.draft.emit("unitProducts", pass.label(index, "activation"), fields);
  }
  descend(pass, index, parameter, { partial, elementBytes: 8, factor: parameter.trained });
}

const isShared = ({ parameter }: UnitParameter): boolean => parameter.unitAxis === undefined;
