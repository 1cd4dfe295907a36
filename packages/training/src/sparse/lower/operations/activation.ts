/** Activations that are not a clamp; the others are part of a combination. */
import { type ActivationName, ArgumentError, activationParameters } from "@phew/core";
import { ActivationNumber } from "@phew/engine";
import type { Lowering, OperationOf } from "./lowering.ts";

/** Part of combinations, where their slope is one of a clamp. */
type Clamped = "relu" | "relu6" | "leakyRelu";

/** Their numbers in the engine. */
const numbers: Readonly<Record<Exclude<ActivationName, Clamped>, number>> = ActivationNumber;

/** Scalars that the kernels of activations read. */
function kernelFields(op: OperationOf<"activation">, layer: string) {
  if (!isNumbered(op.name)) {
    throw new ArgumentError(`layer "${layer}"`, {
      given: `${op.name} with slope ${op.alpha}`,
      expected: "a slope from 0 to 1",
    });
  }
  return { name: numbers[op.name], ...activationParameters(op) };
}

const isNumbered = (name: ActivationName): name is keyof typeof numbers => name in numbers;

export const activation: Lowering<OperationOf<"activation">> = {
  overwritable: false,
  forward(pass, index, op) {
    const input = pass.read(pass.source(index));
    const output = pass.newTensor(index);
    const label = pass.label(index, "activation");
    pass.draft.emit("activation", label, { input, output, ...kernelFields(op, label.layer) });
    pass.write(index, output);
  },

  backward(pass, index, op) {
    const source = pass.source(index);
    const gradient = pass.ownGradientOf(index);
    if (gradient === undefined || !pass.wantsGradient(source)) return;
    const input = pass.read(source);
    const label = pass.label(index, "activation");
    pass.draft.emit("activationBackward", label, {
      input,
      output: gradient,
      ...kernelFields(op, label.layer),
    });
    pass.addGradient(source, gradient);
  },

  tangent: {
    /** ẏ = f′(x)·ẋ */
    forward(pass, index, op) {
      const source = pass.source(index);
      const output = pass.newTensor(index);
      const label = pass.label(index, "activation");
      pass.copy(pass.read(source), output, false, label);
      const fields = { input: pass.primal.read(source), output, ...kernelFields(op, label.layer) };
      pass.draft.emit("activationBackward", label, fields);
      pass.write(index, output);
    },

    /** (g·f′(x))˙ = g˙·f′(x) + g·f″(x)·ẋ */
    backward(pass, index, op) {
      const source = pass.source(index);
      const output = pass.ownGradientOf(index);
      if (output === undefined || !pass.wantsGradient(source)) return;
      const label = pass.label(index, "activation");
      const fields = { input: pass.primal.read(source), output, ...kernelFields(op, label.layer) };
      pass.draft.emit("activationBackward", label, fields);
      pass.draft.emit("activationCurvature", label, {
        ...fields,
        tangent: pass.read(source),
        gradient: pass.primal.gradientOf(index),
      });
      pass.addGradient(source, output);
    },
  },
};
