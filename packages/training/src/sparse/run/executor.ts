/**
 * The `sparse` executor: compiles a network and its masks to a program of WebAssembly kernels that use only kept
 * weights, in the forward pass, the backward pass and the update. See docs/executor.md.
 */
import type { Weights } from "@phew/core";
import { LayersRuntime, type RecordLayout, records, writeRecord } from "@phew/engine";
import { checkBatch, checkExecutorOptions, checkInput } from "../../checks.ts";
import { countInTop } from "../../crossEntropy.ts";
import { GradientError } from "../../diverged.ts";
import type {
  Batch,
  EvaluationResult,
  Executor,
  ExecutorOptions,
  OptimiserState,
  PlannedMemory,
  StepResult,
} from "../../executor.ts";
import { clipFactor, sumOfSquares } from "../../gradientNorm.ts";
import { type ChosenOptimiser, chosenOptimiser } from "../../optimisers/chosen.ts";
import type { Draft, Label } from "../lower/draft.ts";
import {
  evaluationPass,
  type FinitePrograms,
  finitePass,
  type TrainingPrograms,
  trainingPass,
} from "../lower/passes.ts";
import { type Exchange, newExchange } from "../plan/exchange.ts";
import type { LayerKernel } from "../plan/kernelChoice.ts";
import { type Plan, planOf } from "../plan/plan.ts";
import { StateRegions } from "../plan/stateRegions.ts";
import { type Compiled, compile } from "../program/compile.ts";
import type { Memory } from "../program/memory.ts";
import { setTimed } from "../program/writeProgram.ts";
import { type BatchPlace, batchResult, writeBatch } from "./batchTransfer.ts";
import { ParameterTransfer } from "./parameterTransfer.ts";

export interface SparseExecutorOptions extends ExecutorOptions {
  /** Fused multiply-add if the runtime has relaxed SIMD: faster, but not the same bits on every machine. */
  readonly fastMath?: boolean;
  /** Used wherever it can compute a layer; absent: the one with the least estimated time. */
  readonly kernel?: LayerKernel;
  /** Initial content of memory that a step writes before it reads; for tests of this. Default zeros. */
  readonly unwritten?: number;
}

/** Milliseconds of a thread for one layer's work, as a mean over threads. */
export interface WorkTime extends Label {
  readonly milliseconds: number;
}

export interface SparseExecutor extends Executor {
  /** What memory is for; known before the first step. */
  readonly plan: PlannedMemory;
  readonly threadCount: number;
  /** Measures every instruction of the steps from now on. */
  startTiming(): void;
  /** Time by layer and kind of work since {@link startTiming}; ends the measuring. */
  endTiming(): readonly WorkTime[];
  /**
   * Name of the first layer whose value was not finite in the last step; undefined if all were finite. A step with a
   * loss that is not finite changes nothing, so its values can be computed again.
   */
  firstNonFinite(): string | undefined;
}

/** @throws ArgumentError if the network cannot be computed; RangeError if memory does not suffice */
export async function createSparseExecutor(options: SparseExecutorOptions): Promise<SparseExecutor> {
  checkExecutorOptions(options);
  const { network, masks, batchSize, seed, labelSmoothing = 0 } = options;
  const plan = planOf({ network, masks, batchSize, kernel: options.kernel });
  const exchange = newExchange(plan);
  const passOptions = { plan, exchange, seed };
  const keepsGradients = options.optimiser.clipNorm !== undefined;
  const { optimiser } = chosenOptimiser(options.optimiser);
  const state = new StateRegions(plan, optimiser.state);
  const { gradients, ...training } = trainingPass(
    { ...passOptions, keepsGradients, optimiser: { kernel: optimiser.kernel, state } },
    labelSmoothing,
  );
  const evaluate = evaluationPass(passOptions, labelSmoothing);
  const { check, found } = finitePass(passOptions);
  const compiled = await compile({
    plan,
    exchange,
    drafts: { ...training, evaluate, check },
    lasting: state.all(),
    threadCount: options.threadCount,
    relaxed: options.fastMath ?? false,
    unwritten: options.unwritten,
  });
  return new Machine({ options, plan, exchange, state, gradients, found, compiled });
}

interface Parts {
  readonly options: SparseExecutorOptions;
  readonly plan: Plan;
  readonly exchange: Exchange;
  readonly state: StateRegions;
  readonly gradients: TrainingPrograms["gradients"];
  readonly found: FinitePrograms["found"];
  readonly compiled: Compiled<Drafts>;
}

/** `update`: what is left of a step where gradients are clipped before. */
type Drafts = Pick<TrainingPrograms, "train" | "update"> &
  Pick<FinitePrograms, "check"> & {
    readonly evaluate: Draft;
  };

class Machine implements SparseExecutor {
  readonly name = "sparse";
  readonly backend: string;
  readonly plan: PlannedMemory;
  readonly threadCount: number;
  readonly #parts: Parts;
  readonly #options: SparseExecutorOptions;
  readonly #plan: Plan;
  readonly #exchange: Exchange;
  readonly #runtime: LayersRuntime;
  readonly #memory: Memory;
  readonly #place: BatchPlace;
  readonly #programs: Compiled<Drafts>["programs"];
  readonly #parameters: ParameterTransfer;
  readonly #chosen: ChosenOptimiser;
  #stepCount = 0;
  #lastCount = 0;

