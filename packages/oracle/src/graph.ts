/**
 * The oracle's own description of a network: operations in topological order, with the shapes of their values.
 *
 * A core `Network` converts in one expression, checked by the compiler (packages/core/test/oracleNetwork.ts):
 *   { nodes: network.nodes.map(({ name, op, inputs }) => ({ name, op, inputs })), output: network.output }
 * and core `Weights` are `Parameters` as they are. The oracle works out shapes itself and shares no code with core.
 */
import { type OracleOp, operationOf } from "./operations/registry.ts";
import { sizeOf } from "./shapes.ts";

export interface OracleNode {
  readonly name: string;
  readonly op: OracleOp;
  /** Indices of the nodes it reads, all lower than its own. */
  readonly inputs: readonly number[];
}

export interface OracleGraph {
  /** Node 0 is the input. */
  readonly nodes: readonly OracleNode[];
  /** Index of the node whose value is the network's output. */
  readonly output: number;
}

/** Shape of every node's value without the batch axis; axis 0 counts the units. */
export function shapesOf(graph: OracleGraph): number[][] {
  const shapes: number[][] = [];
  for (const { op, inputs } of graph.nodes) {
    const own = operationOf(op).shape(
      op,
      inputs.map((input) => shapes[input]!),
    );
    shapes.push([...own]);
  }
  return shapes;
}

/** The operations with prunable weights. */
export type WeightedOp = Extract<OracleOp, { weight: string }>;
export const isWeightedOp = (op: OracleOp): op is WeightedOp => "weight" in op;
export const groupsOf = (op: WeightedOp): number => ("groups" in op ? op.groups : 1);
/** Weights of a kernel. */
export const tapCount = (op: WeightedOp): number => ("kernel" in op ? sizeOf(op.kernel) : 1);
