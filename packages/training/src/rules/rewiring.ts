/**
 * The masks of a training whose rule changes them: which hold now, which weights were ever kept, when a change is due. A
 * change comes before a step, with that step's batch; with a grow that looks at gradients it takes the step's place.
 */
import {
  type Batch,
  countKept,
  type EventOf,
  layerProgress,
  log10Of,
  Masks,
  numberOf,
  overlap,
  tauCore,
  type Weights,
  widePathKernelTrace,
} from "@phew/core";
import type { Executor, StepResult } from "../executor.ts";
import { chosenOptimiser, type OptimiserOptions } from "../optimisers/chosen.ts";
import { changed } from "./change.ts";
import type { ChosenRule } from "./chosen.ts";
import type { FinishedEpoch, Memory, Plan, RunTime } from "./rule.ts";

/** What a rule has done so far: with the masks all that its next change depends on. */
export interface RulePosition {
  /** Changes so far. */
  readonly changes: number;
  /** Of these, those that took the place of a step: the executor has done so many fewer. */
  readonly replacedSteps: number;
  /** Step of the last event with layers; −1 before any. */
  readonly layersStep: number;
  readonly memory: Memory;
}

/** What a run needs besides to go on: masks that hold, and weights that were kept at any time. */
export interface RuleMasks {
  readonly masks: Masks;
  readonly everKept: Masks;
}

export interface RewiringOptions {
  readonly rule: ChosenRule;
  /** The masks that training began with. */
  readonly initial: Masks;
  /** Weights that the run was asked for; absent: those of the first masks. */
  readonly keepCount?: number | undefined;
  readonly optimiser: OptimiserOptions;
  readonly seed: number;
  readonly stepsPerEpoch: number;
  readonly epochCount: number;
  /** Where it goes on; absent: at the start. */
  readonly resume?: (RuleMasks & RulePosition) | undefined;
}

/** Steps between two events that hold the layers' units: such an event is long. */
const LAYER_STEPS = 50;

export class Rewiring {
  readonly #options: RewiringOptions;
  readonly #startCounts: readonly number[];
  #masks: Masks;
  readonly #everKept: Masks;
  #position: RulePosition;

  constructor(options: RewiringOptions) {
    const { initial, resume } = options;
    this.#options = options;
    this.#startCounts = layerCounts(initial);
    this.#masks = resume?.masks ?? initial;
    this.#everKept = new Masks(initial.network, (resume?.everKept ?? initial).bytes.slice());
    this.#position = resume
      ? positionOf(resume)
      : { changes: 0, replacedSteps: 0, layersStep: -1, memory: {} };
  }

  /** The masks that hold now. */
  get masks(): Masks {
    return this.#masks;
  }

