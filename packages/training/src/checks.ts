/** Checks of options and batches, common to all executors. */
import { ArgumentError, counted, elementCount, type Masks, type Network, type Weights } from "@phew/core";
import type { AbsentRequests, Batch, ExecutorOptions } from "./executor.ts";
import { chosenOptimiser } from "./optimisers/chosen.ts";

/** @throws ArgumentError where weights are missing or misshapen, masks are another network's, or a number is out of range */
export function checkExecutorOptions(options: ExecutorOptions): void {
  checkNetwork(options);
  checkUpdate(options);
  const { batchSize } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new ArgumentError("batch size", {
      given: `${batchSize}`,
      expected: "a whole number of at least 1",
    });
  }
}

/** @throws ArgumentError if a number of the loss or of the optimiser is out of range, or if two are not compatible */
export function checkUpdate({
  optimiser,
  labelSmoothing = 0,
}: Pick<ExecutorOptions, "optimiser" | "labelSmoothing">): void {
  chosenOptimiser(optimiser);
  requireRange("label smoothing", labelSmoothing, 0, 1);
}

/**
 * @throws ArgumentError if a network is not a classifier, weights are missing or misshapen, or masks are of another
 * network
 */
export function checkNetwork({
  network,
  weights,
  masks,
}: {
  readonly network: Network;
  readonly weights: Weights;
  readonly masks?: Masks | undefined;
}): void {
  if (network.outputShape.length !== 1) {
    throw new ArgumentError(`network "${network.name}"`, {
      given: `an output of shape [${network.outputShape.join(", ")}]`,
      expected: "one number for each class",
    });
  }
  for (const { name, shape } of network.parameters) {
    const length = weights.get(name)?.length;
    if (length === elementCount(shape)) continue;
    throw new ArgumentError(`weights of "${name}"`, {
      given: length === undefined ? "none" : counted(length, "value"),
      expected: `${elementCount(shape)} (${shape.join(" × ")})`,
    });
  }
  if (masks !== undefined) checkMasks(network, masks);
}

/** @throws ArgumentError if masks are another network's */
export function checkMasks(network: Network, masks: Masks): void {
  if (masks.bytes.length === network.prunableCount) return;
  throw new ArgumentError("masks", {
    given: `those of ${masks.network.name}, ${counted(masks.bytes.length, "weight")}`,
    expected: `those of ${network.name}, ${counted(network.prunableCount, "weight")}`,
  });
}

/** @throws ArgumentError if a request names no prunable parameter, or an index that it does not have */
export function checkRequests(network: Network, requests: AbsentRequests): void {
  for (const [name, request] of requests) {
    const parameter = network.prunable.find((candidate) => candidate.name === name);
    if (parameter === undefined) {
      throw new ArgumentError(`gradient of "${name}"`, {
        given: "no prunable parameter of the network",
        expected: `one of ${network.prunable.map((candidate) => candidate.name).join(", ")}`,
      });
    }
    if (request.length > parameter.length && request !== "all") {
      throw new ArgumentError(`gradient of "${name}"`, {
        given: counted(request.length, "index", "indices"),
        expected: `at most ${parameter.length}, one for each weight`,
      });
    }
    const outside = request === "all" ? undefined : request.find((k) => k >= parameter.length);
    if (outside === undefined) continue;
    throw new ArgumentError(`gradient of "${name}"`, {
      given: `index ${outside}`,
      expected: `0 to ${parameter.length - 1}`,
    });
  }
}

/** @throws ArgumentError if a batch does not fit the network */
export function checkInput(network: Network, x: Float32Array, count: number, batchSize: number): void {
  if (!Number.isInteger(count) || count < 1 || count > batchSize) {
    throw new ArgumentError("batch", {
      given: counted(count, "example"),
      expected: `1 to ${batchSize}, the batch size`,
    });
  }
  const length = count * elementCount(network.inputShape);
  if (x.length !== length) {
    throw new ArgumentError("batch", {
      given: counted(x.length, "value"),
      expected: `${length}: ${counted(count, "example")} of ${network.inputShape.join(" × ")}`,
    });
  }
}

/** @throws ArgumentError if a class is not one of the network's */
export function checkBatch(network: Network, batch: Batch, batchSize: number): void {
  checkInput(network, batch.x, batch.count, batchSize);
  const classCount = network.outputShape[0]!;
  if (batch.y.length !== batch.count) {
    throw new ArgumentError("batch", {
      given: `${counted(batch.y.length, "class", "classes")} for ${counted(batch.count, "example")}`,
      expected: "one for each",
    });
  }
  const outside = batch.y.find((y) => y < 0 || y >= classCount);
  if (outside !== undefined) {
    throw new ArgumentError("batch", { given: `class ${outside}`, expected: `0 to ${classCount - 1}` });
  }
}

function requireRange(subject: string, value: number, least: number, below: number): void {
  if (value >= least && value < below) return;
  throw new ArgumentError(subject, {
    given: `${value}`,
    expected: `at least ${least}${Number.isFinite(below) ? ` and below ${below}` : ", and finite"}`,
  });
}
