/** Products of two values, of which one may stand for several units, rows or pixels of the other. */
import { NO_UNIT } from "@phew/engine";
import type { Region } from "../../plan/region.ts";
import type { Pass, Target } from "../pass.ts";
import type { PlannedTensor } from "../tensor.ts";
import type { Lowering, OperationOf } from "./lowering.ts";

/** For every stored unit of the product, which stored unit of factor `slot` it reads: u32[units]. */
function unitsOf(pass: Pass, index: number, slot: 0 | 1): Region {
  const source = pass.node(index).inputs[slot]!;
  const places = new Map(Array.from(pass.plan.stored[source]!, (unit, place) => [unit, place]));
  const isOne = pass.node(source).shape[0] === 1;
  return pass.table(pass.plan.stored[index]!.map((unit) => places.get(isOne ? 0 : unit) ?? NO_UNIT));
}

/** target ← a · b, or plus */
function product(
  pass: Pass,
  index: number,
  [first, second]: readonly [PlannedTensor, PlannedTensor],
  { tensor: output, accumulate }: Target,
): void {
  const [firstUnits, secondUnits] = [unitsOf(pass, index, 0), unitsOf(pass, index, 1)];
  const fields = { first, second, output, firstUnits, secondUnits, accumulate };
  pass.draft.emit("multiply", pass.label(index, "other"), fields);
}

/** Adds gradient · other factor to the gradient of factor `slot`, summed over the places that read it. */
function passBack(
  pass: Pass,
  index: number,
  slot: 0 | 1,
  gradient: PlannedTensor,
  other: PlannedTensor,
): void {
  const target = pass.receive(pass.node(index).inputs[slot]!);
  if (target === undefined) return;
  if (!target.accumulate)
    pass.draft.emit("clearTensor", pass.label(index, "other"), { tensor: target.tensor });
  pass.draft.emit("multiplyBackward", pass.label(index, "other"), {
    gradient,
    other,
    target: target.tensor,
    otherUnits: unitsOf(pass, index, slot === 0 ? 1 : 0),
    targetUnits: unitsOf(pass, index, slot),
  });
}

const factorsOf = (pass: Pass, index: number): [PlannedTensor, PlannedTensor] => {
  const [a, b] = pass.node(index).inputs as [number, number];
  return [pass.read(a), pass.read(b)];
};

export const multiply: Lowering<OperationOf<"multiply">> = {
  overwritable: true,
  forward(pass, index) {
    const tensor = pass.newTensor(index);
    product(pass, index, factorsOf(pass, index), { tensor, accumulate: false });
    pass.write(index, tensor);
  },

  backward(pass, index) {
    const gradient = pass.gradientOf(index);
    if (gradient === undefined) return;
    const [a, b] = factorsOf(pass, index);
    passBack(pass, index, 0, gradient, b);
    passBack(pass, index, 1, gradient, a);
  },

  tangent: {
    /** y˙ = ȧ·b + a·ḃ */
    forward(pass, index) {
      const tensor = pass.newTensor(index);
      const [a, b] = factorsOf(pass.primal, index);
      const [aTangent, bTangent] = factorsOf(pass, index);
      product(pass, index, [aTangent, b], { tensor, accumulate: false });
      product(pass, index, [a, bTangent], { tensor, accumulate: true });
      pass.write(index, tensor);
    },

    /** (∂L/∂a)˙ = g˙·b + g·ḃ, and likewise for b */
    backward(pass, index) {
      const gradient = pass.gradientOf(index);
      const primalGradient = pass.primal.gradientOf(index);
      if (gradient === undefined || primalGradient === undefined) return;
      const [a, b] = factorsOf(pass.primal, index);
      const [aTangent, bTangent] = factorsOf(pass, index);
      passBack(pass, index, 0, gradient, b);
      passBack(pass, index, 0, primalGradient, bTangent);
      passBack(pass, index, 1, gradient, a);
      passBack(pass, index, 1, primalGradient, aTangent);
    },
  },
};