  /** A copy. */
  get everKept(): Masks {
    return new Masks(this.#everKept.network, this.#everKept.bytes.slice());
  }

  get position(): RulePosition {
    return this.#position;
  }

  /** The change before the step after so many; undefined if none is due. */
  due(step: number, epochs: readonly FinishedEpoch[]): Plan | undefined {
    const { rule, initial, keepCount = initial.keptCount } = this.#options;
    const counts = {
      start: initial.keptCount,
      now: this.#masks.keptCount,
      final: keepCount,
      prunable: initial.network.prunableCount,
    };
    return rule.schedule.at({ ...this.#time(step), epochs }, rule.options, counts);
  }

  /** True if changes are made instead of the step. */
  get #replacesStep(): boolean {
    const { rule } = this.#options;
    return rule.grow.byGradient(rule.options);
  }

  /** @param step steps done @throws GradientError if a gradient that the rule asks for is not finite */
  async change(
    executor: Executor,
    batch: Batch,
    plan: Plan,
    { epoch, step }: { readonly epoch: number; readonly step: number },
  ): Promise<{ event: EventOf<"rule.changed">; result: StepResult | undefined }> {
    const { rule, seed } = this.#options;
    const { network } = this.#masks;
    const { stepCount } = this.#time(step);
    let result: StepResult | undefined;
    const change = await changed(
      rule,
      {
        network,
        masks: this.#masks,
        weights: await executor.weights(),
        momentum: await this.#momentum(executor),
        startCounts: this.#startCounts,
        change: this.#position.changes,
        progress: step / stepCount,
        seed,
        memory: this.#position.memory,
        gradients: async (requests, take) => {
          result = await executor.absentGradients(requests, batch, take);
        },
        activity: executor.unitActivity && ((signs) => executor.unitActivity!(batch, signs)),
        batchCount: batch.count,
      },
      plan,
    );
    await executor.changeMasks(change.masks);
    this.#masks = change.masks;
    for (const k of change.grown) this.#everKept.bytes[k] = 1;
    const layersStep = this.#position.layersStep;
    const withLayers = layersStep < 0 || step - layersStep >= LAYER_STEPS;
    this.#position = {
      changes: this.#position.changes + 1,
      replacedSteps: this.#position.replacedSteps + (this.#replacesStep ? 1 : 0),
      layersStep: withLayers ? step : layersStep,
      memory: change.memory,
    };
    const { dropped, grown } = change;
    const counts = { droppedCount: dropped.length, grownCount: grown.length };
    const event = this.#event({ epoch, step, ...counts }, withLayers);
    return { event, result: this.#replacesStep ? result : undefined };
  }

  #event(
    when: Pick<EventOf<"rule.changed">, "epoch" | "step" | "droppedCount" | "grownCount">,
    withLayers: boolean,
  ): EventOf<"rule.changed"> {
    const masks = this.#masks;
    const { network } = masks;
    const layers = layersOf(masks);
    const unitCount = network.prunable.reduce((sum, { shape }) => sum + shape[0]!, 0);
    const alive = layers.reduce((sum, { width }, l) => sum + width * network.prunable[l]!.shape[0]!, 0);
    return {
      kind: "rule.changed",
      ...when,
      change: this.#position.changes,
      keptCount: masks.keptCount,
      density: masks.density,
      initialOverlap: overlap(masks, this.#options.initial).jaccard,
      everKept: this.#everKept.density,
      aliveUnits: Math.min(1, alive / unitCount),
      ...(withLayers ? { layers } : {}),
    };
  }

  /** Measures of the weights that are kept now, after an epoch. */
  measured(weights: Weights, epoch: number): EventOf<"rule.measured"> {
    const masks = this.#masks;
    const { total } = widePathKernelTrace(masks.network, weights, masks);
    const pathKernelTrace = numberOf(total);
    const core = tauCore(masks);
    const isOutside = !(pathKernelTrace > 0 && pathKernelTrace < Number.POSITIVE_INFINITY) && total.value > 0;
    return {
      kind: "rule.measured",
      epoch,
      changes: this.#position.changes,
      density: masks.density,
      initialOverlap: overlap(masks, this.#options.initial).jaccard,
      everKept: this.#everKept.density,
      pathKernelTrace,
      ...(isOutside ? { log10Trace: log10Of(total) } : {}),
      ...(core === undefined ? {} : { coreSize: core.size }),
    };
  }

  #time(step: number): Omit<RunTime, "epochs"> {
    const { stepsPerEpoch, epochCount } = this.#options;
    return { step, stepCount: stepsPerEpoch * epochCount, stepsPerEpoch };
  }

  /** Only for a rule that looks at it. */
  async #momentum(executor: Executor): Promise<Weights | undefined> {
    const { rule, optimiser } = this.#options;
    if (rule.budget.usesMomentum !== true) return undefined;
    const buffer = chosenOptimiser(optimiser).optimiser.meanGradient?.buffer;
    return buffer === undefined ? undefined : (await executor.state()).get(buffer);
  }
}

function positionOf({ changes, replacedSteps, layersStep, memory }: RulePosition): RulePosition {
  return { changes, replacedSteps, layersStep, memory };
}

function layerCounts(masks: Masks): number[] {
  return masks.network.prunable.map((parameter) => countKept(masks.of(parameter)));
}

/** Kept weights that enter each output unit, layer by layer, in few numbers. */
function layersOf(masks: Masks) {
  return masks.network.prunable.map((parameter) => {
    const mask = masks.of(parameter);
    const fanIn = mask.length / parameter.shape[0]!;
    const keptIn = new Uint32Array(parameter.shape[0]!);
    for (let unit = 0; unit < keptIn.length; unit++)
      keptIn[unit] = countKept(mask.subarray(unit * fanIn, (unit + 1) * fanIn));
    return layerProgress(keptIn);
  });
}

/**
 * Whether a run can be made with a rule.
 * @returns the fault; undefined if there is none
 */
export function ruleFault(
  rule: ChosenRule,
  {
    stepsPerEpoch,
    epochCount,
    optimiser,
    isValidated,
  }: Pick<RewiringOptions, "stepsPerEpoch" | "epochCount" | "optimiser"> & { readonly isValidated: boolean },
): { subject: string; given: string; expected: string; remedy?: string } | undefined {
  if (rule.schedule.name !== "never" && !hasChange(rule, stepsPerEpoch, epochCount)) {
    return {
      subject: `rule ${rule.name}`,
      given: `a run of ${stepsPerEpoch * epochCount} steps, in which its schedule has no change`,
      expected: "at least one change",
      remedy: "Train longer, or change more often: --rule-option every=100, every=0 for once an epoch.",
    };
  }
  if (rule.schedule.needsValidation === true && !isValidated) {
    return {
      subject: `rule ${rule.name}`,
      given: "a data set without validation examples",
      expected: "some to find a density by: the test set chooses nothing",
      remedy: "Set a part of the training examples aside, with --validation 0.1.",
    };
  }
  const { optimiser: chosen } = chosenOptimiser(optimiser);
  if (rule.budget.usesMomentum !== true || chosen.meanGradient !== undefined) return undefined;
  return {
    subject: `rule ${rule.name}`,
    given: `the optimiser ${chosen.name}, which keeps no mean of gradients`,
    expected: "one that does",
  };
}

/** Whether the schedule has a change among the run's steps; those of very long runs are not all asked about. */
function hasChange(rule: ChosenRule, stepsPerEpoch: number, epochCount: number): boolean {
  const stepCount = stepsPerEpoch * epochCount;
  const counts = { start: 2, now: 2, final: 1, prunable: 2 };
  const epochs: readonly FinishedEpoch[] = [];
  if (stepCount > 1e7) return true;
  for (let step = 0; step < stepCount; step++)
    if (rule.schedule.at({ step, stepCount, stepsPerEpoch, epochs }, rule.options, counts) !== undefined)
      return true;
  return false;
}
