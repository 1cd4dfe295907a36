/** Gradients by weights that are chosen when they are wanted: absentPass.ts, run layer by layer. */
import { elementCount, type Weights } from "@phew/core";
import { GradientError } from "../../diverged.ts";
import type { AbsentRequests, Batch, StepResult, TakeGradient } from "../../executor.ts";
import { type AbsentProgram, absentPass, type ChosenPart } from "../lower/absentPass.ts";
import { KeptWeights } from "../model/keptWeights.ts";
import type { Exchange } from "../plan/exchange.ts";
import { type Plan, type PlanOptions, planOf, unitParameters } from "../plan/plan.ts";
import type { Region } from "../plan/region.ts";
import { shardCount } from "../plan/shards.ts";
import { SparseLayer } from "../plan/sparseLayer.ts";
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

export function absentDraft(options: PlanOptions, exchange: Exchange, labelSmoothing: number): AbsentDraft {
  const plan = planOf({ ...options, kernel: "rows", storesSilent: true });
  const regions = [...plan.layers.values()].flatMap(({ entryLists, orphanWeights }) => [
    ...entryLists.map(({ entries }) => entries),
    orphanWeights,
  ]);
  for (const { values } of unitParameters(plan)) regions.push(values);
  return { ...absentPass({ plan, exchange }, labelSmoothing), plan, regions };
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
    if (k > 0) runtime.run(program.parts[2 * k]!);
    const name = absent.plan.layers.get(part.node)!.weights.parameter.name;
    const request = requests.get(name);
    if (request === undefined) continue;
    missing--;
    if (!Number.isFinite(result.loss)) throw new GradientError(name);
    const gradient = layerGradient(place, part, program.parts[2 * k + 1]!, request, shards);
    if (!gradient.every(Number.isFinite)) throw new GradientError(name);
    take(name, gradient);
  }
  return result;
}

/** Of one layer; the parts of the program that lead to it have run. @param shards that the batch has */
function layerGradient(
  place: AbsentPlace,
  part: ChosenPart,
  address: number,
  request: Uint32Array | "all",
  shards: number,
): Float32Array {
  const { parameter } = place.absent.plan.layers.get(part.node)!.weights;
  const whole = new Float32Array(elementCount(parameter.shape));
  if (part.tensors !== undefined) {
    const layer = chosenLayer(place.absent.plan, part.node, request);
    const { memory, placement, absent } = place;
    const own = new Memory(memory.view.buffer as ArrayBuffer, placement.temporaries.get(absent.draft)!);
    writeChosen(own, layer, part, part.tensors, absent.plan.lanes);
    place.runtime.run(address);
    addShards(whole, layer, own.floatsOf(part.sums), part.shardBytes / 4, shards);
  }
  return request === "all" ? whole : Float32Array.from(request, (k) => whole[k]!);
}

/** A layer of the chosen weights alone. */
function chosenLayer({ network, stored }: Plan, node: number, request: Uint32Array | "all"): SparseLayer {
  const { inputs } = network.nodes[node]!;
  const parameter = network.prunable.find((candidate) => candidate.node === node)!;
  const mask = request === "all" ? undefined : maskOf(request, parameter.length);
  const weights = new KeptWeights(network, node, mask, stored[node]!, stored[inputs[0]!]!);
  return new SparseLayer(network, node, weights, { forward: "rows", backward: "rows" });
}

function writeChosen(
  memory: Memory,
  layer: SparseLayer,
  { entries, places }: ChosenPart,
  { input, outputGradient }: NonNullable<ChosenPart["tensors"]>,
  lanes: number,
): void {
  memory.integersOf(entries).set(layer.backwardOffsets(outputGradient.geometry(lanes)));
  const x = input.geometry(lanes);
  const isDense = layer.weights.op.kind === "dense";
  memory.integersOf(places).set(isDense ? layer.backwardStartRegion.initial!() : layer.classRecords(x, x));
}

/** Σ over shards in their order, in float64. @param stride from the sums of a shard to the next */
function addShards(
  whole: Float32Array,
  { weights: { kept }, order }: SparseLayer,
  sums: Float32Array,
  stride: number,
  shards: number,
): void {
  for (let e = 0; e < kept.length; e++) {
    let sum = 0;
    for (let s = 0; s < shards; s++) sum += sums[s * stride + e]!;
    whole[kept[order[e]!]!] = sum;
  }
}

/** A layer's mask of the given weights. */
function maskOf(indices: Uint32Array, length: number): Uint8Array {
  const mask = new Uint8Array(length);
  for (const k of indices) mask[k] = 1;
  return mask;
}
