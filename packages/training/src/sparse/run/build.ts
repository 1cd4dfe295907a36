/** What the sparse executor runs: the programs of a network and its masks in memory, and its parameters there. */
import type { Masks } from "@phew/core";
import type { LayersRuntime } from "@phew/engine";
import { chosenOptimiser } from "../../optimisers/chosen.ts";
import type { Draft } from "../lower/draft.ts";
import {
  evaluationPass,
  type FinitePrograms,
  finitePass,
  type TrainingPrograms,
  trainingPass,
} from "../lower/passes.ts";
import { type Exchange, newExchange } from "../plan/exchange.ts";
import { type Plan, planOf } from "../plan/plan.ts";
import { StateRegions } from "../plan/stateRegions.ts";
import { type Compiled, compile } from "../program/compile.ts";
import { type AbsentDraft, absentDraft } from "./absentGradients.ts";
import type { BatchPlace } from "./batchTransfer.ts";
import type { SparseExecutorOptions } from "./options.ts";
import { ParameterTransfer } from "./parameterTransfer.ts";

/** `update`: what is left of a step where gradients are clipped before. */
type Drafts = Pick<TrainingPrograms, "train" | "update"> &
  Pick<FinitePrograms, "check"> & { readonly evaluate: Draft; readonly absent: Draft | undefined };

export interface Build extends Compiled<Drafts>, BatchPlace {
  readonly plan: Plan;
  readonly exchange: Exchange;
  readonly memory: Compiled<Drafts>["memory"];
  readonly runtime: LayersRuntime;
  /** Of a step, where the update is apart. */
  readonly gradients: TrainingPrograms["gradients"];
  readonly found: FinitePrograms["found"];
  /** If it was wanted. */
  readonly absent: AbsentDraft | undefined;
  /** Without values: they are set first. */
  readonly parameters: ParameterTransfer;
}

export interface BuildOptions {
  readonly masks: Masks | undefined;
  /** Whether there is a program for gradients by absent weights. */
  readonly absentGradients: boolean;
}

/**
 * @param runtime of the build that this one replaces: its memory and threads; absent: new ones
 * @throws ArgumentError if the network cannot be computed; RangeError if memory does not suffice
 */
export async function build(
  options: SparseExecutorOptions,
  { masks, absentGradients }: BuildOptions,
  runtime?: LayersRuntime,
): Promise<Build> {
  const { network, batchSize, seed, labelSmoothing = 0 } = options;
  const common = { network, masks, batchSize };
  const plan = planOf({ ...common, kernel: options.kernel });
  const exchange = newExchange(plan);
  const passOptions = { plan, exchange, seed };
  const keepsGradients = options.optimiser.clipNorm !== undefined || options.originals !== undefined;
  const { optimiser } = chosenOptimiser(options.optimiser);
  const state = new StateRegions(plan, optimiser.state);
  const { gradients, ...training } = trainingPass(
    { ...passOptions, keepsGradients, optimiser: { kernel: optimiser.kernel, state } },
    labelSmoothing,
  );
  const evaluate = evaluationPass(passOptions, labelSmoothing);
  const { check, found } = finitePass(passOptions);
  const absent = absentGradients
    ? absentDraft(common, exchange, labelSmoothing, options.unitActivity ?? false)
    : undefined;
  const compiled = await compile({
    plan,
    exchange,
    drafts: { ...training, evaluate, check, absent: absent?.draft },
    lasting: [...state.all(), ...(absent?.regions ?? [])],
    threadCount: options.threadCount,
    relaxed: options.fastMath ?? false,
    unwritten: options.unwritten,
    runtime,
  });
  const parameters = new ParameterTransfer(plan, compiled.memory, state, options.originals);
  return { ...compiled, plan, exchange, gradients, found, absent, parameters };
}
