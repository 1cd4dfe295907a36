/**
 * The `sparse` executor: a network and its masks compiled to a program of WebAssembly kernels that touch kept weights
 * alone, forward, backward and in the update. See docs/executor.md.
 */
import type { Weights } from "@phew/core";
import { LayersMachine, type RecordLayout, records, writeRecord } from "@phew/engine";
import { checkBatch, checkExecutorOptions, checkInput } from "../../checks.ts";
import { countInTop } from "../../crossEntropy.ts";
import { GradientError } from "../../diverged.ts";
import type {
  Batch,
  EvaluationResult,
  Executor,
  ExecutorOptions,
  OptimiserState,
  StepResult,
} from "../../executor.ts";
import { clipFactor, sumOfSquares } from "../../gradientNorm.ts";
import { type ChosenOptimiser, chosenOptimiser } from "../../optimisers/chosen.ts";
import type { Label, Region } from "../lower/draft.ts";
import { shardCount } from "../lower/operations/weights.ts";
import type { Exchange } from "../lower/pass.ts";
import { evaluationPass, finitePass, newExchange, trainingPass } from "../lower/passes.ts";
import type { Model } from "../model/model.ts";
import type { LayerKernel } from "../plan/kernelChoice.ts";
import { prepareModel } from "../plan/plan.ts";
import { StateRegions } from "../plan/stateRegions.ts";
import { compile } from "../program/compile.ts";
import type { MemoryPlan } from "../program/memoryPlan.ts";
import { setTimed, type WrittenProgram } from "../program/writeProgram.ts";
import { ParameterTransfer } from "./parameterTransfer.ts";

export type { MemoryPlan };

export interface SparseExecutorOptions extends ExecutorOptions {
  /** Fused multiply-add where the runtime has relaxed SIMD: faster, and not the same bits on every machine. */
  readonly fastMath?: boolean;
  /** Taken wherever it can compute a layer; absent: the one that is expected to be quickest. */
  readonly kernel?: LayerKernel;
  /**
   * What the memory that a step writes before it reads holds at first; for tests of just that. Zeros unless said
   * otherwise.
   */
  readonly unwritten?: number;
}

/** Milliseconds that a thread spent on one layer's work, as a mean over threads. */
export interface WorkTime extends Label {
  readonly milliseconds: number;
}

export interface SparseExecutor extends Executor {
  /** What memory is for; known before the first step. */
  readonly plan: MemoryPlan;
  readonly threadCount: number;
  /** Measures every instruction of the steps from now on. */
  startTiming(): void;
  /** Time by layer and kind of work since {@link startTiming}; ends the measuring. */
  endTiming(): readonly WorkTime[];
  /**
   * Name of the first layer whose value was not finite in the last step; undefined where all were. A step whose loss
   * is not finite changes nothing, so its values can be computed again.
   */
  firstNonFinite(): string | undefined;
}

/** @throws ArgumentError where the network cannot be computed; RangeError where memory does not suffice */
export async function createSparseExecutor(options: SparseExecutorOptions): Promise<SparseExecutor> {
  checkExecutorOptions(options);
  const { network, masks, batchSize, seed, labelSmoothing = 0 } = options;
  const model = prepareModel({ network, masks, batchSize, kernel: options.kernel });
  const exchange = newExchange(model);
  const passOptions = { model, exchange, seed };
  const keepsGradients = options.optimiser.clipNorm !== undefined;
  const { optimiser } = chosenOptimiser(options.optimiser);
  const state = new StateRegions(model, optimiser.state);
  const training = trainingPass(
    { ...passOptions, keepsGradients, optimiser: { kernel: optimiser.kernel, state } },
    labelSmoothing,
  );
  const evaluation = evaluationPass(passOptions, labelSmoothing);
  const finite = finitePass(passOptions);
  const { machine, programs, placement } = await compile({
    model,
    exchange,
    drafts: [...training.drafts, evaluation.draft, finite.pass.draft],
    lasting: state.all(),
    threadCount: options.threadCount,
    relaxed: options.fastMath ?? false,
    unwritten: options.unwritten,
  });
  const written = [...programs];
  const check = written.pop()!;
  const evaluate = written.pop()!;
  const [train, update] = written as [WrittenProgram, WrittenProgram?];
  return new Machine(options, model, state, machine, exchange, placement.plan, {
    train,
    update,
    gradients: training.pass.gradients,
    evaluate,
    check,
    found: finite.found,
  });
}

