/** Programs that compute derivatives of the loss: gradients, and how they change along a direction. */
import type { Direction } from "../plan/direction.ts";
import { combineBackward } from "./operations/combination.ts";
import { combineTangents, combineTangentsBackward } from "./operations/combinationTangent.ts";
import { loweringOf } from "./operations/lowerings.ts";
import { Pass, type PassOptions } from "./pass.ts";
import { forward, lossOf } from "./passes.ts";
import { TangentPass } from "./tangentPass.ts";

export interface DerivativeOptions extends Pick<PassOptions, "model" | "exchange"> {
  readonly statistics: "running" | "batch";
  /** The logits are divided by it. */
  readonly temperature: number;
}

/** Loss and the gradients of all parameters, each kept as soon as it is complete, so that its parts need no room. */
export function gradientPass(options: DerivativeOptions): Pass {
  const pass = new Pass({ ...options, mode: "differentiation", keepsGradients: true, seed: 0 });
  forward(pass);
  lossOf(pass, { divisor: options.temperature, withGradient: true });
  pass.draft.barrier("blocks", true);
  const { nodes } = pass.model.network;
  for (let index = nodes.length - 1; index > 0; index--) {
    if (pass.model.inside.has(index)) continue;
    backwardOf(pass, index);
    pass.release(index);
    keepGradients(pass);
  }
  return pass;
}

/**
 * The same, and the product of the Hessian with a direction: forward over reverse. Behind every instruction stands what
 * computes the tangent of its result; nothing is fused, so that every node has a value and a tangent.
 * @returns the passes of values and of tangents, which are one program; the gradients of the latter are the product
 */
export function hessianPass(options: DerivativeOptions, direction: Direction) {
  const shared = { ...options, mode: "differentiation", keepsGradients: true, seed: 0 } as const;
  const frames = new Map();
  const values = new Pass({ ...shared, frames });
  const tangents = new TangentPass(values, direction, { ...shared, frames });
  forward(values, (index) => forwardTangents(tangents, index));
  lossOf(values, { divisor: options.temperature, withGradient: true });
  lossTangents(tangents, options.temperature);
  values.draft.barrier("blocks", true);
  for (let index = values.model.network.nodes.length - 1; index > 0; index--) {
    backwardTangents(tangents, index);
    for (const pass of [values, tangents]) pass.release(index);
    keepGradients(values, tangents);
  }
  return { values, tangents };
}

function forwardTangents(pass: TangentPass, index: number): void {
  const combination = pass.model.combinations.get(index);
  const { op } = pass.node(index);
  const lowering = loweringOf(op);
  if (!pass.wantsGradient(index)) pass.writeZeros(index);
  else if (combination !== undefined) combineTangents(pass, combination);
  else (lowering.tangent === "linear" ? lowering : lowering.tangent).forward(pass, index, op);
}

function lossTangents(pass: TangentPass, temperature: number): void {
  const { output } = pass.model.network;
  pass.draft.emit(
    "crossEntropyTangent",
    {
      logits: pass.primal.read(output),
      tangent: pass.read(output),
      gradient: pass.receive(output)!.tensor,
      divisor: temperature,
    },
    pass.label(output, "loss"),
  );
}

function backwardOf(pass: Pass, index: number): void {
  const combination = pass.model.combinations.get(index);
  const { op } = pass.node(index);
  if (combination !== undefined) combineBackward(pass, combination);
  else loweringOf(op).backward(pass, index, op);
}

/** Both ways back, of the gradient and of its tangent. */
function backwardTangents(pass: TangentPass, index: number): void {
  const combination = pass.model.combinations.get(index);
  if (combination !== undefined) {
    backwardOf(pass.primal, index);
    combineTangentsBackward(pass, combination);
    return;
  }
  const { op } = pass.node(index);
  const lowering = loweringOf(op);
  const own = lowering.tangent === "linear" ? "linear" : lowering.tangent.backward;
  (own === "linear" ? lowering.backward : own)(pass, index, op);
  backwardOf(pass.primal, index);
}

/** Writes the sums of gradients that the way back has written all parts of. */
function keepGradients(...passes: readonly Pass[]): void {
  const sums = passes.flatMap((pass) => pass.sums.splice(0));
  if (sums.length === 0) return;
  const { draft } = passes[0]!;
  draft.barrier("shares");
  for (const sum of sums) sum();
  draft.barrier();
}
