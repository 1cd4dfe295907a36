/** Activations that are not a clamp; the others are part of a combination. */
import { ArgumentError } from "@phew/core";
import type { Lowering, OperationOf } from "./lowering.ts";

/** Numbers of assembly/layers/activation.ts, and the α where an operation states none. */
const smooth: Readonly<Record<string, { readonly number: number; readonly alpha: number }>> = {
  sigmoid: { number: 0, alpha: 0 },
  tanh: { number: 1, alpha: 0 },
  gelu: { number: 2, alpha: 0 },
  silu: { number: 3, alpha: 0 },
  hardSwish: { number: 4, alpha: 0 },
  hardSigmoid: { number: 5, alpha: 0 },
  elu: { number: 6, alpha: 1 },
  softplus: { number: 7, alpha: 0 },
};

function kernelFields(op: OperationOf<"activation">, layer: string) {
  const known = smooth[op.name];
  if (known === undefined) {
    throw new ArgumentError(`layer "${layer}"`, {
      given: `${op.name} with slope ${op.alpha}`,
      expected: "a slope from 0 to 1",
    });
  }
  return { name: known.number, alpha: op.alpha ?? known.alpha };
}

export const activation: Lowering<OperationOf<"activation">> = {
  forward(pass, index, op) {
    const input = pass.read(pass.node(index).inputs[0]!);
    const output = pass.newTensor(index);
    const label = pass.label(index, "activation");
    pass.draft.emit("activation", { input, output, ...kernelFields(op, label.layer) }, label);
    pass.write(index, output);
  },

  backward(pass, index, op) {
    const source = pass.node(index).inputs[0]!;
    const gradient = pass.ownGradientOf(index);
    if (gradient === undefined || !pass.wantsGradient(source)) return;
    const input = pass.read(source);
    const label = pass.label(index, "activation");
    pass.draft.emit(
      "activationBackward",
      { input, output: gradient, ...kernelFields(op, label.layer) },
      label,
    );
    pass.lend(source, gradient);
  },

  tangent: {
    /** ẏ = f′(x)·ẋ */
    forward(pass, index, op) {
      const source = pass.node(index).inputs[0]!;
      const output = pass.newTensor(index);
      const label = pass.label(index, "activation");
      pass.copy(pass.read(source), output, false, label);
      const fields = { input: pass.primal.read(source), output, ...kernelFields(op, label.layer) };
      pass.draft.emit("activationBackward", fields, label);
      pass.write(index, output);
    },

    /** (g·f′(x))˙ = g˙·f′(x) + g·f″(x)·ẋ */
    backward(pass, index, op) {
      const source = pass.node(index).inputs[0]!;
      const output = pass.ownGradientOf(index);
      if (output === undefined || !pass.wantsGradient(source)) return;
      const label = pass.label(index, "activation");
      const fields = { input: pass.primal.read(source), output, ...kernelFields(op, label.layer) };
      pass.draft.emit("activationBackward", fields, label);
      pass.draft.emit(
        "activationCurvature",
        { ...fields, tangent: pass.read(source), gradient: pass.primal.gradientOf(index) },
        label,
      );
      pass.lend(source, output);
    },
  },
};
