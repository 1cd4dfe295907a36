/**
 * The `sparse` executor: compiles a network and its masks to a program of WebAssembly kernels that use only kept
 * weights, in the forward pass, the backward pass and the update. See docs/executor.md.
 */
import { ArgumentError, type Masks, unitChange, type Weights } from "@phew/core";
import { LayersRuntime, type RecordLayout, records, writeRecord } from "@phew/engine";
import { checkBatch, checkExecutorOptions, checkInput, checkMasks, checkRequests } from "../../checks.ts";
import { countInTop } from "../../crossEntropy.ts";
import { GradientError } from "../../diverged.ts";
import type {
  AbsentRequests,
  Batch,
  EvaluationResult,
  Executor,
  OptimiserState,
  PlannedMemory,
  StepResult,
  TakeGradient,
  UnitActivity,
} from "../../executor.ts";
import { clipFactor, sumOfSquares } from "../../gradientNorm.ts";
import { type ChosenOptimiser, chosenOptimiser } from "../../optimisers/chosen.ts";
import type { Label } from "../lower/draft.ts";
import { setTimed } from "../program/writeProgram.ts";
import { type AbsentPlace, runAbsent, runActivity } from "./absentGradients.ts";
import { batchResult, writeBatch } from "./batchTransfer.ts";
import { type Build, build } from "./build.ts";
import type { SparseExecutorOptions } from "./options.ts";

export type { SparseExecutorOptions };

/** Milliseconds of a thread for one layer's work, as a mean over threads. */
export interface WorkTime extends Label {
  readonly milliseconds: number;
}

export interface SparseExecutor extends Executor {
  /** What memory is for; known before the first step. */
  readonly plan: PlannedMemory;
  readonly threadCount: number;
  /** Measures every instruction of the steps from now on; a change of masks begins anew. */
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
  const { masks } = options;
  return new Machine(
    options,
    masks,
    await build(options, { masks, absentGradients: options.absentGradients ?? false }),
  );
}

class Machine implements SparseExecutor {
  readonly name = "sparse";
  readonly backend: string;
  readonly threadCount: number;
  plan: PlannedMemory;
  readonly #options: SparseExecutorOptions;
  readonly #chosen: ChosenOptimiser;
  /** Those that hold now. */
  #masks: Masks | undefined;
  #build: Build;
  #stepCount = 0;
  #lastCount = 0;
  #isTimed = false;

