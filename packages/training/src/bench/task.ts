/**
 * The task of a benchmark, for all programs that are compared, in this language and in Python: one line of JSON, then
 * raw little-endian numbers.
 */
import { elementCount, type Masks, type Network, type ParameterRole, type Weights } from "@phew/core";
import type { Batch } from "../executor.ts";
import type { OptimiserOptions } from "../optimisers/chosen.ts";
import type { TensorflowBackend } from "../tensorflow.ts";

/** A whole step of gradient descent, or only the outputs. */
export type BenchMode = "train" | "predict";

/** A stretch of steps: it ends after the first step at which both are reached. */
export interface Stretch {
  readonly stepCount: number;
  readonly milliseconds: number;
}

export interface BenchTask {
  readonly mode: BenchMode;
  readonly batchSize: number;
  /** Absent: the program's own choice. */
  readonly threadCount?: number | undefined;
  readonly round: Stretch;
  readonly warmUp: Stretch;
  readonly optimiser: OptimiserOptions;
  /** η of every step. */
  readonly rate: number;
  /** Of dropout. */
  readonly seed: number;
  /** True where masks follow the inputs. */
  readonly masked: boolean;
  readonly network: NetworkDescription;
  /** In the order in which their numbers follow. */
  readonly parameters: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly role: ParameterRole;
  }[];
  /** For contenders that are executors. */
  readonly executor?: ExecutorChoice | undefined;
}

export interface ExecutorChoice {
  readonly name: string;
  /** Of the tensorflow executor: this one and no other. */
  readonly backend?: TensorflowBackend;
  /** See ExecutorVariant of executors.ts. */
  readonly fastMath?: boolean;
}

export interface NetworkDescription {
  readonly name: string;
  /** Index of the output node. */
  readonly output: number;
  /** In topological order; inputs are indices. */
  readonly nodes: readonly Pick<Network["nodes"][number], "name" | "op" | "inputs" | "shape">[];
}

/** The arrays for the computation. */
export interface BenchSubject {
  readonly network: Network;
  readonly weights: Weights;
  /** Absent: dense. */
  readonly masks?: Masks | undefined;
}

/** A stretch of steps as it came out. */
export interface Round {
  readonly seconds: number;
  readonly stepCount: number;
  readonly imageCount: number;
}

/** Of a contender's process: resident before the first step, with the parameters and inputs there, and at the most. */
export interface MemoryUse {
  readonly startBytes: number;
  readonly peakBytes: number;
}

export function describeNetwork({ name, nodes, output }: Network): NetworkDescription {
  return {
    name,
    output,
    nodes: nodes.map(({ name: node, op, inputs, shape }) => ({ name: node, op, inputs, shape })),
  };
}

/** The numbers that follow a task, in order: parameters, inputs, classes, masks. */
export function payloadOf(
  task: BenchTask,
  { network, weights, masks }: BenchSubject,
  batch: Batch,
): Uint8Array[] {
  const parameters = task.parameters.map(({ name }) => bytesOf(weights.get(name)!));
  const prunable = task.masked ? network.prunable.map((parameter) => masks!.of(parameter)) : [];
  return [...parameters, bytesOf(batch.x), bytesOf(batch.y), ...prunable];
}

/** Number of values that a parameter of a task has. */
export const parameterLength = ({ shape }: BenchTask["parameters"][number]): number => elementCount(shape);

export const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
