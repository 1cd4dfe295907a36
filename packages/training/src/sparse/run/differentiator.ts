/**
 * Derivatives of the loss with the kernels of the sparse executor. Every request is compiled to a program of its own,
 * which runs batch by batch; see docs/executor.md.
 */
import {
  ArgumentError,
  type Batch,
  counted,
  type DifferentiationRequest,
  type Differentiator,
  type LossGradients,
  Masks,
  maskedWeights,
  unrolled,
  untied,
  type Weights,
} from "@phew/core";
import { gradientPass, hessianPass } from "../lower/derivativePasses.ts";
import type { Draft as ProgramDraft } from "../lower/draft.ts";
import { Direction } from "../plan/direction.ts";
import { newExchange } from "../plan/exchange.ts";
import { type Plan, planOf } from "../plan/plan.ts";
import type { Region } from "../plan/region.ts";
import { type Compiled, type CompileOptions, compile, compiledBytes } from "../program/compile.ts";
import type { WrittenProgram } from "../program/writeProgram.ts";
import { type BatchPlace, batchResult, writeBatch } from "./batchTransfer.ts";
import { checkDirection, checkRequest } from "./differentiationChecks.ts";
import { ParameterTransfer } from "./parameterTransfer.ts";
import { unitActivations } from "./unitActivations.ts";
import { batchParts, WeightedSum } from "./weightedSum.ts";

export interface DifferentiatorOptions {
  /** No more are used than a batch has work for; the numbers do not depend on it. One unless given. */
  readonly threadCount?: number;
  /**
   * With running statistics, batches are computed in parts of so few examples that their derivatives take no more, down
   * to parts of four. 2 GiB unless given; a memory has 4 GiB at most.
   */
  readonly memoryBytes?: number;
}

/**
 * Dropout is inactive, as in evaluation. Sums over batches, and over the parts of a batch, are float64. With running
 * statistics, batches of more than 128 examples are computed in parts; with batch statistics a batch is computed
 * whole, and its values must fit in memory. A direction counts as 0 at removed weights, and at bias, scale and shift
 * of silent units, unless the request includes removed weights.
 */
export function createDifferentiator(options: DifferentiatorOptions = {}): Differentiator {
  return {
    activations: (request) => unitActivations(request, options.threadCount ?? 1),

    async gradients(given) {
      checkRequest(given);
      const { request, summed } = withoutShared(given);
      const { loss, gradients } = await sumOver(request, await derive(request, options));
      return { loss, gradients: summed(gradients) };
    },

    async hessianProduct(given, along) {
      checkRequest(given);
      checkDirection(given, along);
      const { request, summed, weights } = withoutShared(given);
      const { loss, gradients, products } = await sumOver(
        request,
        await derive(request, { ...options, direction: weights(along) }),
      );
      return { loss, gradients: summed(gradients), products: summed(products!) };
    },
  };
}

/** Layers that share a weight are derived each by its own copy, and the derivatives added. */
function withoutShared(given: DifferentiationRequest) {
  const steps = unrolled(given.network);
  const request =
    steps === given.network
      ? given
      : { ...given, network: steps, masks: given.masks && new Masks(steps, given.masks.bytes) };
  const own = untied(request.network);
  if (own === undefined) {
    const same = (values: Weights) => values;
    return { request, summed: same, weights: same };
  }
  const { network } = own;
  const [weights, masks] = [own.weights(request.weights), own.masks(request.masks)];
  return {
    request: { ...request, network, weights, masks },
    summed: (values: Weights) => own.summed(values),
    weights: (values: Weights) => own.weights(values),
  };
}

/** Images a part of a batch has at most: as many as threads can share. */
const PART_SIZE = 128;
/** Four images fill a vector: fewer take no less. */
const LEAST_PART_SIZE = 4;
const MEMORY_BYTES = 2 ** 31;
const MOST_MEMORY_BYTES = 2 ** 32;

interface DeriveOptions extends DifferentiatorOptions {
  readonly direction?: Weights;
}

async function derive(request: DifferentiationRequest, options: DeriveOptions): Promise<Derivation> {
  const { masks, statistics, removed = false } = request;
  const weights = removed && masks ? maskedWeights(request.weights, masks) : request.weights;
  const largest = Math.max(...request.batches.map(({ count }) => count));
  let batchSize = statistics === "running" ? Math.min(largest, PART_SIZE) : largest;
  let draft = draftOf(request, options, batchSize);
  const { memoryBytes = MEMORY_BYTES } = options;
  while (statistics === "running" && batchSize > LEAST_PART_SIZE && compiledBytes(draft) > memoryBytes) {
    batchSize = Math.max(LEAST_PART_SIZE, Math.ceil(batchSize / 2));
    draft = draftOf(request, options, batchSize);
  }
  requireRoom(compiledBytes(draft), request, batchSize);
  const derivation = new Derivation(batchSize, draft, await compile(draft));
  derivation.write(weights, options.direction);
  return derivation;
}

