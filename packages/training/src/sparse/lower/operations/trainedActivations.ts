/** Activations with trained parameters, each exported under its kind: lowerings.ts takes them all. */
import type { Pass } from "../pass.ts";
import type { Lowering, OperationOf } from "./lowering.ts";
import { descendProducts, scaleUnits } from "./unitScale.ts";

const slopeOf = (pass: Pass, op: OperationOf<"prelu">) => pass.parameter(op.slope)!;

/** x above 0, else slope · x; at 0 the derivative is the slope, as PyTorch's. */
export const prelu: Lowering<OperationOf<"prelu">> = {
  overwritable: true,
  forward(pass, index, op) {
    const x = pass.read(pass.source(index));
    const tensor = pass.newTensor(index);
    const slope = slopeOf(pass, op);
    const factors = { parameter: slope, values: slope.values, gate: x, above: 1 };
    scaleUnits(pass, index, x, factors, { tensor, accumulate: false });
    pass.write(index, tensor);
  },

  backward(pass, index, op) {
    const source = pass.source(index);
    const gradient = pass.gradientOf(index);
    if (gradient === undefined) return;
    const x = pass.read(source);
    const slope = slopeOf(pass, op);
    descendProducts(pass, index, slope, [[gradient, x]], x);
    const target = pass.receive(source);
    const factors = { parameter: slope, values: slope.values, gate: x, above: 1 };
    if (target !== undefined) scaleUnits(pass, index, gradient, factors, target);
  },

  tangent: {
    /** y˙ = f′(x)·ẋ + [x ≤ 0]·s˙·x */
    forward(pass, index, op) {
      const source = pass.source(index);
      const x = pass.primal.read(source);
      const tensor = pass.newTensor(index);
      const slope = slopeOf(pass, op);
      const own = { parameter: slope, values: slope.values, gate: x, above: 1 };
      const along = { parameter: slope, values: pass.direction.units(slope), gate: x, above: 0 };
      scaleUnits(pass, index, x, along, { tensor, accumulate: false });
      if (pass.wantsGradient(source))
        scaleUnits(pass, index, pass.read(source), own, { tensor, accumulate: true });
      pass.write(index, tensor);
    },

    /** (∂L/∂x)˙ = f′(x)·g˙ + [x ≤ 0]·s˙·g,   (∂L/∂s)˙ = Σ over x ≤ 0 of g˙·x + g·ẋ */
    backward(pass, index, op) {
      const source = pass.source(index);
      const gradient = pass.gradientOf(index);
      const primalGradient = pass.primal.gradientOf(index);
      if (gradient === undefined || primalGradient === undefined) return;
      const x = pass.primal.read(source);
      const slope = slopeOf(pass, op);
      const own = [gradient, x] as const;
      const through = pass.wantsGradient(source) ? [[primalGradient, pass.read(source)] as const] : [];
      descendProducts(pass, index, slope, [own, ...through], x);
      const target = pass.receive(source);
      if (target === undefined) return;
      const factors = { parameter: slope, values: slope.values, gate: x, above: 1 };
      scaleUnits(pass, index, gradient, factors, target);
      const along = { ...factors, values: pass.direction.units(slope), above: 0 };
      scaleUnits(pass, index, primalGradient, along, { tensor: target.tensor, accumulate: true });
    },
  },
};
