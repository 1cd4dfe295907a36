/** Batch normalisation, addition and clamping activations in one pass over memory; see combinations.ts. */
import { NO_UNIT } from "@phew/engine";
import { type Combination, isIdentity, type Term } from "../../model/combinations.ts";
import type { Norm } from "../../plan/parameters.ts";
import { Place, type Region } from "../../plan/region.ts";
import type { Pass } from "../pass.ts";
import type { PlannedTensor } from "../tensor.ts";
import { isOverwritable } from "./lowerings.ts";
import { descend } from "./weights.ts";

export function combineForward(pass: Pass, combination: Combination): void {
  const { root, terms } = combination;
  normalise(pass, terms);
  if (terms.length === 1 && terms[0]!.norm !== undefined && pass.mode === "training" && pass.readOnce(root)) {
    // one pass over stored data: cheaper to repeat than to store the result
    pass.writeAnew(root, () => combine(pass, combination, pass.newTensor(root)));
    return;
  }
  pass.write(root, combine(pass, combination, outputOf(pass, combination)));
}

/** A tensor for the value of a combination: that of its input, if nothing else needs it. */
export function outputOf(pass: Pass, { root, terms }: Combination): PlannedTensor {
  const [first] = terms as [Term];
  const inPlace = terms.length === 1 && first.norm === undefined && mayChange(pass, first.source);
  return inPlace && sameUnits(pass, root, first.source) ? pass.read(first.source) : pass.newTensor(root);
}

/** Writes the value of a combination into a tensor and returns it. */
export function combine(
  pass: Pass,
  { root, terms, clamp }: Combination,
  output: PlannedTensor,
): PlannedTensor {
  const label = pass.label(
    root,
    terms.some(({ norm }) => norm !== undefined) ? "batch normalisation" : "activation",
  );
  const inputs = terms.map(({ source, norm }) => ({
    tensor: pass.read(source),
    coefficients: norm === undefined ? undefined : pass.plan.norms.get(norm)!.coefficients,
    units: unitTable(pass, root, source),
  }));
  // two at a time, the sum so far standing in the output
  let [first, ...rest] = inputs as [(typeof inputs)[number], ...typeof inputs];
  do {
    const second = rest.shift();
    pass.draft.emit("combine", label, {
      output,
      first: first.tensor,
      firstCoefficients: first.coefficients,
      firstUnits: first.units,
      second: second?.tensor,
      secondCoefficients: second?.coefficients,
      secondUnits: second?.units,
      alpha: rest.length === 0 ? clamp.alpha : 1,
      cap: rest.length === 0 ? clamp.cap : Number.POSITIVE_INFINITY,
    });
    first = { tensor: output, coefficients: undefined, units: undefined };
  } while (rest.length > 0);
  pass.clearBorder(output, label);
  return output;
}

export function combineBackward(pass: Pass, { root, terms, clamp }: Combination): void {
  const label = pass.label(root, "activation");
  const clamped = !isIdentity(clamp);
  const single = terms.length === 1 && terms[0]!.norm !== undefined;
  // if one normalised value is clamped, its own sign decides; else the result's sign does, once for all terms
  const gradient = clamped && !single ? pass.ownGradientOf(root) : pass.gradientOf(root);
  if (gradient === undefined) return;
  if (clamped && !single)
    pass.draft.emit("gate", label, { gradient, output: pass.primal.read(root), ...clamp });
  const passing = { gated: single && clamped ? 0 : 1, ...clamp };
  for (const { source, norm } of terms) {
    if (norm === undefined) lendUnits(pass, root, source, gradient);
    else {
      const { coefficients, gradientSums } = pass.plan.norms.get(norm)!;
      const fields = { gradient, input: pass.read(source), coefficients, partial: gradientSums, ...passing };
      const gradientUnits = unitTable(pass, source, root);
      pass.draft.emit("gradientSums", pass.label(norm, "batch normalisation"), { ...fields, gradientUnits });
    }
  }
  normBackward(pass, root, terms, gradient, passing);
}

interface Passing {
  readonly gated: number;
  readonly alpha: number;
  readonly cap: number;
}