interface Draft extends CompileOptions<{ readonly derive: ProgramDraft }> {
  /** By parameter name. */
  readonly gradients: ReadonlyMap<string, Region>;
  /** Of a product with the Hessian. */
  readonly products?: ReadonlyMap<string, Region>;
  readonly direction?: Direction;
}

function draftOf(
  { network, masks, statistics, temperature = 1, removed = false }: DifferentiationRequest,
  { threadCount = 1, direction: given }: DeriveOptions,
  batchSize: number,
): Draft {
  const fused = given === undefined;
  // they go along a direction as they go along the weights, and round less than winograd
  const kernel = "rows";
  const plan = planOf({ network, masks: removed ? undefined : masks, batchSize, kernel, fused });
  requireTrained(plan);
  const exchange = newExchange(plan);
  const options = { plan, exchange, statistics, temperature };
  const common = { plan, exchange, threadCount };
  if (fused) {
    const { draft, gradients } = gradientPass(options);
    return { ...common, drafts: { derive: draft }, gradients };
  }
  const direction = new Direction(plan);
  const { draft, ...results } = hessianPass(options, direction);
  return { ...common, drafts: { derive: draft }, lasting: direction.regions, direction, ...results };
}

interface Derivatives extends LossGradients {
  readonly products?: Weights;
}

/** A program in memory that computes the derivatives of one batch. */
class Derivation {
  /** Images of the largest batch, or part of one. */
  readonly batchSize: number;
  readonly #parameters: ParameterTransfer;
  readonly #draft: Draft;
  readonly #place: BatchPlace;
  readonly #program: WrittenProgram;

  constructor(batchSize: number, draft: Draft, { runtime, memory, programs }: Compiled<Draft["drafts"]>) {
    this.batchSize = batchSize;
    this.#parameters = new ParameterTransfer(draft.plan, memory);
    this.#draft = draft;
    this.#place = { plan: draft.plan, exchange: draft.exchange, runtime, memory };
    this.#program = programs.derive;
  }

  write(weights: Weights, along: Weights | undefined): void {
    this.#parameters.setWeights(weights);
    const { direction } = this.#draft;
    if (direction !== undefined && along !== undefined) this.#parameters.setDirection(direction, along);
  }

  /** @throws ArgumentError if the loss or a gradient is not finite */
  run(batch: Batch): Derivatives {
    const { exchange, gradients: regions, products } = this.#draft;
    writeBatch(this.#place, batch);
    this.#place.runtime.run(this.#program.address);
    const { loss } = batchResult(this.#place, batch.count);
    if (!Number.isFinite(loss)) throw notFinite("the loss", loss);
    if (this.#place.memory.integersOf(exchange.stop)[0] !== 0) throw notFinite(this.#faulty(), NaN);
    const gradients = this.#parameters.gradients(regions);
    if (products === undefined) return { loss, gradients };
    return { loss, gradients, products: this.#parameters.gradients(products) };
  }

  dispose(): void {
    this.#place.runtime.dispose();
  }

  #faulty(): string {
    const { plan, exchange } = this.#draft;
    const index = this.#place.memory.integersOf(exchange.faulty).indexOf(1);
    return `a derivative of "${plan.network.parameters[index]!.name}"`;
  }
}

/** Over all batches; ends with the derivation. */
async function sumOver(request: DifferentiationRequest, derivation: Derivation): Promise<Derivatives> {
  const parts = request.batches.flatMap((batch) => batchParts(batch, derivation.batchSize));
  let loss = 0;
  const gradients = new WeightedSum(parts.length);
  const products = new WeightedSum(parts.length);
  try {
    for (const [index, { batch, share }] of parts.entries()) {
      // the outside gets a word in: it may want to stop
      if (index > 0) await new Promise((resolve) => setTimeout(resolve, 0));
      request.signal?.throwIfAborted();
      const part = derivation.run(batch);
      loss += share * part.loss;
      gradients.add(part.gradients, share);
      if (part.products !== undefined) products.add(part.products, share);
    }
    return { loss, gradients: gradients.rounded(), products: products.rounded() };
  } finally {
    derivation.dispose();
  }
}

function requireTrained({ network, untrained }: Plan): void {
  if (!untrained.has(network.output)) return;
  throw new ArgumentError(`network "${network.name}"`, {
    given: "an output that no trained parameter leads to",
    expected: "one to differentiate",
  });
}

function requireRoom(bytes: number, { statistics }: DifferentiationRequest, batchSize: number): void {
  if (bytes <= MOST_MEMORY_BYTES) return;
  throw new ArgumentError("batch", {
    given: `${counted(batchSize, "example")}, whose derivatives take ${(bytes / 2 ** 30).toFixed(1)} GiB`,
    expected: "at most 4 GiB",
    ...(statistics === "batch" && {
      remedy: "Pass smaller batches, or differentiate with running statistics.",
    }),
  });
}

const notFinite = (subject: string, value: number): ArgumentError =>
  new ArgumentError(subject, {
    given: `${value}`,
    expected: "a finite number",
    remedy:
      "The values in the network grow beyond float32: check its initialisation and the scale of the batch.",
  });
