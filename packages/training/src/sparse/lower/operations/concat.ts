/** Concatenates the units of its inputs; units of an input that are not stored are 0 in the result. */
import { NO_UNIT } from "@phew/engine";
import type { Pass } from "../pass.ts";
import type { Lowering, OperationOf } from "./lowering.ts";

/** For every stored unit of the stack, which stored unit of one of its inputs it is. */
function stack(pass: Pass, index: number): { input: number; unit: number }[] {
  const { inputs } = pass.node(index);
  const owner = inputs.flatMap((input) => {
    const place = new Map([...pass.plan.stored[input]!].map((unit, k) => [unit, k]));
    const count = pass.node(input).shape[0]!;
    return Array.from({ length: count }, (_, unit) => ({ input, unit: place.get(unit) ?? NO_UNIT }));
  });
  // one value may occur twice: its positions are distinguished by the input's index
  const position = inputs.flatMap((input, k) => new Array<number>(pass.node(input).shape[0]!).fill(k));
  return [...pass.plan.stored[index]!].map((unit) => ({ input: position[unit]!, unit: owner[unit]!.unit }));
}

export const concat: Lowering<OperationOf<"concat">> = {
  overwritable: false,
  tangent: "linear",
  forward(pass, index) {
    const output = pass.newTensor(index);
    const places = stack(pass, index);
    for (const [k, source] of pass.node(index).inputs.entries()) {
      const first = places.findIndex(({ input }) => input === k);
      if (first < 0) continue;
      const from = places.filter(({ input }) => input === k).map(({ unit }) => unit);
      const target = { tensor: output, accumulate: false };
      pass.copyUnits(pass.read(source), target, from, pass.label(index, "other"), first);
    }
    pass.write(index, output);
  },

  backward(pass, index) {
    const gradient = pass.gradientOf(index);
    if (gradient === undefined) return;
    const places = stack(pass, index);
    for (const [k, source] of pass.node(index).inputs.entries()) {
      const target = pass.receive(source);
      if (target === undefined) continue;
      const from = new Uint32Array(target.tensor.units).fill(NO_UNIT);
      for (const [unit, place] of places.entries())
        if (place.input === k && place.unit !== NO_UNIT) from[place.unit] = unit;
      pass.copyUnits(gradient, target, from, pass.label(index, "other"));
    }
  },
};
