/** Trained factors and offsets of units or elements. */
import type { UnitParameter } from "../../plan/parameters.ts";
import { Region } from "../../plan/region.ts";
import type { Pass, Target } from "../pass.ts";
import type { PlannedTensor } from "../tensor.ts";
import type { Lowering, OperationOf } from "./lowering.ts";
import { descendProducts } from "./unitScale.ts";
import { descend, descendSums } from "./weights.ts";

type Affine = OperationOf<"affine">;

/** target ← input·factors + offsets, or plus; without an input the offsets alone. */
function apply(
  pass: Pass,
  index: number,
  op: Affine,
  fields: {
    readonly input?: PlannedTensor | undefined;
    readonly factors?: Region | undefined;
    readonly offsets?: Region | undefined;
  },
  { tensor: output, accumulate }: Target,
): void {
  const byPlace = op.of === "elements";
  pass.draft.emit("affine", pass.label(index, "other"), { ...fields, output, byPlace, accumulate });
}

/** The gradient of the scale or the shift: Σ of the products, or of the first values alone. */
function descendBy(
  pass: Pass,
  index: number,
  op: Affine,
  parameter: UnitParameter,
  pairs: readonly (readonly [PlannedTensor, PlannedTensor?])[],
): void {
  if (op.of === "units") {
    const [[gradient, second]] = pairs as [readonly [PlannedTensor, PlannedTensor?]];
    if (second === undefined) descendSums(pass, index, parameter, gradient);
    else descendProducts(pass, index, parameter, pairs as (readonly [PlannedTensor, PlannedTensor])[]);
    return;
  }
  const bytes = 8 * pass.plan.blocks * parameter.units.length;
  const partial = new Region("gradients", bytes, { temporary: true });
  for (const [k, [first, second]] of pairs.entries())
    pass.draft.emit("elementProducts", pass.label(index, "other"), {
      first,
      second,
      partial,
      accumulate: k > 0,
    });
  descend(pass, index, parameter, { partial, elementBytes: 8, factor: parameter.trained });
}

/** A parameter that follows its gradient; undefined for a constant. */
const trained = (parameter: UnitParameter | undefined) =>
  parameter?.parameter.trained ? parameter : undefined;

const numbersOf = (pass: Pass, { scale, shift }: Affine) =>
  [pass.parameter(scale), pass.parameter(shift)] as const;

export const affine: Lowering<Affine> = {
  overwritable: true,
  forward(pass, index, op) {
    const tensor = pass.newTensor(index);
    const [scale, shift] = numbersOf(pass, op);
    const input = pass.read(pass.source(index));
    const fields = { input, factors: scale?.values, offsets: shift?.values };
    apply(pass, index, op, fields, { tensor, accumulate: false });
    pass.write(index, tensor);
  },

  backward(pass, index, op) {
    const gradient = pass.gradientOf(index);
    if (gradient === undefined) return;
    const source = pass.source(index);
    const [scale, shift] = numbersOf(pass, op);
    if (trained(scale)) descendBy(pass, index, op, scale!, [[gradient, pass.read(source)]]);
    if (trained(shift)) descendBy(pass, index, op, shift!, [[gradient]]);
    const target = pass.receive(source);
    if (target !== undefined) apply(pass, index, op, { input: gradient, factors: scale?.values }, target);
  },

  tangent: {
    /** y˙ = ẋ·scale + x·scale˙ + shift˙ */
    forward(pass, index, op) {
      const source = pass.source(index);
      const tensor = pass.newTensor(index);
      const [scale, shift] = numbersOf(pass, op);
      const offsets = trained(shift) && pass.direction.units(shift!);
      const own = { input: pass.read(source), factors: scale?.values, offsets };
      apply(pass, index, op, own, { tensor, accumulate: false });
      if (trained(scale)) {
        const along = { input: pass.primal.read(source), factors: pass.direction.units(scale!) };
        apply(pass, index, op, along, { tensor, accumulate: true });
      }
      pass.write(index, tensor);
    },

    /** (∂L/∂x)˙ = g˙·scale + g·scale˙,   (∂L/∂scale)˙ = Σ g˙·x + g·ẋ,   (∂L/∂shift)˙ = Σ g˙ */
    backward(pass, index, op) {
      const gradient = pass.gradientOf(index);
      const primalGradient = pass.primal.gradientOf(index);
      if (gradient === undefined || primalGradient === undefined) return;
      const source = pass.source(index);
      const [scale, shift] = numbersOf(pass, op);
      if (trained(scale)) {
        const own = [gradient, pass.primal.read(source)] as const;
        const through = pass.wantsGradient(source) ? [[primalGradient, pass.read(source)] as const] : [];
        descendBy(pass, index, op, scale!, [own, ...through]);
      }
      if (trained(shift)) descendBy(pass, index, op, shift!, [[gradient]]);
      const target = pass.receive(source);
      if (target === undefined) return;
      apply(pass, index, op, { input: gradient, factors: scale?.values }, target);
      if (!trained(scale)) return;
      const along = { input: primalGradient, factors: pass.direction.units(scale!) };
      apply(pass, index, op, along, { tensor: target.tensor, accumulate: true });
    },
  },
};
