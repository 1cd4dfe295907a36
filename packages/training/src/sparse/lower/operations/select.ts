/** Some of its input's units by their index. */
import { NO_UNIT } from "@phew/engine";
import type { Pass } from "../pass.ts";
import type { Lowering, OperationOf } from "./lowering.ts";

/** For every stored unit of the selection, its index among the stored units of the input, or NO_UNIT for zeros. */
function places(pass: Pass, index: number, taken: readonly number[]): number[] {
  const input = pass.plan.stored[pass.source(index)]!;
  const placeOf = new Map(Array.from(input, (unit, place) => [unit, place]));
  return Array.from(pass.plan.stored[index]!, (unit) =>
    taken[unit]! < 0 ? NO_UNIT : placeOf.get(taken[unit]!)!,
  );
}

export const select: Lowering<OperationOf<"select">> = {
  overwritable: false,
  tangent: "linear",
  forward(pass, index, op) {
    const output = pass.newTensor(index);
    const target = { tensor: output, accumulate: false };
    const from = places(pass, index, op.index);
    pass.copyUnits(pass.read(pass.source(index)), target, from, pass.label(index, "other"));
    pass.write(index, output);
  },

  backward(pass, index, op) {
    const gradient = pass.gradientOf(index);
    if (gradient === undefined) return;
    const target = pass.receive(pass.source(index));
    if (target === undefined) return;
    for (const [round, from] of rounds(places(pass, index, op.index), target.tensor.units).entries()) {
      const into = round === 0 ? target : { ...target, accumulate: true };
      pass.copyUnits(gradient, into, from, pass.label(index, "other"));
    }
  },
};

/** For every unit of the input one position in the output; further positions in further rounds. */
function rounds(placeOf: readonly number[], unitCount: number): Uint32Array[] {
  const found = [new Uint32Array(unitCount).fill(NO_UNIT)];
  const metCount = new Uint32Array(unitCount);
  for (const [unit, place] of placeOf.entries()) {
    if (place === NO_UNIT) continue;
    const round = metCount[place]!++;
    found[round] ??= new Uint32Array(unitCount).fill(NO_UNIT);
    found[round]![place] = unit;
  }
  return found;
}
