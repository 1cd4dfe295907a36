/** Programs that compute derivatives of the loss: gradients, and how they change along a direction. */
import type { Direction } from "../plan/direction.ts";
import type { Region } from "../plan/region.ts";
import type { Draft } from "./draft.ts";
import { combineTangents, combineTangentsBackward } from "./operations/combinationTangent.ts";
import { loweringOf } from "./operations/lowerings.ts";
import { Pass, type PassOptions } from "./pass.ts";
import { backwardOf, forward, lossOf } from "./passes.ts";
import { TangentPass } from "./tangentPass.ts";

export interface DerivativeOptions extends Pick<PassOptions, "plan" | "exchange"> {
  readonly statistics: "running" | "batch";
  /** The logits are divided by it. */
  readonly temperature: number;
}

export interface DerivativeProgram {
  readonly draft: Draft;
  /** By parameter name, as {@link Pass.gradients}. */
  readonly gradients: ReadonlyMap<string, Region>;
  /** Likewise the product of the Hessian with a direction, where it is computed. */
  readonly products?: ReadonlyMap<string, Region>;
}

/**
 * Loss and the gradients of all parameters; each is stored as soon as it is complete, so that its parts need no
 * memory.
 */
export function gradientPass(options: DerivativeOptions): DerivativeProgram {
  const pass = new Pass({ ...options, mode: "differentiation", keepsGradients: true, seed: 0 });
  forward(pass);
  lossOf(pass, { divisor: options.temperature, withGradient: true });
  pass.draft.barrier("blocks", true);
  const { nodes } = pass.plan.network;
  for (let index = nodes.length - 1; index > 0; index--) {
    if (pass.plan.inside.has(index)) continue;
    backwardOf(pass, index);
    pass.release(index);
    keepGradients(pass);
  }
  return { draft: pass.draft, gradients: pass.gradients };
}

/**
 * The same, and the product of the Hessian with a direction: forward over reverse. Behind every instruction stands what
 * computes the tangent of its result; nothing is fused, so that every node has a value and a tangent. The passes of values
 * and of tangents are one program; the gradients of the latter are the product.
 */
export function hessianPass(options: DerivativeOptions, direction: Direction): DerivativeProgram {
  const shared = { ...options, mode: "differentiation", keepsGradients: true, seed: 0 } as const;
  const frames = new Map();
  const values = new Pass({ ...shared, frames });
  const tangents = new TangentPass(values, direction, { ...shared, frames });
  forward(values, (index) => forwardTangents(tangents, index));
  lossOf(values, { divisor: options.temperature, withGradient: true });
  lossTangents(tangents, options.temperature);
  values.draft.barrier("blocks", true);
  for (let index = values.plan.network.nodes.length - 1; index > 0; index--) {
    backwardTangents(tangents, index);
    for (const pass of [values, tangents]) pass.release(index);
    keepGradients(values, tangents);
  }
  return { draft: values.draft, gradients: values.gradients, products: tangents.gradients };
}

function forwardTangents(pass: TangentPass, index: number): void {
  const combination = pass.plan.combinations.get(index);
  const { op } = pass.node(index);
  const lowering = loweringOf(op);
  if (!pass.wantsGradient(index)) pass.writeZeros(index);
  else if (combination !== undefined) combineTangents(pass, combination);
  else (lowering.tangent === "linear" ? lowering : lowering.tangent).forward(pass, index, op);
}

function lossTangents(pass: TangentPass, temperature: number): void {
  const { output } = pass.plan.network;
  pass.draft.emit("crossEntropyTangent", pass.label(output, "loss"), {
    logits: pass.primal.read(output),
    tangent: pass.read(output),
    gradient: pass.receive(output)!.tensor,
    divisor: temperature,
  });
}

/** Backward passes of the gradient and of its tangent. */
function backwardTangents(pass: TangentPass, index: number): void {
  const combination = pass.plan.combinations.get(index);
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

/** Writes the sums of gradients whose parts the backward pass has all written. */
function keepGradients(...passes: readonly Pass[]): void {
  const sums = passes.flatMap((pass) => pass.sums.splice(0));
  if (sums.length === 0) return;
  const { draft } = passes[0]!;
  draft.barrier("shares");
  for (const sum of sums) sum();
  draft.barrier();
}
