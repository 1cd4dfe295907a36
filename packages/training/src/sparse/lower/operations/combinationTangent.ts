/**
 * Tangents of batch normalisation, addition and clamping activations, each separately; see combinations.ts. Addition
 * is linear, and so is a clamp once the values have decided its sides.
 */
import { type Combination, IDENTITY, isIdentity, type Term } from "../../model/combinations.ts";
import type { TangentPass } from "../tangentPass.ts";
import { combine, combineBackward, outputOf, unitTable } from "./combination.ts";

/** The gradient has passed its clamp, or there is none. */
const PASSED = { gated: 1, ...IDENTITY };

/** Comes behind the combination of the values. */
export function combineTangents(pass: TangentPass, combination: Combination): void {
  const { root, terms, clamp } = combination;
  const [first] = terms as [Term];
  if (first.norm !== undefined) {
    normalise(pass, root, first.source, first.norm);
    return;
  }
  const output = combine(pass, { root, terms, clamp: IDENTITY }, outputOf(pass, combination));
  if (!isIdentity(clamp)) {
    const fields = { gradient: output, output: pass.primal.read(root), ...clamp };
    pass.draft.emit("gate", pass.label(root, "activation"), fields);
  }
  pass.write(root, output);
}

/** After the backward pass of the values, whose sums it needs. */
export function combineTangentsBackward(pass: TangentPass, combination: Combination): void {
  const [{ source, norm }] = combination.terms as [Term];
  if (norm === undefined) combineBackward(pass, combination);
  else normaliseBackward(pass, combination.root, source, norm);
}

/** y˙ = a·ẋ + a˙·x + c */
function normalise(pass: TangentPass, root: number, source: number, index: number): void {
  const tangent = pass.norms.get(index)!;
  const { coefficients } = tangent.norm;
  const label = pass.label(index, "batch normalisation");
  const fields = tangent.fields(pass.normalisesBatches);
  if (pass.normalisesBatches) {
    const { statistics: partial } = tangent;
    const values = { input: pass.primal.read(source), tangent: pass.read(source) };
    pass.draft.emit("tangentStatistics", label, { ...values, coefficients, partial });
    pass.draft.barrier();
    pass.draft.prologue("normTangents", label, { ...fields, statistics: partial });
  } else {
    pass.draft.prologue("normTangents", label, fields);
  }
  const output = pass.newTensor(root);
  const units = unitTable(pass, root, source);
  pass.draft.emit("combine", label, {
    output,
    first: pass.read(source),
    firstCoefficients: tangent.frozen,
    firstUnits: units,
    second: pass.primal.read(source),
    secondCoefficients: tangent.tangents,
    secondUnits: units,
    ...IDENTITY,
  });
  pass.write(root, output);
}

/** (∂L/∂x)˙ = (a·g˙ + B·ẋ) + (a˙·g + B˙·x + C˙) */
function normaliseBackward(pass: TangentPass, root: number, source: number, index: number): void {
  const gradient = pass.gradientOf(root);
  const primalGradient = pass.primal.gradientOf(root);
  if (gradient === undefined || primalGradient === undefined) return;
  const tangent = pass.norms.get(index)!;
  const { frozen, tangents, tangentSums, crossSums } = tangent;
  const { coefficients, gradientSums, scale, shift, unitCount } = tangent.norm;
  const label = pass.label(index, "batch normalisation");
  const common = { gradientUnits: unitTable(pass, source, root), ...PASSED };
  const sum = { ...common, gradient, input: pass.primal.read(source), coefficients, partial: tangentSums };
  pass.draft.emit("gradientSums", label, sum);
  const cross = { ...common, gradient: primalGradient, input: pass.read(source), coefficients: tangents };
  pass.draft.emit("gradientSums", label, { ...cross, partial: crossSums });
  pass.draft.barrier();
  const products = {
    scaleProduct: pass.newGradient(scale.parameter.name, unitCount),
    shiftProduct: pass.newGradient(shift.parameter.name, unitCount),
  };
  pass.draft.prologue("normGradientTangents", label, {
    ...tangent.fields(pass.normalisesBatches),
    gradientSums,
    tangentSums,
    crossSums,
    ...products,
  });
  const target = pass.receive(source);
  if (target === undefined) return;
  const fields = { ...common, inputGradient: target.tensor };
  const { accumulate } = target;
  pass.draft.emit("normGradient", label, {
    ...fields,
    gradient,
    input: pass.read(source),
    coefficients: frozen,
    accumulate,
  });
  const input = pass.primal.read(source);
  const through = { ...fields, gradient: primalGradient, input, coefficients: tangents, accumulate: true };
  pass.draft.emit("normGradient", label, through);
}