/** After the sums: the gradients of the normalised inputs, and of scale and shift. */
function normBackward(
  pass: Pass,
  root: number,
  terms: readonly Term[],
  gradient: PlannedTensor,
  passing: Passing,
): void {
  const norms = terms.flatMap(({ source, norm }) => (norm === undefined ? [] : [{ source, index: norm }]));
  if (norms.length === 0) return;
  pass.draft.barrier();
  for (const { source, index } of norms) {
    const norm = pass.plan.norms.get(index)!;
    const label = pass.label(index, "batch normalisation");
    if (pass.normalisesBatches)
      pass.draft.prologue("gradientCoefficients", label, norm.fields(norm.gradientSums));
    descendNorm(pass, norm, index);
    if (!pass.wantsGradient(source)) continue;
    const write = (inputGradient: PlannedTensor, accumulate: boolean): void =>
      pass.draft.emit("normGradient", label, {
        inputGradient,
        gradient,
        input: pass.read(source),
        coefficients: norm.coefficients,
        gradientUnits: unitTable(pass, source, root),
        ...passing,
        accumulate,
      });
    if (pass.readOnce(source)) {
      gradient.pendingReads++;
      pass.promise(source, () => {
        const inputGradient = pass.newTensor(source);
        write(inputGradient, false);
        gradient.pendingReads--;
        return inputGradient;
      });
    } else {
      const { tensor, accumulate } = pass.receive(source)!;
      write(tensor, accumulate);
    }
  }
}

/** Sums are {Σ g, Σ g·(x − mean)}: the gradient of the shift, and that of the scale but for 1/√(variance + ε). */
function descendNorm(pass: Pass, norm: Norm, index: number): void {
  const { scale, shift, coefficients, gradientSums, unitCount } = norm;
  const inverse = new Place(coefficients, 12 * unitCount);
  descend(pass, index, scale, { partial: new Place(gradientSums, 8), elementBytes: 16, factor: inverse });
  descend(pass, index, shift, { partial: gradientSums, elementBytes: 16, factor: shift.trained });
  if (!pass.normalisesBatches) return;
  pass.updates.push(() =>
    pass.draft.emit("updateRunning", pass.label(index, "batch normalisation"), norm.fields()),
  );
}

/** Writes the factors and offsets of normalised terms, after a barrier if they need all blocks. */
function normalise(pass: Pass, terms: readonly Term[]): void {
  const norms = terms.flatMap(({ norm }) => (norm === undefined ? [] : [norm]));
  if (norms.length === 0) return;
  if (norms.some((norm) => pass.statisticsSegment(norm) === pass.draft.current)) pass.draft.barrier();
  for (const index of norms) {
    const norm = pass.plan.norms.get(index)!;
    const label = pass.label(index, "batch normalisation");
    if (pass.normalisesBatches) pass.draft.prologue("batchCoefficients", label, norm.fields(norm.statistics));
    else pass.draft.prologue("runningCoefficients", label, norm.fields());
  }
}

/** A value that only this combination reads. */
function mayChange(pass: Pass, source: number): boolean {
  return pass.readOnce(source) && isOverwritable(pass.node(source).op);
}

function lendUnits(pass: Pass, root: number, source: number, gradient: PlannedTensor): void {
  if (sameUnits(pass, root, source)) {
    pass.addGradient(source, gradient);
    return;
  }
  const target = pass.receive(source);
  if (target === undefined) return;
  const from = placesOf(pass, source, root);
  pass.copyUnits(gradient, target, from, pass.label(root, "other"));
}

/** For every stored unit of `node`, its index among those of `other`; absent if they are the same. */
export function unitTable(pass: Pass, node: number, other: number): Region | undefined {
  return sameUnits(pass, node, other) ? undefined : pass.table(placesOf(pass, node, other));
}

function placesOf(pass: Pass, node: number, other: number): Uint32Array {
  const place = new Map([...pass.plan.stored[other]!].map((unit, k) => [unit, k]));
  return Uint32Array.from(pass.plan.stored[node]!, (unit) => place.get(unit) ?? NO_UNIT);
}

function sameUnits(pass: Pass, node: number, other: number): boolean {
  const a = pass.plan.stored[node]!;
  const b = pass.plan.stored[other]!;
  return a.length === b.length && a.every((unit, k) => unit === b[k]);
}
