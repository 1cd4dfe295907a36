/** Gradients by weights that are chosen when they are wanted: absentPass.ts, run layer by layer. */
import { elementCount, type Weights } from "@phew/core";
import { GradientError } from "../../diverged.ts";
import type { AbsentRequests, Batch, StepResult, TakeGradient, UnitActivity } from "../../executor.ts";
import { type AbsentProgram, absentPass, type ChosenPart } from "../lower/absentPass.ts";
import type { FinishedTensor } from "../lower/tensor.ts";
import { ChosenWeights } from "../plan/chosenWeights.ts";
import type { Exchange } from "../plan/exchange.ts";
import { type Plan, type PlanOptions, planOf, unitParameters } from "../plan/plan.ts";
import type { Region } from "../plan/region.ts";
import { shardCount } from "../plan/shards.ts";
import type { SparseLayer } from "../plan/sparseLayer.ts";
import { Memory } from "../program/memory.ts";
import type { Placement } from "../program/placement.ts";
import type { WrittenProgram } from "../program/writeProgram.ts";
import { type BatchPlace, batchResult, writeBatch } from "./batchTransfer.ts";
import { ParameterTransfer } from "./parameterTransfer.ts";

/** The program before it is in memory. */
export interface AbsentDraft extends AbsentProgram {
  /** Its own: silent units are stored, for a weight into one may have a gradient. */
  readonly plan: Plan;
  /** Where it finds its weights. */
  readonly regions: readonly Region[];
}

/** @param readable for {@link runActivity} */
export function absentDraft(
  options: PlanOptions,
  exchange: Exchange,
  labelSmoothing: number,
  readable: boolean,
): AbsentDraft {
  const plan = planOf({ ...options, kernel: "rows", storesSilent: true });
  const regions = [...plan.layers.values()].flatMap(({ entryLists, orphanWeights }) => [
    ...entryLists.map(({ entries }) => entries),
    orphanWeights,
  ]);
  for (const { values } of unitParameters(plan)) regions.push(values);
  return { ...absentPass({ plan, exchange }, labelSmoothing, readable), plan, regions };
}

/** The program in memory. */
export interface AbsentPlace extends BatchPlace {
  readonly absent: AbsentDraft;
  readonly placement: Placement;
  readonly program: WrittenProgram;
}

/**
 * @param weights as they are now @param requests by parameter name
 * @returns loss and right answers of the batch
 * @throws GradientError if the loss or a gradient is not finite
 */
export function runAbsent(
  place: AbsentPlace,
  weights: Weights,
  requests: AbsentRequests,
  batch: Batch,
  take: TakeGradient,
): StepResult {
  const { absent, memory, runtime, program } = place;
  new ParameterTransfer(absent.plan, memory).setWeights(weights);
  writeBatch(place, batch);
  const shards = shardCount(Math.ceil(batch.count / absent.plan.lanes));
  runtime.run(program.parts[0]!);
  const result = batchResult(place, batch.count);
  let missing = requests.size;
  for (const [k, part] of absent.chosen.entries()) {
    if (missing === 0) break;
    const parts = program.parts.slice(absent.partsPerLayer * k, absent.partsPerLayer * (k + 1));
    if (k > 0) runtime.run(parts[0]!);
    const name = absent.plan.layers.get(part.node)!.weights.parameter.name;
    const request = requests.get(name);
    if (request === undefined) continue;
    missing--;
    if (!Number.isFinite(result.loss)) throw new GradientError(name);
    const gradient = layerGradient(place, part, parts.slice(1), request, shards);
    requireFinite(name, gradient);
    take(name, gradient);
  }
  return result;
}

/**
 * Activity of the units of all layers, read where their tensors are while the program pauses for each.
 * @param place of a program with readable inputs
 * @param signs for each image of the batch; absent: sizes are added
 */
