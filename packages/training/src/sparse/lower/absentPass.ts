/**
 * A program for gradients of the loss by any weights of layers, those that are not there too:
 *   ∂L/∂w[o, i, r, c] = Σ over images and places of x[i] · ∂L/∂y[o]
 * which needs values and gradients of values, but no weight. These are computed with the kept weights. In front of each
 * layer the program pauses: the weights that are wanted, and their sums, are in memory for that part alone.
 */
import { elementCount } from "@phew/core";
import type { Exchange } from "../plan/exchange.ts";
import type { Plan } from "../plan/plan.ts";
import { Region } from "../plan/region.ts";
import { shardCount } from "../plan/shards.ts";
import type { Draft } from "./draft.ts";
import { loweringOf } from "./operations/lowerings.ts";
import { sparseLayer } from "./operations/weights.ts";
import { Pass } from "./pass.ts";
import { backwardOf, forward, lossOf } from "./passes.ts";
import type { FinishedTensor } from "./tensor.ts";

/** One layer's part of the program; it comes after a part that leads to it. */
export interface ChosenPart {
  readonly node: number;
  /** What the sums are taken of; absent if the loss does not depend on the layer, and its gradient is 0. */
  readonly tensors: { readonly input: FinishedTensor; readonly outputGradient: FinishedTensor } | undefined;
  /** Written before the part; with room for all weights of the layer. */
  readonly entries: Region;
  readonly places: Region;
  /** f32[shards][weights], read after the part. */
  readonly sums: Region;
  readonly shardBytes: number;
}

export interface AbsentProgram {
  /** Parts: what leads to the first layer, the layer's, what leads to the next … */
  readonly draft: Draft;
  /** From the last layer to the first. */
  readonly chosen: readonly ChosenPart[];
  /** Parts of the program for each layer: 2, or 3 where it pauses once more when the layer's input can be read. */
  readonly partsPerLayer: 2 | 3;
}

/**
 * @param plan stores silent units too, and computes layers by kept weights along rows
 * @param readable true: inputs of layers stand in memory for a pause, those too that are cheaper to compute again than to store
 */
export function absentPass(
  { plan, exchange }: { readonly plan: Plan; readonly exchange: Exchange },
  labelSmoothing: number,
  readable: boolean,
): AbsentProgram {
  const pass = new Pass({ plan, exchange, mode: "differentiation", statistics: "batch", seed: 0 });
  forward(pass);
  lossOf(pass, { labelSmoothing, withGradient: true });
  pass.draft.barrier();
  const first = Math.min(...plan.layers.keys());
  const chosen: ChosenPart[] = [];
  for (let index = plan.network.nodes.length - 1; index >= first; index--) {
    if (plan.inside.has(index)) continue;
    if (plan.layers.has(index)) {
      chosen.push(chosenPart(pass, index, readable));
      if (index === first) break;
      pass.draft.pause();
    }
    backwardOf(pass, index);
    pass.release(index);
  }
  return { draft: pass.draft, chosen, partsPerLayer: readable ? 3 : 2 };
}

function chosenPart(pass: Pass, index: number, readable: boolean): ChosenPart {
  const layer = sparseLayer(pass, index);
  const { parameter, inUnits } = layer.weights;
  const count = elementCount(parameter.shape);
  const shardBytes = 64 * Math.ceil(count / 16);
  const region = (bytes: number) => new Region("gradients", bytes, { temporary: true });
  const starts = inUnits * layer.taps.placeByClass.length + 1;
  const places = region(Math.max(layer.classRegion.bytes, 4 * starts));
  const sums = region(shardBytes * shardCount(pass.plan.blocks));
  const part = { node: index, entries: region(8 * count), places, sums, shardBytes };
  pass.draft.pause();
  const outputGradient = pass.gradientOf(index);
  if (outputGradient === undefined) {
    if (readable) pass.draft.pause();
    return { ...part, tensors: undefined };
  }
  const input = pass.read(pass.source(index));
  if (readable) pass.draft.pause();
  const label = pass.label(index, "backward");
  outputGradient.widen(layer.gradientBorder(outputGradient.height, outputGradient.width));
  pass.clearBorder(outputGradient, label);
  pass.draft.emit("clearShard", label, { sums, bytes: 4 * count, shardBytes });
  const { op } = pass.node(index);
  const call = { input, outputGradient, entries: part.entries, places, weightGradient: sums, shardBytes };
  const { chosen } = loweringOf(op);
  if (chosen === undefined) throw new Error(`${layer.name} has no way to the gradients of chosen weights`);
  chosen(pass, index, op, call);
  return { ...part, tensors: { input, outputGradient } };
}