  constructor(options: SparseExecutorOptions, masks: Masks | undefined, built: Build) {
    const { runtime } = built;
    this.#options = options;
    this.#masks = masks;
    this.#build = built;
    this.plan = built.placement.plan;
    this.threadCount = runtime.threadCount;
    this.backend = `wasm${options.fastMath ? ", fast math" : ""}, ${runtime.threadCount} thread${runtime.threadCount > 1 ? "s" : ""}`;
    this.#chosen = chosenOptimiser(options.optimiser);
    if (records.batch.bytes + this.#stepRecord.bytes > LayersRuntime.BATCH_BYTES)
      throw new Error(`the step's record of ${options.optimiser.name} does not fit behind the batch`);
    built.parameters.setWeights(options.weights);
    built.parameters.setState(new Map());
  }

  /** A step with a loss that is not finite changes nothing. */
  async step(batch: Batch, rate: number): Promise<StepResult> {
    const { memory, runtime, programs, parameters } = this.#build;
    checkBatch(this.#options.network, batch, this.#options.batchSize);
    this.#write(batch);
    const { optimiser, values } = this.#chosen;
    const fields = optimiser.fields(values, rate, this.#stepCount + 1);
    writeRecord(memory.view, runtime.batch + records.batch.bytes, this.#stepRecord, fields);
    runtime.run(programs.train.address);
    const result = batchResult(this.#build, batch.count);
    if (!Number.isFinite(result.loss)) return result;
    if (memory.integersOf(this.#build.exchange.stop)[0] !== 0)
      throw new GradientError(this.#faultyParameter());
    if (programs.update !== undefined) {
      const { clipNorm } = this.#options.optimiser;
      const sums = parameters.addCopies(this.#build.gradients);
      if (clipNorm !== undefined) this.#clip(clipNorm, sums);
      runtime.run(programs.update.address);
    }
    this.#stepCount++;
    parameters.countStep();
    return result;
  }

  async evaluate(batch: Batch): Promise<EvaluationResult> {
    checkBatch(this.#options.network, batch, this.#options.batchSize);
    this.#write(batch);
    this.#build.runtime.run(this.#build.programs.evaluate.address);
    const classCount = this.#options.network.outputShape[0]!;
    const correct5Count = countInTop(5, this.#outputs(batch.count), batch.y, classCount);
    return { ...batchResult(this.#build, batch.count), correct5Count };
  }

  async predict(x: Float32Array, count: number): Promise<Float32Array> {
    checkInput(this.#options.network, x, count, this.#options.batchSize);
    this.#write({ x, count });
    this.#build.runtime.run(this.#build.programs.evaluate.address);
    return this.#outputs(count).slice();
  }

  async weights(): Promise<Weights> {
    return this.#build.parameters.weights();
  }

  async state(): Promise<OptimiserState> {
    return this.#build.parameters.state();
  }

  async changeMasks(next: Masks): Promise<void> {
    checkMasks(this.#options.network, next);
    const { parameters } = this.#build;
    const change = { before: this.#masks, next };
    // what is removed has no place in the new program, and what is new was 0
    const unitsAfter = unitChange(change);
    const was = parameters.withCopies(parameters.weights());
    const weights = new Map([...was, ...unitsAfter(was, "weights")]);
    const state = Array.from(parameters.state(), ([name, own]) => {
      const values = parameters.withCopies(own);
      return [name, new Map([...values, ...unitsAfter(values, "state")])] as const;
    });
    await this.#rebuild(change.next, this.#build.absent !== undefined);
    this.#build.parameters.setWeights(weights);
    this.#build.parameters.setState(new Map(state));
  }

  async absentGradients(requests: AbsentRequests, batch: Batch, take: TakeGradient): Promise<StepResult> {
    checkRequests(this.#options.network, requests);
    const { place, weights } = await this.#absentPlace(batch);
    return runAbsent(place, weights, requests, batch, take);
  }

  async unitActivity(batch: Batch, signs?: Int8Array): Promise<ReadonlyMap<string, UnitActivity>> {
    if (this.#options.unitActivity !== true) {
      throw new ArgumentError("activity of units", {
        given: "an executor that was made without it",
        expected: "one with the option unitActivity",
      });
    }
    const { place, weights } = await this.#absentPlace(batch);
    return runActivity(place, weights, batch, signs);
  }

  /** The program that pauses in each layer, built when it is first asked for, and the weights that it takes. */
  async #absentPlace(batch: Batch): Promise<{ place: AbsentPlace; weights: Weights }> {
    checkBatch(this.#options.network, batch, this.#options.batchSize);
    const { parameters } = this.#build;
    const weights = parameters.withCopies(parameters.weights());
    if (this.#build.absent === undefined) await this.#addAbsent(weights);
    this.#lastCount = 0;
    const { absent, programs, ...place } = this.#build;
    return { place: { ...place, absent: absent!, program: programs.absent! }, weights };
  }

  async restore(weights: Weights, state: OptimiserState, stepCount = 0): Promise<void> {
    checkExecutorOptions({ ...this.#options, weights });
    this.#build.parameters.setWeights(weights);
    this.#build.parameters.setState(state);
    this.#stepCount = stepCount;
  }

  stateNorms(buffer: string): ReadonlyMap<string, number> {
    return this.#build.parameters.stateNorms(buffer);
  }

  startTiming(): void {
    this.#isTimed = true;
    const { train } = this.#build.programs;
    const count = train.threadCount * train.instructions.length;
    this.#build.memory.floats.fill(0, train.times / 4, train.times / 4 + 2 * count);
    setTimed(this.#build.memory.view, train, true);
  }

  endTiming(): readonly WorkTime[] {
    this.#isTimed = false;
    const { train } = this.#build.programs;
    setTimed(this.#build.memory.view, train, false);
    const { instructions, times, threadCount } = train;
    return instructions.map(({ label }, k) => {
      let milliseconds = 0;
      for (let thread = 0; thread < threadCount; thread++)
        milliseconds += this.#build.memory.view.getFloat64(
          times + 8 * (thread * instructions.length + k),
          true,
        );
      return { ...label, milliseconds: milliseconds / threadCount };
    });
  }

  firstNonFinite(): string | undefined {
    if (this.#lastCount === 0) return undefined;
    this.#build.runtime.run(this.#build.programs.check.address);
    const blocks = Math.ceil(this.#lastCount / this.#build.plan.lanes);
    return this.#build.found.find(({ region }) =>
      this.#build.memory.integersOf(region).subarray(0, blocks).includes(1),
    )?.layer;
  }

  dispose(): void {
    this.#build.runtime.dispose();
  }

  /** In the memory and with the threads that are there; parameters and state are to be set again. */
  async #rebuild(masks: Masks | undefined, absentGradients: boolean): Promise<void> {
    this.#build = await build(this.#options, { masks, absentGradients }, this.#build.runtime);
    this.plan = this.#build.placement.plan;
    this.#masks = masks;
    this.#lastCount = 0;
    if (this.#isTimed) this.startTiming();
  }

  async #addAbsent(weights: Weights): Promise<void> {
    const { parameters } = this.#build;
    const state = Array.from(
      parameters.state(),
      ([name, own]) => [name, parameters.withCopies(own)] as const,
    );
    await this.#rebuild(this.#masks, true);
    this.#build.parameters.setWeights(weights);
    this.#build.parameters.setState(new Map(state));
  }

  /** Shortens the gradients of the step under way, all together, by one thread: the same bits for any number of them. */
  #clip(clipNorm: number, sums: ReadonlyMap<string, Float32Array>): void {
    const gradients = Array.from(this.#build.gradients.values(), (region) =>
      this.#build.memory.floatsOf(region),
    );
    const { originals } = this.#options;
    // what layers share counts once
    const counted = Array.from(this.#build.gradients, ([name], k) =>
      originals?.has(name) || sums.has(name) ? [] : [gradients[k]!],
    ).flat();
    const squares = [...counted, ...sums.values()].reduce((sum, gradient) => sum + sumOfSquares(gradient), 0);
    const factor = clipFactor(squares, clipNorm);
    if (factor === 1) return;
    for (const gradient of gradients) for (let k = 0; k < gradient.length; k++) gradient[k]! *= factor;
  }

  /** A view of the last evaluation's result. */
  #outputs(count: number): Float32Array {
    const outputs = this.#build.memory.floatsOf(this.#build.exchange.outputs);
    return outputs.subarray(0, count * this.#options.network.outputShape[0]!);
  }

  /** The first parameter whose gradient is not finite; clears its flag. */
  #faultyParameter(): string {
    const faulty = this.#build.memory.integersOf(this.#build.exchange.faulty);
    const { name: copy } = this.#options.network.parameters[faulty.indexOf(1)]!;
    const name = this.#options.originals?.get(copy) ?? copy;
    faulty.fill(0);
    this.#build.memory.integersOf(this.#build.exchange.stop)[0] = 0;
    return name;
  }

  /** Of the optimiser's step. */
  get #stepRecord(): RecordLayout {
    return records[this.#chosen.optimiser.record];
  }

  #write(batch: Parameters<typeof writeBatch>[1]): void {
    this.#lastCount = batch.count;
    writeBatch(this.#build, batch, this.#stepCount);
  }
}