  constructor(parts: Parts) {
    const { options, plan, exchange, state, compiled } = parts;
    const { runtime, memory, programs, placement } = compiled;
    this.#parts = parts;
    this.#options = options;
    this.#plan = plan;
    this.#exchange = exchange;
    this.#runtime = runtime;
    this.#memory = memory;
    this.#place = { plan, exchange, runtime, memory };
    this.#programs = programs;
    this.plan = placement.plan;
    this.threadCount = runtime.threadCount;
    this.backend = `wasm${options.fastMath ? ", fast math" : ""}, ${runtime.threadCount} thread${runtime.threadCount > 1 ? "s" : ""}`;
    this.#chosen = chosenOptimiser(options.optimiser);
    if (records.batch.bytes + this.#stepRecord.bytes > LayersRuntime.BATCH_BYTES)
      throw new Error(`the step's record of ${options.optimiser.name} does not fit behind the batch`);
    this.#parameters = new ParameterTransfer(plan, memory, state);
    this.#parameters.setWeights(options.weights);
    this.#parameters.setState(new Map());
  }

  /** A step with a loss that is not finite changes nothing. */
  async step(batch: Batch, rate: number): Promise<StepResult> {
    checkBatch(this.#plan.network, batch, this.#options.batchSize);
    this.#write(batch);
    const { optimiser, values } = this.#chosen;
    const fields = optimiser.fields(values, rate, this.#stepCount + 1);
    writeRecord(this.#memory.view, this.#runtime.batch + records.batch.bytes, this.#stepRecord, fields);
    this.#runtime.run(this.#programs.train.address);
    const result = batchResult(this.#place, batch.count);
    if (!Number.isFinite(result.loss)) return result;
    if (this.#memory.integersOf(this.#exchange.stop)[0] !== 0)
      throw new GradientError(this.#faultyParameter());
    if (this.#programs.update !== undefined) {
      this.#clip(this.#options.optimiser.clipNorm!);
      this.#runtime.run(this.#programs.update.address);
    }
    this.#stepCount++;
    this.#parameters.countStep();
    return result;
  }

  async evaluate(batch: Batch): Promise<EvaluationResult> {
    checkBatch(this.#plan.network, batch, this.#options.batchSize);
    this.#write(batch);
    this.#runtime.run(this.#programs.evaluate.address);
    const classCount = this.#plan.network.outputShape[0]!;
    const correct5Count = countInTop(5, this.#outputs(batch.count), batch.y, classCount);
    return { ...batchResult(this.#place, batch.count), correct5Count };
  }

  async predict(x: Float32Array, count: number): Promise<Float32Array> {
    checkInput(this.#plan.network, x, count, this.#options.batchSize);
    this.#write({ x, count });
    this.#runtime.run(this.#programs.evaluate.address);
    return this.#outputs(count).slice();
  }

  async weights(): Promise<Weights> {
    return this.#parameters.weights();
  }

  async state(): Promise<OptimiserState> {
    return this.#parameters.state();
  }

  async restore(weights: Weights, state: OptimiserState, stepCount = 0): Promise<void> {
    checkExecutorOptions({ ...this.#options, weights });
    this.#parameters.setWeights(weights);
    this.#parameters.setState(state);
    this.#stepCount = stepCount;
  }

  stateNorms(buffer: string): ReadonlyMap<string, number> {
    return this.#parameters.stateNorms(buffer);
  }

  startTiming(): void {
    const { train } = this.#programs;
    const count = train.threadCount * train.instructions.length;
    this.#memory.floats.fill(0, train.times / 4, train.times / 4 + 2 * count);
    setTimed(this.#memory.view, train, true);
  }

  endTiming(): readonly WorkTime[] {
    const { train } = this.#programs;
    setTimed(this.#memory.view, train, false);
    const { instructions, times, threadCount } = train;
    return instructions.map(({ label }, k) => {
      let milliseconds = 0;
      for (let thread = 0; thread < threadCount; thread++)
        milliseconds += this.#memory.view.getFloat64(times + 8 * (thread * instructions.length + k), true);
      return { ...label, milliseconds: milliseconds / threadCount };
    });
  }

  firstNonFinite(): string | undefined {
    if (this.#lastCount === 0) return undefined;
    this.#runtime.run(this.#programs.check.address);
    const blocks = Math.ceil(this.#lastCount / this.#plan.lanes);
    return this.#parts.found.find(({ region }) =>
      this.#memory.integersOf(region).subarray(0, blocks).includes(1),
    )?.layer;
  }

  dispose(): void {
    this.#runtime.dispose();
  }

  /** Shortens the gradients of the step under way, all together, by one thread: the same bits for any number of them. */
  #clip(clipNorm: number): void {
    const gradients = Array.from(this.#parts.gradients.values(), (region) => this.#memory.floatsOf(region));
    const squares = gradients.reduce((sum, gradient) => sum + sumOfSquares(gradient), 0);
    const factor = clipFactor(squares, clipNorm);
    if (factor === 1) return;
    for (const gradient of gradients) for (let k = 0; k < gradient.length; k++) gradient[k]! *= factor;
  }

  /** A view of the last evaluation's result. */
  #outputs(count: number): Float32Array {
    const outputs = this.#memory.floatsOf(this.#exchange.outputs);
    return outputs.subarray(0, count * this.#plan.network.outputShape[0]!);
  }

  /** The first parameter whose gradient is not finite; clears its flag. */
  #faultyParameter(): string {
    const faulty = this.#memory.integersOf(this.#exchange.faulty);
    const { name } = this.#plan.network.parameters[faulty.indexOf(1)]!;
    faulty.fill(0);
    this.#memory.integersOf(this.#exchange.stop)[0] = 0;
    return name;
  }

  /** Of the optimiser's step. */
  get #stepRecord(): RecordLayout {
    return records[this.#chosen.optimiser.record];
  }

  #write(batch: Parameters<typeof writeBatch>[1]): void {
    this.#lastCount = batch.count;
    writeBatch(this.#place, batch, this.#stepCount);
  }
}