export function runActivity(
  place: AbsentPlace,
  weights: Weights,
  batch: Batch,
  signs: Int8Array | undefined,
): Map<string, UnitActivity> {
  const { absent, memory, runtime, program } = place;
  new ParameterTransfer(absent.plan, memory).setWeights(weights);
  writeBatch(place, batch);
  runtime.run(program.parts[0]!);
  const found = new Map<string, UnitActivity>();
  for (const [k, { node, tensors }] of absent.chosen.entries()) {
    const [lead, readable] = program.parts.slice(absent.partsPerLayer * k);
    if (k > 0) runtime.run(lead!);
    runtime.run(readable!);
    const { parameter, inUnits } = absent.plan.layers.get(node)!.weights;
    const outUnits = parameter.shape[0]!;
    found.set(parameter.name, {
      inputs: tensors ? activityOf(place, tensors.input, inUnits, batch, signs) : new Float64Array(inUnits),
      outputs: tensors
        ? activityOf(place, tensors.outputGradient, outUnits, batch, signs)
        : new Float64Array(outUnits),
    });
  }
  return found;
}

/** @param unitCount of the layer; each has as many neighbouring pixels of the tensor as every other */
function activityOf(
  { absent, memory, placement }: AbsentPlace,
  tensor: FinishedTensor,
  unitCount: number,
  { count }: Batch,
  signs: Int8Array | undefined,
): Float64Array {
  const { lanes } = absent.plan;
  const { address, blockBytes, perThread } = placement.tensors.get(tensor)!;
  if (perThread) throw new Error("a tensor at a pause has no place of its own");
  const { unitBytes, headBytes, rowBytes, pixelBytes } = tensor.geometry(lanes);
  const perUnit = (tensor.units * tensor.height * tensor.width) / unitCount;
  const values = new Float32Array(memory.view.buffer);
  const sums = new Float64Array(unitCount);
  let pixel = 0;
  for (let u = 0; u < tensor.units; u++) {
    for (let row = 0; row < tensor.height; row++) {
      for (let column = 0; column < tensor.width; column++, pixel++) {
        const unit = Math.floor(pixel / perUnit);
        const start = address + u * unitBytes + headBytes + row * rowBytes + column * pixelBytes;
        for (let b = 0; b < count; b++) {
          const at = start + Math.floor(b / lanes) * blockBytes + 4 * (b % lanes);
          const value = values[at / 4]!;
          sums[unit]! += signs === undefined ? Math.abs(value) : signs[b]! * value;
        }
      }
    }
  }
  return sums.map(Math.abs);
}

/** Of one layer; the parts of the program that lead to it have run. @param shards that the batch has */
function layerGradient(
  { absent, memory, placement, runtime }: AbsentPlace,
  { node, tensors, entries, places, sums, shardBytes }: ChosenPart,
  addresses: readonly number[],
  request: Uint32Array | "all",
  shards: number,
): Float32Array {
  const layer = absent.plan.layers.get(node)! as SparseLayer;
  const count = request === "all" ? elementCount(layer.weights.parameter.shape) : request.length;
  const gradient = new Float32Array(count);
  if (tensors === undefined) return gradient;
  // its input, whose work may take the memory of what is written now
  for (const address of addresses.slice(0, -1)) runtime.run(address);
  const { lanes } = absent.plan;
  const chosen = new ChosenWeights(layer, request === "all" ? undefined : request);
  const own = new Memory(memory.view.buffer as ArrayBuffer, placement.temporaries.get(absent.draft)!);
  own.integersOf(entries).set(chosen.offsets(tensors.outputGradient.geometry(lanes)));
  own.integersOf(places).set(chosen.places(tensors.input.geometry(lanes)));
  runtime.run(addresses.at(-1)!);
  addShards(gradient, chosen, own.floatsOf(sums), { stride: shardBytes / 4, shards });
  return gradient;
}

/** Σ over shards in their order, in float64. @param stride from the sums of a shard to the next */
function addShards(
  gradient: Float32Array,
  { order }: ChosenWeights,
  sums: Float32Array,
  { stride, shards }: { readonly stride: number; readonly shards: number },
): void {
  const count = order.length;
  const total = Float64Array.from(sums.subarray(0, count));
  for (let s = 1; s < shards; s++) {
    const row = sums.subarray(s * stride, s * stride + count);
    for (let e = 0; e < count; e++) total[e]! += row[e]!;
  }
  for (let e = 0; e < count; e++) gradient[order[e]!] = total[e]!;
}

/** @throws GradientError if an element is not finite */
function requireFinite(parameter: string, gradient: Float32Array): void {
  let wrong = 0;
  // g − g is 0 unless g is not finite
  for (let k = 0; k < gradient.length; k++) wrong += gradient[k]! - gradient[k]!;
  if (wrong !== 0) throw new GradientError(parameter);
}
