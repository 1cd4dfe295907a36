/**
 * The `tensorflow` executor: dense layers of TensorFlow.js with the pruned weights held at zero. It computes
 * everything that a dense network would; it serves for comparison, and on computers with `@tensorflow/tfjs-node`.
 */
import {
  ArgumentError,
  Masks,
  maskedParameters,
  type Network,
  type Parameter,
  stateAfterChange,
  type Weights,
  weightsAfterChange,
} from "@phew/core";
import { Random } from "@phew/engine";
import * as tf from "@tensorflow/tfjs-core";
import { checkBatch, checkExecutorOptions, checkInput, checkMasks, checkRequests } from "../checks.ts";
import { countInTop, crossEntropy } from "../crossEntropy.ts";
import { GradientError } from "../diverged.ts";
import type {
  AbsentRequests,
  Batch,
  EvaluationResult,
  Executor,
  ExecutorFactory,
  ExecutorOptions,
  OptimiserState,
  StepResult,
  TakeGradient,
} from "../executor.ts";
import { clipFactor } from "../gradientNorm.ts";
import { ofInput } from "../inputs.ts";
import { type ChosenOptimiser, chosenOptimiser } from "../optimisers/chosen.ts";
import { type TensorflowBackend, useBackend } from "./backend.ts";
import type { Lowered, Lowering, LoweringContext } from "./lowering.ts";
import { loweringOf } from "./lowerings.ts";
import { tensorShape, toCoreOrder, toTensorOrder } from "./parameterLayout.ts";

/**
 * @param wanted absent: tfjs-node if its native part is installed, else the WebAssembly backend
 * @returns a factory that throws if the wanted backend is not available, or does not have the requested threads
 */
export function tensorflowExecutor(wanted?: TensorflowBackend): ExecutorFactory {
  return async (options) => {
    checkExecutorOptions(options);
    const lowerings = options.network.nodes.map(({ op, name }) => loweringOf(op, name));
    const backend = await useBackend(wanted);
    if ((options.threadCount ?? 1) > 1) {
      throw new ArgumentError("threads", {
        given: `${options.threadCount}`,
        expected: `no number: ${backend} chooses its own, and the WebAssembly backend has one`,
        remedy: "Leave it out, or use the sparse executor.",
      });
    }
    return new TensorflowExecutor(options, lowerings, backend);
  };
}

/** Values of all nodes in a training pass, with their backward functions. */
type Tape = readonly Lowered[];

class TensorflowExecutor implements Executor {
  readonly name = "tensorflow";
  readonly backend: string;
  readonly #network: Network;
  readonly #options: ExecutorOptions;
  readonly #lowerings: readonly Lowering<Network["nodes"][number]["op"]>[];
  /** For each node: whether it or a node before it has a trained parameter. */
  readonly #trained: readonly boolean[];
  readonly #parameters = new Map<string, tf.Tensor>();
  readonly #chosen: ChosenOptimiser;
  /** By the name of the buffer, then of the parameter. */
  readonly #state: ReadonlyMap<string, Map<string, tf.Tensor>>;
  /** 1 for a trained weight, bias, scale or shift, 0 for one that stays 0; absent if all are trained. */
  readonly #masks = new Map<string, tf.Tensor>();
  /** Those that hold now. */
  #keeps: Masks | undefined;
  /** New running statistics of the step under way. */
  readonly #replacements = new Map<string, tf.Tensor>();
  #stepCount = 0;
  #firstNonFinite: string | undefined;

  constructor(
    options: ExecutorOptions,
    lowerings: readonly Lowering<Network["nodes"][number]["op"]>[],
    backend: TensorflowBackend,
  ) {
    this.#options = options;
    this.#network = options.network;
    this.#lowerings = lowerings;
    this.backend = backend;
    this.#trained = trainedNodes(options.network);
    this.#chosen = chosenOptimiser(options.optimiser);
    this.#state = new Map(this.#chosen.optimiser.state.map((buffer) => [buffer, new Map()]));
    this.#keeps = options.masks && new Masks(options.network, options.masks.bytes.slice());
    this.#uploadMasks();
    this.#setParameters(options.weights);
    this.#setState(new Map());
  }