interface Programs {
  readonly train: WrittenProgram;
  /** What is left of a step where gradients are clipped before. */
  readonly update: WrittenProgram | undefined;
  readonly gradients: ReadonlyMap<string, Region>;
  readonly evaluate: WrittenProgram;
  readonly check: WrittenProgram;
  readonly found: readonly { readonly layer: string; readonly region: Region }[];
}

class Machine implements SparseExecutor {
  readonly name = "sparse";
  readonly backend: string;
  readonly plan: MemoryPlan;
  readonly threadCount: number;
  readonly #options: SparseExecutorOptions;
  readonly #model: Model;
  readonly #machine: LayersMachine;
  readonly #exchange: Exchange;
  readonly #programs: Programs;
  readonly #parameters: ParameterTransfer;
  readonly #chosen: ChosenOptimiser;
  readonly #view: DataView;
  readonly #floats: Float32Array;
  readonly #integers: Int32Array;
  #stepCount = 0;
  #lastCount = 0;

  constructor(
    options: SparseExecutorOptions,
    model: Model,
    state: StateRegions,
    machine: LayersMachine,
    exchange: Exchange,
    plan: MemoryPlan,
    programs: Programs,
  ) {
    this.#options = options;
    this.#model = model;
    this.#machine = machine;
    this.#exchange = exchange;
    this.#programs = programs;
    this.plan = plan;
    this.threadCount = machine.threadCount;
    this.backend = `wasm${options.fastMath ? ", fast math" : ""}, ${machine.threadCount} thread${machine.threadCount > 1 ? "s" : ""}`;
    this.#view = new DataView(machine.buffer);
    this.#floats = new Float32Array(machine.buffer);
    this.#integers = new Int32Array(machine.buffer);
    this.#chosen = chosenOptimiser(options.optimiser);
    if (records.batch.bytes + this.#stepRecord.bytes > LayersMachine.BATCH_BYTES)
      throw new Error(`the step's record of ${options.optimiser.name} does not fit behind the batch`);
    this.#parameters = new ParameterTransfer(model, machine.buffer, state);
    this.#parameters.setWeights(options.weights);
    this.#parameters.setState(new Map());
  }

  /** A step whose loss is not finite changes nothing. */
  async step(batch: Batch, rate: number): Promise<StepResult> {
    checkBatch(this.#model.network, batch, this.#options.batchSize);
    this.#hand(batch.x, batch.count);
    const { optimiser, values } = this.#chosen;
    const fields = optimiser.fields(values, rate, this.#stepCount + 1);
    writeRecord(this.#view, this.#machine.batch + records.batch.bytes, this.#stepRecord, fields);
    this.#integers.set(batch.y, this.#exchange.labels.address / 4);
    this.#machine.run(this.#programs.train.address);
    const result = this.#result(batch.count);
    if (!Number.isFinite(result.loss)) return result;
    if (this.#integers[this.#exchange.stop.address / 4] !== 0)
      throw new GradientError(this.#faultyParameter());
    if (this.#programs.update !== undefined) {
      this.#clip(this.#options.optimiser.clipNorm!);
      this.#machine.run(this.#programs.update.address);
    }
    this.#stepCount++;
    this.#parameters.countStep();
    return result;
  }

  async evaluate(batch: Batch): Promise<EvaluationResult> {
    checkBatch(this.#model.network, batch, this.#options.batchSize);
    this.#hand(batch.x, batch.count);
    this.#integers.set(batch.y, this.#exchange.labels.address / 4);
    this.#machine.run(this.#programs.evaluate.address);
    const classCount = this.#model.network.outputShape[0]!;
    const correct5Count = countInTop(5, this.#outputs(batch.count), batch.y, classCount);
    return { ...this.#result(batch.count), correct5Count };
  }

  async predict(x: Float32Array, count: number): Promise<Float32Array> {
    checkInput(this.#model.network, x, count, this.#options.batchSize);
    this.#hand(x, count);
    this.#machine.run(this.#programs.evaluate.address);
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
    this.#floats.fill(0, train.times / 4, train.times / 4 + 2 * count);
    setTimed(this.#view, train, true);
  }

  endTiming(): readonly WorkTime[] {
    const { train } = this.#programs;
    setTimed(this.#view, train, false);
    const { instructions, times, threadCount } = train;
    return instructions.map(({ label }, k) => {
      let milliseconds = 0;
      for (let thread = 0; thread < threadCount; thread++)
        milliseconds += this.#view.getFloat64(times + 8 * (thread * instructions.length + k), true);
      return { ...label, milliseconds: milliseconds / threadCount };
    });
  }

  firstNonFinite(): string | undefined {
    if (this.#lastCount === 0) return undefined;
    this.#machine.run(this.#programs.check.address);
    const blocks = Math.ceil(this.#lastCount / this.#model.lanes);
    return this.#programs.found.find(({ region }) =>
      this.#integers.subarray(region.address / 4, region.address / 4 + blocks).includes(1),
    )?.layer;
  }

  dispose(): void {
    this.#machine.dispose();
  }

  /** Shortens the gradients of the step under way, all together, by one thread: the same bits for any number of them. */
  #clip(clipNorm: number): void {
    const gradients = [...this.#programs.gradients.values()].map((region) =>
      this.#floats.subarray(region.address / 4, (region.address + region.bytes()) / 4),
    );
    const squares = gradients.reduce((sum, gradient) => sum + sumOfSquares(gradient), 0);
    const factor = clipFactor(squares, clipNorm);
    if (factor === 1) return;
    for (const gradient of gradients) for (let k = 0; k < gradient.length; k++) gradient[k]! *= factor;
  }

  /** A view of what the last evaluation left. */
  #outputs(count: number): Float32Array {
    const start = this.#exchange.outputs.address / 4;
    return this.#floats.subarray(start, start + count * this.#model.network.outputShape[0]!);
  }

  /** The first parameter whose gradient is not finite; tells that it was seen. */
  #faultyParameter(): string {
    const start = this.#exchange.faulty.address / 4;
    const { parameters } = this.#model.network;
    const index = parameters.findIndex((_, k) => this.#integers[start + k] === 1);
    this.#integers.fill(0, start, start + parameters.length);
    this.#integers[this.#exchange.stop.address / 4] = 0;
    return parameters[index]!.name;
  }

  /** Of the optimiser's step. */
  get #stepRecord(): RecordLayout {
    return records[this.#chosen.optimiser.record];
  }

  /** Puts a batch where the programs look for it. */
  #hand(x: Float32Array, count: number): void {
    const blocks = Math.ceil(count / this.#model.lanes);
    this.#floats.set(x, this.#exchange.images.address / 4);
    this.#lastCount = count;
    writeRecord(this.#view, this.#machine.batch, records.batch, {
      count,
      blocks,
      shards: shardCount(blocks),
      step: this.#stepCount,
    });
  }

  #result(count: number): StepResult {
    let loss = 0;
    let correctCount = 0;
    for (let block = 0; block < Math.ceil(count / this.#model.lanes); block++) {
      const at = this.#exchange.losses.address + 16 * block;
      loss += this.#view.getFloat64(at, true);
      correctCount += this.#view.getFloat64(at + 8, true);
    }
    return { loss: loss / count, correctCount };
  }
}
