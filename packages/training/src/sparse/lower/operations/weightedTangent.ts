/** How products with the Hessian pass an operation that multiplies by weights: one rule over each one's own kernels. */
import type { Region } from "../../plan/region.ts";
import type { SparseLayer } from "../../plan/sparseLayer.ts";
import type { Pass, Target } from "../pass.ts";
import type { PlannedTensor } from "../tensor.ts";
import type { Tangent } from "./lowering.ts";
import {
  biasGradient,
  biasOf,
  fillBackward,
  fillForward,
  type ShardSums,
  sparseLayer,
  sumShards,
} from "./weights.ts";

/** Where instructions are written, and for what. */
export interface WeightedPlace<Op> {
  readonly pass: Pass;
  readonly index: number;
  readonly op: Op;
  readonly layer: SparseLayer;
}

export interface ForwardCall {
  readonly input: PlannedTensor;
  readonly output: PlannedTensor;
  /** Weights, or numbers in their places. */
  readonly entries: Region;
  readonly bias?: Region | undefined;
}

export interface BackwardCall extends ShardSums {
  readonly input: PlannedTensor;
  readonly outputGradient: PlannedTensor;
  readonly entries: Region;
  /** Undefined if the gradient of the input is not needed. */
  readonly target: Target | undefined;
}

export interface WeightedKernels<Op> {
  /** output ← W∗input + bias */
  values(at: WeightedPlace<Op>, call: ForwardCall): void;
  /** output ← output + W∗input */
  addValues(at: WeightedPlace<Op>, call: ForwardCall): void;
  /** What both gradients need before anything reads them. */
  prepare?(at: WeightedPlace<Op>, gradients: readonly PlannedTensor[]): void;
  /** Adds input ∗ outputGradient to the sums, and Wᵀ∗outputGradient to the target. */
  back(at: WeightedPlace<Op>, call: BackwardCall): void;
}

export const weightedTangent = <Op>({
  values,
  addValues,
  prepare,
  back,
}: WeightedKernels<Op>): Tangent<Op> => ({
  /** (W∗x + b)˙ = W∗ẋ + V∗x + b˙, where V is the direction of the weights */
  forward(pass, index, op) {
    const layer = sparseLayer(pass, index);
    const at = { pass, index, op, layer };
    const source = pass.source(index);
    const output = pass.newTensor(index);
    const [entries] = pass.direction.entries(layer) as [Region];
    const bias = biasOf(pass, index);
    const input = pass.primal.read(source);
    fillForward(pass, layer, entries, input);
    values(at, { input, output, entries, bias: bias && pass.direction.units(bias) });
    if (pass.wantsGradient(source))
      addValues(at, { input: pass.read(source), output, entries: layer.forwardEntries });
    pass.write(index, output);
  },

  /** (∂L/∂x)˙ = Wᵀ∗g˙ + Vᵀ∗g,   (∂L/∂W)˙ = x∗g˙ + ẋ∗g: two calls that add to the same sums */
  backward(pass, index, op) {
    const outputGradient = pass.gradientOf(index);
    const primalGradient = pass.primal.gradientOf(index);
    if (outputGradient === undefined || primalGradient === undefined) return;
    const layer = sparseLayer(pass, index);
    const at = { pass, index, op, layer };
    const source = pass.source(index);
    prepare?.(at, [outputGradient, primalGradient]);
    biasGradient(pass, index, outputGradient);
    const input = pass.primal.read(source);
    const target = pass.receive(source);
    const sums = sumShards(pass, layer, pass.label(index, "backward"));
    back(at, { input, outputGradient, entries: layer.backwardEntries, target, ...sums });
    if (target === undefined) return;
    const along = pass.direction.entries(layer)[1]!;
    fillBackward(pass, layer, along, primalGradient);
    back(at, {
      input: pass.read(source),
      outputGradient: primalGradient,
      entries: along,
      target: { tensor: target.tensor, accumulate: true },
      ...sums,
    });
  },
});