  /** A step with a loss or gradient that is not finite changes nothing. */
  async step(batch: Batch, rate: number): Promise<StepResult> {
    checkBatch(this.#network, batch, this.#options.batchSize);
    this.#firstNonFinite = undefined;
    try {
      return tf.tidy(() => {
        const tape = this.#forwardForTraining(batch);
        const { loss, correctCount, gradient } = this.#lossOf(tape[this.#network.output]!.value, batch);
        if (Number.isFinite(loss)) {
          const gradients = this.#backward(tape, gradient);
          requireFinite(gradients);
          this.#update(gradients, rate);
          this.#stepCount++;
        } else {
          this.#firstNonFinite =
            this.#network.nodes[tape.findIndex(({ value }) => !holdsNumbers(value))]?.name;
        }
        return { loss, correctCount };
      });
    } finally {
      // remaining tensors of a step without effect
      tf.dispose([...this.#replacements.values()]);
      this.#replacements.clear();
    }
  }

  async evaluate(batch: Batch): Promise<EvaluationResult> {
    checkBatch(this.#network, batch, this.#options.batchSize);
    return tf.tidy(() => {
      const output = this.#forward(batch.x, batch.count);
      const { loss, correctCount } = this.#lossOf(output, batch);
      const classCount = this.#network.outputShape[0]!;
      const correct5Count = countInTop(5, output.dataSync<"float32">(), batch.y, classCount);
      return { loss, correctCount, correct5Count };
    });
  }

  async predict(x: Float32Array, count: number): Promise<Float32Array> {
    checkInput(this.#network, x, count, this.#options.batchSize);
    const output = tf.tidy(() => this.#forward(x, count));
    const values = output.dataSync<"float32">();
    output.dispose();
    return values;
  }

  firstNonFinite(): string | undefined {
    return this.#firstNonFinite;
  }

  async weights(): Promise<Weights> {
    return this.#download(this.#network.parameters, this.#parameters);
  }

  async state(): Promise<OptimiserState> {
    return new Map(
      Array.from(this.#state, ([buffer, tensors]) => [
        buffer,
        this.#download(this.#trainedParameters, tensors),
      ]),
    );
  }

  async restore(weights: Weights, state: OptimiserState, stepCount = 0): Promise<void> {
    checkExecutorOptions({ ...this.#options, weights });
    this.#setParameters(weights);
    this.#setState(state);
    this.#stepCount = stepCount;
  }

  async changeMasks(next: Masks): Promise<void> {
    checkMasks(this.#network, next);
    const change = { before: this.#keeps, next: new Masks(this.#network, next.bytes.slice()) };
    const weights = weightsAfterChange(await this.weights(), change);
    const state = Array.from(
      await this.state(),
      ([name, values]) => [name, stateAfterChange(values, change)] as const,
    );
    this.#keeps = change.next;
    this.#uploadMasks();
    this.#setParameters(weights);
    this.#setState(new Map(state));
  }

  async absentGradients(requests: AbsentRequests, batch: Batch, take: TakeGradient): Promise<StepResult> {
    checkRequests(this.#network, requests);
    checkBatch(this.#network, batch, this.#options.batchSize);
    const gradients = new Map<string, Float32Array>();
    const result = tf.tidy(() => {
      const tape = this.#forwardForTraining(batch, false);
      const { gradient, ...figures } = this.#lossOf(tape[this.#network.output]!.value, batch);
      const byParameter = this.#backward(tape, gradient);
      for (const parameter of this.#network.prunable) {
        const dense = byParameter.get(parameter.name);
        if (!requests.has(parameter.name)) continue;
        gradients.set(
          parameter.name,
          dense === undefined
            ? new Float32Array(parameter.length)
            : toCoreOrder(parameter, dense.dataSync<"float32">()),
        );
      }
      return figures;
    });
    tf.dispose([...this.#replacements.values()]);
    this.#replacements.clear();
    for (const { name } of [...this.#network.prunable].reverse()) {
      const request = requests.get(name);
      if (request === undefined) continue;
      const whole = gradients.get(name)!;
      const gradient = request === "all" ? whole : Float32Array.from(request, (k) => whole[k]!);
      if (!Number.isFinite(result.loss) || !gradient.every(Number.isFinite)) throw new GradientError(name);
      take(name, gradient);
    }
    return result;
  }

  dispose(): void {
    for (const tensors of [this.#parameters, ...this.#state.values(), this.#masks]) {
      tf.dispose([...tensors.values()]);
      tensors.clear();
    }
  }

  get #trainedParameters(): readonly Parameter[] {
    return this.#network.parameters.filter(({ trained }) => trained);
  }

  #lossOf(output: tf.Tensor, batch: Batch) {
    const logits = output.dataSync<"float32">();
    const classCount = this.#network.outputShape[0]!;
    return crossEntropy(logits, batch.y, classCount, this.#options.labelSmoothing ?? 0);
  }

  /** @param drops false: dropout passes */
  #forwardForTraining(batch: Batch, drops = true): Tape {
    const tape: Lowered[] = [];
    for (const [index, node] of this.#network.nodes.entries()) {
      const inputs =
        node.op.kind === "input"
          ? [this.#inputTensor(batch.x, batch.count, index)]
          : node.inputs.map((i) => tape[i]!.value);
      const context = this.#context(index, true, drops);
      tape.push(tidyObject(() => this.#lowerings[index]!(node.op, inputs, context)));
    }
    return tape;
  }

  /** In evaluation mode; a value is disposed after its last use. */
  #forward(x: Float32Array, count: number): tf.Tensor {
    const { nodes, output } = this.#network;
    const values: tf.Tensor[] = [];
    for (const [index, node] of nodes.entries()) {
      const inputs =
        node.op.kind === "input" ? [this.#inputTensor(x, count, index)] : node.inputs.map((i) => values[i]!);
      const context = this.#context(index, false);
      values.push(tf.tidy(() => this.#lowerings[index]!(node.op, inputs, context).value));
      for (const input of new Set(node.inputs)) {
        if (Math.max(...nodes[input]!.consumers) === index) values[input]!.dispose();
      }
    }
    return values[output]!;
  }

  #inputTensor(x: Float32Array, count: number, node: number): tf.Tensor {
    const whole = ofInput(this.#network, node, x, count);
    // the native backend takes no memory that another thread fills
    const own = whole.buffer instanceof ArrayBuffer ? whole : whole.slice();
    return tf.tensor(own, [count, ...this.#network.nodes[node]!.shape], "float32");
  }

  #context(index: number, training: boolean, drops = training): LoweringContext {
    const node = this.#network.nodes[index]!;
    return {
      training,
      drops,
      inputGradientWanted: node.inputs.some((input) => this.#trained[input]!),
      outputShape: node.shape,
      inputShapes: node.inputs.map((input) => this.#network.nodes[input]!.shape),
      parameter: (name) => this.#parameters.get(name)!,
      replaceAfterStep: (name, value) => this.#replacements.set(name, tf.keep(value)),
      random: (length) => this.#random(index, length),
    };
  }

  /** Stream number: the step in the high digits, the node in the low ones. */
  #random(node: number, length: number): Float32Array {
    const random = new Random(this.#options.seed, this.#stepCount * this.#network.nodes.length + node);
    return Float32Array.from({ length }, () => random.nextU32() / 2 ** 32);
  }

  /** @returns ∂L/∂θ of every trained parameter, in this executor's layout */
  #backward(tape: Tape, outputGradient: Float32Array): Map<string, tf.Tensor> {
    const { nodes, output } = this.#network;
    const byParameter = new Map<string, tf.Tensor>();
    const byNode: (tf.Tensor | undefined)[] = nodes.map(() => undefined);
    byNode[output] = tf.tensor(outputGradient, tape[output]!.value.shape, "float32");
    for (let index = nodes.length - 1; index > 0; index--) {
      const gradient = byNode[index];
      const { value, saved, backward } = tape[index]!;
      if (this.#trained[index] && gradient !== undefined && backward !== undefined) {
        const { inputs, parameters } = tidyObject(() => backward(gradient));
        // layers that share a parameter add to its gradient
        for (const [name, tensor] of Object.entries(parameters ?? {}))
          byParameter.set(name, summed(byParameter.get(name), tensor));
        for (const [place, tensor] of inputs.entries()) {
          const input = nodes[index]!.inputs[place]!;
          if (tensor === undefined) continue;
          if (this.#trained[input]) byNode[input] = summed(byNode[input], tensor);
          else tensor.dispose();
        }
      }
      // nothing before this node reads them
      tf.dispose([value, ...(saved ?? []), ...(gradient === undefined ? [] : [gradient])]);
    }
    return byParameter;
  }

  /** The optimiser's step, of clipped and masked gradients. */
  #update(gradients: ReadonlyMap<string, tf.Tensor>, rate: number): void {
    const { optimiser, values } = this.#chosen;
    const factor = this.#clipFactorOf(gradients);
    for (const [name, unclipped] of gradients) {
      const gradient = factor === 1 ? unclipped : tf.mul(unclipped, factor);
      const theta = this.#parameters.get(name)!;
      const mask = this.#masks.get(name);
      const buffers = Array.from(this.#state.values(), (tensors) => tensors.get(name)!);
      const stepped = tidyObject(() => {
        const masked = mask === undefined ? gradient : tf.mul(gradient, mask);
        const given = { tf, theta, gradient: masked, state: buffers };
        return optimiser.tensorStep(given, values, rate, this.#stepCount + 1);
      });
      replace(this.#parameters, name, stepped.theta);
      for (const [k, tensors] of [...this.#state.values()].entries())
        replace(tensors, name, stepped.state[k]!);
    }
    for (const [name, value] of this.#replacements) replace(this.#parameters, name, value);
    this.#replacements.clear();
  }

  /** What clipping multiplies all gradients with. */
  #clipFactorOf(gradients: ReadonlyMap<string, tf.Tensor>): number {
    const { clipNorm } = this.#options.optimiser;
    if (clipNorm === undefined) return 1;
    const squares = tf.tidy(() =>
      tf
        .stack(
          Array.from(gradients, ([name, gradient]) => {
            const mask = this.#masks.get(name);
            return tf.sum(tf.square(mask === undefined ? gradient : tf.mul(gradient, mask)));
          }),
        )
        .dataSync<"float32">(),
    );
    return clipFactor(
      squares.reduce((sum, square) => sum + square, 0),
      clipNorm,
    );
  }

  #uploadMasks(): void {
    const masks = this.#keeps;
    tf.dispose([...this.#masks.values()]);
    this.#masks.clear();
    if (masks === undefined) return;
    const silent = maskedParameters(masks);
    for (const parameter of this.#trainedParameters) {
      const mask = masks.get(parameter.name) ?? silent.get(parameter.name);
      if (mask?.includes(0)) this.#upload(this.#masks, parameter, mask);
    }
  }

  #setParameters(weights: Weights): void {
    for (const parameter of this.#network.parameters) {
      this.#upload(this.#parameters, parameter, weights.get(parameter.name)!);
      this.#maskInPlace(this.#parameters, parameter.name);
    }
  }

  /** @param state parameters that it lacks start at 0 */
  #setState(state: OptimiserState): void {
    for (const [buffer, tensors] of this.#state) {
      const given = state.get(buffer);
      for (const parameter of this.#trainedParameters) {
        const { size } = this.#parameters.get(parameter.name)!;
        this.#upload(tensors, parameter, given?.get(parameter.name) ?? new Float32Array(size));
        this.#maskInPlace(tensors, parameter.name);
      }
    }
  }

  #maskInPlace(tensors: Map<string, tf.Tensor>, name: string): void {
    const mask = this.#masks.get(name);
    if (mask !== undefined) replace(tensors, name, tf.mul(tensors.get(name)!, mask));
  }

  #upload(tensors: Map<string, tf.Tensor>, parameter: Parameter, values: ArrayLike<number>): void {
    replace(
      tensors,
      parameter.name,
      tf.tensor(toTensorOrder(parameter, values), tensorShape(parameter), "float32"),
    );
  }

  #download(parameters: readonly Parameter[], tensors: ReadonlyMap<string, tf.Tensor>): Weights {
    return new Map(
      parameters.map((parameter) => [
        parameter.name,
        toCoreOrder(parameter, tensors.get(parameter.name)!.dataSync<"float32">()),
      ]),
    );
  }
}

/**
 * Checks every gradient, because the loss alone is not enough: the wasm backend's kernels treat NaN as a number.
 * @throws GradientError naming the first parameter whose gradient is not finite
 */
function requireFinite(gradients: ReadonlyMap<string, tf.Tensor>): void {
  const sums = tf.stack(Array.from(gradients.values(), (gradient) => tf.sum(gradient))).dataSync();
  const at = sums.findIndex((sum) => !Number.isFinite(sum));
  if (at >= 0) throw new GradientError([...gradients.keys()][at]!);
}

/** Checked here: the wasm backend's kernels treat NaN as a number. */
function holdsNumbers(tensor: tf.Tensor): boolean {
  return tensor.dataSync<"float32">().every(Number.isFinite);
}

function trainedNodes({ nodes }: Network): boolean[] {
  const trained: boolean[] = [];
  for (const { parameters, inputs } of nodes) {
    const own = parameters.some((parameter) => parameter.trained);
    trained.push(own || inputs.some((input) => trained[input]!));
  }
  return trained;
}

/** a + b; disposes both. */
function summed(a: tf.Tensor | undefined, b: tf.Tensor): tf.Tensor {
  if (a === undefined) return b;
  const sum = tf.add(a, b);
  tf.dispose([a, b]);
  return sum;
}

function replace(tensors: Map<string, tf.Tensor>, name: string, value: tf.Tensor): void {
  tensors.get(name)?.dispose();
  tensors.set(name, tf.keep(value));
}

/** tf.tidy for an object that holds tensors beside other things; only its tensors outlive `compute`. */
function tidyObject<T extends object>(compute: () => T): T {
  return tf.tidy(compute as unknown as () => tf.TensorContainerObject) as unknown as T;
}
