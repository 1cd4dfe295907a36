/** The programs of a model, written from one description of each operation. */

import { Region } from "../plan/region.ts";
import { type Draft, ProgramDraft } from "./draft.ts";
import { combineBackward, combineForward } from "./operations/combination.ts";
import { loweringOf } from "./operations/lowerings.ts";
import { transformWeights } from "./operations/winograd.ts";
import { Pass, type PassOptions } from "./pass.ts";

export interface TrainingPrograms {
  /** A step of training: loss, gradients and, where gradients are not kept, the update. */
  readonly train: Draft;
  /** The update, where gradients are kept. */
  readonly update: Draft | undefined;
  /** Those that are, by parameter name. */
  readonly gradients: ReadonlyMap<string, Region>;
}

export function trainingPass(options: Omit<PassOptions, "mode">, labelSmoothing: number): TrainingPrograms {
  const pass = new Pass({ ...options, mode: "training" });
  forward(pass);
  lossOf(pass, { labelSmoothing, withGradient: true });
  pass.draft.barrier("blocks", true);
  backward(pass);
  pass.draft.barrier("shares");
  for (const sum of pass.sums) sum();
  const train = pass.draft;
  if (pass.keepsGradients) {
    pass.draft = new ProgramDraft();
    pass.draft.shares();
  } else {
    pass.draft.barrier("shares", true);
  }
  for (const update of pass.updates) update();
  return { train, update: pass.draft === train ? undefined : pass.draft, gradients: pass.gradients };
}

/** Outputs and loss in evaluation mode. */
export function evaluationPass(options: Omit<PassOptions, "mode">, labelSmoothing: number): Draft {
  const pass = new Pass({ ...options, mode: "evaluation" });
  forward(pass);
  const { output } = pass.plan.network;
  const tensor = pass.read(output);
  pass.draft.emit("storeImages", pass.label(output, "transfer"), { tensor, images: pass.exchange.outputs });
  lossOf(pass, { labelSmoothing, withGradient: false });
  return pass.draft;
}

export interface FinitePrograms {
  /** Looks for the first value of a training step that is not finite. */
  readonly check: Draft;
  /** For every node that has a value of its own: u32[blocks], 1 where a value is not finite. */
  readonly found: readonly { readonly layer: string; readonly region: Region }[];
}

export function finitePass(options: Omit<PassOptions, "mode">): FinitePrograms {
  const pass = new Pass({ ...options, mode: "training" });
  const found: { readonly layer: string; readonly region: Region }[] = [];
  forward(pass, (index) => {
    const region = new Region("program", 4 * pass.plan.blocks);
    found.push({ layer: pass.node(index).name, region });
    pass.draft.emit("checkFinite", pass.label(index, "other"), { tensor: pass.read(index), found: region });
  });
  return { check: pass.draft, found };
}

/** @param visit called when what computes a node's value is written */
export function forward(pass: Pass, visit: (index: number) => void = () => {}): void {
  transformWeights(pass);
  const { network, inside, combinations, norms } = pass.plan;
  const normsOf = new Map<number, number[]>();
  for (const index of norms.keys()) {
    const source = network.nodes[index]!.inputs[0]!;
    normsOf.set(source, [...(normsOf.get(source) ?? []), index]);
  }
  for (const [index, { op }] of network.nodes.entries()) {
    if (inside.has(index)) continue;
    const combination = combinations.get(index);
    if (combination !== undefined) combineForward(pass, combination);
    else loweringOf(op).forward(pass, index, op);
    visit(index);
    if (pass.normalisesBatches) for (const norm of normsOf.get(index) ?? []) sumStatistics(pass, index, norm);
  }
}

/** Directly after the value, while that is in the cache. */
function sumStatistics(pass: Pass, source: number, index: number): void {
  const norm = pass.plan.norms.get(index)!;
  pass.draft.emit("batchStatistics", pass.label(index, "batch normalisation"), {
    input: pass.read(source),
    centre: norm.mean.values,
    partial: norm.statistics,
  });
  pass.sumsStatistics(index);
}

export interface LossOptions {
  readonly labelSmoothing?: number;
  /** Of the logits; 1 unless given. */
  readonly divisor?: number;
  readonly withGradient: boolean;
}

export function lossOf(pass: Pass, { labelSmoothing = 0, divisor = 1, withGradient }: LossOptions): void {
  const { output } = pass.plan.network;
  pass.draft.emit("crossEntropy", pass.label(output, "loss"), {
    logits: pass.read(output),
    gradient: withGradient ? pass.receive(output)!.tensor : undefined,
    labels: pass.exchange.labels,
    partial: pass.exchange.losses,
    labelSmoothing,
    divisor,
  });
}

function backward(pass: Pass): void {
  const { network, inside } = pass.plan;
  for (let index = network.nodes.length - 1; index > 0; index--) {
    if (inside.has(index)) continue;
    backwardOf(pass, index);
    pass.release(index);
  }
}

/** @param index of a node that is not inside a combination */
export function backwardOf(pass: Pass, index: number): void {
  const combination = pass.plan.combinations.get(index);
  const { op } = pass.node(index);
  if (combination !== undefined) combineBackward(pass, combination);
  else loweringOf(op).backward(pass, index, op);
}
